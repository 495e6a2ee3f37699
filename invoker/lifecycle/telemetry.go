package lifecycle

import (
	"context"
	"net"
	"sync"
	"time"

	"github.com/esm-run/esm/invoker/telemetry"
)

// flushFirst is how long SHUTDOWN waits for the delivery of telemetry: an extension may end at once when it gets it.
const flushFirst = 100 * time.Millisecond

// newTelemetry returns the subscriptions of the next run.
func (c *core) newTelemetry() *telemetry.Subscriptions {
	return telemetry.New(func(ctx context.Context, port int) (net.Conn, error) {
		return c.sandbox.Dial(ctx, port)
	}, c.fn.LoggingConfig.JSON())
}

// subscribe takes the subscription of an extension.
func (r reporter) subscribe(name string, api telemetry.API, body []byte) *telemetry.Problem {
	s, p := r.telemetry.Subscribe(name, api, body)
	if p == nil {
		r.subscribed(s)
	}
	return p
}

// lastTelemetry ends the run by kill. Until it has ended, what subscribers have not received yet is delivered: at once, and
// what the runtime wrote in the end before the external extensions are told to end.
func (r *run) lastTelemetry(s Shutdown, kill func(Shutdown) error) error {
	r.telemetry.Close()
	if !r.telemetry.Active() {
		return kill(s)
	}
	r.Flush() // lines that have arrived since the last invocation
	ctx, cancel := context.WithCancel(context.Background())
	var work sync.WaitGroup
	defer work.Wait()
	defer cancel()
	work.Go(func() { r.telemetry.Flush(ctx) })
	if notify := s.Notify; notify != nil {
		s.Notify = func() {
			first, end := context.WithTimeout(ctx, flushFirst)
			defer end()
			r.telemetry.Flush(first)
			notify()
		}
	}
	return kill(s)
}
