package mappings

import (
	"cmp"
	"context"
	"maps"
	"reflect"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/esm-run/esm/checkpoint"
	"github.com/esm-run/esm/config"
)

const (
	uuid1 = "11111111-1111-4111-8111-111111111111"
	uuid2 = "22222222-2222-4222-8222-222222222222"
	uuid3 = "33333333-3333-4333-8333-333333333333"

	queueARN  = "arn:aws:sqs:us-east-1:000000000000:orders"
	streamARN = "arn:aws:kinesis:us-east-1:000000000000:stream/clicks"
)

// faker is a runner that behaves as the engine does, and checks its caller. What is in hand when a mapping is stopped or
// replaced takes inHand.
type faker struct {
	t     *testing.T
	asked func(config.Mapping) // called by Run; nil is nothing

	mu      sync.Mutex
	inHand  time.Duration
	fault   error                     // of Run
	last    map[string]*feed          // by UUID, the last that was asked for, until it is over
	running map[string]config.Mapping // what takes records in just now
	begins  int                       // of feeds
	feeds   sync.WaitGroup
}

type feed struct {
	m           config.Mapping
	before      *feed
	stopped     bool
	end         chan struct{}
	began, over chan struct{}
}

func (f *faker) Run(m config.Mapping) (<-chan struct{}, error) {
	if f.asked != nil {
		f.asked(m)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.fault != nil {
		return nil, f.fault
	}
	if !*m.Enabled {
		f.t.Errorf("%s is to run and is not enabled", m.UUID)
	}
	before := f.last[m.UUID]
	if before != nil && before.stopped {
		f.t.Errorf("%s is to run before it has stopped", m.UUID)
	}
	next := &feed{m: m, before: before, end: make(chan struct{}), began: make(chan struct{}), over: make(chan struct{})}
	if before != nil {
		close(before.end)
	}
	if f.last == nil {
		f.last, f.running = map[string]*feed{}, map[string]config.Mapping{}
	}
	f.last[m.UUID] = next
	if before == nil {
		close(next.began)
	}
	f.feeds.Go(func() { f.run(next) })
	return next.began, nil
}

func (f *faker) run(x *feed) {
	defer close(x.over)
	if x.before != nil {
		<-x.before.over
		close(x.began)
	}
	select {
	case <-x.end:
	default:
		f.take(x)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.last[x.m.UUID] == x {
		delete(f.last, x.m.UUID)
	}
}

func (f *faker) take(x *feed) {
	f.mu.Lock()
	if other, runs := f.running[x.m.UUID]; runs {
		f.t.Errorf("%s runs twice: as %+v and as %+v", x.m.UUID, other, x.m)
	}
	f.running[x.m.UUID] = x.m
	f.begins++
	f.mu.Unlock()
	<-x.end
	f.mu.Lock()
	inHand := f.inHand
	f.mu.Unlock()
	time.Sleep(inHand)
	f.mu.Lock()
	delete(f.running, x.m.UUID)
	f.mu.Unlock()
}

func (f *faker) Stop(uuid string) <-chan struct{} {
	f.mu.Lock()
	defer f.mu.Unlock()
	x := f.last[uuid]
	if x == nil || x.stopped {
		f.t.Errorf("%s is to stop and does not run", uuid)
		nothing := make(chan struct{})
		close(nothing)
		return nothing
	}
	x.stopped = true
	close(x.end)
	return x.over
}

// endAll is the end of the process that the feeds are in.
func (f *faker) endAll() {
	f.mu.Lock()
	for _, x := range f.last {
		if !x.stopped {
			x.stopped = true
			close(x.end)
		}
	}
	f.mu.Unlock()
	f.feeds.Wait()
}

func (f *faker) takes(inHand time.Duration) { f.mu.Lock(); defer f.mu.Unlock(); f.inHand = inHand }

func (f *faker) fails(fault error) { f.mu.Lock(); defer f.mu.Unlock(); f.fault = fault }

func (f *faker) begun() int { f.mu.Lock(); defer f.mu.Unlock(); return f.begins }

func (f *faker) runs() map[string]config.Mapping {
	f.mu.Lock()
	defer f.mu.Unlock()
	return maps.Clone(f.running)
}

// house is a register with all that belongs to it, which ends with the test.
type house struct {
	t      *testing.T
	store  *checkpoint.Memory
	runner *faker
	config Config
	*Register
	notes []Note

	writes atomic.Pointer[checkpoint.Faults] // what goes wrong with writes; nil is nothing

	mu        sync.Mutex
	forgotten map[string]int
	troubles  int
}

// enter opens a register over a store.
func enter(t *testing.T, store *checkpoint.Memory, file ...config.Mapping) *house {
	t.Helper()
	h := &house{t: t, store: store, runner: &faker{t: t}, forgotten: map[string]int{}}
	h.config = Config{
		File: file, Store: store, Runner: h.runner, Now: time.Now,
		Check:  func(context.Context, config.Mapping, *config.Mapping) error { return nil },
		Forget: h.forgetAll,
		FunctionArn: func(m config.Mapping) string {
			return "arn:aws:lambda:us-east-1:000000000000:function:" + m.FunctionName
		},
		LastProcessingResult: func(string) string { return "OK" },
		Trouble:              func(config.Mapping, error) { h.mu.Lock(); h.troubles++; h.mu.Unlock() },
	}
	if store.WriteFaults == nil {
		store.WriteFaults = h.faultOf
	}
	return h
}

func (h *house) faultOf(call int) checkpoint.Fault {
	if faults := h.writes.Load(); faults != nil {
		return (*faults)(call)
	}
	return checkpoint.Fault{}
}

func (h *house) writesFail(faults checkpoint.Faults) { h.writes.Store(&faults) }

func (h *house) writesAreFine() { h.writes.Store(nil) }

func (h *house) forgetAll(_ context.Context, uuid string) error {
	if _, runs := h.runner.runs()[uuid]; runs {
		h.t.Errorf("%s is forgotten while it runs", uuid)
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.forgotten[uuid]++
	return nil
}

func (h *house) timesForgotten(uuid string) int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.forgotten[uuid]
}

func (h *house) told() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.troubles
}

// open has the engine start, with the mappings that were foretold.
func (h *house) open() *house {
	h.t.Helper()
	before := h.documents()
	foretold, err := Read(h.t.Context(), h.config.File, h.store, h.config.FunctionArn)
	if err != nil {
		h.t.Fatal(err)
	}
	if after := h.documents(); !reflect.DeepEqual(after, before) {
		h.t.Errorf("looking at %q made it %q", before, after)
	}
	if h.Register, h.notes, err = Open(h.t.Context(), h.config); err != nil {
		h.t.Fatal(err)
	}
	var listed []Kept
	for _, m := range h.List() {
		listed = append(listed, Kept{m.Mapping, m.Origin, m.Changed, h.timesForgotten(m.UUID) > 0})
	}
	slices.SortFunc(foretold, func(a, b Kept) int { return cmp.Compare(a.UUID, b.UUID) })
	if !reflect.DeepEqual(listed, foretold) {
		h.t.Errorf("foretold was %+v, and there is %+v", foretold, listed)
	}
	return h
}

func (h *house) documents() map[string][]byte {
	h.t.Helper()
	documents, err := h.store.Reopen().Documents(h.t.Context(), kind)
	if err != nil {
		h.t.Fatal(err)
	}
	return documents
}

// leave ends the process, as it were.
func (h *house) leave() {
	h.Close()
	h.runner.endAll()
}

// again is the next process, with another file.
func (h *house) again(file ...config.Mapping) *house {
	h.t.Helper()
	h.leave()
	return enter(h.t, h.store.Reopen(), file...).open()
}

func (h *house) create(m config.Mapping) Registered {
	h.t.Helper()
	made, err := h.Create(h.t.Context(), m)
	if err != nil {
		h.t.Fatalf("create: %v", err)
	}
	return made
}

func (h *house) update(uuid string, change func(*config.Mapping)) Registered {
	h.t.Helper()
	now, err := h.Update(h.t.Context(), uuid, by(change))
	if err != nil {
		h.t.Fatalf("update: %v", err)
	}
	return now
}

func by(change func(*config.Mapping)) func(config.Mapping) config.Mapping {
	return func(m config.Mapping) config.Mapping { change(&m); return m }
}

func size(n int) func(*config.Mapping) { return func(m *config.Mapping) { m.BatchSize = &n } }

func enabled(b bool) func(*config.Mapping) { return func(m *config.Mapping) { m.Enabled = &b } }

func function(name string) func(*config.Mapping) {
	return func(m *config.Mapping) { m.FunctionName = name }
}

// state expects a mapping's state, or "" if it is to be gone.
func (h *house) state(uuid, want string) {
	h.t.Helper()
	m, err := h.Get(uuid)
	if m.State != want || err != nil && want != "" {
		h.t.Errorf("state %q (%v), want %q", m.State, err, want)
	}
}

func ofQueue(function string) config.Mapping {
	return config.Mapping{FunctionName: function, EventSourceArn: queueARN}
}

func ofStream(function string) config.Mapping {
	return config.Mapping{FunctionName: function, EventSourceArn: streamARN, StartingPosition: config.TrimHorizon}
}

// inFile is a mapping as the file has it.
func inFile(uuid string, m config.Mapping, changes ...func(*config.Mapping)) config.Mapping {
	m.UUID = uuid
	for _, change := range changes {
		change(&m)
	}
	return m.Defaults()
}
