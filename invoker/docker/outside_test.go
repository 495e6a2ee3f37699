package docker

import (
	"encoding/json"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/moby/moby/client"

	"github.com/esm-run/esm"
	"github.com/esm-run/esm/invoker/docker/dockertest"
)

// Containers that others kill, stop, pause or remove end the invocation, and the environment goes on with another
// runtime.
func TestKilledFromOutside(t *testing.T) {
	r := newRig(t)
	fn := function(handlerImage(t))
	fn.Timeout = 5
	e := r.start(fn)
	c, at := dockertest.Client(t), 0 // seconds
	for name, tt := range map[string]struct {
		do          func(id string) error
		fault, want string
	}{
		"kill": {func(id string) error {
			_, err := c.ContainerKill(t.Context(), id, client.ContainerKillOptions{Signal: "SIGKILL"})
			return err
		}, "Runtime.ExitError", "signal: killed"},
		"remove": {func(id string) error {
			_, err := c.ContainerRemove(t.Context(), id, client.ContainerRemoveOptions{Force: true})
			return err
		}, "Runtime.ExitError", "signal: killed"},
		"stop": {func(id string) error {
			_, err := c.ContainerStop(t.Context(), id, client.ContainerStopOptions{Timeout: &at})
			return err
		}, "Runtime.ExitError", "Runtime exited with error: "}, // by SIGTERM or SIGKILL
		"pause": {func(id string) error {
			_, err := c.ContainerPause(t.Context(), id, client.ContainerPauseOptions{})
			return err
		}, "Sandbox.Timedout", "timed out"},
	} {
		id := inspected(r).ID
		var resp esm.Response
		var err error
		var invoking sync.WaitGroup
		invoking.Go(func() {
			resp, err = e.Invoke(t.Context(), esm.Call{ID: testID, Function: "f", Payload: json.RawMessage(`{"Do":"hang"}`)})
		})
		time.Sleep(300 * time.Millisecond) // the event has been taken, most probably; it makes no difference
		must(t, tt.do(id))
		invoking.Wait()
		must(t, err)
		if resp.Fault != tt.fault || !strings.Contains(string(resp.Payload), tt.want) {
			t.Errorf("%s: got %s %s", name, resp.Fault, resp.Payload)
		}
		for range 2 {
			if got := result[facts](r, e, order{Do: "look"}); got.Pid != 1 {
				t.Errorf("%s: the next runtime is process %d", name, got.Pid)
			}
		}
	}
}
