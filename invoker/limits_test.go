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

// model is the simplest form of Limits: a list of all who wait in each line, walked from its front after every change.
type model struct {
	limit       map[string]int // by pool: a function's name, or "" for the shared one
	inUse       map[string]int // by function
	provisioned map[string]int // by function
	waiting     [2][]*turn     // for long, briefly
	next        map[string]int // by pool: the line that is served next
}

type turn struct {
	function string
	brief    bool
	granted  bool
	cancel   context.CancelFunc
	got      chan error
}

var functions = []string{"a", "b", "c"}

func (m *model) pool(function string) string {
	if _, own := m.limit[function]; own {
		return function
	}
	return ""
}

// floor returns the permits of the shared pool that are function's alone.
func (m *model) floor(function string) int {
	if m.pool(function) == "" {
		return m.provisioned[function]
	}
	return 0
}

// free reports whether there is a permit for function: one that is its own, or one that nobody uses and that is nobody's.
func (m *model) free(function string) bool {
	if m.inUse[function] < m.floor(function) {
		return true
	}
	pool, taken := m.pool(function), 0
	for _, f := range functions {
		if m.pool(f) == pool {
			taken += max(m.inUse[f], m.floor(f))
		}
	}
	return taken < m.limit[pool]
}

func (m *model) try(function string) bool {
	if !m.free(function) {
		return false
	}
	m.inUse[function]++
	return true
}

func (m *model) serve() {
	for _, pool := range append(functions, "") {
		for m.serveOne(pool) {
		}
	}
}

// serveOne gives a permit of a pool to the first who can have one, of the line whose turn it is or else of the other.
func (m *model) serveOne(pool string) bool {
	for i := range 2 {
		line := (m.next[pool] + i) % 2
		for at, w := range m.waiting[line] {
			if m.pool(w.function) == pool && m.try(w.function) {
				w.granted = true
				m.waiting[line] = slices.Delete(m.waiting[line], at, at+1)
				m.next[pool] = 1 - line
				return true
			}
		}
	}
	return false
}

func (m *model) release(function string) {
	m.inUse[function]--
	m.serve()
}

func (m *model) set(function string, reserved *int) {
	if reserved != nil || m.pool(function) == function {
		delete(m.next, function) // a new pool
	}
	delete(m.limit, function)
	if reserved != nil {
		m.limit[function] = *reserved
	}
	m.serve()
}

func TestLimitsAgainstModel(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		// Only a *testing.T itself is asked for its deadline, which a bubble does not have.
		rapid.Check(struct{ rapid.TB }{t}, compareLimits)
	})
}

func compareLimits(t *rapid.T) {
	shared := rapid.IntRange(0, 4).Draw(t, "shared")
	l := invoker.NewLimits(shared)
	m := &model{limit: map[string]int{"": shared}, inUse: map[string]int{}, provisioned: map[string]int{}, next: map[string]int{}}
	function := rapid.SampledFrom(functions)
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
			w := &turn{
				function: function.Draw(t, "function"), brief: rapid.Bool().Draw(t, "briefly"),
				cancel: cancel, got: make(chan error, 1),
			}
			turns = append(turns, w)
			wait, line := l.Wait, 0
			if w.brief {
				wait, line = l.WaitBriefly, 1
			}
			if w.granted = m.try(w.function); !w.granted {
				m.waiting[line] = append(m.waiting[line], w)
			}
			goroutines.Go(func() { w.got <- wait(ctx, w.function) })
		},
		"cancel": func(t *rapid.T) {
			line := rapid.IntRange(0, 1).Draw(t, "line")
			if len(m.waiting[line]) == 0 {
				t.Skip("nobody waits")
			}
			i := rapid.IntRange(0, len(m.waiting[line])-1).Draw(t, "waiter")
			m.waiting[line][i].cancel()
			m.waiting[line] = slices.Delete(m.waiting[line], i, i+1)
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
		"provision": func(t *rapid.T) {
			f := function.Draw(t, "function")
			n := rapid.IntRange(0, 3).Draw(t, "environments")
			l.Provision(f, n)
			m.provisioned[f] = n
			m.serve()
		},
		"": func(t *rapid.T) {
			synctest.Wait()
			for i, w := range turns {
				if got := len(w.got) == 1; got != w.granted && w.granted {
					t.Fatalf("turn %d (%s) has no permit", i, w.function)
				}
				if !w.granted && slices.Contains(slices.Concat(m.waiting[:]...), w) && len(w.got) > 0 {
					t.Fatalf("turn %d (%s) was served too early", i, w.function)
				}
			}
			for _, f := range functions {
				if got, want := l.InUse(f), m.inUse[f]; got != want {
					t.Fatalf("%s: %d in use, want %d", f, got, want)
				}
				want, own := m.limit[f]
				if got, ok := l.Reserved(f); got != want || ok != own {
					t.Fatalf("%s: reserved %d %v, want %d %v", f, got, ok, want, own)
				}
				if got, ok := l.Provisionable(f); ok != own || got != m.provisionable(f) {
					t.Fatalf("%s: %d can be provisioned, want %d", f, got, m.provisionable(f))
				}
			}
		},
	})
}

