package kinesis

import (
	"errors"
	"io"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/esm-run/esm"
)

// byBoth runs a test of a stream that is polled, and of one that is read through a consumer.
func byBoth(t *testing.T, test func(*rig)) {
	for name, make := range map[string]func(*testing.T) *rig{"polling": newRig, "fan-out": newFanOut} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { test(make(t)) })
		})
	}
}

// Behind a position that is there still, reading goes on; behind one that was trimmed away, nobody knows what is missing.
func TestAPositionIsProven(t *testing.T) {
	byBoth(t, func(r *rig) {
		open := func(from esm.From) esm.Reader {
			reader := r.open(from)
			r.Cleanup(reader.Close)
			return reader
		}
		r.put("a", "b")
		time.Sleep(time.Hour)
		at := time.Now()
		r.put("c", "d")
		positions := r.memory.Records(firstShard)
		if got := r.collect(open(esm.From{After: positions[1].Receipt}), 2); !slices.Equal(got, []string{"c", "d"}) {
			r.Errorf("behind b: %q", got)
		}
		r.memory.Trim(at)
		for _, place := range []string{"", "/0"} {
			if got, err := r.until(open(esm.From{After: positions[0].Receipt + place})); !errors.Is(err, esm.ErrTrimmed) || len(got) > 0 {
				r.Errorf("behind a%s, which is trimmed: %q, %v", place, got, err)
			}
		}
		if got := r.collect(open(esm.From{}), 2); !slices.Equal(got, []string{"c", "d"}) {
			r.Errorf("from the oldest: %q", got)
		}
		last := open(esm.From{After: positions[3].Receipt})
		if got := r.read(last, 5); len(got) != 0 {
			r.Errorf("behind the last: %q", got)
		}
		r.put("e")
		if got := r.collect(last, 1); !slices.Equal(got, []string{"e"}) {
			r.Errorf("then: %q", got)
		}
		r.memory.Close(firstShard)
		if got, err := r.until(open(esm.From{After: r.memory.Records(firstShard)[4].Receipt})); err != io.EOF || len(got) > 0 {
			r.Errorf("behind the last of a closed shard: %q, %v", got, err)
		}
	})
}

// until reads until there is an error, for a minute at most.
func (r *rig) until(reader esm.Reader) (data []string, err error) {
	for start := time.Now(); err == nil && time.Since(start) < time.Minute; {
		var recs []esm.Record
		recs, err = reader.Read(r.Context(), 5)
		for _, rec := range recs {
			data = append(data, string(decode(r, rec.Event).Kinesis.Data))
		}
	}
	return data, err
}

// A mapping that is held up by its function does not read for long, and what it would have read next may be trimmed.
func TestWhatWasTrimmedBehindAReaderThatWasHeldUp(t *testing.T) {
	for _, trims := range []bool{true, false} {
		byBoth(t, func(r *rig) {
			r.put("a")
			reader := r.open(esm.From{})
			defer reader.Close()
			r.collect(reader, 1)
			time.Sleep(10 * time.Minute)
			r.put("b")
			time.Sleep(time.Hour)
			if trims {
				r.memory.Trim(time.Now())
			}
			r.put("c")
			got, err := r.until(reader)
			if trims && (!errors.Is(err, esm.ErrTrimmed) || len(got) > 0) || !trims && (err != nil || !slices.Equal(got, []string{"b", "c"})) {
				r.Errorf("b is trimmed: %v; read %q, %v", trims, got, err)
			}
		})
	}
}

// A shard that nothing is written to keeps no record in the end. Nothing is lost by that, and nobody is alarmed.
func TestAnIdleShardIsNotDoubted(t *testing.T) {
	byBoth(t, func(r *rig) {
		r.put("a")
		reader := r.open(esm.From{})
		defer reader.Close()
		got := r.collect(reader, 1)
		for start := time.Now(); time.Since(start) < 12*time.Minute; time.Sleep(time.Second) {
			got = append(got, r.read(reader, 5)...)
		}
		r.memory.Trim(time.Now())
		r.service.answers["GetRecords"] = onlyOnce(says(500, "InternalFailure"), r.service.answers["GetRecords"])
		_, _ = reader.Read(r.Context(), 5)
		r.put("b")
		if got = append(got, r.collect(reader, 1)...); !slices.Equal(got, []string{"a", "b"}) {
			r.Errorf("read %q", got)
		}
	})
}

func onlyOnce(first, then func(call) *answer) func(call) *answer {
	return func(c call) *answer {
		now := first
		first = then
		return now(c)
	}
}

// LocalStack breaks the subscription of a closed shard behind each event, and names the last record as the place to go on.
func TestABreakBehindARecordThatIsProvenIsTheEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newFanOut(t)
		r.put("a", "b")
		r.memory.Split(firstShard)
		recs := r.memory.Records(firstShard)
		r.service.answers["SubscribeToShard"] = func(c call) *answer {
			return r.brief(c, "", map[string]any{"Records": records(recs[1:]), "ContinuationSequenceNumber": recs[1].Receipt})
		}
		reader := r.open(esm.From{After: recs[1].Receipt})
		defer reader.Close()
		if got, err := r.until(reader); err != io.EOF || len(got) > 0 {
			t.Errorf("read %q, %v", got, err)
		}
		if n := len(r.service.made("SubscribeToShard")); n != 1 {
			t.Errorf("%d subscriptions", n)
		}
	})
}

// A place to go on that comes before the record that is asked for does not let it be forgotten, nor the rest of it.
func TestAPlaceBeforeTheRecordThatIsProven(t *testing.T) {
	for _, place := range []string{"", "/0"} {
		synctest.Test(t, func(t *testing.T) {
			r := newFanOut(t)
			r.put("a", string(seal(pack(packed{"k", "", "b0"}, packed{"k", "", "b1"}))), "c")
			recs := r.memory.Records(firstShard)
			r.instead("SubscribeToShard", func(c call) *answer {
				return r.brief(c, "", map[string]any{"Records": []any{}, "ContinuationSequenceNumber": recs[2].Receipt})
			})
			r.service.answers["GetRecords"] = says(400, "ProvisionedThroughputExceededException")
			reader := r.open(esm.From{After: recs[1].Receipt + place})
			defer reader.Close()
			want := []string{"b1", "c"}
			if place == "" {
				want = want[1:]
			}
			if got := r.collect(reader, len(want)); !slices.Equal(got, want) {
				t.Errorf("behind b%s: %q, want %q", place, got, want)
			}
		})
	}
}
