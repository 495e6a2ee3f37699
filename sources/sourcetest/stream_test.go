package sourcetest

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"github.com/esm-run/esm"
)

const first = "shardId-000000000000"

func open(t *testing.T, s esm.Stream, shard string, from esm.From) esm.Reader {
	t.Helper()
	r, err := s.Open(t.Context(), shard, from)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func read(t *testing.T, r esm.Reader, limit int) (data []string) {
	t.Helper()
	recs, err := r.Read(t.Context(), limit)
	if err != nil {
		t.Fatal(err)
	}
	for _, rec := range recs {
		data = append(data, dataOf(t, rec))
	}
	return data
}

func dataOf(t *testing.T, r esm.Record) string {
	t.Helper()
	var e events.KinesisEventRecord
	if err := json.Unmarshal(r.Event, &e); err != nil {
		t.Fatalf("event %s: %v", r.Event, err)
	}
	return string(e.Kinesis.Data)
}

func TestRecordIsKinesis(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(118 * time.Millisecond)
		s := NewStream(StreamConfig{})
		shard, seq := s.Put("k", `{"a":1}`)
		recs, err := open(t, s, first, esm.From{}).Read(t.Context(), 10)
		if err != nil || len(recs) != 1 {
			t.Fatal(recs, err)
		}
		r := recs[0]
		var e events.KinesisEventRecord
		if err := json.Unmarshal(r.Event, &e); err != nil {
			t.Fatalf("event %s: %v", r.Event, err)
		}
		if r.ID != seq || r.Receipt != seq || r.Group != "k" || !r.Arrived.Equal(time.Now()) || shard != first {
			t.Errorf("got %+v in %s", r, shard)
		}
		if e.EventID != first+":"+seq || e.Kinesis.SequenceNumber != seq || !e.Kinesis.ApproximateArrivalTimestamp.Truncate(time.Millisecond).Equal(time.Now()) {
			t.Errorf("got %+v", e)
		}
		if want := `{"data":"{\"a\":1}","partitionKey":"k"}`; string(r.View) != want {
			t.Errorf("view %s, want %s", r.View, want)
		}
	})
}

func TestSequenceNumbersVaryInLength(t *testing.T) {
	s := NewStream(StreamConfig{Shards: 3})
	last := "0"
	for i := range 20 {
		_, seq := s.Put(string(rune('a'+i)), "x")
		if !older(last, seq) || older(seq, last) {
			t.Errorf("%s after %s", seq, last)
		}
		if want := map[bool]int{true: 21, false: 22}[i < 3]; len(seq) != want {
			t.Errorf("%s has %d digits, want %d", seq, len(seq), want)
		}
		last = seq
	}
}

func TestKeysGoToTheChildren(t *testing.T) {
	s := NewStream(StreamConfig{Shards: 2})
	keys := make([]string, 200)
	before := map[string]string{}
	for i := range keys {
		keys[i] = string(rune('A' + i))
		before[keys[i]], _ = s.Put(keys[i], "x")
	}
	left, right := s.Split(first)
	child := s.Merge(right, "shardId-000000000001")
	rolled := s.Roll(left)
	counts := map[string]int{}
	for _, k := range keys {
		shard, _ := s.Put(k, "x")
		counts[shard]++
		if before[k] != first && shard != child {
			t.Errorf("%s went from %s to %s", k, before[k], shard)
		}
	}
	if counts[child]+counts[rolled] != len(keys) || counts[rolled] < 20 || counts[child] < 100 {
		t.Errorf("%v", counts)
	}
	listing, err := s.List(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	parents := map[string][]string{}
	for _, sh := range listing.Shards {
		parents[sh.ID] = sh.Parents
		if open := sh.ID == child || sh.ID == rolled; open == sh.Closed {
			t.Errorf("%s closed: %t", sh.ID, sh.Closed)
		}
	}
	if !slices.Equal(parents[child], []string{right, "shardId-000000000001"}) || !slices.Equal(parents[rolled], []string{left}) {
		t.Errorf("parents %v", parents)
	}
}

func TestIdleReaderKeepsThePace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := NewStream(StreamConfig{})
		r := open(t, s, first, esm.From{})
		start := time.Now()
		if got := read(t, r, 10); len(got) != 0 || time.Since(start) != 0 {
			t.Errorf("%v after %s", got, time.Since(start))
		}
		time.Sleep(300 * time.Millisecond)
		s.Put("k", "a")
		s.Put("k", "b")
		if got := read(t, r, 1); !slices.Equal(got, []string{"a"}) || time.Since(start) != time.Second {
			t.Errorf("%v after %s", got, time.Since(start))
		}
		if got := read(t, r, 1); !slices.Equal(got, []string{"b"}) || time.Since(start) != time.Second {
			t.Errorf("%v after %s", got, time.Since(start))
		}
		s.Close(first)
		for range 2 {
			if recs, err := r.Read(t.Context(), 1); err != io.EOF || recs != nil || time.Since(start) != time.Second {
				t.Errorf("%v, %v after %s", recs, err, time.Since(start))
			}
		}
	})
}

