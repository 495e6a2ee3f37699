package async

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/esm-run/esm"
	"github.com/esm-run/esm/checkpoint/checkpointtest"
	"github.com/esm-run/esm/config"
	"github.com/esm-run/esm/engine/policy"
	"github.com/esm-run/esm/invoker"
	"github.com/esm-run/esm/trace"
)

const (
	failedArn = "arn:aws:sqs:eu-west-1:111122223333:failed"
	doneArn   = "arn:aws:sns:eu-west-1:111122223333:done"
	deadArn   = "arn:aws:sqs:eu-west-1:111122223333:dead"
)

// exact are dice that leave the delays after failures at their length, and those after throttling almost.
const exact = 1.0 / 3

// handler is the code of a function. Tries counts the calls with the same ID, from 1.
type handler func(call esm.Call, tries int) (esm.Response, error)

func succeed(esm.Call, int) (esm.Response, error) {
	return esm.Response{Status: 200, Version: "$LATEST", Payload: json.RawMessage(`"ok"`)}, nil
}

func throw(esm.Call, int) (esm.Response, error) {
	return esm.Response{Status: 200, Version: "$LATEST", Fault: "Unhandled", Payload: json.RawMessage(`{"errorMessage":"no"}`)}, nil
}

// takes returns a handler that needs d.
func takes(d time.Duration) handler {
	return func(c esm.Call, tries int) (esm.Response, error) {
		time.Sleep(d)
		return succeed(c, tries)
	}
}

// rig runs a feed in a synctest bubble. It may be started again after it has ended.
type rig struct {
	*testing.T
	feed      *Feed
	events    *checkpointtest.MemoryEvents
	kept      *checkpointtest.Memory
	limits    *invoker.Limits
	functions *invoker.Functions
	began     time.Time

	mu       sync.Mutex
	handlers map[string]handler
	targets  map[string]policy.Target
	dice     float64
	calls    []call
	sent     []sent
	sending  map[string]func(esm.Notice, int) error // by ARN; nil succeeds
	traced   []trace.Event

	stop, kill context.CancelFunc
	ended      chan struct{}
}

// call is one try that ran.
type call struct {
	id, function string
	age          time.Duration // since the rig began
}

// sent is one try to send a notice.
type sent struct {
	esm.Notice
	to   string
	from config.Origin
	at   time.Duration // since the rig began
	err  error
}

// newRig returns a rig with a pool of permits. It runs nothing yet.
func newRig(t *testing.T, permits int) *rig {
	r := &rig{
		T: t, events: &checkpointtest.MemoryEvents{}, kept: &checkpointtest.Memory{}, limits: invoker.NewLimits(permits), began: time.Now(),
		handlers: map[string]handler{}, targets: map[string]policy.Target{}, sending: map[string]func(esm.Notice, int) error{}, dice: exact,
	}
	r.functions = &invoker.Functions{Limits: r.limits}
	return r
}

// set makes a function, with all destinations.
func (r *rig) set(name string, h handler, change func(*policy.Target)) {
	t := policy.Target{Exists: true, Arn: "arn:aws:lambda:eu-west-1:111122223333:function:" + name + ":$LATEST", DeadLetter: deadArn}
	t.Config.DestinationConfig.OnFailure.Destination = failedArn
	t.Config.DestinationConfig.OnSuccess.Destination = doneArn
	if change != nil {
		change(&t)
	}
	r.mu.Lock()
	r.handlers[name], r.targets[name] = h, t
	r.mu.Unlock()
	if t.Exists {
		r.functions.SetRemote(config.Function{Name: name, ReservedConcurrentExecutions: t.Reserved}, r)
	} else {
		r.functions.Remove(name)
	}
}

func reserved(n int) func(*policy.Target) {
	return func(t *policy.Target) { t.Reserved = &n }
}

func maxAge(seconds int) func(*policy.Target) {
	return func(t *policy.Target) { t.Config.MaximumEventAgeInSeconds = &seconds }
}

func retries(n int) func(*policy.Target) {
	return func(t *policy.Target) { t.Config.MaximumRetryAttempts = &n }
}

// Invoke implements [invoker.Backend]. Like an environment, it is killed when ctx ends.
func (r *rig) Invoke(ctx context.Context, c esm.Call) (esm.Response, error) {
	name, _ := config.SplitQualifier(c.Function)
	r.mu.Lock()
	r.calls = append(r.calls, call{c.ID, c.Function, time.Since(r.began)})
	tries := 0
	for _, other := range r.calls {
		if other.id == c.ID {
			tries++
		}
	}
	h := r.handlers[name]
	r.mu.Unlock()
	var resp esm.Response
	var err error
	answered := make(chan struct{})
	go func() {
		defer close(answered)
		resp, err = h(c, tries)
	}()
	select {
	case <-answered:
		return resp, err
	case <-ctx.Done():
		return esm.Response{}, ctx.Err()
	}
}

func (r *rig) target(function string) policy.Target {
	name, qualifier := config.SplitQualifier(function)
	r.mu.Lock()
	defer r.mu.Unlock()
	t := r.targets[name]
	if qualifier != "" {
		t.Arn = strings.Replace(t.Arn, "$LATEST", qualifier, 1)
	}
	return t
}

// open implements Feed.Open.
func (r *rig) open(_ context.Context, arn string, origin config.Origin) (esm.Destination, error) {
	return &destination{r, arn, origin}, nil
}

