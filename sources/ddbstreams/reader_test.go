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

func TestAReadThatFailsGoesOnWhereItWas(t *testing.T) {
	for name, test := range map[string]struct {
		fault    func(call) *answer
		want     error
		calls    int // of GetRecords for the failed read
		renewals int
	}{
		"access denied":    {says(400, "AccessDeniedException"), ErrDenied, 1, 1},
		"internal":         {says(500, "InternalServerError"), nil, 1, 1},
		"garbage":          {says(500, "UnknownError"), nil, 1, 1},
		"status 403":       {says(403, "Forbidden"), ErrDenied, 1, 1},
		"broken twice":     {broken, nil, 2, 0},
		"refused":          {says(400, "ValidationException"), nil, 2, 2},
		"trimmed":          {says(400, "TrimmedDataAccessException"), esm.ErrTrimmed, 2, 2},
		"expires for ever": {says(400, "ExpiredIteratorException"), nil, 2, 2},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newRig(t)
				r.put("a", "b")
				reader := r.open(esm.From{})
				r.instead("GetRecords", slices.Repeat([]func(call) *answer{test.fault}, test.calls)...)
				recs, err := reader.Read(t.Context(), 1)
				if err == nil || len(recs) != 0 || test.want != nil && !errors.Is(err, test.want) {
					t.Errorf("read %d records, %v, want %v", len(recs), err, test.want)
				}
				if decided(err) {
					t.Errorf("%v does not pass", err)
				}
				if got := len(r.service.made("GetRecords")); got != test.calls {
					t.Errorf("%d calls, want %d", got, test.calls)
				}
				if got := append(r.read(reader, 1), r.read(reader, 1)...); !slices.Equal(got, []string{"a", "b"}) {
					t.Errorf("afterwards read %q", got)
				}
				if got := len(r.service.made("GetShardIterator")) - 1; got != test.renewals {
					t.Errorf("%d renewals, want %d", got, test.renewals)
				}
			})
		})
	}
}

func TestThrottlingSlowsTheReaderDown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		r.put("a")
		slow := says(400, "LimitExceededException")
		r.instead("GetRecords", slow, slow, slow)
		reader := r.open(esm.From{})
		for range 3 {
			if got := r.read(reader, 1); len(got) != 0 {
				t.Errorf("read %q", got)
			}
		}
		if got := r.read(reader, 1); !slices.Equal(got, []string{"a"}) {
			t.Errorf("read %q", got)
		}
		for _, gap := range r.gaps("GetRecords") {
			if gap < time.Second || gap > 5*time.Second/4 {
				t.Errorf("%s after a throttled read, want 1s to 1.25s", gap)
			}
		}
		if n := len(r.service.made("GetShardIterator")); n != 1 {
			t.Errorf("%d iterators", n)
		}
		r.service.answers["GetRecords"] = slow
		for i := range 12 {
			if _, err := reader.Read(t.Context(), 1); errors.Is(err, ErrSlowDown) != (i >= patient-1) {
				t.Errorf("throttled read %d: %v", i+1, err)
			}
		}
	})
}

func TestABrokenConnectionIsTriedOnceMore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		r.put("a")
		r.instead("GetRecords", broken)
		r.instead("GetShardIterator", broken)
		if got := r.read(r.open(esm.From{}), 1); !slices.Equal(got, []string{"a"}) {
			t.Errorf("read %q", got)
		}
	})
}

// DynamoDB Local still lists a shard that has ceased to exist, and makes iterators for it.
func TestAListedShardThatIsGone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		r.service.answers["GetRecords"] = says(400, "ResourceNotFoundException")
		reader := r.open(esm.From{})
		if _, err := reader.Read(t.Context(), 1); !errors.Is(err, esm.ErrNoShard) {
			t.Errorf("read: %v", err)
		}
		r.memory.Delete()
		if _, err := reader.Read(t.Context(), 1); !errors.Is(err, esm.ErrNoStream) {
			t.Errorf("read: %v", err)
		}
		if _, err := r.stream.Open(t.Context(), firstShard, esm.From{After: "1"}); !errors.Is(err, esm.ErrNoStream) {
			t.Errorf("open: %v", err)
		}
		r.service.answers["DescribeStream"] = says(400, "AccessDeniedException") // what is gone stays open
		if _, err := reader.Read(t.Context(), 1); !errors.Is(err, ErrDenied) || decided(err) {
			t.Errorf("read: %v", err)
		}
	})
}

