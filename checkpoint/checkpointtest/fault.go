package checkpointtest

// Fault is how one call fails. The zero Fault is a call that succeeds.
type Fault struct {
	Err  error // returned by the call
	Done bool  // the call takes effect all the same, as when a process dies between its commit and its answer
}

// Undone fails a call that has no effect.
func Undone(err error) Fault { return Fault{Err: err} }

// Done fails a call that takes effect.
func Done(err error) Fault { return Fault{Err: err, Done: true} }

// Faults returns the fault of each call of a method, counted from 1. It may be called concurrently, and may wait.
type Faults func(call int) Fault

// InTurn fails the first calls, each in its own way.
func InTurn(faults ...Fault) Faults {
	return func(call int) Fault {
		if call > len(faults) {
			return Fault{}
		}
		return faults[call-1]
	}
}

// Always fails every call in the same way.
func Always(f Fault) Faults {
	return func(int) Fault { return f }
}
