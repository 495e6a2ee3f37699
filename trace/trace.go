// Package trace defines the events that the engine and the invoker report while they work.
//
// Together the events describe the life of each record: Received, then Filtered or Invoked (once for each try), then
// Deleted or Left for a message of a queue, or Settled for a record of a stream. Logs, metrics and the status are
// functions over these events.
//
// An event for asynchronous invocation has other ones: EventAccepted, then EventTried once for each try, with EventWaiting
// between two of them, and EventEnded, or EventsRemoved if somebody drops it. EventNotified follows for each destination.
package trace

import (
	"time"

	"github.com/esm-run/esm"
)

// Func receives events as they happen. It is called from many goroutines concurrently, on the path of the records: it
// must return quickly, must not block, and must not modify what it is given. A nil Func discards events.
type Func func(Event)

// Emit calls f unless it is nil.
func (f Func) Emit(e Event) {
	if f != nil {
		f(e)
	}
}

// Event is implemented by the event types of this package.
type Event interface{ event() }

// Received reports one call to a source. No records and a nil Err mean an empty poll.
type Received struct {
	Mapping string
	Shard   string // empty for a queue, here and below
	Records []esm.Record
	Took    time.Duration
	Err     error
}

// Filtered reports records that match no filter. They are deleted or settled next.
type Filtered struct {
	Mapping string
	Shard   string
	Records []esm.Record
}

// Invoking reports that a batch is about to be sent to the function.
type Invoking struct {
	Mapping, Function, ID string
	Shard                 string
	Records               []esm.Record
}

// Invoked reports the outcome of one try.
type Invoked struct {
	Mapping, Function, ID string
	Shard                 string
	Records               []esm.Record
	Took                  time.Duration
	Verdict               Verdict
	Reason                Reason   // empty if the verdict is Done
	Failed                []string // IDs reported by the handler, for Partial
	Detail                string   // for people: the error, or the start of the failure's payload
	Tries                 int      // 1 for the first; includes tries that did not run for a queue, excludes them for a stream
}

// Deleted reports that messages were deleted from their queue.
type Deleted struct {
	Mapping  string
	Records  []esm.Record
	Filtered bool // because they match no filter
}

// Left reports that messages stay in their queue. They become visible again at their Until, or at once if the Reason is
// Stopping and Err is nil.
type Left struct {
	Mapping string
	Records []esm.Record
	Reason  Reason
	Err     error // nil unless a call failed
}

// Settled reports that records of a shard are done, successfully or not, and that this is durable.
type Settled struct {
	Mapping, Shard string
	Records        []esm.Record
	Position       string // every record of the shard up to here is settled
}

// Dropped reports that records of a shard were given up. They are Settled next.
type Dropped struct {
	Mapping, Shard string
	Records        []esm.Record
	Why            esm.Condition
	Tries          int
}

// Notified reports whether the destination accepted the notice about Dropped records. If Err is not nil the notice is
// kept in the data directory as undelivered.
type Notified struct {
	Mapping, Shard string
	Destination    string // its ARN
	Records        int    // covered by the notice; 0 for the final invocation of a tumbling window
	Err            error
}

// Reading reports that a shard is read from a position; an empty Position is its oldest record. Lost is nil unless
// records before the position may be missing, or records may be delivered again, and says why.
type Reading struct {
	Mapping, Shard, Position string
	Lost                     error
}

// Drained reports that a closed shard was read to its end and every record of it is settled.
type Drained struct{ Mapping, Shard string }

// Listed reports that the shards of a mapping's stream were listed, and that every readable one is being read.
type Listed struct {
	Mapping string
	Shards  int // in the stream
	Reading int // being read; 0 if all of them are drained
}

// Scaled reports the number of pollers of a mapping.
type Scaled struct {
	Mapping string
	Pollers int
}

// State reports that a mapping runs now, or does not run any more: it is Enabled or Disabled, as package mappings names its
// states.
type State struct {
	Mapping string
	State   string
}

// Failing reports that a mapping or one of its shards ended with an error and restarts after Wait. A later Received with
// a nil Err ends the failure of a queue or a shard, a later Listed that of a stream.
type Failing struct {
	Mapping string
	Shard   string // empty for the whole mapping
	Err     error
	Wait    time.Duration
}

// Slowed reports that a queue is polled more slowly because of a fault that is not an error, such as long polls that do not
// wait. It is emitted once each time that this begins.
type Slowed struct {
	Mapping string
	Err     error
}

// Output is one line that a handler wrote, without its newline, or a line of the platform about an invocation (START,
// END, REPORT).
type Output struct {
	Function string
	ID       string // the request during which it was written; empty outside of one
	Line     string
	Platform bool
	Time     time.Time
}

// Environments reports how many execution environments a function has and how many of them are busy.
type Environments struct {
	Function    string
	Alive, Busy int

	Provisioned, ProvisionedBusy int // those among them that belong to its provisioned concurrency

	Spares int // idle ones that are kept for a burst, at most as many as the function is to have
}

