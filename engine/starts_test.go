package engine

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/esm-run/esm/sources/sourcetest"
	"github.com/esm-run/esm/trace"
)

// begun runs a stream of so many shards and tells when each began.
func begun(t *testing.T, shards int) (after []time.Duration) {
	t.Helper()
	r := flow(t, sourcetest.StreamConfig{Shards: shards}, nil)
	start := time.Now()
	r.feed.Trace = func(e trace.Event) {
		if _, ok := e.(trace.Reading); ok {
			r.mu.Lock()
			defer r.mu.Unlock()
			after = append(after, time.Since(start))
		}
	}
	r.start()
	r.wait(2 * time.Second)
	r.close()
	return after
}

func TestAHundredShardsBeginAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		after := begun(t, startAtOnce)
		if len(after) != startAtOnce || after[len(after)-1] != 0 {
			t.Errorf("%d shards begin, the last after %s", len(after), after[len(after)-1])
		}
	})
}

func TestMoreShardsBeginOneAfterTheOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const more = 50
		after := begun(t, startAtOnce+more)
		if len(after) != startAtOnce+more || after[startAtOnce-1] != 0 {
			t.Fatalf("%d shards begin, the hundredth after %s", len(after), after[startAtOnce-1])
		}
		for i, got := range after[startAtOnce:] {
			if want := time.Duration(i+1) * betweenStart; got != want {
				t.Fatalf("shard %d begins after %s, want %s", startAtOnce+i+1, got, want)
			}
		}
	})
}
