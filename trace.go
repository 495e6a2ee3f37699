package esm

import "time"

// Trace is told what happens, as it happens. It is called from many goroutines at once, on their paths: it returns
// soon, never blocks, and keeps what it is given unchanged. Nil is a Trace that is told nothing.
//
// Between them the events tell the life of each record: Received, then Filtered or Invoked (once for every try), then
// Deleted or Left, or for a stream Settled.
type Trace func(Event)

// Tell calls t unless it is nil.
func (t Trace) Tell(e Event) {
	if t != nil {
		t(e)
	}
}

// Event is one of the types of this file.
type Event interface{ event() }

// Received tells of one call to a source. No records and a nil Err is an empty poll.
type Received struct {
	Mapping string
	Shard   string // empty for a queue, here and below
	Records []Record
	Took    time.Duration
	Err     error
}

// Filtered tells which records no filter wanted. They are deleted or settled next.
type Filtered struct {
	Mapping string
	Shard   string
	Records []Record
}

// Invoking tells that a batch is on its way to the function.
type Invoking struct {
	Mapping, Function, ID string
	Shard                 string
	Records               []Record
}

// Invoked tells what came of one try.
type Invoked struct {
	Mapping, Function, ID string
	Shard                 string
	Records               []Record
	Took                  time.Duration
	Verdict               string   // Done, Partial, Failed, NotRun or Refused
	Reason                string   // why it is not Done: a named value, bounded in number
	Failed                []string // IDs reported by the handler, for Partial
	Detail                string   // for people: the error, or the start of the failure's payload
	Tries                 int      // 1 for the first; a queue's counts those that did not run, a stream's does not
}

// Deleted tells that records are settled for good.
type Deleted struct {
	Mapping  string
	Records  []Record
	Filtered bool // because no filter wanted them
}

// Left tells that records are given back: they return to the source's readers by themselves at their Until.
type Left struct {
	Mapping string
	Records []Record
	Reason  string // a named value, bounded in number
	Err     error  // nil unless a call failed
}

// Settled tells that records of a shard are done with, well or badly, and that this is durable.
type Settled struct {
	Mapping, Shard string
	Records        []Record
	Position       string // up to where all of the shard's records are settled
}

// Dropped tells that records of a shard are given up. They are Settled next.
type Dropped struct {
	Mapping, Shard string
	Records        []Record
	Why            string // RetryAttemptsExhausted or RecordAgeExceeded
	Tries          int
}

// Notified tells what came of the notice of records that were Dropped. An Err says why the destination did not take it:
// it is kept as undelivered then.
type Notified struct {
	Mapping, Shard string
	Destination    string // its ARN
	Records        int    // that the notice covers; 0 for the final invocation of a tumbling window
	Err            error
}

// Reading tells that a shard is read from a position, which is empty for its oldest record. Lost says why what was
// before that may be missing, or why records may come again; nil is the usual case.
type Reading struct {
	Mapping, Shard, Position string
	Lost                     error
}

// Drained tells that a closed shard was read to its end and all of it is settled.
type Drained struct{ Mapping, Shard string }

// Listed tells that a mapping's stream was listed, and that every shard of it that may be read is from now on.
type Listed struct {
	Mapping string
	Shards  int // that the stream has
	Reading int // that are read: none where all of them are drained
}

// Scaled tells how many pollers a mapping runs.
type Scaled struct {
	Mapping string
	Pollers int
}

// State tells a change of a mapping's state: Creating, Enabled, Disabled or Stopped.
type State struct {
	Mapping string
	State   string
}

// Failing tells that a mapping's work, or that of one of its shards, ended with an error and will be taken up again after
// Wait. A later Received with a nil Err ends the trouble of a queue or a shard, Listed that of a stream.
type Failing struct {
	Mapping string
	Shard   string // empty for the whole mapping
	Err     error
	Wait    time.Duration
}

// Output is one line that a handler wrote, without its newline, or a line of the platform about it (START, END, REPORT).
type Output struct {
	Function string
	ID       string // the request during which it was written; empty outside of one
	Line     string
	Platform bool
	Time     time.Time
}

// Environments tells how many environments of a function exist and how many are busy.
type Environments struct {
	Function    string
	Alive, Busy int
}

// Started tells that an environment of a function came up, or why it could not.
type Started struct {
	Function string
	Took     time.Duration
	Err      error
}

// Ran tells of one invocation of a function, whoever asked for it.
type Ran struct {
	Function, ID string
	Took         time.Duration
	Fault        string // as in Response
	Throttled    bool   // no permit: neither an invocation nor an error
	Err          error
}

func (Received) event()     {}
func (Filtered) event()     {}
func (Invoking) event()     {}
func (Invoked) event()      {}
func (Deleted) event()      {}
func (Left) event()         {}
func (Settled) event()      {}
func (Dropped) event()      {}
func (Notified) event()     {}
func (Reading) event()      {}
func (Drained) event()      {}
func (Listed) event()       {}
func (Scaled) event()       {}
func (State) event()        {}
func (Failing) event()      {}
func (Output) event()       {}
func (Environments) event() {}
func (Started) event()      {}
func (Ran) event()          {}
