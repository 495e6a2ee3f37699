package chaostest

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/esm-run/esm/chaos"
	"github.com/esm-run/esm/engine"
)

// Options change a simulation. The zero Options let the seed decide everything.
type Options struct {
	Faults chaos.Rates           // nil lets the seed choose
	Only   map[chaos.Strike]bool // the faults that may strike; nil allows all of the plan
}

// Result is a simulation that has ended.
type Result struct {
	Seed    uint64
	Setup   string // what the seed chose, for people
	History chaos.History
	Verdict chaos.Verdict
}

// String returns what a failed test prints: seed, setup, verdict, and the story of the records concerned.
func (r Result) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "seed %d: %s\n%s", r.Seed, r.Setup, r.Verdict)
	for _, f := range r.Verdict {
		for i, breach := range f.Breaches {
			if i == 3 {
				fmt.Fprintf(&b, "%s: and %d more\n", f.Invariant, len(f.Breaches)-i)
				break
			}
			fmt.Fprintf(&b, "%s: %v: %s\n", f.Invariant, breach.Records, breach.Text)
		}
	}
	concerned := r.Verdict.Records()
	b.WriteString(chaos.Story(r.History, concerned[:min(len(concerned), 3)]...))
	return b.String()
}

// world is what every simulation has. The seed chooses everything in it.
type world struct {
	seed     uint64
	dice     *rand.Rand // used by run alone
	recorder *chaos.Recorder
	faults   *chaos.Injector
	permits  int // 0 is no limit
	function *function
	limits   chaos.Limits
}

// newWorld returns the world of a seed. Its dice also depend on kind, and its function has one of the numbers of permits.
func newWorld(seed, kind uint64, o Options, permits ...int) world {
	w := world{seed: seed, dice: rand.New(rand.NewPCG(seed, kind)), recorder: &chaos.Recorder{}}
	rates := drawRates(w.dice)
	if o.Faults != nil {
		rates = o.Faults
	}
	w.faults = &chaos.Injector{
		Seed: seed, Rates: rates, Until: time.Now().Add(faultsFor), Only: o.Only, Recorder: w.recorder,
	}
	w.permits = pick(w.dice, permits...)
	w.function = newFunction(seed, w.permits, 4*time.Second)
	return w
}

// drawRates switches about half of the faults off.
func drawRates(dice *rand.Rand) chaos.Rates {
	rates := chaos.Rates{}
	for _, f := range chaos.AllFaults() {
		rates[f] = pick(dice, 0, 0, .03, .15)
	}
	for _, f := range []chaos.Fault{chaos.DestinationRefuses, chaos.DestinationBusy, chaos.DestinationTwice} {
		rates[f] = pick(dice, 0, .3) // notices are few
	}
	rates[chaos.EngineStops], rates[chaos.EngineKill] = pick(dice, 0, .5), pick(dice, 0, .3)
	return rates
}

func pick[T any](dice *rand.Rand, from ...T) T { return from[dice.IntN(len(from))] }

// sleep lets up to most pass.
func (w *world) sleep(most time.Duration) { time.Sleep(time.Duration(w.dice.Int64N(int64(most)))) }

// waves sends in three waves, and stops or kills the engine after some of them. It returns the engine that runs at the end.
func (w *world) waves(start func() *running, send func()) *running {
	e := start()
	for range 3 {
		send()
		w.sleep(40 * time.Second)
		if grace, hit := stops(w.faults); hit {
			e.end(grace)
			w.sleep(10 * time.Second)
			e = start()
		}
	}
	return e
}

// settle waits until everything has settled, at most for half an hour after the last fault. It looks in intervals.
func (w *world) settle(interval time.Duration, settled func() bool) {
	for limit := w.faults.Until.Add(settlesFor); !settled() && time.Now().Before(limit); {
		time.Sleep(interval)
	}
}

// result returns the end of a simulation.
func (w *world) result(setup string) Result {
	h := w.recorder.History()
	return Result{Seed: w.seed, Setup: setup, History: h, Verdict: chaos.Check(h)}
}

const (
	faultsFor  = 3 * time.Minute  // how long faults strike
	settlesFor = 30 * time.Minute // how long records may take to settle after that
	mapping    = "m"
)

// running is an engine with one feed.
type running struct {
	stop, kill context.CancelFunc
	ended      chan struct{}
	recorder   *chaos.Recorder
}

func start(feed engine.Feed, recorder *chaos.Recorder) *running {
	ctx, stop := context.WithCancel(context.Background())
	work, kill := context.WithCancel(context.Background())
	r := &running{stop: stop, kill: kill, ended: make(chan struct{}), recorder: recorder}
	var e engine.Engine
	e.Set(mapping, feed)
	go func() {
		defer close(r.ended)
		e.Run(ctx, work)
	}()
	return r
}

// end stops the engine, and kills it after a grace period, or at once if that is 0. It reports whether the engine has ended.
func (r *running) end(grace time.Duration) bool {
	if grace == 0 {
		r.kill() // first: a feed that was only told to stop would begin something
	}
	r.stop()
	if grace > 0 && !r.endsWithin(grace) {
		r.recorder.Struck(chaos.EngineKill, "engine at the end of its grace period")
		r.kill()
	}
	ended := r.endsWithin(time.Minute)
	r.kill()
	return ended
}

func (r *running) endsWithin(d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-r.ended:
		return true
	case <-timer.C:
		return false
	}
}

// stops decides whether the engine is stopped now, with a grace period, or killed, without one.
func stops(faults *chaos.Injector) (grace time.Duration, hit bool) {
	if _, hit := faults.Strikes(chaos.EngineKill, "engine"); hit {
		return 0, true
	}
	dice, hit := faults.Strikes(chaos.EngineStops, "engine")
	if !hit {
		return 0, false
	}
	return time.Duration(1 + dice.Int64N(int64(20*time.Second))), true
}

// held describes what a feed should have given back.
func held(f *function, ended bool) (left []string) {
	if n := f.inUse(); n > 0 {
		left = append(left, fmt.Sprintf("%d permits", n))
	}
	if !ended {
		left = append(left, "the feed's goroutines: it does not end")
	}
	return left
}
