package engine

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/esm-run/esm"
	"github.com/esm-run/esm/engine/policy"
	"github.com/esm-run/esm/sources/sourcetest"
	"github.com/esm-run/esm/trace"
)

// late is a stream that opens any position and says what is wrong with it only when it is read, as DynamoDB Local does.
type late struct {
	esm.Stream
	fault error // of reading behind any position
}

func (l late) Open(ctx context.Context, shard string, from esm.From) (esm.Reader, error) {
	r, err := l.Stream.Open(ctx, shard, esm.From{})
	if err == nil && from.After != "" {
		r = lateReader{r, l.fault}
	}
	return r, err
}

type lateReader struct {
	esm.Reader
	fault error
}

func (r lateReader) Read(context.Context, int) ([]esm.Record, error) { return nil, r.fault }

// What is wrong with a position may be said late: then, too, the shard is read on or left, and what is lost is told once.
func TestWhatIsWrongWithAPositionIsSaidLate(t *testing.T) {
	for name, test := range map[string]struct {
		fault error
		want  []string
	}{
		"trimmed": {esm.ErrTrimmed, []string{"1-3", "1-2"}},
		"foreign": {esm.ErrForeign, []string{"1-3", "1-3", "1-2"}},
		"gone":    {esm.ErrNoShard, []string{"1-3"}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := flow(t, sourcetest.StreamConfig{}, succeed)
				r.put(3)
				r.start()
				r.wait(time.Minute)
				r.close()
				r.feed.Stream = late{r.stream, test.fault}
				r.start()
				r.wait(time.Minute)
				r.put(2)
				r.wait(10 * time.Minute)
				r.close()
				if got := story(r.fn.seen()); !slices.Equal(got, test.want) {
					t.Errorf("invocations %v, want %v", got, test.want)
				}
				var told []error
				for _, e := range toldBy[trace.Reading](r) {
					if e.Lost != nil {
						told = append(told, e.Lost)
					}
				}
				if len(told) != 1 || !errors.Is(told[0], test.fault) {
					t.Errorf("told %v, want %v once", told, test.fault)
				}
				if failing := toldBy[trace.Failing](r); len(failing) > 0 {
					t.Errorf("told of failures: %v", failing)
				}
			})
		})
	}
}

// A server that goes away in the middle of a call is told of by net/http as io.EOF, wrapped.
func TestAConnectionThatBreaksIsNotTheEndOfAShard(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := flow(t, sourcetest.StreamConfig{}, succeed)
		r.put(3)
		r.start()
		r.wait(time.Minute)
		r.close()
		r.feed.Stream = late{r.stream, fmt.Errorf("read: %w", &url.Error{Op: "Post", URL: "http://localhost", Err: io.EOF})}
		r.start()
		r.wait(time.Minute)
		r.close()
		if drained := toldBy[trace.Drained](r); len(drained) != 0 {
			t.Errorf("%d shards are drained", len(drained))
		}
		r.feed.Stream = r.stream
		r.put(3)
		r.start()
		r.wait(time.Minute)
		r.close()
		if got, want := story(r.fn.seen()), []string{"1-3", "1-3"}; !slices.Equal(got, want) {
			t.Errorf("invocations %v, want %v", got, want)
		}
	})
}

// slow is a stream whose service's clock is behind this machine's.
type slow struct {
	esm.Stream
	by time.Duration
}

func (s slow) List(ctx context.Context) (esm.Listing, error) {
	listing, err := s.Stream.List(ctx)
	listing.Ahead = -s.by
	return listing, err
}

// Records arrive by the service's clock: where LATEST was is told by that, too.
func TestLatestIsToldByTheServicesClock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := flow(t, sourcetest.StreamConfig{}, succeed)
		r.feed.Stream = slow{r.stream, time.Minute}
		r.feed.Shards.Start = policy.Latest
		r.start()
		r.wait(time.Second)
		r.close()
		began := time.Now()
		all, _ := r.store.All(t.Context(), "m")
		for id, cp := range all {
			if since := began.Sub(cp.Since); since < time.Minute || since > time.Minute+2*time.Second {
				t.Errorf("%q is read from %v before now", id, since)
			}
		}
		if len(all) != 2 {
			t.Errorf("kept %v", all)
		}
	})
}
