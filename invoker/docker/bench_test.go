package docker

import (
	"cmp"
	"context"
	"encoding/json"
	"math/rand/v2"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/esm-run/esm"
	"github.com/esm-run/esm/config"
	"github.com/esm-run/esm/invoker"
	"github.com/esm-run/esm/trace"
)

const benchEvent = `{"Do":"echo"}`

// benchFunction returns a function that has the time of one CPU if others want it too: what is measured is the engine.
func benchFunction(b *testing.B) config.Function {
	fn := function(handlerImage(b))
	fn.MemorySize = memoryOfOneCPU
	return fn
}

// benchRig is a rig whose Starter traces nothing.
func benchRig(b *testing.B) *rig {
	r := newRig(b)
	r.Starter.Trace = nil
	return r
}

// quantile does not change all.
func quantile[T cmp.Ordered](all []T, q float64) T {
	return slices.Sorted(slices.Values(all))[int(q*float64(len(all)-1))]
}

func milliseconds(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

// inTurns calls all, each time in another order, so that what one leaves behind burdens all alike.
func inTurns(all ...func()) {
	for _, i := range rand.Perm(len(all)) {
		all[i]()
	}
}

// benchPool is a pool of environments in containers, behind permits as in the engine.
type benchPool struct {
	*testing.B
	invoker.Functions
	free   chan bool // receives whenever nothing is busy
	failed atomic.Int64
}

// counting returns s with a count of the starts that fail.
func (p *benchPool) counting(s invoker.Starter) invoker.Starter { return counter{s, &p.failed} }

type counter struct {
	invoker.Starter
	failed *atomic.Int64
}

func (c counter) Start(ctx context.Context, fn config.Function, as invoker.Initialization) (invoker.Environment, error) {
	e, err := c.Starter.Start(ctx, fn, as)
	if err != nil && ctx.Err() == nil {
		c.failed.Add(1)
	}
	return e, err
}

func newBenchPool(b *testing.B, r *rig, fn config.Function) *benchPool {
	const permits = 100
	p := &benchPool{B: b, Functions: invoker.Functions{Limits: invoker.NewLimits(permits)}, free: make(chan bool, 1)}
	p.SetLocal(&invoker.Pool{Function: fn, Starter: p.counting(&r.Starter), FreezeAfter: time.Millisecond, Trace: func(e trace.Event) {
		if e, ok := e.(trace.Environments); ok && e.Busy == 0 && e.Alive > 0 {
			select {
			case p.free <- true:
			default:
			}
		}
	}})
	return p
}

// invoke returns how long an invocation takes until its answer, with the wait for an environment.
func (p *benchPool) invoke() time.Duration {
	began := time.Now()
	slot, err := p.Reserve(p.Context(), "f")
	if err != nil {
		p.Error(err)
		return 0
	}
	defer slot.Release()
	resp, err := slot.Invoke(p.Context(), esm.Call{ID: testID, Function: "f", Payload: json.RawMessage(benchEvent)})
	if err != nil || resp.Fault != "" {
		p.Error(err, resp.Fault, string(resp.Payload))
	}
	return time.Since(began)
}

func (p *benchPool) close() { p.Close(context.Background()) }

// waitFor waits until there are n environments in a state.
func (p *benchPool) waitFor(n int, state invoker.State) {
	waitFor(p, string(state)+" environments", func() bool {
		found := 0
		for _, e := range p.Environments() {
			if e.State == state {
				found++
			}
		}
		return found == n
	})
}

// BenchmarkWarmInvoke measures invocations through permits, pool, Runtime API and a container until their answer, in turn with
// a bare loop around the same handler in another container with the same settings on the same bridge. It reports the
// ratios of p50 and p99.
func BenchmarkWarmInvoke(b *testing.B) {
	const rounds = 5000
	r, fn := benchRig(b), benchFunction(b)
	p := newBenchPool(b, r, fn)
	defer p.close()
	p.invoke() // starts the environment
	<-p.free
	loop := newBareLoop()
	_, end := newBare(b, r.platform, fn, loop).run()
	defer end()
	if b.Failed() {
		return
	}
	loop.drain()
	var ours, theirs []time.Duration
	for b.Loop() {
		for range rounds {
			inTurns(func() {
				ours = append(ours, p.invoke())
				<-p.free
			}, func() {
				began := time.Now()
				loop.invoke()
				theirs = append(theirs, time.Since(began))
				loop.drain()
			})
		}
	}
	for _, q := range []struct {
		name string
		q    float64
	}{{"p50", .5}, {"p99", .99}} {
		ours, theirs := quantile(ours, q.q), quantile(theirs, q.q)
		b.ReportMetric(float64(ours.Microseconds()), q.name+"-µs")
		b.ReportMetric(float64(theirs.Microseconds()), "bare-"+q.name+"-µs")
		b.ReportMetric(float64(ours)/float64(theirs), q.name+"-ratio")
	}
}

// durations are measurements by name, one of each in a turn.
type durations map[string][]time.Duration

func (d durations) add(name string, took time.Duration) { d[name] = append(d[name], took) }

// report reports the median of each in milliseconds, and the median of its ratios to "bare" of the same turn: the load of a machine
// changes within a run by more than what is compared.
func (d durations) report(b *testing.B) {
	for name, took := range d {
		b.ReportMetric(milliseconds(quantile(took, .5)), name+"-ms")
		if name == "bare" {
			continue
		}
		ratios := make([]float64, len(took))
		for i := range took {
			ratios[i] = float64(took[i]) / float64(d["bare"][i])
		}
		b.ReportMetric(quantile(ratios, .5), name+"-ratio")
	}
}

// BenchmarkColdStart measures how long an invocation for which there is no environment waits for its answer, in turn with what the
// daemon's API needs to create and start a container with the same settings, whose program may not be running yet.
func BenchmarkColdStart(b *testing.B) {
	const turns = 40
	r, fn := benchRig(b), benchFunction(b)
	r.start(fn).Close()
	api, took := newBare(b, r.platform, fn, http.HandlerFunc(noEvents)), durations{}
	for b.Loop() {
		for range turns {
			inTurns(func() { took.add("bare", api.once()) }, func() {
				p := newBenchPool(b, r, fn)
				took.add("cold", p.invoke())
				p.close()
			})
		}
	}
	took.report(b)
}

// BenchmarkSpares measures how long an invocation waits for its answer if there is no environment but a spare, running or
// frozen, in turn with creating and starting a container as in BenchmarkColdStart.
func BenchmarkSpares(b *testing.B) {
	const turns = 10
	r, fn := benchRig(b), benchFunction(b)
	fn.Spares = 1
	r.start(fn).Close()
	api, took := newBare(b, r.platform, fn, http.HandlerFunc(noEvents)), durations{}
	arrival := func(name string, freeze bool, ready invoker.State) func() {
		return func() {
			fn := fn
			fn.Freeze = freeze
			p := newBenchPool(b, r, fn)
			defer p.close()
			p.StartSpares()
			p.waitFor(fn.Spares, ready)
			took.add(name, p.invoke())
		}
	}
	for b.Loop() {
		for range turns {
			inTurns(func() { took.add("bare", api.once()) }, arrival("spare", false, invoker.Idle), arrival("frozen", true, invoker.Frozen))
		}
	}
	took.report(b)
}

const fifty = 50

// BenchmarkFifty starts fifty environments at once and invokes them all at once, twice, in turn with creating and starting fifty
// containers by the API alone, as many of them concurrently. "failed" are the starts that failed, for example because the daemon did
// not answer in time; it is to be 0.
func BenchmarkFifty(b *testing.B) {
	r, fn := benchRig(b), benchFunction(b)
	must(b, r.platform.Prepare(b.Context(), fn))
	api := newBare(b, r.platform, fn, http.HandlerFunc(noEvents))
	var ours, bare, closing time.Duration
	failed := int64(0)
	start := func() {
		p := newBenchPool(b, r, fn)
		began := time.Now()
		p.startFifty()
		ours += time.Since(began)
		began = time.Now()
		p.close()
		closing += time.Since(began)
		failed += p.failed.Load()
	}
	for b.Loop() {
		bare += api.fifty()
		start()
		start()
		bare += api.fifty()
	}
	n := float64(2 * b.N)
	b.ReportMetric(ours.Seconds()/n, "start-s")
	b.ReportMetric(bare.Seconds()/n, "bare-s")
	b.ReportMetric(ours.Seconds()/bare.Seconds(), "ratio")
	b.ReportMetric(closing.Seconds()/n, "close-s")
	b.ReportMetric(float64(failed), "failed")
}

// startFifty returns when all have been invoked.
func (p *benchPool) startFifty() {
	must(p, p.Provision("f", fifty))
	for p.available() < fifty {
		time.Sleep(10 * time.Millisecond)
	}
	var all sync.WaitGroup
	for range fifty {
		all.Go(func() { p.invoke() })
	}
	all.Wait()
}

func (p *benchPool) available() int {
	is, err := p.Provisioned("f")
	if err != nil || is.Status == "FAILED" {
		p.Fatal(err, is)
	}
	return is.Available
}

// fifty returns how long fifty containers take, as many at a time as the Platform creates and starts.
func (b *bare) fifty() time.Duration {
	d, err := b.platform.daemon(b.Context())
	must(b, err)
	began, slots, ends := time.Now(), make(chan bool, cap(d.slots)), make(chan func(), fifty)
	var all sync.WaitGroup
	for range fifty {
		all.Go(func() {
			slots <- true
			_, end := b.run()
			<-slots
			ends <- end
		})
	}
	all.Wait()
	took := time.Since(began)
	close(ends)
	for end := range ends {
		all.Go(func() { slots <- true; end(); <-slots })
	}
	all.Wait()
	return took
}