func TestRetentionTrims(t *testing.T) {
	for name, forgiving := range map[string]bool{"forgiving": true, "strict": false} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := NewStream(StreamConfig{Retention: time.Hour, Forgiving: forgiving, Ghosts: true})
				_, a := s.Put("k", "a")
				r := open(t, s, first, esm.From{})
				time.Sleep(time.Hour)
				s.Put("k", "b")
				time.Sleep(time.Nanosecond)
				want := error(esm.ErrTrimmed)
				if forgiving {
					want = nil
				}
				recs, err := r.Read(t.Context(), 10)
				if !errors.Is(err, want) || len(recs) != map[bool]int{true: 1}[forgiving] {
					t.Errorf("read: %v, %v", recs, err)
				}
				if _, err := s.Open(t.Context(), first, esm.From{After: a}); !errors.Is(err, want) {
					t.Errorf("open: %v", err)
				}
				if got := read(t, open(t, s, first, esm.From{}), 10); !slices.Equal(got, []string{"b"}) {
					t.Errorf("the oldest are %v", got)
				}
				s.Close(first)
				time.Sleep(time.Hour + 1)
				if _, err := s.Open(t.Context(), first, esm.From{}); !errors.Is(err, esm.ErrNoShard) {
					t.Errorf("open a shard that is gone: %v", err)
				}
				if l, err := s.List(t.Context()); err != nil || len(l.Shards) != 1 {
					t.Errorf("the ghost is not listed: %v, %v", l, err)
				}
			})
		})
	}
}

func TestRecreation(t *testing.T) {
	s := NewStream(StreamConfig{})
	_, seq := s.Put("k", "old")
	before, _ := s.List(t.Context())
	r := open(t, s, first, esm.From{})
	s.Delete()
	if _, err := s.List(t.Context()); !errors.Is(err, esm.ErrNoStream) {
		t.Errorf("list: %v", err)
	}
	if _, err := r.Read(t.Context(), 1); !errors.Is(err, esm.ErrNoStream) {
		t.Errorf("read: %v", err)
	}
	s.Recreate()
	s.Put("k", "new")
	after, _ := s.List(t.Context())
	if before.Identity == after.Identity || len(after.Shards) != 1 || after.Shards[0].ID != first {
		t.Errorf("before %v, after %v", before, after)
	}
	if _, err := s.Open(t.Context(), first, esm.From{After: seq}); !errors.Is(err, esm.ErrForeign) {
		t.Errorf("open: %v", err)
	}
	if _, err := r.Read(t.Context(), 1); !errors.Is(err, esm.ErrForeign) {
		t.Errorf("read: %v", err)
	}
}

func TestListingsLagAndLackShards(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := NewStream(StreamConfig{Lag: time.Minute})
		left, right := s.Split(first)
		ids := func() (ids []string) {
			l, err := s.List(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			for _, sh := range l.Shards {
				ids = append(ids, sh.ID)
			}
			slices.Sort(ids)
			return ids
		}
		if got := ids(); !slices.Equal(got, []string{first}) {
			t.Errorf("at once %v", got)
		}
		time.Sleep(time.Minute)
		s.Hide(first, left)
		if got := ids(); !slices.Equal(got, []string{right}) {
			t.Errorf("hidden %v", got)
		}
		s.Show(left)
		if got := ids(); !slices.Equal(got, []string{left, right}) {
			t.Errorf("shown %v", got)
		}
	})
}

func TestStreamFaults(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		lost := errors.New("lost")
		s := NewStream(StreamConfig{
			Shards: 2, EmptyEvery: 4,
			ListFaults: InTurn(Undone(lost)),
			OpenFaults: OnShard(first, InTurn(Undone(lost))),
			ReadFaults: OnEach(InTurn(Fault{}, Undone(lost), Done(lost))),
		})
		if _, err := s.List(t.Context()); err != lost {
			t.Errorf("list: %v", err)
		}
		if _, err := s.Open(t.Context(), first, esm.From{}); err != lost {
			t.Errorf("open: %v", err)
		}
		open(t, s, "shardId-000000000001", esm.From{}).Close()
		r := open(t, s, first, esm.From{})
		read(t, r, 1)
		s.PutTo(first, "k", "a")
		start := time.Now()
		for _, took := range []time.Duration{0, time.Second} {
			if _, err := r.Read(t.Context(), 1); err != lost || time.Since(start) != took {
				t.Errorf("read: %v after %s, want %s", err, time.Since(start), took)
			}
		}
		if got := read(t, r, 1); len(got) != 0 {
			t.Errorf("the fourth read got %v", got)
		}
		if got := read(t, r, 1); !slices.Equal(got, []string{"a"}) {
			t.Errorf("the fifth read got %v", got)
		}
		if s.Readers(first) != 1 || s.Opens(first) != 2 || s.Reads(first) != 5 || s.Lists() != 1 {
			t.Errorf("%d readers, %d opens, %d reads, %d lists", s.Readers(first), s.Opens(first), s.Reads(first), s.Lists())
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := r.Read(ctx, 1); !errors.Is(err, context.Canceled) {
			t.Errorf("after the end: %v", err)
		}
	})
}