func (m *model) provisionable(function string) int {
	if m.pool(function) == function {
		return m.limit[function]
	}
	n := m.limit[""]
	for _, f := range functions {
		if f != function {
			n -= m.floor(f)
		}
	}
	return max(n, 0)
}

// Who waits for a permit of a share gets the one that is given back there, also while the rest of the pool is taken.
func TestWaitForAShareOfThePool(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := invoker.NewLimits(2)
		l.Provision("f", 1)
		got := make(chan string, 4)
		for _, function := range []string{"f", "g", "g", "f"} {
			go func() {
				if err := l.Wait(t.Context(), function); err != nil {
					t.Error(err)
				}
				got <- function
			}()
			synctest.Wait()
		}
		for _, step := range []struct{ release, first string }{{"f", "f"}, {"g", "g"}} {
			for len(got) > 0 {
				<-got
			}
			l.Release(step.release)
			synctest.Wait()
			if len(got) != 1 || <-got != step.first {
				t.Errorf("%s has not the permit that %s gave back", step.first, step.release)
			}
		}
	})
}

// What one function has provisioned in the shared pool is its own, and no more than that.
func TestProvisionedShareOfThePool(t *testing.T) {
	l := invoker.NewLimits(4)
	l.Provision("f", 2)
	steps := []struct {
		do   func() bool
		want bool
		why  string
	}{
		{func() bool { return l.Try("g") == nil }, true, "the first that is shared"},
		{func() bool { return l.Try("f") == nil }, true, "f's first"},
		{func() bool { return l.Try("g") == nil }, true, "the second that is shared"},
		{func() bool { return l.Try("g") == nil }, false, "the rest is f's"},
		{func() bool { return l.Try("f") == nil }, true, "f's second"},
		{func() bool { return l.Try("f") == nil }, false, "the shared ones are taken"},
		{func() bool { l.Release("g"); return l.Try("f") == nil }, true, "f spills over"},
		{func() bool { return l.Try("g") == nil }, false, "into the share of all"},
		{func() bool { l.Release("f"); return l.Try("g") == nil }, true, "which it gives back first"},
		{func() bool { l.Release("f"); return l.Try("g") == nil }, false, "before its own"},
		{func() bool { l.Provision("f", 1); return l.Try("g") == nil }, true, "of which it has fewer now"},
		{func() bool { l.Set("f", new(1)); return l.Try("f") == nil }, false, "a reservation holds it all"},
		{func() bool { return l.Try("g") == nil }, true, "and leaves the pool to others"},
	}
	for i, s := range steps {
		if got := s.do(); got != s.want {
			t.Fatalf("step %d (%s): got %v, want %v", i, s.why, got, s.want)
		}
	}
}