func TestOpeningIsNeverTriedForEver(t *testing.T) {
	for code, test := range map[string]struct {
		status int
		want   error
	}{
		"InternalServerError":    {500, nil},
		"LimitExceededException": {400, ErrSlowDown},
		"ValidationException":    {400, esm.ErrForeign},
		"AccessDeniedException":  {400, ErrDenied},
	} {
		r := newRig(t)
		r.service.answers["GetShardIterator"] = says(test.status, code)
		_, err := r.stream.Open(t.Context(), firstShard, esm.From{After: "4500001234567890123456"})
		if err == nil || test.want != nil && !errors.Is(err, test.want) || test.want == nil && decided(err) {
			t.Errorf("%s: %v, want %v", code, err, test.want)
		}
		if n := len(r.service.made("GetShardIterator")); n != 1 {
			t.Errorf("%s: %d calls", code, n)
		}
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

func TestListingsGoThroughAllPages(t *testing.T) {
	r := newRig(t)
	r.played.page = 100
	for shard := firstShard; len(r.memory.Shards()) < 250; {
		shard = r.memory.Roll(shard)
	}
	got, err := r.stream.List(t.Context())
	if err != nil || len(got.Shards) != 250 || got.Identity != "2026-03-01T09:10:11.345" {
		t.Errorf("%d shards of %s, %v", len(got.Shards), got.Identity, err)
	}
	calls := r.service.made("DescribeStream")
	if len(calls) != 3 || calls[0].in["ExclusiveStartShardId"] != nil || calls[0].in["StreamArn"] != streamARN {
		t.Errorf("%d calls, the first with %v", len(calls), calls[0].in)
	}
	closed, orphans := 0, 0
	for _, s := range got.Shards {
		if s.Closed {
			closed++
		}
		if len(s.Parents) == 0 {
			orphans++
		}
	}
	if closed != 249 || orphans != 1 {
		t.Errorf("%d closed, %d without a parent", closed, orphans)
	}
}

func TestDisabledStreamsCanBeRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		r.put("a")
		r.memory.Close(firstShard)
		usual := r.service.answers["DescribeStream"]
		r.service.answers["DescribeStream"] = func(c call) *answer {
			a := usual(c)
			a.body.(map[string]any)["StreamDescription"].(map[string]any)["StreamStatus"] = "DISABLED"
			return a
		}
		got, err := r.stream.List(t.Context())
		if err != nil || len(got.Shards) != 1 || !got.Shards[0].Closed {
			t.Errorf("%+v, %v", got, err)
		}
		if got := r.read(r.open(esm.From{}), 5); !slices.Equal(got, []string{"a"}) {
			t.Errorf("read %q", got)
		}
	})
}

func TestListingsThatGoRound(t *testing.T) {
	r := newRig(t)
	r.service.answers["DescribeStream"] = func(call) *answer {
		return ok(map[string]any{"StreamDescription": map[string]any{"LastEvaluatedShardId": firstShard}})
	}
	if got, err := r.stream.List(t.Context()); err == nil {
		t.Errorf("%+v", got)
	}
}

func TestErrorsOfListings(t *testing.T) {
	for code, want := range map[string]error{
		"AccessDeniedException":     ErrDenied,
		"LimitExceededException":    ErrSlowDown,
		"ResourceNotFoundException": esm.ErrNoStream,
	} {
		r := newRig(t)
		r.service.answers["DescribeStream"] = says(400, code)
		if _, err := r.stream.List(t.Context()); !errors.Is(err, want) {
			t.Errorf("%s: %v, want %v", code, err, want)
		}
	}
	r := newRig(t)
	r.instead("DescribeStream", says(500, "InternalServerError"))
	if _, err := r.stream.List(t.Context()); err != nil {
		t.Errorf("a failure that passes: %v", err)
	}
}
