package ddbstreams

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodbstreams/types"

	"github.com/esm-run/esm"
	"github.com/esm-run/esm/sources/sourcetest"
)

// rig is a stream in memory, played over the wire.
type rig struct {
	*testing.T
	*played
	service *service
	stream  *Stream
}

func newRig(t *testing.T) *rig {
	p := newPlayed(sourcetest.StreamConfig{})
	s := p.service()
	return &rig{T: t, played: p, service: s, stream: s.stream(t)}
}

// instead answers the first calls of an operation otherwise; a nil function answers as usual.
func (r *rig) instead(op string, first ...func(call) *answer) {
	usual := r.service.answers[op]
	r.service.answers[op] = func(c call) *answer {
		if n := len(r.service.made(op)); n <= len(first) && first[n-1] != nil {
			return first[n-1](c)
		}
		return usual(c)
	}
}

func (r *rig) open(from esm.From) esm.Reader {
	r.Helper()
	reader, err := r.stream.Open(r.Context(), firstShard, from)
	if err != nil {
		r.Fatal(err)
	}
	return reader
}

func (r *rig) read(reader esm.Reader, limit int) (data []string) {
	r.Helper()
	recs, err := reader.Read(r.Context(), limit)
	if err != nil {
		r.Fatal(err)
	}
	for _, rec := range recs {
		data = append(data, dataOf(r, rec))
	}
	return data
}

func (r *rig) put(data ...string) {
	for _, d := range data {
		r.memory.Put("key", d)
	}
}

// gaps are the times between the calls of an operation.
func (r *rig) gaps(op string) (gaps []time.Duration) {
	calls := r.service.made(op)
	for i := range calls[1:] {
		gaps = append(gaps, calls[i+1].at.Sub(calls[i].at))
	}
	return gaps
}

func says(status int, code string) func(call) *answer {
	return func(call) *answer { return refusal(status, code) }
}

func broken(call) *answer { return nil }

func TestIdleShardsAreReadFourTimesASecond(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		reader := r.open(esm.From{})
		for range 3 {
			r.read(reader, 10)
		}
		r.put("a")
		r.read(reader, 10)
		r.read(reader, 10) // at once
		r.read(reader, 10)
		want := []time.Duration{time.Second / 4, time.Second / 4, time.Second / 4, 0, time.Second / 4}
		if got := r.gaps("GetRecords"); !slices.Equal(got, want) {
			t.Errorf("between the reads %v, want %v", got, want)
		}
	})
}

func TestWhatWasReadAheadIsHandedOutFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		r.put("a", "b", "c", "d", "e")
		reader := r.open(esm.From{})
		got := [][]string{r.read(reader, 2), r.read(reader, 2), r.read(reader, 20_000)}
		if fmt.Sprint(got) != "[[a b] [c d] [e]]" {
			t.Errorf("got %v", got)
		}
		calls := r.service.made("GetRecords")
		if len(calls) != 1 || calls[0].in["Limit"] != float64(atMost) {
			t.Errorf("%d calls, the first with %v", len(calls), calls[0].in)
		}
	})
}

func TestIteratorsAreRenewedUnnoticed(t *testing.T) {
	for name, rest := range map[string]time.Duration{"known to be old": 15 * time.Minute, "refused": time.Minute} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newRig(t)
				if name == "refused" {
					r.instead("GetRecords", nil, says(http.StatusBadRequest, "ExpiredIteratorException"))
				}
				r.put("a")
				reader := r.open(esm.From{})
				r.read(reader, 1)
				r.put("b")
				time.Sleep(rest)
				if got := r.read(reader, 1); !slices.Equal(got, []string{"b"}) {
					t.Errorf("read %q", got)
				}
				made := r.service.made("GetShardIterator")
				if len(made) != 2 || made[1].text("ShardIteratorType") != "AFTER_SEQUENCE_NUMBER" {
					t.Errorf("iterators: %v", made)
				}
			})
		})
	}
}

