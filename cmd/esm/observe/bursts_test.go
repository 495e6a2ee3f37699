package observe

import (
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

func TestBursts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var b bursts[string]
		passed := func(mapping, kind string, lines int) (n, before int) {
			for range lines {
				pass, more := b.pass(mapping, kind)
				if before += more; pass {
					n++
				}
			}
			return n, before
		}
		for _, c := range []struct {
			name                  string
			mapping, kind         string
			after                 time.Duration
			lines, passed, before int
		}{
			{"a burst", "m", "failed", 0, 100, mostLines, 0},
			{"another kind", "m", "done", 0, 5, 5, 0},
			{"another mapping", "other", "failed", 0, 5, 5, 0},
			{"the same second", "m", "failed", burstTime - 1, 1, 0, 0},
			{"the next", "m", "failed", 1, mostLines + 2, mostLines, 100 + 1 - mostLines},
			{"much later", "m", "failed", time.Hour, 1, 1, 2},
			{"once told", "m", "failed", time.Hour, 1, 1, 0},
		} {
			time.Sleep(c.after)
			if n, before := passed(c.mapping, c.kind, c.lines); n != c.passed || before != c.before {
				t.Errorf("%s: %d pass, %d were held back before; want %d and %d", c.name, n, before, c.passed, c.before)
			}
		}
	})
}

func TestBurstsTellTheRest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var b bursts[string]
		for range mostLines + 3 {
			b.pass("m", "failed")
		}
		if got := b.rest("m"); got != nil {
			t.Errorf("%v is told too soon", got)
		}
		time.Sleep(burstTime)
		if got := b.rest("other"); got != nil {
			t.Errorf("%v is told of another mapping", got)
		}
		if got, want := b.rest("m"), []backlog[string]{{"failed", 3}}; !slices.Equal(got, want) {
			t.Errorf("got %v, want %v", got, want)
		}
		if got := b.rest("m"); got != nil {
			t.Errorf("%v is told twice", got)
		}
	})
}

func TestBurstsManyAtOnce(t *testing.T) {
	var b bursts[string]
	var passed, before atomic.Int64
	var lanes sync.WaitGroup
	for range 8 {
		lanes.Go(func() {
			for range 1000 {
				pass, more := b.pass("m", "failed")
				before.Add(int64(more))
				for _, x := range b.rest("m") {
					before.Add(int64(x.lines))
				}
				if pass {
					passed.Add(1)
				}
			}
		})
	}
	lanes.Wait()
	if got := passed.Load() + before.Load() + b.held.Load(); got != 8000 {
		t.Errorf("%d lines of 8000 are accounted for", got)
	}
}
