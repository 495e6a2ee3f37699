package observe

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/esm-run/esm/trace"
)

// mostShards is how many shards of a mapping a Status shows.
const mostShards = 1000

// StreamStatus is what the status of a mapping has besides when its source is a stream.
type StreamStatus struct {
	ShardsListed  int           `json:"ShardsListed"`  // that the stream has
	ShardsReading int           `json:"ShardsReading"` // being read now
	ShardsBlocked int           `json:"ShardsBlocked"` // a run of records failed, and nothing of it is settled since
	ShardsFailing int           `json:"ShardsFailing"` // cannot be read now
	IteratorAge   time.Duration `json:"IteratorAgeNanoseconds"`

	// Records since the start. Dropped counts as AWS's DroppedEventCount does: without those that the destination was told
	// of, which are Delivered.
	Settled   int64 `json:"Settled"`
	Dropped   int64 `json:"Dropped"`
	Delivered int64 `json:"Delivered"`

	// Undelivered are notices that the destination did not take since the start. They were kept.
	Undelivered int64 `json:"Undelivered"`

	LastLost *Note `json:"LastLost,omitempty"` // where records may be missing, or come again

	// Shards are a thousand at the most: those in trouble first, the longest before the others, and those that were drained
	// last. MoreShards is how many others there are.
	Shards     []ShardStatus `json:"Shards"`
	MoreShards int           `json:"MoreShards,omitempty"`

	shards *shards // what Shards is made of; nil in a copy
}

// ShardStatus is what is known of one shard.
type ShardStatus struct {
	ShardId      string        `json:"ShardId"`
	State        string        `json:"State"`                  // Reading, Blocked, Failing, Drained or Stopped
	Position     string        `json:"Position,omitempty"`     // up to where all is settled; empty for its beginning
	IteratorAge  time.Duration `json:"IteratorAgeNanoseconds"` // of the last record that was handled, then; 0 when nothing more is there
	InFlight     int           `json:"InFlight"`               // batches with the function now
	BlockedSince time.Time     `json:"BlockedSince,omitzero"`  // the first failed try of the run that blocks it
	Tries        int           `json:"Tries,omitempty"`        // of that run
	LastError    *Note         `json:"LastError,omitempty"`    // of trouble that lasts
}

func newMappingStatus(m Mapping) *MappingStatus {
	s := &MappingStatus{Mapping: m, State: "Creating"}
	if m.Stream {
		s.StreamStatus = &StreamStatus{shards: newShards()}
	}
	return s
}

// The values of a ShardStatus's State.
const (
	stateBlocked = "Blocked"
	stateFailing = "Failing"
	stateReading = "Reading"
	stateStopped = "Stopped"
	stateDrained = "Drained"
)

// rank orders shards by how much there is to say of them.
func (s ShardStatus) rank() int {
	switch s.State {
	case stateBlocked:
		return 0
	case stateFailing:
		return 1
	case stateDrained:
		return 3
	}
	return 2
}

// foremost are so many of all at the most, which it sorts: those in trouble, the longest first, then the others by their
// IDs.
func foremost(all []ShardStatus, most int) []ShardStatus {
	slices.SortFunc(all, func(a, b ShardStatus) int {
		return cmp.Or(cmp.Compare(a.rank(), b.rank()), a.BlockedSince.Compare(b.BlockedSince), strings.Compare(a.ShardId, b.ShardId))
	})
	return slices.Clip(all[:min(most, len(all))])
}

// copy is m as it is now, with all of its shards in no order: see chosen.
func (m *MappingStatus) copy() MappingStatus {
	status := *m
	if m.StreamStatus == nil {
		return status
	}
	stream, all := *m.StreamStatus, m.shards.tally()
	stream.ShardsListed, stream.ShardsReading, stream.ShardsBlocked, stream.ShardsFailing = all.listed, all.reading, all.blocked, all.failing
	stream.IteratorAge = all.age
	stream.Shards, stream.shards = m.shards.each(), nil
	status.StreamStatus = &stream
	status.Failing = m.Failing || all.failing > 0
	return status
}

// chosen leaves of a copy the shards that it is to show.
func (s *StreamStatus) chosen() {
	if s == nil {
		return
	}
	all := len(s.Shards)
	s.Shards = slices.Clone(foremost(s.Shards, mostShards)) // the others need not be kept
	s.MoreShards = all - len(s.Shards)
}

func (m *MappingStatus) changed(e trace.State) {
	m.State = e.State
	if m.StreamStatus != nil {
		m.shards.changed(e)
	}
}

// listed ends the trouble of the whole mapping. A stream of which nothing is read is reached by that alone.
func (m *MappingStatus) listed(e trace.Listed) {
	m.Failing = false
	m.Polling = m.Polling || e.Reading == 0
	if m.StreamStatus != nil {
		m.shards.listed = e.Shards
	}
}

func (m *MappingStatus) reading(e trace.Reading) {
	m.Polling = m.Polling || e.Lost == nil
	if m.StreamStatus == nil {
		return
	}
	if e.Lost != nil {
		m.LastLost = noteNow(lost(e))
	}
	m.shards.begin(e)
}

// lost says which shard lost what; without a shard, it is all of them.
func lost(e trace.Reading) string {
	if e.Shard == "" {
		return e.Lost.Error()
	}
	return e.Shard + ": " + e.Lost.Error()
}

func (m *MappingStatus) settled(e trace.Settled) {
	if m.StreamStatus != nil {
		m.Settled += int64(len(e.Records))
		m.shards.settled(e)
	}
}

func (m *MappingStatus) dropped(e trace.Dropped) {
	if m.StreamStatus == nil {
		return
	}
	if m.Destination == "" {
		m.Dropped += int64(len(e.Records))
	}
	m.shards.dropped(e)
}

func (m *MappingStatus) notified(e trace.Notified) {
	switch {
	case m.StreamStatus == nil:
	case e.Err != nil:
		m.Dropped += int64(e.Records)
		m.Undelivered++
		m.LastError = noteNow(e.Destination + ": " + e.Err.Error())
	default:
		m.Delivered += int64(e.Records)
	}
}

func (m *MappingStatus) drained(e trace.Drained) {
	if m.StreamStatus != nil {
		m.shards.end(e)
	}
}
