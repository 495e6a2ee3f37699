package mappings

import (
	"context"
	"maps"
	"sync"
	"testing"
	"time"

	"github.com/esm-run/esm/config"
	"github.com/esm-run/esm/engine"
)

// testRunner runs feeds that do nothing on an engine, and checks the register's calls.
type testRunner struct {
	t      *testing.T
	engine engine.Engine
	end    context.CancelFunc
	feeds  sync.WaitGroup
	onRun  func(config.Mapping) // called by Run, if not nil

	mu          sync.Mutex
	inHand      time.Duration // how long a feed that ends takes to settle its batches
	err         error         // of Run
	neverBegins bool
	running     map[string]config.Mapping  // by UUID
	stopped     map[string]<-chan struct{} // settled of the last Stop, by UUID
	begins      int                        // of feeds
}

func newRunner(t *testing.T) *testRunner {
	r := &testRunner{t: t, running: map[string]config.Mapping{}, stopped: map[string]<-chan struct{}{}}
	ctx, cancel := context.WithCancel(context.Background())
	r.end = cancel
	r.feeds.Go(func() { r.engine.Run(ctx, context.Background()) })
	t.Cleanup(r.stop)
	return r
}

// Run implements [Runner].
func (f *testRunner) Run(m config.Mapping) (<-chan struct{}, error) {
	if f.onRun != nil {
		f.onRun(m)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.err != nil {
		return nil, f.err
	}
	select {
	case <-f.stopped[m.UUID]:
	default:
		if f.stopped[m.UUID] != nil || !*m.Enabled {
			f.t.Errorf("Run of %s, which is not enabled or has not stopped yet", m.UUID)
		}
	}
	return f.engine.Set(m.UUID, testFeed{f, m}), nil
}

// Stop implements [Runner].
func (f *testRunner) Stop(uuid string) <-chan struct{} {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.stopped[uuid] = f.engine.Remove(uuid)
	return f.stopped[uuid]
}

type testFeed struct {
	*testRunner
	m config.Mapping
}

// Run implements [engine.Feed].
func (f testFeed) Run(ctx, _ context.Context, ready func()) {
	f.set(func(r *testRunner) {
		if other, runs := r.running[f.m.UUID]; runs {
			r.t.Errorf("%s runs twice: as %+v and as %+v", f.m.UUID, other, f.m)
		}
		r.running[f.m.UUID] = f.m
		r.begins++
		if !r.neverBegins {
			ready()
		}
	})
	<-ctx.Done()
	var inHand time.Duration
	f.set(func(r *testRunner) { inHand = r.inHand })
	time.Sleep(inHand)
	f.set(func(r *testRunner) { delete(r.running, f.m.UUID) })
}

// stop ends all feeds, as the end of the process does.
func (f *testRunner) stop() {
	f.end()
	f.feeds.Wait()
}

// set changes fields under the mutex.
func (f *testRunner) set(change func(*testRunner)) { f.mu.Lock(); defer f.mu.Unlock(); change(f) }

func (f *testRunner) setInHand(d time.Duration) { f.set(func(f *testRunner) { f.inHand = d }) }

func (f *testRunner) setError(err error) { f.set(func(f *testRunner) { f.err = err }) }

func (f *testRunner) beginCount() int { f.mu.Lock(); defer f.mu.Unlock(); return f.begins }

func (f *testRunner) runs() map[string]config.Mapping {
	f.mu.Lock()
	defer f.mu.Unlock()
	return maps.Clone(f.running)
}
