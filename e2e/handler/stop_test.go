package handler_test

import (
	"syscall"
	"testing"

	"github.com/esm-run/esm/e2e/rig"
)

// A stop does not wait for handlers that cannot be loaded.
func TestStopWithHandlersThatDoNotLoad(t *testing.T) {
	t.Parallel()
	rig.Need(t, "python3")
	e := rig.New(t)
	e.WriteFile("src/app.py", "import nothing_of_this_name")
	q, s := e.Queue("broken", rig.Attributes{"VisibilityTimeout": "300"}), e.Stream("broken", 4)
	q.Send(rig.Numbers(20)...)
	for shard := range 4 {
		s.PutInto(shard, "k", "record")
	}
	f := &rig.Function{Name: "f", Description: "{Runtime: python3.11, Handler: app.handler, CodeUri: src, Timeout: 60}"}
	engine := e.Start(rig.EngineKeys("GracePeriod: 10m"), f.On(q.ARN), f.On(s.ARN))
	engine.WaitLog("nothing_of_this_name")
	engine.Signal(syscall.SIGTERM)
	engine.WantExit(0) // long before the grace period ends
}
