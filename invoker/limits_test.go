package invoker_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/esm-run/esm"
	"github.com/esm-run/esm/invoker"
	"pgregory.net/rapid"
)

func TestTryAnswersAtOnceWhichLimitWasMet(t *testing.T) {
	l := invoker.NewLimits(1)
	l.Set("own", new(1))
	l.Set("off", new(0))
	for _, tt := range []struct {
		function, want string
	}{
		{"a", ""},
		{"b", "ConcurrentInvocationLimitExceeded"},
		{"own", ""},
		{"own", "ReservedFunctionConcurrentInvocationLimitExceeded"},
		{"off", "ReservedFunctionConcurrentInvocationLimitExceeded"},
	} {
		err := l.Try(tt.function)
		if got := reason(err); got != tt.want {
			t.Errorf("Try(%s): reason %q, want %q", tt.function, got, tt.want)
		}
		if err != nil && (!errors.Is(err, esm.ErrThrottled) || !errors.Is(err, esm.ErrNotRun)) {
			t.Errorf("Try(%s): %v is no ErrThrottled", tt.function, err)
		}
	}
	if got := [...]int{l.InUse("a"), l.InUse("b"), l.InUse("own"), l.InUse("never"), l.SharedInUse()}; got != [...]int{1, 0, 1, 0, 1} {
		t.Errorf("in use: got %v", got)
	}
}

func reason(err error) string {
	if t, ok := errors.AsType[*invoker.Throttled](err); ok {
		return t.Reason()
	}
	return ""
}

func TestWaitIsFirstComeFirstServed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := invoker.NewLimits(1)
		if err := l.Try("f"); err != nil {
			t.Fatal(err)
		}
		order := make(chan string, 4)
		for _, name := range []string{"a", "b", "a", "c"} {
			go func() {
				if err := l.Wait(t.Context(), name); err != nil {
					t.Errorf("Wait(%s): %v", name, err)
				}
				order <- name
			}()
			synctest.Wait()
		}
		l.Release("f")
		for _, want := range []string{"a", "b", "a", "c"} {
			if got := <-order; got != want {
				t.Errorf("got %s, want %s", got, want)
			}
			if err := l.Try("barging"); err == nil {
				t.Error("Try took the permit that somebody holds")
			}
			l.Release(want)
		}
		if got := l.SharedInUse(); got != 0 {
			t.Errorf("%d permits in use, want 0", got)
		}
	})
}

func TestWaitEndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := invoker.NewLimits(1)
		l.Set("off", new(0))
		began := time.Now()
		enough := errors.New("enough")
		ctx, cancel := context.WithTimeoutCause(t.Context(), 24*time.Hour, enough)
		defer cancel()
		if err := l.Wait(ctx, "off"); !errors.Is(err, enough) {
			t.Errorf("got %v, want the cause", err)
		}
		if got := time.Since(began); got != 24*time.Hour {
			t.Errorf("waited %v", got)
		}
		if err := l.Wait(ctx, "f"); !errors.Is(err, enough) {
			t.Errorf("a permit was taken for a context that is over: %v", err)
		}
		if err := l.Try("f"); err != nil {
			t.Errorf("the permit is lost: %v", err)
		}
	})
}

func TestSetWorksAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := invoker.NewLimits(2)
		for range 2 {
			l.Try("f")
		}
		served := make(chan string, 10)
		var waiters sync.WaitGroup
		for _, name := range []string{"f", "g", "f"} {
			waiters.Go(func() {
				if l.Wait(t.Context(), name) == nil {
					served <- name
				}
			})
			synctest.Wait()
		}
		expect := func(step string, want ...string) {
			t.Helper()
			synctest.Wait()
			var got []string
			for len(served) > 0 {
				got = append(got, <-served)
			}
			slices.Sort(got)
			if !slices.Equal(got, want) {
				t.Errorf("%s: served %v, want %v", step, got, want)
			}
		}
		expect("full")
		l.Set("f", new(3)) // takes its two along: two of its own are in use, and the shared pool is empty
		expect("reserved", "f", "g")
		if n, ok := l.Reserved("f"); n != 3 || !ok {
			t.Errorf("Reserved: got %d %v", n, ok)
		}
		l.Set("f", new(1)) // three run, none is stopped
		l.Release("f")
		l.Release("f")
		expect("lowered")
		if got := reason(l.Try("f")); got != "ReservedFunctionConcurrentInvocationLimitExceeded" {
			t.Errorf("Try below: got %q", got)
		}
		l.Set("f", nil) // back to the shared pool, where g runs: both permits are in use
		expect("shared again")
		l.Release("g")
		expect("freed", "f")
		if got := [...]int{l.InUse("f"), l.InUse("g"), l.SharedInUse()}; got != [...]int{2, 0, 2} {
			t.Errorf("in use: got %v", got)
		}
		waiters.Wait()
	})
}

// Whoever waits keeps its turn by the time it came, through every change of pools.
func TestSetKeepsTurns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := invoker.NewLimits(1)
		l.Try("x")
		order := make(chan int, 6)
		var waiters sync.WaitGroup
		for i, name := range []string{"f", "g", "f", "h", "f", "g"} {
			waiters.Go(func() {
				if l.Wait(t.Context(), name) == nil {
					order <- i
					l.Release(name)
				}
			})
			synctest.Wait()
		}
		for _, name := range []string{"f", "g", "h", "f"} {
			l.Set(name, new(0))
		}
		for _, name := range []string{"g", "h", "f"} {
			l.Set(name, nil)
		}
		l.Release("x")
		waiters.Wait()
		for want := range 6 {
			if got := <-order; got != want {
				t.Errorf("got %d, want %d", got, want)
			}
		}
	})
}

