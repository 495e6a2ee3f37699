package kinesis

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/esm-run/esm"
	"github.com/esm-run/esm/sources/sourcetest"
)

// rig is a stream in memory, played over the wire, and a reader of its first shard.
type rig struct {
	*testing.T
	*played
	service *service
	stream  *Stream
}

func newRig(t *testing.T) *rig {
	p := newPlayed(sourcetest.StreamConfig{})
	s := p.service()
	return &rig{T: t, played: p, service: s, stream: s.of(t, streamARN)}
}

// instead answers the first calls of an operation otherwise.
func (r *rig) instead(op string, first ...func(call) *answer) {
	usual := r.service.answers[op]
	r.service.answers[op] = func(c call) *answer {
		if n := len(r.service.made(op)); n <= len(first) {
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
		data = append(data, string(decode(r, rec.Event).Kinesis.Data))
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

func TestIdleShardsAreReadEverySecond(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		reader := r.open(esm.From{})
		for range 3 {
			r.read(reader, 10)
		}
		r.put("a")
		r.read(reader, 10)
		r.read(reader, 10) // at once, as far as five a second allow
		r.read(reader, 10)
		want := []time.Duration{time.Second, time.Second, time.Second, time.Second / 5, time.Second}
		if got := r.gaps("GetRecords"); !slices.Equal(got, want) {
			t.Errorf("between the reads %v, want %v", got, want)
		}
	})
}

func TestReadersOfAShardShareItsPace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		other, err := New(Config{Client: r.service.client(), ARN: streamARN, Pace: r.stream.pace})
		if err != nil {
			t.Fatal(err)
		}
		elsewhere, err := other.Open(t.Context(), firstShard, esm.From{})
		if err != nil {
			t.Fatal(err)
		}
		reader := r.open(esm.From{})
		for range 10 {
			r.put("a", "b")
			r.read(reader, 1)
			r.read(elsewhere, 1)
		}
		for _, gap := range r.gaps("GetRecords") {
			if gap < time.Second/5 {
				t.Errorf("reads %s apart", gap)
			}
		}
		reader.Close()
		elsewhere.Close()
		if n := len(r.stream.pace.tracks); n != 0 {
			t.Errorf("%d tracks are kept", n)
		}
	})
}

func TestTwoMegabytesASecond(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		r.memory.Put("", strings.Repeat("x", 1_000_000))
		reader := r.open(esm.From{})
		r.read(reader, 10)
		r.read(reader, 10)
		if got := r.gaps("GetRecords"); got[0] != time.Second/2 {
			t.Errorf("%s after a megabyte, want 500ms", got)
		}
	})
}

func TestWhatWasReadAheadIsHandedOutFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		r.put("a", "b", "c", "d", "e")
		reader := r.open(esm.From{})
		start := time.Now()
		got := [][]string{r.read(reader, 2), r.read(reader, 2), r.read(reader, 2)}
		if fmt.Sprint(got) != "[[a b] [c d] [e]]" || time.Since(start) != 0 {
			t.Errorf("got %v after %s", got, time.Since(start))
		}
		calls := r.service.made("GetRecords")
		if len(calls) != 1 || calls[0].in["Limit"] != float64(atFirst) || calls[0].in["StreamARN"] != streamARN {
			t.Errorf("%d calls, the first with %v", len(calls), calls[0].in)
		}
	})
}

func TestWhatIsAskedForIsAMegabyte(t *testing.T) {
	for size, want := range map[int]int{1: 10_000, 200: 5000, 50_000: 20, 1_000_000: 1} {
		synctest.Test(t, func(t *testing.T) {
			r := newRig(t)
			reader := r.open(esm.From{})
			r.memory.Put("", strings.Repeat("x", size))
			r.read(reader, 20_000)
			r.read(reader, 20_000) // finds nothing, which changes nothing
			r.read(reader, 20_000)
			calls := r.service.made("GetRecords")
			for i, want := range []int{atFirst, want, want} {
				if got := calls[i].in["Limit"]; got != float64(want) {
					t.Errorf("read %d after a record of %d bytes asks for %v, want %d", i, size, got, want)
				}
			}
		})
	}
}

func TestFewCallsAreUnderWayAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPlayed(sourcetest.StreamConfig{Shards: 2 * atATime})
		s := p.service()
		r := &rig{T: t, played: p, service: s, stream: s.of(t, streamARN)}
		var busy, most atomic.Int64
		usual := r.service.answers["GetShardIterator"]
		r.service.answers["GetShardIterator"] = func(c call) *answer {
			most.Store(max(most.Load(), busy.Add(1)))
			time.Sleep(time.Second)
			busy.Add(-1)
			return usual(c)
		}
		start := time.Now()
		var opens sync.WaitGroup
		for _, shard := range p.memory.Shards() {
			opens.Go(func() {
				reader, err := r.stream.Open(t.Context(), shard, esm.From{})
				if err != nil {
					t.Error(err)
					return
				}
				reader.Close()
			})
		}
		opens.Wait()
		if most.Load() > atATime || time.Since(start) != 2*time.Second {
			t.Errorf("%d calls were under way, and all took %s", most.Load(), time.Since(start))
		}
	})
}

