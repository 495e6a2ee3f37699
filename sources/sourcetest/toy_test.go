package sourcetest_test

import (
	"context"
	"encoding/json"
	"strconv"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/esm-run/esm"
	"github.com/esm-run/esm/sources/sourcetest"
)

// toy is a stream of one shard that is never closed, a minimal source that passes the suite. The position of a record is
// its index.
type toy struct {
	mu   sync.Mutex
	recs []esm.Record
}

// event is an element of Records.
type event struct {
	Source string `json:"eventSource"`
	Key    string `json:"key"`
	Value  string `json:"value"`
}

func (s *toy) put(key, value string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	position := strconv.Itoa(len(s.recs))
	text, _ := json.Marshal(event{"toy", key, value}) // strings always encode
	s.recs = append(s.recs, esm.Record{ID: position, Receipt: position, Group: key, Arrived: time.Now(), Event: text})
}

// List implements [esm.Stream].
func (s *toy) List(ctx context.Context) (esm.Listing, error) {
	return esm.Listing{Identity: "toy", Shards: []esm.Shard{{ID: "0"}}}, ctx.Err()
}

// Open implements [esm.Stream].
func (s *toy) Open(ctx context.Context, shard string, from esm.From) (esm.Reader, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if shard != "0" {
		return nil, esm.ErrNoShard
	}
	if from.After != "" {
		last, err := strconv.Atoi(from.After)
		if err != nil || last >= len(s.recs) {
			return nil, esm.ErrForeign
		}
		return &toyReader{s, last + 1}, ctx.Err()
	}
	r := &toyReader{stream: s}
	for r.next < len(s.recs) && s.recs[r.next].Arrived.Before(from.At) {
		r.next++
	}
	return r, ctx.Err()
}

// toyReader is an [esm.Reader].
type toyReader struct {
	stream *toy
	next   int
}

// Read implements [esm.Reader].
func (r *toyReader) Read(ctx context.Context, limit int) ([]esm.Record, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if recs := r.take(limit); len(recs) > 0 {
		return recs, nil
	}
	select { // no records now: wait, so that the next Read is not made at once
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-time.After(time.Second):
		return nil, nil
	}
}

func (r *toyReader) take(limit int) (recs []esm.Record) {
	r.stream.mu.Lock()
	defer r.stream.mu.Unlock()
	recs = append(recs, r.stream.recs[r.next:min(r.next+limit, len(r.stream.recs))]...)
	r.next += len(recs)
	return recs
}

// Close implements [esm.Reader].
func (r *toyReader) Close() {}

func TestToy(t *testing.T) {
	sourcetest.RunStream(t, synctest.Test, func(t *testing.T) sourcetest.StreamFixture {
		s := &toy{}
		return sourcetest.StreamFixture{
			Stream: s,
			Put:    s.put,
			Data: func(r esm.Record) string {
				var e event
				if err := json.Unmarshal(r.Event, &e); err != nil {
					t.Error(err)
				}
				return e.Value
			},
		}
	})
}
