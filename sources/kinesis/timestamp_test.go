package kinesis

import (
	"math"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/esm-run/esm"
)

// A service that cuts the time of an iterator to the second, as LocalStack does, hands out what arrived before that time.
func TestRecordsBeforeTheTime(t *testing.T) {
	for name, first := range map[string]bool{"are read with the others": false, "are read first": true} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newRig(t)
				usual := r.service.answers["GetShardIterator"]
				r.service.answers["GetShardIterator"] = func(c call) *answer {
					if at, timed := c.in["Timestamp"].(float64); timed {
						c.in["Timestamp"] = math.Floor(at)
					}
					return usual(c)
				}
				r.put("before")
				time.Sleep(100 * time.Millisecond)
				reader := r.open(esm.From{At: time.Now()})
				defer reader.Close()
				if got := []string(nil); first {
					if got = r.read(reader, 10); len(got) > 0 {
						t.Errorf("read %q, want nothing", got)
					}
				}
				r.put("at", "after")
				if got, want := r.read(reader, 10), []string{"at", "after"}; !slices.Equal(got, want) {
					t.Errorf("read %q, want %q", got, want)
				}
			})
		})
	}
}