// Unpacking reports how much of an archive or of layers is written to the data directory, once a second if it takes longer
// than that.
type Unpacking struct {
	Path        string // of the archive, or of one of the layers
	Done, Total int64  // bytes
}

// Started reports that an execution environment of a function started, or why it failed to.
type Started struct {
	Function string
	Took     time.Duration
	Fault    string // as in esm.Response; empty unless Err is the function's fault
	Err      error
}

// Pulling reports the progress of an image that a function needs and the daemon did not have, at most once a second. The last
// one has Done or Err set.
type Pulling struct {
	Function, Image string
	Bytes, Total    int64 // of the layers known so far
	Took            time.Duration
	Done            bool
	Err             error
}

// Warning reports, once, what is other than people expect and does not stop anything: a protection that this machine does
// not have, a container that does not reach the engine.
type Warning struct {
	Function string // empty if it concerns all
	Text     string // for people, with a remedy
}

// Ran reports one invocation of a function, by a mapping or by any other caller.
type Ran struct {
	Function, ID string
	Took         time.Duration
	Fault        string // as in esm.Response
	Throttled    bool   // no permit was free: neither an invocation nor an error
	Err          error

	Provisioned bool // it ran in a provisioned environment
	Spilled     bool // it ran on demand, since the function's provisioned environments were busy
	Cold        bool // it waited for the environment to start
}

// RecursionStopped reports invocations of a function that were stopped because it has caused itself too many times in a row:
// synchronous ones, or messages of a queue, which were left. Asynchronous events report that by their EventEnded. Together they
// are Lambda's metric RecursiveInvocationsDropped.
type RecursionStopped struct {
	Function string // with or without a qualifier
	Count    int
}

// EventAccepted reports that an event for asynchronous invocation was stored: Lambda's metric AsyncEventsReceived.
type EventAccepted struct {
	Function, ID string // Function as the caller wrote it, with or without ":qualifier", here and below
	Bytes        int    // of payload
}

// EventTried reports one try of an asynchronous event: an invocation, or a try for which there was no permit or no function.
// Age is Lambda's metric AsyncEventAge. A Reason of Throttled is one of its Throttles, which no Ran reports unless Invoked is
// set.
type EventTried struct {
	Function, ID string
	Verdict      Verdict // Done, Failed, NotRun or Refused
	Reason       Reason  // empty if the verdict is Done
	Detail       string  // for people
	Tries        int     // that count against MaximumRetryAttempts, this one included if it does
	Invoked      bool    // there was a permit, and a Ran
	Age          time.Duration
	Took         time.Duration
}

// EventWaiting reports that an asynchronous event that was tried waits for another try, and that this is durable.
type EventWaiting struct {
	Function, ID string
	Why          Reason
	Until        time.Time
}

// EventEnded reports that an asynchronous event has ended, and that this is durable. All conditions but Success count as
// AsyncEventsDropped, and RecursiveInvocation as RecursiveInvocationsDropped.
type EventEnded struct {
	Function, ID string
	Condition    esm.Condition
	Tries        int // as in EventTried
	Age          time.Duration
	Error        string // for people; empty if the Condition is Success
	Owed         int    // notices that destinations get now
}

// EventsRemoved reports that somebody dropped asynchronous events that waited. They end without a notice, and count as
// AsyncEventsDropped.
type EventsRemoved struct {
	Function string // without a qualifier
	Count    int
}

// EventNotified reports whether a destination accepted the notice about an asynchronous event's end. If Err is not nil the
// notice is kept in the data directory as undelivered: Lambda's metric DeadLetterErrors if DeadLetter is set, and otherwise
// DestinationDeliveryFailures.
type EventNotified struct {
	Function, ID string // Function without a qualifier
	Condition    esm.Condition
	Destination  string // its ARN; empty if there is none, which is no failure of a delivery: the notice is kept
	DeadLetter   bool   // the destination is the function's dead-letter queue
	Err          error
}

// EventsFailing reports that the store of asynchronous events failed, and that the call is repeated after Wait.
type EventsFailing struct {
	Function string // without a qualifier; empty if the call concerns all functions
	Err      error
	Wait     time.Duration
}

// Scheduled reports that a rule was due and that a target has taken its event, or has not: then it is sent again after Wait, or
// lost if Wait is zero. Without a Target the rule could not start yet.
type Scheduled struct {
	Rule, Target string // ARNs
	ID           string // of the event at this target: a function's request ID
	Due          time.Time
	Err          error
	Wait         time.Duration
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
func (Slowed) event()       {}
func (Unpacking) event()    {}
func (Output) event()       {}
func (Environments) event() {}
func (Started) event()      {}
func (Ran) event()          {}
func (Pulling) event()      {}
func (Warning) event()      {}

func (RecursionStopped) event() {}
func (EventAccepted) event()    {}
func (EventTried) event()       {}
func (EventWaiting) event()     {}
func (EventEnded) event()       {}
func (EventsRemoved) event()    {}
func (EventNotified) event()    {}
func (EventsFailing) event()    {}
func (Scheduled) event()        {}
