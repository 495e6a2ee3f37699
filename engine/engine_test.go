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

func TestFeedsComeAndGo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log journal
		var e Engine
		feed := func(name string) *logged { return &logged{name: name, inHand: time.Minute, log: &log} }
		e.Set("a", feed("a"))
		e.Set("gone", feed("gone"))
		<-e.Remove("gone")
		stop := e.run(t)
		began := e.Set("a", feed("a'")) // waits for a
		last := e.Set("a", feed("a\"")) // replaces one that never ran
		e.Set("b", feed("b"))
		synctest.Wait()
		log.want(t, "a starts", "b starts")
		<-began
		<-last
		synctest.Wait()
		log.want(t, "a starts", "a ends", "a\" starts", "b starts")
		start := time.Now()
		<-e.Remove("b")
		if took := time.Since(start); took != time.Minute {
			t.Errorf("b was over after %v", took)
		}
		<-e.Remove("b")
		stop()
		<-e.Set("late", feed("late"))
		log.want(t, "a starts", "a ends", "a\" starts", "a\" ends", "b starts", "b ends")
	})
}

// Began is closed when the feed is ready, or has ended before that.
func TestAFeedHasBegunWhenItIsReady(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log journal
		var e Engine
		stop := e.run(t)
		start := time.Now()
		<-e.Set("slow", &logged{ready: time.Hour, log: &log})
		if took := time.Since(start); took != time.Hour {
			t.Errorf("begun after %v, want an hour", took)
		}
		never := e.Set("slow", &logged{ready: time.Hour, inHand: time.Minute, log: &log})
		synctest.Wait()
		start = time.Now()
		over := e.Remove("slow")
		<-never
		<-over
		if took := time.Since(start); took != time.Minute {
			t.Errorf("over after %v, want a minute", took)
		}
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
		if more := runtime.NumGoroutine() - before; more > 10 {
			t.Errorf("%d goroutines more", more)
		}
		start := time.Now()
		<-last
		if took := time.Since(start); took != time.Hour {
			t.Errorf("the last began after %v, want it to wait for what is in hand", took)
		}
		e.Set("a", &logged{name: "never", log: &log})
		start = time.Now()
		<-e.Remove("a")
		if took := time.Since(start); took != time.Minute {
			t.Errorf("over after %v, want what is in hand to be settled", took)
		}
		stop()
		log.want(t, "first starts", "first ends", "last starts", "last ends")
	})
}
