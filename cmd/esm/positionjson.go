package main

import (
	"encoding/json"
	"io"
	"time"
)

// What `esm position list --json` prints.
type (
	positionsJSON struct {
		EventSourceMappings []mappingPositions
	}
	mappingPositions struct { // of one that was removed only UUID, Stream, FirstSeen and Shards are known
		UUID             string
		Origin           string     `json:",omitempty"` // File or HTTP
		Changed          bool       `json:",omitempty"` // over HTTP, what the file has
		FunctionName     string     `json:",omitempty"`
		EventSourceArn   string     `json:",omitempty"`
		StartingPosition string     `json:",omitempty"`
		Stream           string     `json:",omitempty"` // by which the stream is told from another one of its name
		FirstSeen        *time.Time `json:",omitempty"`
		Shards           []shardPosition
	}
	shardPosition struct {
		ShardId  string
		Position string     `json:",omitempty"` // of the last record up to which all are settled
		From     *time.Time `json:",omitempty"` // where reading begins while there is none; without it, at StartingPosition
		Drained  bool
		Lanes    []string    `json:",omitempty"` // the last settled record of each lane behind Position
		Owed     []owedRun   `json:",omitempty"`
		Window   *openWindow `json:",omitempty"`
	}
	owedRun struct {
		RequestId   string
		First, Last string
		Lane, Tries int
	}
	openWindow struct {
		Start             time.Time
		StateBytes        int // the state itself belongs to the function
		Final, Terminated bool
		Tries             int
		RequestId         string `json:",omitempty"`
	}
)

func writePositionsJSON(w io.Writer, listed []positions) error {
	doc := positionsJSON{EventSourceMappings: []mappingPositions{}}
	for _, p := range listed {
		doc.EventSourceMappings = append(doc.EventSourceMappings, p.json())
	}
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	return enc.Encode(doc)
}

func (p positions) json() mappingPositions {
	row := p.rows[""]
	m := mappingPositions{
		UUID: p.UUID, Origin: p.Origin, Changed: p.Changed,
		FunctionName: p.FunctionName, EventSourceArn: p.EventSourceArn, StartingPosition: p.StartingPosition,
		Stream: row.Position, FirstSeen: unlessZero(row.Since), Shards: []shardPosition{},
	}
	for _, shard := range shardsOf(p.rows) {
		cp := p.rows[shard]
		s := shardPosition{
			ShardId: shard, Position: cp.Position, From: unlessZero(cp.Since), Drained: cp.Drained, Lanes: cp.Lanes,
		}
		for _, o := range cp.Owed {
			s.Owed = append(s.Owed, owedRun{o.ID, o.First, o.Last, o.Lane, o.Tries})
		}
		if win := cp.Window; win != nil {
			s.Window = &openWindow{win.Start, len(win.State), win.Final, win.Terminated, win.Tries, win.ID}
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
