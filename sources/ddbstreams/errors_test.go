package ddbstreams

import (
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/esm-run/esm"
	"github.com/esm-run/esm/sources/internal/answers"
)

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
				if answers.Decided(err) {
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

// DynamoDB Local still lists a shard that has ceased to exist, as closed, and makes iterators for it.
func TestAListedShardThatIsGone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		r.service.answers["GetRecords"] = says(400, "ResourceNotFoundException")
		reader := r.open(esm.From{})
		if _, err := reader.Read(t.Context(), 1); err == nil || answers.Decided(err) {
			t.Errorf("read of a shard that is listed as open: %v", err)
		}
		r.memory.Close(firstShard)
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
		if _, err := reader.Read(t.Context(), 1); !errors.Is(err, ErrDenied) || answers.Decided(err) {
			t.Errorf("read: %v", err)
		}
	})
}

// A shard is not given up because the service said once that it is not there.
func TestWhatWasNotFoundOnceIsAskedForAgain(t *testing.T) {
	none := says(400, "ResourceNotFoundException")
	r := newRig(t)
	r.memory.Close(firstShard)
	r.instead("GetShardIterator", none)
	if _, err := r.stream.Open(t.Context(), firstShard, esm.From{}); err == nil || answers.Decided(err) {
		t.Errorf("not found once: %v", err)
	}
	r.open(esm.From{}).Close()
	r = newRig(t)
	r.service.answers["GetShardIterator"] = none
	if _, err := r.stream.Open(t.Context(), firstShard, esm.From{}); err == nil || answers.Decided(err) {
		t.Errorf("an open shard that is not found: %v", err)
	}
	r.memory.Close(firstShard)
	if _, err := r.stream.Open(t.Context(), firstShard, esm.From{}); !errors.Is(err, esm.ErrNoShard) {
		t.Errorf("a closed shard that is not found: %v", err)
	}
	for _, answers := range [][]string{
		{"ExpiredIteratorException", "ResourceNotFoundException"}, {"ExpiredIteratorException", "TrimmedDataAccessException"},
		{"TrimmedDataAccessException", "ResourceNotFoundException"}, {"ResourceNotFoundException", "ResourceNotFoundException"},
	} {
		r = newRig(t)
		r.instead("GetRecords", says(400, answers[0]), says(400, answers[1]))
		reader := r.open(esm.From{})
		r.memory.Close(firstShard)
		if _, err := reader.Read(t.Context(), 1); errors.Is(err, esm.ErrNoShard) != (answers[0] == answers[1]) || err == nil {
			t.Errorf("%s: %v", answers, err)
		}
	}
}

// What is not found may be the position alone, as kinesis-mock has it, which is behind LocalStack's streams. The shard is
// there then, and not given up.
func TestAPositionThatIsNotFound(t *testing.T) {
	r := newRig(t)
	r.put("a", "b")
	usual := r.service.answers["GetShardIterator"]
	r.service.answers["GetShardIterator"] = func(c call) *answer {
		if c.text("SequenceNumber") != "" {
			return refusal(400, "ResourceNotFoundException")
		}
		return usual(c)
	}
	from := esm.From{After: r.memory.Records(firstShard)[0].Receipt}
	if _, err := r.stream.Open(t.Context(), firstShard, from); !errors.Is(err, esm.ErrForeign) {
		t.Errorf("open: %v", err)
	}
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
		if err == nil || test.want != nil && !errors.Is(err, test.want) || test.want == nil && answers.Decided(err) {
			t.Errorf("%s: %v, want %v", code, err, test.want)
		}
		if n := len(r.service.made("GetShardIterator")); n != 1 {
			t.Errorf("%s: %d calls", code, n)
		}
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
