package stream

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/esm-run/esm"
	"github.com/esm-run/esm/engine/enginetest"
	"github.com/esm-run/esm/engine/policy"
	"github.com/esm-run/esm/sources/sourcetest"
	"github.com/esm-run/esm/trace"
)

// faulty is a stream of which a position is wrong: when it is opened, or when it is read, as on DynamoDB Local.
type faulty struct {
	esm.Stream
	opening, reading error
}

func (f faulty) Open(ctx context.Context, shard string, from esm.From) (esm.Reader, error) {
	if from.After == "" {
		return f.Stream.Open(ctx, shard, from)
	}
	if f.opening != nil {
		return nil, f.opening
	}
	r, err := f.Stream.Open(ctx, shard, esm.From{})
	return faultyReader{r, f.reading}, err
}

type faultyReader struct {
	esm.Reader
	err error
}

func (r faultyReader) Read(context.Context, int) ([]esm.Record, error) { return nil, r.err }

// After an error about its position the shard is read on or left. What may be lost is reported once, and no failure.
func TestErrorsAboutThePosition(t *testing.T) {
	for _, test := range []struct {
		err   error
		calls []string
	}{
		{esm.ErrTrimmed, []string{"1-3", "1-2"}},
		{esm.ErrForeign, []string{"1-3", "1-3", "1-2"}}, // an emulator has lost records
		{esm.ErrNoShard, []string{"1-3"}},
	} {
		for _, fault := range []faulty{{opening: test.err}, {reading: test.err}} {
			t.Run(fmt.Sprintf("%v when reading %v", test.err, fault.opening == nil), func(t *testing.T) {
				bubble(t, sourcetest.StreamConfig{}, enginetest.Succeed, func(r *rig) {
					r.put(3)
					r.runFor(time.Minute)
					r.Close()
					fault.Stream = r.stream
					r.feed.Stream = fault
					r.runFor(time.Minute)
					r.put(2)
					r.Wait(10 * time.Minute)
					r.WantCalls(test.calls...)
					r.wantLost(test.err)
					if failing := enginetest.Events[trace.Failing](r.Rig); len(failing) > 0 {
						r.Errorf("reported failures: %v", failing)
					}
				})
			})
		}
	}
}

// isOrNil reports whether err is want, where nil is any error.
func isOrNil(err, want error) bool { return want == nil || errors.Is(err, want) }

// net/http reports a server that goes away during a call as io.EOF, wrapped.
func TestABrokenConnectionIsNotTheEndOfAShard(t *testing.T) {
	bubble(t, sourcetest.StreamConfig{}, enginetest.Succeed, func(r *rig) {
		r.put(3)
		r.runFor(time.Minute)
		r.Close()
		r.feed.Stream = faulty{Stream: r.stream, reading: fmt.Errorf("read: %w", &url.Error{Op: "Post", URL: "http://localhost", Err: io.EOF})}
		r.runFor(time.Minute)
		r.Close()
		r.feed.Stream = r.stream
		r.put(3)
		r.runFor(time.Minute)
		r.WantCalls("1-3", "1-3")
	})
}

// Lanes go on beside a failing one, with the records of every read, also after one that failed.
func TestAFailingLaneHoldsUpNoOther(t *testing.T) {
	var broken atomic.Bool
	faults := func(int) sourcetest.Fault {
		if broken.CompareAndSwap(true, false) {
			return sourcetest.Undone(errors.New("connection reset"))
		}
		return sourcetest.Fault{}
	}
	bubble(t, sourcetest.StreamConfig{ReadFaults: sourcetest.OnEach(faults)}, enginetest.ThrowOn("bad"), func(r *rig) {
		const lanes = 4
		keys := make([]string, lanes)
		for i := 0; slices.Contains(keys, ""); i++ {
			key := fmt.Sprint("key-", i)
			keys[policy.Lane(key, lanes)] = key
		}
		r.feed.Lanes, r.feed.Batching.Size = lanes, 1
		r.stream.Put(keys[0], "bad")
		r.runFor(5 * time.Second)
		broken.Store(true)
		r.Wait(5 * time.Second)
		r.stream.Put(keys[0], "bad") // one is in hand, and one waits
		r.Wait(5 * time.Second)
		for _, key := range keys {
			r.stream.Put(key, key)
		}
		r.stream.Put(keys[0], "bad")
		r.Wait(time.Minute)
		var handled []string
		for _, e := range r.Function.Calls() {
			handled = append(handled, e.String())
		}
		for _, key := range keys[1:] {
			if !slices.Contains(handled, key) {
				r.Errorf("the record of %s waits for %s: %q", key, keys[0], handled)
			}
		}
		if cp := r.checkpoint(0); cp.Position != "" || len(cp.Owed) == 0 {
			r.Errorf("checkpoint %+v: the position passes a pending record", cp)
		}
	})
}