func TestIteratorsAreRenewedUnnoticed(t *testing.T) {
	kinds := map[string]string{"known to be old": "AT_SEQUENCE_NUMBER", "refused": "AFTER_SEQUENCE_NUMBER"}
	for name, rest := range map[string]time.Duration{"known to be old": 5 * time.Minute, "refused": time.Minute} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newRig(t)
				if name == "refused" {
					usual := r.service.answers["GetRecords"]
					r.instead("GetRecords", usual, says(http.StatusBadRequest, "ExpiredIteratorException"))
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
				if len(made) != 2 || made[1].text("ShardIteratorType") != kinds[name] {
					t.Errorf("iterators: %v", made)
				}
			})
		})
	}
}

func TestAnIteratorBeforeTheFirstRecordIsRenewedAsItWas(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		at := time.Now()
		for _, from := range []esm.From{{}, {At: at}} {
			reader := r.open(from)
			r.read(reader, 1)
			time.Sleep(10 * time.Minute)
			r.read(reader, 1)
			reader.Close()
		}
		var kinds []string
		for _, c := range r.service.made("GetShardIterator") {
			kinds = append(kinds, c.text("ShardIteratorType"))
		}
		if want := []string{"TRIM_HORIZON", "TRIM_HORIZON", "AT_TIMESTAMP", "AT_TIMESTAMP"}; !slices.Equal(kinds, want) {
			t.Errorf("iterators %v, want %v", kinds, want)
		}
		if got := r.service.made("GetShardIterator")[3].in["Timestamp"]; got != float64(at.UnixMilli())/1000 {
			t.Errorf("timestamp %v", got)
		}
	})
}

func TestAReadThatFailsGoesOnWhereItWas(t *testing.T) {
	for name, test := range map[string]struct {
		fault    func(call) *answer
		want     error
		calls    int // of GetRecords for the failed read
		renewals int
	}{
		"access denied":   {says(400, "AccessDeniedException"), ErrDenied, 1, 1},
		"key disabled":    {says(400, "KMSDisabledException"), ErrKey, 1, 1},
		"key missing":     {says(400, "KMSNotFoundException"), ErrKey, 1, 1},
		"internal":        {says(500, "InternalFailureException"), nil, 1, 1},
		"garbage":         {says(500, "UnknownError"), nil, 1, 1},
		"status 403":      {says(403, "Forbidden"), ErrDenied, 1, 1},
		"broken twice":    {broken, nil, 2, 0},
		"not this stream": {says(400, "InvalidArgumentException"), nil, 2, 2},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newRig(t)
				r.put("a", "b")
				reader := r.open(esm.From{})
				faults := make([]func(call) *answer, test.calls)
				for i := range faults {
					faults[i] = test.fault
				}
				r.instead("GetRecords", faults...)
				recs, err := reader.Read(t.Context(), 1)
				if err == nil || len(recs) != 0 || test.want != nil && !errors.Is(err, test.want) {
					t.Errorf("read %d records, %v, want %v", len(recs), err, test.want)
				}
				if errors.Is(err, esm.ErrForeign) || errors.Is(err, esm.ErrNoShard) || errors.Is(err, esm.ErrNoStream) {
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

func TestThrottlingSlowsTheShardDown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		r.put("a")
		slow := says(400, "ProvisionedThroughputExceededException")
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

func TestRecreatedStreamsAreForeignToTheirReaders(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		r.put("a")
		reader := r.open(esm.From{})
		r.read(reader, 1)
		r.memory.Recreate()
		r.put("b")
		if _, err := reader.Read(t.Context(), 1); !errors.Is(err, esm.ErrForeign) {
			t.Errorf("read: %v", err)
		}
		r.memory.Delete()
		for _, from := range []esm.From{{}, {After: "1"}} {
			if _, err := r.stream.Open(t.Context(), firstShard, from); !errors.Is(err, esm.ErrNoStream) {
				t.Errorf("open: %v", err)
			}
		}
	})
}

func TestTheEndComesAloneAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		r.put("a")
		r.memory.Split(firstShard)
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
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		left, right := r.memory.Split(firstShard)
		r.memory.Merge(left, right)
		for range 3 {
			shards := r.memory.Shards()
			r.memory.Split(shards[len(shards)-1])
		}
		r.instead("ListShards", r.service.answers["ListShards"], says(400, "ExpiredNextTokenException"))
		got, err := r.stream.List(t.Context())
		if err != nil || len(got.Shards) != len(r.memory.Shards()) || got.Identity != "2026-03-04T04:53:21Z" {
			t.Errorf("%+v, %v", got, err)
		}
	})
}

func TestErrorsOfListings(t *testing.T) {
	for code, want := range map[string]error{
		"AccessDeniedException":     ErrDenied,
		"LimitExceededException":    ErrSlowDown,
		"ResourceNotFoundException": esm.ErrNoStream,
	} {
		for _, op := range []string{"DescribeStreamSummary", "ListShards"} {
			r := newRig(t)
			r.service.answers[op] = says(400, code)
			if _, err := r.stream.List(t.Context()); !errors.Is(err, want) {
				t.Errorf("%s answers %s: %v, want %v", op, code, err, want)
			}
		}
	}
}
