package async_test

import (
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/esm-run/esm/e2e/rig"
)

// The events received are those that have succeeded, were dropped, wait or are being tried: while events are sent,
// succeed, fail, are dropped by people, and given up.
func TestEventsAddUp(t *testing.T) {
	t.Parallel()
	const running = 3
	e := rig.New(t)
	var succeeded atomic.Int32
	f, gate := e.GatedFunction("f", func(c rig.Call) (string, error) {
		if strings.HasSuffix(string(c.Event), `0"`) {
			return rig.Fail(c)
		}
		succeeded.Add(1)
		return rig.Succeed(c)
	})
	f.Timeout = 600
	f.Keys = append(f.Keys, fmt.Sprint("ReservedConcurrentExecutions: ", running))
	off := e.Function("off", rig.Succeed)
	off.Keys = append(off.Keys, "ReservedConcurrentExecutions: 0")
	engine := e.Run(asOnAWS, f, off)

	sent := 0
	send := func(count int) {
		var sending sync.WaitGroup
		for range count {
			sent++
			event := fmt.Sprintf(`"%d"`, sent)
			sending.Go(func() { engine.Send("f", event) })
		}
		sending.Wait()
	}
	// check waits until all that happened is reported, and adds up.
	check := func(dropped, inFlight int) {
		t.Helper()
		rig.Eventually(t, fmt.Sprint(dropped, " dropped and ", inFlight, " running events and others add up"), func() bool {
			now := engine.Metrics()
			of := func(name string) int { return int(now["esm_async_events_"+name]) }
			return of("received_total") == sent && of("succeeded_total") == int(succeeded.Load()) && of("dropped_total") == dropped &&
				of("in_flight") == inFlight && of("succeeded_total")+of("dropped_total")+of("waiting")+of("in_flight") == sent
		})
	}
	send(running)
	for range 4 {
		send(10)
		check(0, running)
		for range 8 {
			gate.Pass(t)
			rig.Receive(t, gate.Begun)
		}
	}
	engine.Send("off", "{}")
	sent++
	check(1, running)
	out, _, _ := rig.Run(t, "events", "drop", "--function", "f", "--listen", engine.Listen)
	var dropped int
	if _, err := fmt.Sscan(out, &dropped); err != nil || dropped == 0 {
		t.Errorf("esm events drop: %s", out)
	}
	check(1+dropped, running)
	gate.Open()
	check(1+dropped, 0)
}
