package crash_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/esm-run/esm/e2e/rig"
)

// The engine is killed at random while callers send events and functions fail by plan: every event that was accepted ends
// where its plan says, and nowhere else. Repeats have the same request ID and are explained by a kill.
func TestKilledWhileEventsAreTried(t *testing.T) {
	t.Parallel()
	events, kills := 1000, 10
	if os.Getenv("ESM_TEST_LONG") != "" {
		events, kills = 10_000, 50
	}
	e := rig.New(t)
	run := newEventRun(e)
	t.Logf("seed %d", run.seed)
	began := time.Now()
	for life := range kills {
		run.live(life, (life+1)*events/kills)
	}
	t.Logf("%d kills after %v, with %d events accepted, %d not answered, and %d ended", kills, time.Since(began), run.count(accepted), run.count(sent), run.ended())
	run.finish(kills, events)
	t.Logf("all ended after %v: %d tries of %d events that were accepted and %d that were not answered; %d tries and %d notices were repeated",
		time.Since(began), run.tries, run.count(accepted), run.count(sent), run.repeatedTries, run.repeatedNotices)
}

// A plan is the event that says how often it fails before it succeeds, and what has come of it.
type plan struct {
	Number int
	Fails  int // always is more than there are tries

	answer answer
	calls  []eventCall
	done   []string // records of success, with repeats
	failed []string // records of failure, with repeats
	dead   int      // dead letters
}

const always = 3

// An answer is what a caller knows of its event.
type answer int

const (
	sent     answer = iota // not answered, or with an error: it may have been accepted
	accepted               // answered with 202
)

// An eventCall is a try that a handler has seen.
type eventCall struct {
	life int
	good bool
}

// An eventRun sends events to several engines, one after the other, and notes what they do with them.
type eventRun struct {
	*rig.Env
	seed               uint64
	done, failed, dead *rig.Queue
	sdk                http.Client

	mu    sync.Mutex
	plans map[string]*plan // by request ID
	dice  *rand.Rand       // of plans

	tries, repeatedTries, repeatedNotices int
}

func newEventRun(e *rig.Env) *eventRun {
	seed := rand.Uint64()
	return &eventRun{
		Env: e, seed: seed, done: e.Queue("done", nil), failed: e.Queue("failed", nil), dead: e.Queue("dead", nil),
		sdk:   http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: callers}, Timeout: time.Minute},
		plans: map[string]*plan{}, dice: rand.New(rand.NewPCG(seed, 0)),
	}
}

// function returns the function as the engine of one life has it.
func (run *eventRun) function(life int) *rig.Function {
	f := run.Function("f", func(c rig.Call) (string, error) { return run.handle(life, c) })
	f.Timeout = 300 // a timeout is not planned
	f.Keys = append(f.Keys, "ReservedConcurrentExecutions: 8", rig.EventInvokeConfig(run.done.ARN, run.failed.ARN), rig.DeadLetters(run.dead.ARN))
	return f
}

// handle is a try of an event. It fails as often as its event says.
func (run *eventRun) handle(life int, c rig.Call) (string, error) {
	run.mu.Lock()
	defer run.mu.Unlock()
	p := run.plans[c.RequestID]
	if p == nil {
		run.Errorf("%s was never sent: %s", c.RequestID, c.Event)
		return "", errors.New("unknown")
	}
	if want, _ := json.Marshal(p); string(want) != string(c.Event) {
		run.Errorf("%s comes with %s, want %s", c.RequestID, c.Event, want)
	}
	good := p.Fails < always && len(p.calls) >= p.Fails
	p.calls = append(p.calls, eventCall{life, good})
	if !good {
		return "", fmt.Errorf("try %d fails", len(p.calls))
	}
	return string(c.Event), nil
}

const callers = 8

// live runs an engine until a random moment, at which it is killed. Callers send events meanwhile, until there are as many
// as planned.
func (run *eventRun) live(life, events int) {
	dice := rand.New(rand.NewPCG(run.seed, uint64(life+1)))
	engine := run.start(life)
	killed := make(chan struct{})
	var calling sync.WaitGroup
	for range callers {
		calling.Go(func() { run.call(engine, events, killed) })
	}
	if dice.IntN(6) > 0 { // otherwise it may be killed while it starts
		enough := run.count(accepted) + dice.IntN(max(events-run.count(accepted), 1))
		rig.Eventually(run.TB, "events are accepted", func() bool { return run.count(accepted) > min(enough, events-1) })
	}
	<-time.After(time.Duration(dice.IntN(200)) * time.Millisecond)
	engine.Kill()
	close(killed)
	calling.Wait()
}

func (run *eventRun) start(life int) *rig.Engine {
	return run.Start(rig.EngineKeys("TimeScale: 0.001"), run.function(life))
}

// call sends events, one after the other.
func (run *eventRun) call(engine *rig.Engine, events int, killed <-chan struct{}) {
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-killed:
			return
		default:
		}
		if run.count(accepted) < events && run.send(engine) {
			continue
		}
		select { // the engine starts, or has enough
		case <-tick.C:
		case <-killed:
			return
		}
	}
}

// send sends an event, and reports whether it was accepted.
func (run *eventRun) send(engine *rig.Engine) bool {
	id, event := run.next()
	req, err := http.NewRequest(http.MethodPost, engine.URL("/2015-03-31/functions/f/invocations"), strings.NewReader(event))
	if err != nil {
		run.Error(err)
		return false
	}
	req.Header.Set("X-Amz-Invocation-Type", "Event")
	req.Header.Set("X-Amzn-RequestId", id)
	resp, err := run.sdk.Do(req)
	if errors.Is(err, syscall.ECONNREFUSED) { // the engine starts
		run.forget(id)
		return false
	}
	if err != nil {
		return false
	}
	resp.Body.Close()
	switch {
	case resp.StatusCode == http.StatusAccepted:
		run.note(id, func(p *plan) { p.answer = accepted })
		return true
	case resp.StatusCode == http.StatusServiceUnavailable: // the engine starts
		run.forget(id)
	case resp.StatusCode < 500:
		run.Errorf("an event is answered with %s", resp.Status)
	}
	return false
}

