package invoker_test

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"github.com/esm-run/esm"
	"github.com/esm-run/esm/invoker"
)

func TestTryReportsTheLimit(t *testing.T) {
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
			t.Errorf("Try(%s): %v is not an ErrThrottled", tt.function, err)
		}
	}
	if got := [...]int{l.InUse("a"), l.InUse("b"), l.InUse("own"), l.InUse("never")}; got != [...]int{1, 0, 1, 0} {
		t.Errorf("in use: got %v", got)
	}
}

func reason(err error) string {
	if t, ok := errors.AsType[*invoker.Throttled](err); ok {
		return t.Reason()
	}
	return ""
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
			t.Errorf("a permit was taken for a context that has ended: %v", err)
		}
		if err := l.Try("f"); err != nil {
			t.Errorf("the permit is lost: %v", err)
		}
	})
}

// model is the simplest form of Limits: one list of all who wait, walked from its front after every change.
type model struct {
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

func (m *model) pool(function string) string {
	if _, own := m.limit[function]; own {
		return function
	}
	return ""
}

func (m *model) try(function string) bool {
	pool := m.pool(function)
	if m.used[pool] >= m.limit[pool] {
		return false
	}
	m.used[pool]++
	m.inUse[function]++
	return true
}

func (m *model) serve() {
	m.waiting = slices.DeleteFunc(m.waiting, func(w *turn) bool {
		w.granted = m.try(w.function)
		return w.granted
	})
}

func (m *model) release(function string) {
	m.used[m.pool(function)]--
	m.inUse[function]--
	m.serve()
}

func (m *model) set(function string, reserved *int) {
	m.used[m.pool(function)] -= m.inUse[function]
	delete(m.limit, function)
	if reserved != nil {
		m.limit[function] = *reserved
	}
	m.used[m.pool(function)] += m.inUse[function]
	m.serve()
}

func TestLimitsAgainstModel(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		// Only a *testing.T itself is asked for its deadline, which a bubble does not have.
		rapid.Check(struct{ rapid.TB }{t}, compareLimits)
	})
}

func compareLimits(t *rapid.T) {
	shared := rapid.IntRange(0, 3).Draw(t, "shared")
	l := invoker.NewLimits(shared)
	m := &model{limit: map[string]int{"": shared}, used: map[string]int{}, inUse: map[string]int{}}
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
				want, own := m.limit[f]
				if got, ok := l.Reserved(f); got != want || ok != own {
					t.Fatalf("%s: reserved %d %v, want %d %v", f, got, ok, want, own)
				}
			}
		},
	})
}
