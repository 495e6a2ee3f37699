package sourcetest

import "github.com/esm-run/esm"

// Fault describes how one call fails. The zero Fault means success.
type Fault struct {
	// Err is the error that the call returns; nil means that it succeeds.
	Err error

	// Done is set if the call takes effect although it fails, as if only its answer was lost: a receive has hidden its
	// messages, a delete has deleted its records.
	Done bool

	// Only selects the records of a delete that fail. Nil means all of them. It must not call the queue.
	Only func(esm.Record) bool
}

// Undone returns a Fault: the call fails with err and has no effect.
func Undone(err error) Fault { return Fault{Err: err} }

// Done returns a Fault: the call takes effect and then fails with err.
func Done(err error) Fault { return Fault{Err: err, Done: true} }

// Faults returns how a call fails. Calls of one kind are counted from 1. It may be called concurrently, and may call the
// queue.
type Faults func(call int) Fault

// InTurn makes the first calls fail, one by each fault; later calls succeed.
func InTurn(faults ...Fault) Faults {
	return func(call int) Fault {
		if call > len(faults) {
			return Fault{}
		}
		return faults[call-1]
	}
}

func (f Faults) at(call int) Fault {
	if f == nil {
		return Fault{}
	}
	return f(call)
}
