package stream

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/esm-run/esm"
	"github.com/esm-run/esm/engine/enginetest"
	"github.com/esm-run/esm/engine/policy"
	"github.com/esm-run/esm/engine/retry"
	"github.com/esm-run/esm/sources/sourcetest"
)

// lateReader finds nothing at its first reads, like one that is throttled.
type lateReader struct {
	esm.Reader
	empty int
}

func (r *lateReader) Read(ctx context.Context, limit int) ([]esm.Record, error) {
	if r.empty--; r.empty < 0 {
		return r.Reader.Read(ctx, limit)
	}
	retry.Sleep(ctx, time.Second)
	return nil, nil
}

type lateStream struct{ esm.Stream }

func (s lateStream) Open(ctx context.Context, shard string, from esm.From) (esm.Reader, error) {
	r, err := s.Stream.Open(ctx, shard, from)
	return &lateReader{r, 3}, err
}

// Windows of 30 s. The bubble's clock starts with a full minute. Five records are put at 0 s, and the feed has run for 5 s.
func TestWindows(t *testing.T) {
	restart := func(r *rig, stream esm.Stream) {
		r.Close()
		r.feed.Stream = stream
		r.runFor(5 * time.Second)
	}
	for name, test := range map[string]struct {
		then func(*rig)
		want []string
	}{
		"carry their state": {func(r *rig) {
			for range 3 { // at 20, 40 and 60 s
				r.Wait(time.Duration(20-time.Now().Second()%20) * time.Second)
				r.put(5)
			}
		}, []string{"00:00 5", "00:00 10", "00:00 10 final", "00:30 5", "00:30 5 final", "01:00 5", "01:00 5 final"}},

		"survive crashes": {func(r *rig) {
			r.crash()
			r.put(5)
			r.runFor(5 * time.Second)
			r.crash()
			r.Wait(time.Hour)
			r.start()
		}, []string{"00:00 5", "00:00 10", "00:00 10 final"}},

		"end with their shard": {func(r *rig) {
			r.stream.Roll(r.shard(0))
			r.Wait(5 * time.Second)
			r.put(1)
		}, []string{"00:00 5", "00:00 5 final", "00:00 1", "00:00 1 final"}},

		"end with a shard that is gone": {func(r *rig) {
			restart(r, faulty{Stream: r.stream, reading: esm.ErrNoShard})
		}, []string{"00:00 5", "00:00 5 final"}},

		"do not end with a trimmed position": {func(r *rig) {
			restart(r, faulty{Stream: r.stream, reading: esm.ErrTrimmed})
			r.put(5)
		}, []string{"00:00 5", "00:00 10", "00:00 10 final"}},

		"wait for records that are read late": {func(r *rig) {
			r.Close()
			r.put(5)
			r.Wait(time.Hour)
			restart(r, lateStream{r.stream})
		}, []string{"00:00 5", "00:00 10", "00:00 10 final"}},

		"of another length end where new ones would": {func(r *rig) {
			r.feed.Tumbling.Length = 20 * time.Second
			restart(r, r.stream)
			for range 3 { // at 10, 30 and 50 s
				r.put(1)
				r.Wait(20 * time.Second)
			}
		}, []string{"00:00 5", "00:00 6", "00:00 6 final", "00:20 1", "00:20 1 final", "00:40 1", "00:40 1 final"}},

		"that are switched off are forgotten": {func(r *rig) {
			r.feed.Tumbling.Length = 0
			restart(r, r.stream)
			r.put(5)
		}, []string{"00:00 5", "1-5"}},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, sourcetest.StreamConfig{}, enginetest.Count, func(r *rig) {
				r.feed.Tumbling.Length = 30 * time.Second
				r.put(5)
				r.runFor(5 * time.Second)
				test.then(r)
				r.Wait(5 * time.Minute)
				r.WantCalls(test.want...)
			})
		})
	}
}

// A window whose state is too large ends early, and before the records that are left, also after a crash.
func TestALargeStateEndsItsWindowEarly(t *testing.T) {
	finals := 0
	handler := func(e enginetest.Event) (string, error) {
		switch {
		case e.Final:
			if finals++; finals == 1 {
				return enginetest.Throw(e)
			}
			return `{"state":{}}`, nil
		case len(e.Records) < 5:
			return `{"state":{}}`, nil
		}
		return fmt.Sprintf(`{"state":"%s","batchItemFailures":[{"itemIdentifier":%q}]}`, strings.Repeat("x", policy.MaxState), e.Item(2)), nil
	}
	bubble(t, sourcetest.StreamConfig{}, handler, func(r *rig) {
		r.feed.Report, r.feed.Tumbling.Length = true, 30*time.Second
		r.put(5)
		r.runFor(100 * time.Millisecond)
		r.crash()
		r.runFor(5 * time.Second)
		r.WantCalls("00:00 5", "00:00 0 final early", "00:00 0 final early", "00:00 3")
	})
}
