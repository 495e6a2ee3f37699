package checkpoint

// Fault is what goes wrong with one call. The zero Fault is a call that goes well.
type Fault struct {
	// Err is what the call answers with; nil means that nothing goes wrong.
	Err error

	// Done says that the call takes effect all the same, as when a process ends between the commit and its answer.
	Done bool
}

// Undone is a call that fails with err and has no effect.
func Undone(err error) Fault { return Fault{Err: err} }

// Done is a call that takes effect and then fails with err.
func Done(err error) Fault { return Fault{Err: err, Done: true} }

// Faults picks what goes wrong with a call. Calls of one kind are counted from 1. It may be called from several
// goroutines at once, and may call the store.
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

// Always makes every call fail in the same way.
func Always(f Fault) Faults {
	return func(int) Fault { return f }
}