func TestReadingBeginsInTheSecond(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		r.put("a", "b")
		time.Sleep(1500 * time.Millisecond)
		r.put("c")
		at := time.Now().Add(300 * time.Millisecond) // in the same second
		reader := r.open(esm.From{At: at})
		if got := r.read(reader, 10); !slices.Equal(got, []string{"c"}) {
			t.Errorf("read %q", got)
		}
		behind := r.open(esm.From{After: r.memory.Records(firstShard)[0].Receipt, At: at})
		if got := r.read(behind, 10); !slices.Equal(got, []string{"b", "c"}) {
			t.Errorf("behind a position, whatever the time: %q", got)
		}
	})
}

func TestOldRecordsArePassedOverWithoutAPause(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		for range 2500 {
			r.put("old")
		}
		time.Sleep(time.Minute)
		r.put("new")
		reader := r.open(esm.From{At: time.Now()})
		start := time.Now()
		got := append(append(r.read(reader, 10), r.read(reader, 10)...), r.read(reader, 10)...)
		if !slices.Equal(got, []string{"new"}) || time.Since(start) != 0 {
			t.Errorf("read %q within %s", got, time.Since(start))
		}
	})
}

func TestTrimmingDoesNotStopAReaderThatPassesOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		for range 1500 {
			r.put("old")
		}
		time.Sleep(time.Minute)
		reader := r.open(esm.From{At: time.Now()})
		r.read(reader, 10)
		r.memory.Trim(time.Now())
		r.put("new")
		if got := r.read(reader, 10); !slices.Equal(got, []string{"new"}) {
			t.Errorf("read %q", got)
		}
	})
}

func TestAPositionThatIsTrimmedIsTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		r.put("a", "b")
		reader := r.open(esm.From{})
		r.read(reader, 2)
		time.Sleep(time.Minute)
		r.put("c")
		r.memory.Trim(time.Now().Add(1))
		if recs, err := reader.Read(t.Context(), 1); !errors.Is(err, esm.ErrTrimmed) || len(recs) != 0 {
			t.Errorf("read %d records, %v", len(recs), err)
		}
		if _, err := r.stream.Open(t.Context(), firstShard, esm.From{After: r.memory.Records(firstShard)[0].ID}); !errors.Is(err, esm.ErrTrimmed) {
			t.Errorf("open: %v", err)
		}
	})
}

// DynamoDB Local never says of a shard that it is gone: it goes on to list it and to give iterators, and every read says
// that its position was trimmed away.
func TestAShardOfWhichNothingIsLeft(t *testing.T) {
	for name, test := range map[string]struct {
		closed bool
		want   error
	}{
		"open":   {false, esm.ErrTrimmed},
		"closed": {true, esm.ErrNoShard},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newRig(t)
				trimmed := says(http.StatusBadRequest, "TrimmedDataAccessException")
				r.instead("GetRecords", trimmed, trimmed)
				r.put("a")
				if test.closed {
					r.memory.Roll(firstShard)
				}
				reader := r.open(esm.From{})
				if recs, err := reader.Read(t.Context(), 1); !errors.Is(err, test.want) || len(recs) != 0 {
					t.Errorf("read %d records, %v, want %v", len(recs), err, test.want)
				}
				if got := r.read(reader, 1); !slices.Equal(got, []string{"a"}) {
					t.Errorf("read %q", got)
				}
			})
		})
	}
}

// DynamoDB Local tells the minute in which a record was made.
func TestMinutesOfDynamoDBLocal(t *testing.T) {
	at := time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)
	r := types.Record{Dynamodb: &types.StreamRecord{ApproximateCreationDateTime: aws.Time(at.Truncate(time.Minute))}}
	if !before(&r, at) {
		t.Error("seven seconds are no difference")
	}
	if r.AwsRegion = aws.String("ddblocal"); before(&r, at) {
		t.Error("a record that may be later is passed over")
	}
	if !before(&r, at.Add(time.Minute)) {
		t.Error("a minute is no difference")
	}
}

func TestTheEndComesAloneAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		r.put("a")
		r.memory.Roll(firstShard)
		reader := r.open(esm.From{})
		start := time.Now()
		if got := r.read(reader, 5); !slices.Equal(got, []string{"a"}) {
			t.Errorf("read %q", got)
		}
		if _, err := reader.Read(t.Context(), 5); err != io.EOF || time.Since(start) != 0 {
			t.Errorf("%v after %s", err, time.Since(start))
		}
	})
}
