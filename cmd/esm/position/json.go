package position

import (
	"encoding/json"
	"io"
	"time"
)

type (
	// Document is what `esm position list --json` prints.
	Document struct {
		EventSourceMappings []MappingPositions
	}

	// MappingPositions are the positions of one mapping.
	MappingPositions struct { // a removed mapping has only UUID, Stream, FirstSeen and Shards
		UUID             string
		Origin           string     `json:",omitempty"` // File or HTTP
		Changed          bool       `json:",omitempty"` // a mapping of the file that was changed over HTTP
		FunctionName     string     `json:",omitempty"`
		EventSourceArn   string     `json:",omitempty"`
		StartingPosition string     `json:",omitempty"`
		Stream           string     `json:",omitempty"` // the identity of the stream, which another stream of the same name does not have
		FirstSeen        *time.Time `json:",omitempty"`
		Shards           []ShardPosition
	}

	// ShardPosition is the checkpoint of one shard.
	ShardPosition struct {
		ShardId     string
		Position    string     `json:",omitempty"` // every record up to here is settled
		From        *time.Time `json:",omitempty"` // where reading begins without a Position; absent means at StartingPosition
		Drained     bool
		Lanes       []string     `json:",omitempty"` // the last settled record of each lane beyond Position
		PendingRuns []PendingRun `json:",omitempty"`
		Window      *OpenWindow  `json:",omitempty"`
	}

	// PendingRun is a run of records that is being retried.
	PendingRun struct {
		RequestId   string
		First, Last string
		Lane, Tries int
	}

	// OpenWindow is the open tumbling window of a shard.
	OpenWindow struct {
		Start             time.Time
		StateBytes        int // the state itself is private to the function
		Final, Terminated bool
		Tries             int
		RequestId         string `json:",omitempty"`
	}
)

// WriteJSON writes positions as one JSON document.
func WriteJSON(w io.Writer, listed []Positions) error {
	doc := Document{EventSourceMappings: []MappingPositions{}}
	for _, p := range listed {
		doc.EventSourceMappings = append(doc.EventSourceMappings, p.json())
	}
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	return enc.Encode(doc)
}

func (p Positions) json() MappingPositions {
	row := p.Checkpoints[""]
	m := MappingPositions{
		UUID: p.UUID, Origin: p.Origin, Changed: p.Changed,
		FunctionName: p.FunctionName, EventSourceArn: p.EventSourceArn, StartingPosition: p.StartingPosition,
		Stream: row.Position, FirstSeen: unlessZero(row.Since), Shards: []ShardPosition{},
	}
	for _, shard := range shardIDs(p.Checkpoints) {
		cp := p.Checkpoints[shard]
		s := ShardPosition{
			ShardId: shard, Position: cp.Position, From: unlessZero(cp.Since), Drained: cp.Drained, Lanes: cp.Lanes,
		}
		for _, o := range cp.Owed {
			s.PendingRuns = append(s.PendingRuns, PendingRun{o.ID, o.First, o.Last, o.Lane, o.Tries})
		}
		if win := cp.Window; win != nil {
			s.Window = &OpenWindow{win.Start, len(win.State), win.Final, win.Terminated, win.Tries, win.ID}
		}
		m.Shards = append(m.Shards, s)
	}
	return m
}

func unlessZero(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}
