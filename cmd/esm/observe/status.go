package observe

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/esm-run/esm/mappings"
)

// maxShards is the number of shards of a mapping that a Status shows.
const maxShards = 1000

// Status is what the engine does at the moment.
type Status struct {
	Mappings  []MappingStatus  `json:"EventSourceMappings"`
	Functions []FunctionStatus `json:"Functions"`
}

// Waiting returns the titles of the enabled mappings that have not reached their source yet.
func (s Status) Waiting() (titles []string) {
	for _, m := range s.Mappings {
		if !m.Polling && m.State != mappings.Disabled && m.State != mappings.Disabling && m.State != mappings.Deleting {
			titles = append(titles, m.Title())
		}
	}
	return titles
}

// MappingStatus is what one mapping does at the moment.
type MappingStatus struct {
	Mapping
	State    string `json:"State"`             // Creating, Enabled, Disabled …
	Origin   string `json:"Origin,omitempty"`  // File or HTTP
	Changed  bool   `json:"Changed,omitempty"` // a mapping of the file that was changed over HTTP
	Polling  bool   `json:"Polling"`           // the source was read at least once
	Failing  bool   `json:"Failing"`           // the last attempt to read the source, or a shard of it, failed
	Pollers  int    `json:"Pollers"`           // each has one batch in hand at a time
	InFlight int    `json:"InFlight"`          // batches that the function is processing

	LastResult  string `json:"LastResult"` // Done, or the reason why the last batch was not; empty before the first
	LastBatch   *Batch `json:"LastBatch,omitempty"`
	LastError   *Note  `json:"LastError,omitempty"`   // stays when the error has passed
	LastWarning *Note  `json:"LastWarning,omitempty"` // a suspicious answer that counted as success, or a queue whose polls do not wait

	// Records since the start, counted like the AWS metrics of these names.
	Polled       int64 `json:"Polled"`
	FilteredOut  int64 `json:"FilteredOut"`
	Invoked      int64 `json:"Invoked"`
	FailedInvoke int64 `json:"FailedInvoke"`
	Deleted      int64 `json:"Deleted"` // only queues

	*StreamStatus // nil for queues
}

// StreamStatus is the part of a MappingStatus that only streams have.
type StreamStatus struct {
	ShardsListed  int           `json:"ShardsListed"`  // in the stream
	ShardsReading int           `json:"ShardsReading"` // being read
	ShardsBlocked int           `json:"ShardsBlocked"` // a run of records failed, and nothing of it is settled since
	ShardsFailing int           `json:"ShardsFailing"` // cannot be read at the moment
	IteratorAge   time.Duration `json:"IteratorAgeNanoseconds"`

	// Records since the start. Dropped is counted like AWS's DroppedEventCount, without the records that the destination
	// was notified of: those are Delivered.
	Settled   int64 `json:"Settled"`
	Dropped   int64 `json:"Dropped"`
	Delivered int64 `json:"Delivered"`

	// Undelivered is the number of notices since the start that the destination did not accept. They were kept.
	Undelivered int64 `json:"Undelivered"`

	LastLost *Note `json:"LastLost,omitempty"` // records may be missing, or be delivered again

	// Shards are at most a thousand: first those in trouble, longest first, and last the ones that were drained recently.
	// MoreShards is the number of shards that are left out.
	Shards     []ShardStatus `json:"Shards"`
	MoreShards int           `json:"MoreShards,omitempty"`
}

// ShardStatus is the status of one shard.
type ShardStatus struct {
	ShardId      string        `json:"ShardId"`
	State        string        `json:"State"`                  // Reading, Blocked, Failing, Drained or Stopped
	Position     string        `json:"Position,omitempty"`     // all records up to it are settled; empty for the beginning
	IteratorAge  time.Duration `json:"IteratorAgeNanoseconds"` // of the oldest record that is not settled; 0 if there is none
	InFlight     int           `json:"InFlight"`               // batches that the function is processing
	BlockedSince time.Time     `json:"BlockedSince,omitzero"`  // the first failed try of the run that blocks the shard
	Tries        int           `json:"Tries,omitempty"`        // of that run
	LastError    *Note         `json:"LastError,omitempty"`    // only while the shard is in trouble
}

// Batch is a batch that the function was invoked with.
type Batch struct {
	Time    time.Time     `json:"Time"`
	Records int           `json:"Records"`
	Took    time.Duration `json:"TookNanoseconds"`
}

// Note is a text for people with its time.
type Note struct {
	Time time.Time `json:"Time"`
	Text string    `json:"Text"`
}

func noteNow(text string) *Note { return &Note{time.Now(), text} }

// The values of a ShardStatus's State.
const (
	stateBlocked = "Blocked"
	stateFailing = "Failing"
	stateReading = "Reading"
	stateStopped = "Stopped"
	stateDrained = "Drained"
)

// shardOrder is the order of states in which shards are shown.
var shardOrder = map[string]int{stateBlocked: 0, stateFailing: 1, stateReading: 2, stateStopped: 2, stateDrained: 3}

// mostImportant sorts all and returns the first n: shards in trouble, longest first, then the rest by ID.
func mostImportant(all []ShardStatus, n int) []ShardStatus {
	slices.SortFunc(all, func(a, b ShardStatus) int {
		return cmp.Or(cmp.Compare(shardOrder[a.State], shardOrder[b.State]), a.BlockedSince.Compare(b.BlockedSince), strings.Compare(a.ShardId, b.ShardId))
	})
	return slices.Clip(all[:min(n, len(all))])
}
