package lifecycle

import (
	"testing"

	"github.com/esm-run/esm/config"
	"github.com/esm-run/esm/invoker"
)

// A freeze that comes too late, when the environment is in use again, neither waits for it nor freezes it.
func TestFreezeOfAnEnvironmentInUse(t *testing.T) {
	e := newEnvironment(config.Function{}, invoker.OnDemand, newOutput(nil, "f"))
	e.turn <- struct{}{} // as Invoke does
	e.Freeze()
	if e.frozen {
		t.Error("it is frozen")
	}
}