// twin is Limits as one would explain them: a list of all who wait, walked from its front after every change.
type twin struct {
	limit, used map[string]int // by pool: a function's name, or "" for the shared one
	inUse       map[string]int // by function
	waiting     []*turn
}

type turn struct {
	function string
	granted  bool
	cancel   context.CancelFunc
	got      chan error
}

func (m *twin) pool(function string) string {
	if _, own := m.limit[function]; own {
		return function
	}
	return ""
}

func (m *twin) try(function string) bool {
	pool := m.pool(function)
	if m.used[pool] >= m.limit[pool] {
		return false
	}
	m.used[pool]++
	m.inUse[function]++
	return true
}

func (m *twin) serve() {
	m.waiting = slices.DeleteFunc(m.waiting, func(w *turn) bool {
		w.granted = m.try(w.function)
		return w.granted
	})
}

func (m *twin) release(function string) {
	m.used[m.pool(function)]--
	m.inUse[function]--
	m.serve()
}

func (m *twin) set(function string, reserved *int) {
	m.used[m.pool(function)] -= m.inUse[function]
	delete(m.limit, function)
	if reserved != nil {
		m.limit[function] = *reserved
	}
	m.used[m.pool(function)] += m.inUse[function]
	m.serve()
}

func TestLimitsAgainstATwin(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		// Only a *testing.T itself is asked for its deadline, which a bubble does not have.
		rapid.Check(struct{ rapid.TB }{t}, compare)
	})
}

func compare(t *rapid.T) {
	shared := rapid.IntRange(0, 3).Draw(t, "shared")
	l := invoker.NewLimits(shared)
	m := &twin{limit: map[string]int{"": shared}, used: map[string]int{}, inUse: map[string]int{}}
	function := rapid.SampledFrom([]string{"a", "b", "c"})
	var goroutines sync.WaitGroup
	var turns []*turn
	defer func() {
		for _, w := range turns {
			w.cancel()
		}
		goroutines.Wait()
	}()
	t.Repeat(map[string]func(*rapid.T){
		"try": func(t *rapid.T) {
			f := function.Draw(t, "function")
			if got, want := l.Try(f) == nil, m.try(f); got != want {
				t.Fatalf("Try(%s): got %v, want %v", f, got, want)
			}
		},
		"wait": func(t *rapid.T) {
			ctx, cancel := context.WithCancel(context.Background())
			w := &turn{function: function.Draw(t, "function"), cancel: cancel, got: make(chan error, 1)}
			turns = append(turns, w)
			m.waiting = append(m.waiting, w)
			m.serve()
			goroutines.Go(func() { w.got <- l.Wait(ctx, w.function) })
		},
		"cancel": func(t *rapid.T) {
			if len(m.waiting) == 0 {
				t.Skip("nobody waits")
			}
			i := rapid.IntRange(0, len(m.waiting)-1).Draw(t, "waiter")
			m.waiting[i].cancel()
			m.waiting = slices.Delete(m.waiting, i, i+1)
		},
		"release": func(t *rapid.T) {
			f := function.Draw(t, "function")
			if m.inUse[f] == 0 {
				t.Skip("none in use")
			}
			l.Release(f)
			m.release(f)
		},
		"set": func(t *rapid.T) {
			f := function.Draw(t, "function")
			reserved := rapid.Ptr(rapid.IntRange(0, 3), true).Draw(t, "reserved")
			l.Set(f, reserved)
			m.set(f, reserved)
		},
		"": func(t *rapid.T) {
			synctest.Wait()
			for i, w := range turns {
				if got := len(w.got) == 1; got != w.granted && w.granted {
					t.Fatalf("turn %d (%s) has no permit", i, w.function)
				}
				if !w.granted && slices.Contains(m.waiting, w) && len(w.got) > 0 {
					t.Fatalf("turn %d (%s) was served too early", i, w.function)
				}
			}
			for _, f := range []string{"a", "b", "c"} {
				if got, want := l.InUse(f), m.inUse[f]; got != want {
					t.Fatalf("%s: %d in use, want %d", f, got, want)
				}
			}
			if got, want := l.SharedInUse(), m.used[""]; got != want {
				t.Fatalf("%d of the shared pool in use, want %d", got, want)
			}
		},
	})
}

// A context ends in the very moment in which the permit comes free. Whoever wins, the permit is in one hand.
func TestNoPermitIsLostInARace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := invoker.NewLimits(1)
		for range 100 {
			l.Try("f")
			ctx, cancel := context.WithCancel(t.Context())
			got := make(chan error)
			go func() { got <- l.Wait(ctx, "f") }()
			synctest.Wait()
			l.Release("f")
			cancel()
			want := 0
			if <-got == nil {
				want = 1
			}
			if got := l.InUse("f"); got != want {
				t.Fatalf("%d in use, want %d", got, want)
			}
			if want == 1 {
				l.Release("f")
			}
		}
	})
}

func TestLimitsHoldUnderLoad(t *testing.T) {
	const limit, workers, rounds = 3, 16, 200
	l := invoker.NewLimits(limit)
	var running atomic.Int32
	var wg sync.WaitGroup
	for worker := range workers {
		wg.Go(func() {
			random := rand.New(rand.NewPCG(1, uint64(worker)))
			for range rounds {
				ctx, cancel := context.WithTimeout(t.Context(), time.Duration(random.IntN(50))*time.Microsecond)
				if l.Wait(ctx, "f") == nil {
					if n := running.Add(1); n > limit {
						t.Errorf("%d run under a limit of %d", n, limit)
					}
					runtime.Gosched()
					running.Add(-1)
					l.Release("f")
				}
				cancel()
			}
		})
	}
	wg.Wait()
	if got := l.InUse("f"); got != 0 {
		t.Errorf("%d permits are lost", got)
	}
}
