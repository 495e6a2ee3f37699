package engine

import (
	"context"
	"runtime"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

func TestAnEngineWithoutFeedsRunsUntilItIsEnded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		began := time.Now()
		new(Engine).Run(ctx, t.Context())
		if ran := time.Since(began); ran != time.Hour {
			t.Errorf("an engine without feeds ran for %v, want until its context ended", ran)
		}
	})
}

// journal is a list of lines that several goroutines write.
type journal struct {
	mu    sync.Mutex
	lines []string
}

func (j *journal) add(line string) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.lines = append(j.lines, line)
}

func (j *journal) want(t *testing.T, want ...string) {
	t.Helper()
	j.mu.Lock()
	defer j.mu.Unlock()
	slices.Sort(want)
	if got := slices.Sorted(slices.Values(j.lines)); !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

// logged is a feed that logs its start, its being ready and its end.
type logged struct {
	name          string
	ready, inHand time.Duration // until it is ready, and to finish what is in hand
	log           *journal
}

func (f *logged) Run(ctx, work context.Context, ready func()) {
	f.log.add(f.name + " starts")
	select {
	case <-time.After(f.ready):
		ready()
	case <-ctx.Done():
	}
	<-ctx.Done()
	select {
	case <-time.After(f.inHand):
	case <-work.Done():
	}
	f.log.add(f.name + " ends")
}

// run runs e until stop is called.
func (e *Engine) run(t *testing.T) (stop func()) {
	ctx, cancel := context.WithCancel(t.Context())
	var running sync.WaitGroup
	running.Go(func() { e.Run(ctx, t.Context()) })
	synctest.Wait()
	return func() {
		cancel()
		running.Wait()
	}
}

// wantAfter waits for done, which must be closed after d.
func wantAfter(t *testing.T, d time.Duration, done <-chan struct{}) {
	t.Helper()
	start := time.Now()
	<-done
	if took := time.Since(start); took != d {
		t.Errorf("it took %v, want %v", took, d)
	}
}

func TestFeedsComeAndGo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log journal
		var e Engine
		feed := func(name string) *logged { return &logged{name: name, inHand: time.Minute, log: &log} }
		e.Set("a", feed("a"))
		e.Set("gone", feed("gone"))
		<-e.Remove("gone")
		stop := e.run(t)
		ready := e.Set("a", feed("a'")) // waits for a
		last := e.Set("a", feed("a\"")) // replaces one that never ran
		e.Set("b", feed("b"))
		synctest.Wait()
		log.want(t, "a starts", "b starts")
		<-ready
		<-last
		synctest.Wait()
		log.want(t, "a starts", "a ends", "a\" starts", "b starts")
		wantAfter(t, time.Minute, e.Remove("b"))
		<-e.Remove("b")
		stop()
		<-e.Set("late", feed("late"))
		log.want(t, "a starts", "a ends", "a\" starts", "a\" ends", "b starts", "b ends")
	})
}

// Ready is closed when the feed is ready, or has ended before that.
func TestAFeedHasBegunWhenItIsReady(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log journal
		var e Engine
		stop := e.run(t)
		wantAfter(t, time.Hour, e.Set("slow", &logged{ready: time.Hour, log: &log}))
		never := e.Set("slow", &logged{ready: time.Hour, inHand: time.Minute, log: &log})
		synctest.Wait()
		wantAfter(t, time.Minute, e.Remove("slow"))
		<-never
		stop()
	})
}

// While a long invocation is in hand a mapping may be changed many times: only the last change leaves something behind.
func TestManyFeedsReplaceOneThatTakesLong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log journal
		var e Engine
		stop := e.run(t)
		<-e.Set("a", &logged{name: "first", inHand: time.Hour, log: &log})
		synctest.Wait()
		before := runtime.NumGoroutine()
		for range 1000 {
			e.Set("a", &logged{name: "never", log: &log})
		}
		last := e.Set("a", &logged{name: "last", inHand: time.Minute, log: &log})
		synctest.Wait()
		if more := runtime.NumGoroutine() - before; more > 500 { // some that have ended may still count on a busy machine
			t.Errorf("%d goroutines more", more)
		}
		wantAfter(t, time.Hour, last) // when what is in hand is settled
		e.Set("a", &logged{name: "never", log: &log})
		wantAfter(t, time.Minute, e.Remove("a"))
		stop()
		log.want(t, "first starts", "first ends", "last starts", "last ends")
	})
}
