package chaos

import (
	"slices"
	"sync"
	"time"

	"github.com/esm-run/esm/trace"
)

// History is what happened in a run, each list in the order of time. Records are known by their IDs. Invariants are
// functions over it.
type History struct {
	Sent      []Record     // the marked records
	Received  []Receipt    // by the engine, from a queue
	Calls     []Call       // tries to invoke the function
	Settled   []Settlement // the engine asked a queue to delete them
	Positions []Position   // durable positions of shards
	GivenUp   []GivenUp    // records of streams
	Told      []Told       // notices that a destination has accepted, or the store keeps
	Accepted  []Mark       // asynchronous events
	Ended     []End        // asynchronous events
	Injected  []Injected   // faults

	// The end of the run. Complete means that the engine had all the time it needed: every record is to be settled.
	Complete  bool
	Remaining []string // records that their queue still has
	Dead      []string // records that their queue has moved to its dead-letter queue
	Held      []string // what should be gone: permits, goroutines, environments, files

	Limits Limits
}

// Limits are what the engine must not exceed; 0 is no limit.
type Limits struct {
	Concurrency int // invocations at once
	Batch       int // records in one invocation
	Tries       int // invocations with one ID that the handler answered
	Deliveries  int // invocations with one record of a queue that the handler saw: maxReceiveCount
}

// Record is a marked record that was sent.
type Record struct {
	ID       string
	Shard    string // empty for a queue
	Group    string // records of one group keep the order in which they were sent; empty is unordered
	At       time.Time
	Unwanted bool // no filter matches it
}

// Receipt is one delivery of a record by its queue.
type Receipt struct {
	ID     string
	Handle string // differs from delivery to delivery
	At     time.Time
	Until  time.Time // when the record becomes visible again
}

// Call is one try to invoke the function, as its caller saw it.
type Call struct {
	ID           string
	Shard        string
	Began, Ended time.Time
	Records      []string
	Handles      []string // of the records' deliveries by a queue; empty for a stream
	Ran          bool     // the handler saw the records
	Succeeded    []string // records that the answer settles; the ID of an event
	Unknown      bool     // the engine has no answer: the connection broke, or it was killed meanwhile
	Answer       string   // for people
}

// Settlement is one record that the engine asked a queue to delete.
type Settlement struct {
	ID string
	At time.Time
}

// Position is a durable position: every record of the shard up to After, and After itself, is settled.
type Position struct {
	Shard, After string
	At           time.Time
}

// GivenUp is a batch of a shard's records that were given up.
type GivenUp struct {
	Shard   string
	Records []string
	At      time.Time
}

// Told is a notice that a destination accepted, or that is held as undelivered.
type Told struct {
	ID      string
	Shard   string
	Records []string // none for an event, and for a final invocation
	Event   string   // request ID
	Held    bool
	At      time.Time
}

// Mark is an asynchronous event at a moment.
type Mark struct {
	ID string
	At time.Time
}

// End is the end of an asynchronous event.
type End struct {
	ID   string
	Owed int // notices that destinations get
	At   time.Time
}

// Injected is one fault that struck.
type Injected struct {
	Strike
	At      time.Time
	Records []string // that it concerns; a fault of the engine's process concerns all
	Follows bool     // from another fault: no plan has it
}

// Recorder collects a History. Its methods may be called concurrently. A nil Recorder discards everything.
type Recorder struct {
	mu sync.Mutex
	h  History
}

// note changes the history under the lock. change must not block.
func (r *Recorder) note(change func(*History)) {
	if r == nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	change(&r.h)
}

// Sent records that a marked record was sent.
func (r *Recorder) Sent(rec Record) { r.note(func(h *History) { h.Sent = append(h.Sent, rec) }) }

// Struck records a fault that follows from another, such as a kill at the end of a grace period.
func (r *Recorder) Struck(f Fault, target string) {
	now := time.Now()
	r.note(func(h *History) {
		h.Injected = append(h.Injected, Injected{Strike: Strike{Fault: f, Target: target}, At: now, Follows: true})
	})
}

// Finish sets the end of the history.
func (r *Recorder) Finish(end func(*History)) { r.note(end) }

// History returns what was recorded so far. Its lists are the caller's, what they refer to is shared.
func (r *Recorder) History() History {
	r.mu.Lock()
	defer r.mu.Unlock()
	h := r.h
	h.Sent, h.Received, h.Calls = slices.Clone(h.Sent), slices.Clone(h.Received), slices.Clone(h.Calls)
	h.Settled, h.Positions, h.GivenUp = slices.Clone(h.Settled), slices.Clone(h.Positions), slices.Clone(h.GivenUp)
	h.Told, h.Accepted, h.Ended = slices.Clone(h.Told), slices.Clone(h.Accepted), slices.Clone(h.Ended)
	h.Injected = slices.Clone(h.Injected)
	return h
}

// Trace records what the engine alone knows: which records it gives up, and which events it accepts and ends. It is a
// [trace.Func].
func (r *Recorder) Trace(e trace.Event) {
	now := time.Now()
	switch e := e.(type) {
	case trace.Dropped:
		given := GivenUp{Shard: e.Shard, At: now}
		for _, rec := range e.Records {
			given.Records = append(given.Records, rec.ID)
		}
		r.note(func(h *History) { h.GivenUp = append(h.GivenUp, given) })
	case trace.EventAccepted:
		r.note(func(h *History) { h.Accepted = append(h.Accepted, Mark{e.ID, now}) })
	case trace.EventEnded:
		r.note(func(h *History) { h.Ended = append(h.Ended, End{e.ID, e.Owed, now}) })
	}
}
