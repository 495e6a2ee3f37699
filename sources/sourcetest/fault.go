package sourcetest

import "github.com/esm-run/esm"

// Fault is what goes wrong with one call. The zero Fault is a call that goes well.
type Fault struct {
	// Err is what the call answers with; nil means that nothing goes wrong.
	Err error

	// Done says that the call takes effect all the same, as when its answer is lost on the way back: a receive has
	// taken its messages, a delete has deleted its records.
	Done bool

	// Only picks the records of a delete that fail; the others are deleted as usual. Nil means all of them. It must
	// not call the queue.
	Only func(esm.Record) bool
}

// Undone is a call that fails with err and has no effect.
func Undone(err error) Fault { return Fault{Err: err} }

// Done is a call that takes effect and then fails with err.
func Done(err error) Fault { return Fault{Err: err, Done: true} }

// Faults picks what goes wrong with a call. Calls of one kind are counted from 1. It may be called from several
// goroutines at once, and may call the queue.
type Faults func(call int) Fault

// InTurn deals faults to the first calls, one each; later calls go well.
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
