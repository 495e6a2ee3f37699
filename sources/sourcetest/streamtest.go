package sourcetest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"testing"
	"time"

	"github.com/esm-run/esm"
)

// streamTest is one test of the suite, with steps that tests share.
type streamTest struct {
	*testing.T
	StreamFixture
}

// puts puts n records with the data "0", "1" and so on under one key, and returns the data.
func (t *streamTest) puts(n int) (data []string) {
	for i := range n {
		data = append(data, fmt.Sprint(i))
		t.Put("key", data[i])
	}
	return data
}

// list makes one successful List.
func (t *streamTest) list() esm.Listing {
	t.Helper()
	listing, err := t.Stream.List(t.Context())
	if err != nil {
		t.Fatalf("list: %v", err)
	}
	return listing
}

// only returns the one shard of a stream that was not resharded.
func (t *streamTest) only() string {
	t.Helper()
	shards := t.list().Shards
	if len(shards) != 1 {
		t.Fatalf("shards %v, want one", shards)
	}
	return shards[0].ID
}

// open opens a shard; the reader is closed at the end of the test.
func (t *streamTest) open(shard string, from esm.From) esm.Reader {
	t.Helper()
	r, err := t.Stream.Open(t.Context(), shard, from)
	if err != nil {
		t.Fatalf("open %s from %v: %v", shard, from, err)
	}
	t.Cleanup(r.Close)
	return r
}

// take reads until it has n records; reads that find nothing are normal.
func (t *streamTest) take(r esm.Reader, n int) []esm.Record {
	t.Helper()
	var recs []esm.Record
	for start := time.Now(); len(recs) < n; {
		more, err := r.Read(t.Context(), n-len(recs))
		if err != nil {
			t.Fatalf("read: %v, after %d of %d records", err, len(recs), n)
		}
		if len(more) > n-len(recs) {
			t.Fatalf("read %d records with a limit of %d", len(more), n-len(recs))
		}
		recs = append(recs, more...)
		if time.Since(start) > timeout {
			t.Fatalf("read %d of %d records within %s", len(recs), n, timeout)
		}
	}
	return recs
}

// drain reads a closed shard to its end.
func (t *streamTest) drain(r esm.Reader) []esm.Record {
	t.Helper()
	var recs []esm.Record
	for start := time.Now(); time.Since(start) < timeout; {
		more, err := r.Read(t.Context(), 3)
		if errors.Is(err, io.EOF) && len(more) == 0 {
			return recs
		}
		if err != nil {
			t.Fatalf("read: %v with %d records, after %d", err, len(more), len(recs))
		}
		recs = append(recs, more...)
	}
	t.Fatalf("no io.EOF within %s, but %d records", timeout, len(recs))
	return nil
}

// quiet expects that a reader finds nothing in three reads.
func (t *streamTest) quiet(r esm.Reader) {
	t.Helper()
	for range 3 {
		if recs, err := r.Read(t.Context(), 10); err != nil || len(recs) != 0 {
			t.Fatalf("read %q, %v, want nothing", t.data(recs), err)
		}
	}
}

// attempt opens a shard after a position and reads until there are records or an error.
func (t *streamTest) attempt(shard, after string) ([]esm.Record, error) {
	r, err := t.Stream.Open(t.Context(), shard, esm.From{After: after})
	if err != nil {
		return nil, err
	}
	defer r.Close()
	for start := time.Now(); time.Since(start) < timeout; {
		if recs, err := r.Read(t.Context(), 10); err != nil || len(recs) > 0 {
			return recs, err
		}
	}
	return nil, nil
}

func (t *streamTest) data(recs []esm.Record) []string {
	t.Helper()
	out := make([]string, len(recs))
	for i, r := range recs {
		if t.Data != nil {
			out[i] = t.Data(r)
			continue
		}
		var e struct{ Kinesis struct{ Data []byte } }
		if err := json.Unmarshal(r.Event, &e); err != nil {
			t.Fatalf("event %q: %v", r.Event, err)
		}
		out[i] = string(e.Kinesis.Data)
	}
	return out
}

// reshard closes the only shard and waits until its children are listed.
func (t *streamTest) reshard() (parent string, children []string) {
	t.Helper()
	parent = t.only()
	t.Reshard(parent)
	for start := time.Now(); time.Since(start) < timeout; time.Sleep(100 * time.Millisecond) {
		if children = t.childrenOf(parent); len(children) > 0 {
			return parent, children
		}
	}
	t.Fatalf("no children of %s are listed within %s", parent, timeout)
	return "", nil
}

func (t *streamTest) childrenOf(parent string) (ids []string) {
	t.Helper()
	for _, s := range t.list().Shards {
		for _, p := range s.Parents {
			if p == parent {
				ids = append(ids, s.ID)
			}
		}
	}
	return ids
}

func (t *streamTest) ended() context.Context {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	return ctx
}