type destination struct {
	*rig
	arn    string
	origin config.Origin
}

// Send implements [esm.Destination].
func (d *destination) Send(ctx context.Context, n esm.Notice) error {
	d.mu.Lock()
	send := d.sending[d.arn]
	tries := 1
	for _, s := range d.sent {
		if s.ID == n.ID {
			tries++
		}
	}
	d.mu.Unlock()
	var err error
	if send != nil {
		err = send(n, tries)
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.sent = append(d.sent, sent{n, d.arn, d.origin, time.Since(d.began), err})
	return err
}

func (r *rig) trace(e trace.Event) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.traced = append(r.traced, e)
}

// traced returns the events of one type.
func traced[E trace.Event](r *rig) (all []E) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, e := range r.traced {
		if e, ok := e.(E); ok {
			all = append(all, e)
		}
	}
	return all
}

// start runs a new feed, and returns when it waits for something.
func (r *rig) start() {
	r.make()
	r.run()
}

// run is start with the feed that make has made.
func (r *rig) run() {
	ctx, stop := context.WithCancel(context.Background())
	work, kill := context.WithCancel(context.Background())
	ended := make(chan struct{})
	r.stop, r.kill, r.ended = stop, kill, ended
	feed := r.feed
	go func() {
		defer close(ended)
		feed.Run(ctx, work, func() {})
	}()
	synctest.Wait()
}

// make makes a new feed.
func (r *rig) make() {
	scale := 0.0
	if r.feed != nil {
		scale = r.feed.Scale
	}
	r.feed = &Feed{
		Events: r.events, Invoker: r.functions, Target: r.target, Open: r.open, Undelivered: r.kept, Scale: scale,
		Dice:  func() float64 { return r.dice },
		Trace: r.trace,
	}
}

// close stops the feed, and returns how long that took.
func (r *rig) close() time.Duration {
	began := time.Now()
	r.stop()
	<-r.ended
	r.kill()
	return time.Since(began)
}

// crash ends the feed like a kill of the process does, and restarts its store.
func (r *rig) crash() {
	r.events = r.events.Reopen()
	r.kept = r.kept.Reopen()
	r.kill()
	r.stop()
	<-r.ended
}

// wait lets d pass, and everything that happens by then.
func (r *rig) wait(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

// accept accepts events with these IDs.
func (r *rig) accept(function string, ids ...string) {
	r.Helper()
	for _, id := range ids {
		if err := r.feed.Accept(context.Background(), esm.Event{ID: id, Function: function, Payload: json.RawMessage(`{"n": 1}`)}); err != nil {
			r.Fatal(err)
		}
	}
	synctest.Wait()
}

// hold takes n permits of function, as other callers do.
func (r *rig) hold(function string, n int) (release func()) {
	r.Helper()
	for range n {
		if err := r.limits.Try(function); err != nil {
			r.Fatal(err)
		}
	}
	return func() {
		for range n {
			r.limits.Release(function)
		}
	}
}

// ages returns the ages at the tries of an event, in seconds, with those that were throttled.
func (r *rig) ages(id string) (all []float64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, e := range r.traced {
		if e, ok := e.(trace.EventTried); ok && e.ID == id {
			all = append(all, e.Age.Round(time.Millisecond).Seconds())
		}
	}
	return all
}

func (r *rig) wantAges(id string, want ...float64) {
	r.Helper()
	if got := r.ages(id); !slices.Equal(got, want) {
		r.Errorf("%s was tried at the ages of %v, want %v", id, got, want)
	}
}

// wantEnd fails the test unless an event has ended once.
func (r *rig) wantEnd(id string, why esm.Condition) {
	r.Helper()
	var got []string
	for _, e := range traced[trace.EventEnded](r) {
		if e.ID == id {
			got = append(got, string(e.Condition))
		}
	}
	if !slices.Equal(got, []string{string(why)}) {
		r.Errorf("%s has ended with %q, want %s", id, got, why)
	}
}

// wantSent fails the test unless notices about an event were sent to these ARNs.
func (r *rig) wantSent(id string, to ...string) {
	r.Helper()
	r.mu.Lock()
	defer r.mu.Unlock()
	var got []string
	for _, s := range r.sent {
		if s.RequestID == id && s.err == nil {
			got = append(got, s.to)
		}
	}
	slices.Sort(got)
	slices.Sort(to)
	if !slices.Equal(got, to) {
		r.Errorf("notices about %s were sent to %q, want %q", id, got, to)
	}
}

// wantEmpty fails the test unless the store has nothing left.
func (r *rig) wantEmpty() {
	r.Helper()
	backlogs, err := r.events.Backlogs(context.Background())
	if err != nil || len(backlogs) > 0 {
		r.Errorf("left: %+v, %v", backlogs, err)
	}
	for o, err := range r.events.Owed(context.Background()) {
		r.Errorf("owed: %+v, %v", o, err)
	}
}

// undelivered returns the notices that are kept.
func (r *rig) undelivered() (all []esm.UndeliveredNotice) {
	for u, err := range r.kept.Undelivered(context.Background()) {
		if err != nil {
			r.Fatal(err)
		}
		all = append(all, u)
	}
	return all
}

var errDisk = errors.New("disk full")

func ids(prefix string, n int) (all []string) {
	for i := range n {
		all = append(all, fmt.Sprint(prefix, i))
	}
	return all
}