// next plans an event: one in ten always fails, two in ten fail once or twice.
func (run *eventRun) next() (id, event string) {
	run.mu.Lock()
	defer run.mu.Unlock()
	p := &plan{Number: len(run.plans), Fails: max(run.dice.IntN(10)-6, 0)}
	id = uuid.NewString()
	run.plans[id] = p
	text, _ := json.Marshal(p)
	return id, string(text)
}

// forget removes an event that was not sent.
func (run *eventRun) forget(id string) {
	run.mu.Lock()
	defer run.mu.Unlock()
	delete(run.plans, id)
}

func (run *eventRun) note(id string, change func(*plan)) {
	run.mu.Lock()
	defer run.mu.Unlock()
	if p := run.plans[id]; p != nil {
		change(p)
	} else {
		run.Errorf("%s was never sent", id)
	}
}

func (run *eventRun) count(a answer) (n int) {
	run.mu.Lock()
	defer run.mu.Unlock()
	for _, p := range run.plans {
		if p.answer == a {
			n++
		}
	}
	return n
}

// ended takes the notices that have come, and returns how many of the events that were accepted have all of theirs.
func (run *eventRun) ended() (n int) {
	run.take()
	run.mu.Lock()
	defer run.mu.Unlock()
	for _, p := range run.plans {
		if p.answer == accepted && p.isEnded() {
			n++
		}
	}
	return n
}

func (p *plan) isEnded() bool {
	if p.Fails < always {
		return len(p.done) > 0
	}
	return len(p.failed) > 0 && p.dead > 0
}

// take takes the notices out of the queues.
func (run *eventRun) take() {
	var taking sync.WaitGroup
	taking.Go(func() { run.takeRecords(run.done, "Success", func(p *plan) *[]string { return &p.done }) })
	taking.Go(func() { run.takeRecords(run.failed, "RetriesExhausted", func(p *plan) *[]string { return &p.failed }) })
	taking.Go(func() {
		for _, letter := range run.dead.TakeMessages() {
			id := letter.MessageAttributes["RequestID"].StringValue
			run.note(*id, func(p *plan) {
				if want, _ := json.Marshal(p); string(want) != *letter.Body {
					run.Errorf("the dead letter %s, want %s", *letter.Body, want)
				}
				p.dead++
			})
		}
	})
	taking.Wait()
}

// takeRecords takes records out of a queue. One that comes again is the same to the byte.
func (run *eventRun) takeRecords(q *rig.Queue, condition string, of func(*plan) *[]string) {
	for _, text := range q.Take() {
		var record struct {
			RequestContext struct {
				RequestID, Condition   string
				ApproximateInvokeCount int
			}
			RequestPayload json.RawMessage
		}
		if err := json.Unmarshal([]byte(text), &record); err != nil {
			run.Errorf("%s: %v", text, err)
			return
		}
		run.note(record.RequestContext.RequestID, func(p *plan) {
			tries := 1
			if p.Fails == always {
				tries = always
			}
			want, _ := json.Marshal(p)
			if c := record.RequestContext; c.Condition != condition || c.ApproximateInvokeCount != tries || string(record.RequestPayload) != string(want) {
				run.Errorf("the record %s of %s", text, want)
			}
			all := of(p)
			if len(*all) > 0 && (*all)[0] != text {
				run.Errorf("the records %s and %s of one event", (*all)[0], text)
			}
			*all = append(*all, text)
		})
	}
}

// finish runs a last engine until everything has ended, and checks it all.
func (run *eventRun) finish(life, events int) {
	engine := run.start(life)
	engine.WaitReady()
	for run.count(accepted) < events && !run.Failed() {
		run.send(engine)
	}
	rig.Eventually(run.TB, "all events have ended", func() bool {
		now := engine.Metrics()
		return now["esm_async_events_waiting"]+now["esm_async_events_in_flight"] == 0 && run.ended() == run.count(accepted)
	})
	engine.Stop()
	run.take()
	run.CheckNoneUndelivered()
	for id, p := range run.plans {
		run.check(id, p, life)
	}
}

// check checks what has come of an event. The engines of all lives before the last were killed.
func (run *eventRun) check(id string, p *plan, last int) {
	switch {
	case p.isEnded() && (p.Fails < always) == (len(p.failed)+p.dead == 0) && (p.Fails == always) == (len(p.done) == 0):
	case p.answer == sent && len(p.calls)+len(p.done)+len(p.failed)+p.dead == 0:
		return // it was not accepted
	default:
		run.Errorf("event %s %+v has not ended as planned", id, p)
	}
	tries, killed := min(p.Fails+1, always), map[int]bool{} // lives that were killed and tried it
	for i, c := range p.calls {
		if i > 0 && p.calls[i-1].good && p.calls[i-1].life == c.life {
			run.Errorf("event %s was tried after it had succeeded: %+v", id, p)
		}
		if c.life < last {
			killed[c.life] = true
		}
	}
	if n := len(p.calls); n < tries || n > tries+len(killed) {
		run.Errorf("event %s was tried %d times, want %d and repeats by %d kills: %+v", id, n, tries, len(killed), p)
	}
	run.tries += len(p.calls)
	run.repeatedTries += max(len(p.calls)-tries, 0)
	run.repeatedNotices += max(len(p.done)-1, 0) + max(len(p.failed)-1, 0) + max(p.dead-1, 0)
}
