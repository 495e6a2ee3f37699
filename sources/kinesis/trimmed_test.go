package kinesis

import (
	"errors"
	"io"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/esm-run/esm"
	"github.com/esm-run/esm/sources/internal/awstest"
)

// byBoth runs a test of a stream that is polled, and of one that is read through a consumer.
func byBoth(t *testing.T, test func(*rig)) {
	for name, make := range map[string]func(*testing.T) *rig{"polling": newRig, "fan-out": newFanOut} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { test(make(t)) })
		})
	}
}

// A position that the stream still has is continued after; a trimmed one is an error, because records may be lost.
func TestTrimmedPositionIsDetected(t *testing.T) {
	byBoth(t, func(r *rig) {
		open := func(from esm.From) esm.Reader {
			reader := r.Open(from)
			r.Cleanup(reader.Close)
			return reader
		}
		r.Put("a", "b")
		time.Sleep(time.Hour)
		at := time.Now()
		r.Put("c", "d")
		positions := r.Memory.Records(firstShard)
		if got := r.Collect(open(esm.From{After: positions[1].Receipt}), 2); !slices.Equal(got, []string{"c", "d"}) {
			r.Errorf("after b: %q", got)
		}
		r.Memory.Trim(at)
		for _, place := range []string{"", "/0"} {
			if got, err := r.ReadAll(open(esm.From{After: positions[0].Receipt + place})); !errors.Is(err, esm.ErrTrimmed) || len(got) > 0 {
				r.Errorf("after a%s, which is trimmed: %q, %v", place, got, err)
			}
		}
		if got := r.Collect(open(esm.From{}), 2); !slices.Equal(got, []string{"c", "d"}) {
			r.Errorf("from the oldest: %q", got)
		}
		last := open(esm.From{After: positions[3].Receipt})
		if got := r.Read(last, 5); len(got) != 0 {
			r.Errorf("after the last: %q", got)
		}
		r.Put("e")
		if got := r.Collect(last, 1); !slices.Equal(got, []string{"e"}) {
			r.Errorf("then: %q", got)
		}
		r.Memory.Close(firstShard)
		if got, err := r.ReadAll(open(esm.From{After: r.Memory.Records(firstShard)[4].Receipt})); err != io.EOF || len(got) > 0 {
			r.Errorf("after the last of a closed shard: %q, %v", got, err)
		}
	})
}

// A mapping whose function is slow may not read for so long that its next records are trimmed.
func TestTrimmedWhileReaderIsIdle(t *testing.T) {
	for _, trims := range []bool{true, false} {
		byBoth(t, func(r *rig) {
			r.Put("a")
			reader := r.Open(esm.From{})
			defer reader.Close()
			r.Collect(reader, 1)
			time.Sleep(10 * time.Minute)
			r.Put("b")
			time.Sleep(time.Hour)
			if trims {
				r.Memory.Trim(time.Now())
			}
			r.Put("c")
			got, err := r.ReadAll(reader)
			if trims && (!errors.Is(err, esm.ErrTrimmed) || len(got) > 0) || !trims && (err != nil || !slices.Equal(got, []string{"b", "c"})) {
				r.Errorf("b is trimmed: %v; read %q, %v", trims, got, err)
			}
		})
	}
}

// An idle shard becomes empty when its records expire. Nothing is lost, so it is no error.
func TestIdleShardIsNotReportedAsTrimmed(t *testing.T) {
	byBoth(t, func(r *rig) {
		r.Put("a")
		reader := r.Open(esm.From{})
		defer reader.Close()
		got := r.Collect(reader, 1)
		for start := time.Now(); time.Since(start) < 12*time.Minute; time.Sleep(time.Second) {
			got = append(got, r.Read(reader, 5)...)
		}
		r.Memory.Trim(time.Now())
		r.Answers["GetRecords"] = awstest.Once(awstest.Refuse(500, "InternalFailure"), r.Answers["GetRecords"])
		_, _ = reader.Read(r.Context(), 5)
		r.Put("b")
		if got = append(got, r.Collect(reader, 1)...); !slices.Equal(got, []string{"a", "b"}) {
			r.Errorf("read %q", got)
		}
	})
}

// LocalStack breaks the subscription of a closed shard after each event, and gives the last record as the continuation.
func TestSubscriptionEndsAtLastRecord(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newFanOut(t)
		r.Put("a", "b")
		r.Memory.Split(firstShard)
		recs := r.Memory.Records(firstShard)
		r.Answers["SubscribeToShard"] = shortLived("", map[string]any{"Records": records(recs[1:]), "ContinuationSequenceNumber": recs[1].Receipt})
		reader := r.Open(esm.From{After: recs[1].Receipt})
		defer reader.Close()
		if got, err := r.ReadAll(reader); err != io.EOF || len(got) > 0 {
			t.Errorf("read %q, %v", got, err)
		}
		if n := len(r.Calls("SubscribeToShard")); n != 1 {
			t.Errorf("%d subscriptions", n)
		}
	})
}

// A continuation before the record that is to be verified does not replace it.
func TestContinuationBeforeVerifiedRecord(t *testing.T) {
	for _, place := range []string{"", "/0"} {
		synctest.Test(t, func(t *testing.T) {
			r := newFanOut(t)
			r.Put("a", string(seal(pack(packed{"k", "", "b0"}, packed{"k", "", "b1"}))), "c")
			recs := r.Memory.Records(firstShard)
			r.First("SubscribeToShard", shortLived("", map[string]any{"Records": []any{}, "ContinuationSequenceNumber": recs[2].Receipt}))
			r.Answers["GetRecords"] = awstest.Refuse(400, "ProvisionedThroughputExceededException")
			reader := r.Open(esm.From{After: recs[1].Receipt + place})
			defer reader.Close()
			want := []string{"b1", "c"}
			if place == "" {
				want = want[1:]
			}
			if got := r.Collect(reader, len(want)); !slices.Equal(got, want) {
				t.Errorf("after b%s: %q, want %q", place, got, want)
			}
		})
	}
}
