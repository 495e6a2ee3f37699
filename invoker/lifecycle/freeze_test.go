package lifecycle

import "testing"

// A freeze that comes too late, when the environment is in use again, neither waits for it nor freezes it.
func TestFreezeOfAnEnvironmentInUse(t *testing.T) {
	e := &environment{turn: make(chan struct{}, 1)}
	e.turn <- struct{}{} // as Invoke does
	e.Freeze()
	if e.frozen {
		t.Error("it is frozen")
	}
}
