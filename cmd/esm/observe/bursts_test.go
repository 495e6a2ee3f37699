package observe

import (
	"testing"
	"testing/synctest"
	"time"
)

func TestBursts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var b bursts[string]
		passed := func(mapping, kind string, lines int) (n, before int) {
			for range lines {
				ok, more := b.allow(time.Now(), mapping, kind)
				if before += more; ok {
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
			{"a burst", "m", "failed", 0, 100, maxLines, 0},
			{"another kind", "m", "done", 0, 5, 5, 0},
			{"another mapping", "other", "failed", 0, 5, 5, 0},
			{"the same second", "m", "failed", burstTime - 1, 1, 0, 0},
			{"the next", "m", "failed", 1, maxLines + 2, maxLines, 100 + 1 - maxLines},
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
