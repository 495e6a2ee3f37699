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

// journal is what several goroutines write down.
type journal struct {
	mu    sync.Mutex
	lines []string
}

func (j *journal) add(line string) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.lines = append(j.lines, line)
}

func (j *journal) sorted() []string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return slices.Sorted(slices.Values(j.lines))
}

// logged is a feed that writes down when it begins and ends, and takes a while to end.
type logged struct {
	name   string
	inHand time.Duration
	log    *journal
}

func (f *logged) Run(ctx, work context.Context) {
	f.log.add(f.name + " begins")
	<-ctx.Done()
	select {
	case <-time.After(f.inHand):
	case <-work.Done():
	}
	f.log.add(f.name + " ends")
}

func TestFeedsComeAndGo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		var log journal
		var e Engine
		feed := func(name string) *logged { return &logged{name: name, inHand: time.Minute, log: &log} }
		e.Set("a", feed("a"))
		e.Set("gone", feed("gone"))
		<-e.Remove("gone")
		over := make(chan struct{})
		go func() {
			defer close(over)
			e.Run(ctx, t.Context())
		}()
		synctest.Wait()
		began := e.Set("a", feed("a'")) // waits for a
		last := e.Set("a", feed("a\"")) // in the place of one that never ran
		e.Set("b", feed("b"))
		synctest.Wait()
		if want := []string{"a begins", "b begins"}; !slices.Equal(log.sorted(), want) {
			t.Errorf("at first %q, want %q", log.sorted(), want)
		}
		<-began
		<-last
		synctest.Wait()
		if want := []string{"a begins", "a ends", "a\" begins", "b begins"}; !slices.Equal(log.sorted(), want) {
			t.Errorf("then %q, want %q", log.sorted(), want)
		}
		start := time.Now()
		<-e.Remove("b")
		if took := time.Since(start); took != time.Minute {
			t.Errorf("b was over after %v", took)
		}
		<-e.Remove("b")
		cancel()
		<-over
		<-e.Set("late", feed("late"))
		want := []string{"a begins", "a ends", "a\" begins", "a\" ends", "b begins", "b ends"}
		slices.Sort(want)
		if !slices.Equal(log.sorted(), want) {
			t.Errorf("in the end %q, want %q", log.sorted(), want)
		}
	})
}

// While a long invocation is in hand a mapping may be changed many times: all but the last change leave nothing behind.
func TestManyFeedsInPlaceOfOneThatTakesLong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		var log journal
		var e Engine
		var wg sync.WaitGroup
		wg.Go(func() { e.Run(ctx, t.Context()) })
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
		cancel()
		wg.Wait()
		if want := []string{"first begins", "first ends", "last begins", "last ends"}; !slices.Equal(log.sorted(), want) {
			t.Errorf("got %q, want %q", log.sorted(), want)
		}
	})
}
