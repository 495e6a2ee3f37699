package clients_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/esm-run/esm/e2e/rig"
)

// Lambda's clients run several invocations at once in one environment, if the function says so: answers come in any order, and
// the timeout of one invocation does not disturb the others.
func TestConcurrentClients(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"go", "python", "node"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for way, keys := range clients[name].ways(name) {
				if way != "process" && way != "esm-test/"+name { // the others have the same clients
					continue
				}
				t.Run(way, func(t *testing.T) { checkConcurrent(t, keys(t)) })
			}
		})
	}
}

func checkConcurrent(t *testing.T, keys string) {
	var entries []rig.Entry
	for name, timeout := range map[string]int{"f": 8, "late": 2} {
		entries = append(entries, &rig.Function{Name: name, Description: fmt.Sprintf("{ReservedConcurrentExecutions: 3, MemorySize: 512, Timeout: %d, "+
			"CapacityProviderConfig: {LambdaManagedInstancesCapacityProviderConfig: {PerExecutionEnvironmentMaxConcurrency: 3}}, %s}", timeout, keys)})
	}
	engine := rig.New(t).Run(entries...)
	t.Cleanup(engine.Stop) // so that no container is left
	t.Run("f", func(t *testing.T) { function{T: t, engine: engine, name: "f"}.concurrent() })
	t.Run("late", func(t *testing.T) { function{T: t, engine: engine, name: "late"}.late() })
}

func (f function) concurrent() {
	f.want(`{"do":"environment","name":"AWS_LAMBDA_MAX_CONCURRENCY"}`, `^"3"$`)
	time.Sleep(time.Second) // until all workers ask for events

	var ended []<-chan answered
	for _, seconds := range []float64{3, 2, 0.5} {
		ended = append(ended, f.sleep(seconds))
	}
	slow, middle, quick := <-ended[0], <-ended[1], <-ended[2]
	if !quick.at.Before(middle.at) || !middle.at.Before(slow.at) {
		f.Errorf("answers came at %v, %v and %v, want the last first", slow.at, middle.at, quick.at)
	}
	for _, a := range []answered{slow, middle, quick} {
		if a.payload != "null" || a.fault != "" {
			f.Errorf("got %+v", a)
		}
	}

	stuck := f.sleep(3600)
	time.Sleep(5 * time.Second) // so that the next one runs when stuck times out
	beside := f.sleep(5)
	if a := <-stuck; a.payload != `{"errorType":"Sandbox.Timedout","errorMessage":"Task timed out after 8.00 seconds"}` || a.fault == "" {
		f.Errorf("got %+v, want a timeout", a)
	}
	if a := <-beside; a.payload != "null" || a.fault != "" {
		f.Errorf("beside a timeout: got %+v", a)
	}
	f.want(`{"do":"echo","value":"and on"}`, `^"and on"$`)
	if n := f.engine.Metric("esm_function_environments"); n > 2 { // a busy machine may need a second one
		f.Errorf("%v environments are there, want 1", n)
	}
}

// late makes a worker answer after its timeout. Clients take that differently: Go's ends when its other workers have answered.
func (f function) late() {
	f.want(`{"do":"echo","value":1}`, `^1$`)
	late := f.sleep(3)
	time.Sleep(time.Second)
	beside := f.sleep(1.5)
	f.want(`{"do":"echo","value":2}`, `^2$`)
	if a := <-late; a.payload != `{"errorType":"Sandbox.Timedout","errorMessage":"Task timed out after 2.00 seconds"}` {
		f.Errorf("got %+v, want a timeout", a)
	}
	if a := <-beside; a.payload != "null" || a.fault != "" {
		f.Errorf("beside a timeout: got %+v", a)
	}
	for end := time.Now().Add(2 * time.Second); time.Now().Before(end); { // before, while and after the worker answers
		f.want(`{"do":"echo","value":3}`, `^3$|^!\{"errorType":"Runtime.ExitError",`) // an event may be on its way to a runtime that ends
	}
	f.want(`{"do":"echo","value":4}`, `^4$`)
}

// answered is an answer and its time.
type answered struct {
	answer
	at time.Time
}

// sleep invokes the function in the background.
func (f function) sleep(seconds float64) <-chan answered {
	ended := make(chan answered, 1)
	go func() { // ends within the function's timeout, which the test waits for
		defer close(ended)
		a := f.invoke(fmt.Sprintf(`{"do":"sleep","seconds":%g}`, seconds))
		ended <- answered{a, time.Now()}
	}()
	return ended
}
