package awstest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/esm-run/esm"
)

// Polling describes a stream that is read by GetShardIterator and GetRecords, for [RunPolling].
type Polling struct {
	// Rig makes a rig whose client speaks to an endpoint: AWS when that is empty, and an emulator otherwise.
	Rig func(t *testing.T, endpoint string) *Rig

	Lists  []string      // the operations that make a listing
	Number string        // the member of GetShardIterator that holds a sequence number
	Life   time.Duration // of iterators
	Old    string        // the type of the iterator that replaces one which has become too old

	SlowDown, Denied error
	Throttled        string // an error code that means SlowDown
	Invalid          string // the error code for a position that is none

	// Faults are reads that fail, besides those that all services have in common.
	Faults map[string]PollingFault
}

// PollingFault is a read that fails.
type PollingFault struct {
	Answer   Handler
	Want     error // nil: nothing in particular
	Calls    int   // of GetRecords by the read that fails
	Renewals int   // iterators asked for, by that read and the next two
}

// RunPolling runs the tests that every polled stream of AWS passes, besides those of sourcetest.
func RunPolling(t *testing.T, p Polling) {
	for name, test := range map[string]func(Polling, *Rig){
		"read ahead":                Polling.readAhead,
		"the end comes alone":       Polling.endAlone,
		"a broken connection":       Polling.broken,
		"an empty answer":           Polling.hollow,
		"throttling":                Polling.throttling,
		"an iterator becomes old":   Polling.oldIterator,
		"an iterator is refused":    Polling.expiredIterator,
		"not found once, and twice": Polling.notFound,
		"opening fails at once":     Polling.openingFails,
		"errors of listings":        Polling.listingFails,
		"a silent service":          Polling.silent,
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { test(p, p.Rig(t, "")) })
		})
	}
	for name, fault := range p.faults() {
		t.Run("a read fails/"+name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { p.failedRead(p.Rig(t, ""), fault) })
		})
	}
	for _, endpoint := range []string{"", "http://127.0.0.1:4566"} {
		t.Run("an internal error of "+endpoint, func(t *testing.T) { p.internalError(p.Rig(t, endpoint), endpoint != "") })
	}
}

func (p Polling) faults() map[string]PollingFault {
	all := map[string]PollingFault{
		"access denied":       {Refuse(400, "AccessDeniedException"), p.Denied, 1, 1},
		"status 403":          {Refuse(403, "Forbidden"), p.Denied, 1, 1},
		"internal":            {Refuse(500, "InternalFailure"), nil, 1, 1},
		"garbage":             {Refuse(500, "UnknownError"), nil, 1, 1},
		"broken twice":        {Break, nil, 2, 0},
		"invalid":             {Refuse(400, p.Invalid), nil, 2, 2},
		"an iterator expires": {Refuse(400, "ExpiredIteratorException"), nil, 2, 2},
	}
	for name, fault := range p.Faults {
		all[name] = fault
	}
	return all
}

// decided reports whether an error says that a stream, a shard or a position is gone.
func decided(err error) bool {
	return errors.Is(err, esm.ErrNoStream) || errors.Is(err, esm.ErrNoShard) || errors.Is(err, esm.ErrForeign)
}

// failedRead is a read that fails. The next one goes on where the reader was.
func (p Polling) failedRead(r *Rig, fault PollingFault) {
	r.Put("a", "b")
	reader := r.Open(esm.From{})
	r.First("GetRecords", slices.Repeat([]Handler{fault.Answer}, fault.Calls)...)
	recs, err := reader.Read(r.Context(), 1)
	if err == nil || len(recs) != 0 || fault.Want != nil && !errors.Is(err, fault.Want) || decided(err) {
		r.Errorf("read %d records, %v, want %v", len(recs), err, fault.Want)
	}
	if got := len(r.Calls("GetRecords")); got != fault.Calls {
		r.Errorf("%d calls, want %d", got, fault.Calls)
	}
	if got := append(r.Read(reader, 1), r.Read(reader, 1)...); !slices.Equal(got, []string{"a", "b"}) {
		r.Errorf("afterwards read %q", got)
	}
	if got := len(r.Calls("GetShardIterator")) - 1; got != fault.Renewals {
		r.Errorf("%d renewals, want %d", got, fault.Renewals)
	}
}

func (p Polling) readAhead(r *Rig) {
	r.Put("a", "b", "c", "d", "e")
	reader := r.Open(esm.From{})
	start := time.Now()
	got := [][]string{r.Read(reader, 2), r.Read(reader, 2), r.Read(reader, 20_000)}
	if fmt.Sprint(got) != "[[a b] [c d] [e]]" || time.Since(start) != 0 || len(r.Calls("GetRecords")) != 1 {
		r.Errorf("got %v after %s and %d calls", got, time.Since(start), len(r.Calls("GetRecords")))
	}
}

func (p Polling) endAlone(r *Rig) {
	r.Put("a")
	r.Memory.Roll(FirstShard)
	reader := r.Open(esm.From{})
	start := time.Now()
	if got := r.Read(reader, 5); !slices.Equal(got, []string{"a"}) {
		r.Errorf("read %q", got)
	}
	if _, err := reader.Read(r.Context(), 5); err != io.EOF || time.Since(start) != 0 {
		r.Errorf("%v after %s", err, time.Since(start))
	}
}

// broken breaks each kind of connection once, which the SDK makes good.
func (p Polling) broken(r *Rig) {
	r.Put("a")
	r.First("GetRecords", Break)
	r.First("GetShardIterator", Break)
	if got := r.Read(r.Open(esm.From{}), 1); !slices.Equal(got, []string{"a"}) {
		r.Errorf("read %q", got)
	}
}

// hollow answers without content, which must not be taken for the end of a shard.
func (p Polling) hollow(r *Rig) {
	r.Put("a")
	r.First("GetRecords", func(Call) *Answer { return OK(map[string]any{}) })
	reader := r.Open(esm.From{})
	if recs, err := reader.Read(r.Context(), 5); err == nil || errors.Is(err, io.EOF) {
		r.Errorf("read %v, %v", recs, err)
	}
	if got := r.Read(reader, 5); len(got) != 1 {
		r.Errorf("read %q after the empty answer", got)
	}
}

// throttling slows a reader down to a read a second. After ten throttled reads in a row it is an error.
func (p Polling) throttling(r *Rig) {
	r.Put("a")
	slow := Refuse(400, p.Throttled)
	r.First("GetRecords", slow, slow, slow)
	reader := r.Open(esm.From{})
	if got := slices.Concat(r.Read(reader, 1), r.Read(reader, 1), r.Read(reader, 1)); len(got) != 0 {
		r.Errorf("read %q", got)
	}
	if got := r.Read(reader, 1); !slices.Equal(got, []string{"a"}) {
		r.Errorf("read %q", got)
	}
	for _, gap := range r.Gaps("GetRecords") {
		if gap < time.Second || gap > 5*time.Second/4 {
			r.Errorf("%s after a throttled read, want 1s to 1.25s", gap)
		}
	}
	if n := len(r.Calls("GetShardIterator")); n != 1 {
		r.Errorf("%d iterators", n)
	}
	r.Answers["GetRecords"] = slow
	for i := range 12 {
		if _, err := reader.Read(r.Context(), 1); errors.Is(err, p.SlowDown) != (i >= 9) {
			r.Errorf("throttled read %d: %v", i+1, err)
		}
	}
}

func (p Polling) oldIterator(r *Rig) { p.renewed(r, p.Life, p.Old) }

func (p Polling) expiredIterator(r *Rig) {
	r.First("GetRecords", nil, Refuse(400, "ExpiredIteratorException"))
	p.renewed(r, time.Minute, "AFTER_SEQUENCE_NUMBER")
}

// renewed reads a record, and another after a rest, for which it takes a new iterator.
func (p Polling) renewed(r *Rig, rest time.Duration, kind string) {
	r.Put("a")
	reader := r.Open(esm.From{})
	r.Read(reader, 1)
	r.Put("b")
	time.Sleep(rest)
	if got := r.Read(reader, 1); !slices.Equal(got, []string{"b"}) {
		r.Errorf("read %q", got)
	}
	if made := r.Calls("GetShardIterator"); len(made) != 2 || made[1].Text("ShardIteratorType") != kind {
		r.Errorf("%d iterators, the last %v", len(made), made[len(made)-1].In)
	}
}

// notFound shows that a shard or a position is believed to be gone only when the service says so twice, and a shard only
// when it is not listed as open.
func (p Polling) notFound(r *Rig) {
	r.Put("a", "b")
	position := esm.From{After: r.Memory.Records(FirstShard)[0].Receipt}
	usual := r.Answers["GetShardIterator"]
	gone := func(Call) *Answer { return Refusal(400, "ResourceNotFoundException") }
	noPosition := func(c Call) *Answer {
		if c.Text(p.Number) != "" {
			return gone(c)
		}
		return usual(c)
	}
	open := func(from esm.From, answer Handler, want error) {
		r.Helper()
		r.Answers["GetShardIterator"] = answer
		_, err := r.Stream.Open(r.Context(), FirstShard, from)
		if err == nil || want != nil && !errors.Is(err, want) || want == nil && decided(err) {
			r.Errorf("open at %v: %v, want %v", from, err, want)
		}
	}
	open(esm.From{}, Once(gone, usual), nil)
	open(esm.From{}, gone, nil)
	open(position, Once(gone, usual), nil)
	open(position, noPosition, esm.ErrForeign)
	r.Memory.Close(FirstShard)
	open(esm.From{}, Once(gone, usual), nil)
	open(esm.From{}, gone, esm.ErrNoShard)
	r.Answers["GetShardIterator"] = usual
	r.Open(esm.From{}).Close()
}

// openingFails shows that the SDK does not repeat a GetShardIterator that is refused.
func (p Polling) openingFails(r *Rig) {
	for code, want := range map[string]error{
		"InternalServerError": nil, p.Throttled: p.SlowDown, p.Invalid: esm.ErrForeign, "AccessDeniedException": p.Denied,
	} {
		status := 400
		if code == "InternalServerError" {
			status = 500
		}
		before := len(r.Calls("GetShardIterator"))
		r.Answers["GetShardIterator"] = Refuse(status, code)
		_, err := r.Stream.Open(r.Context(), FirstShard, esm.From{After: "4500001234567890123456"})
		if err == nil || want != nil && !errors.Is(err, want) || want == nil && decided(err) {
			r.Errorf("%s: %v, want %v", code, err, want)
		}
		if n := len(r.Calls("GetShardIterator")) - before; n != 1 {
			r.Errorf("%s: %d calls", code, n)
		}
	}
}

func (p Polling) listingFails(r *Rig) {
	for _, op := range p.Lists {
		usual := r.Answers[op]
		for code, want := range map[string]error{
			"AccessDeniedException": p.Denied, "LimitExceededException": p.SlowDown, "ResourceNotFoundException": esm.ErrNoStream,
		} {
			r.Answers[op] = Refuse(400, code)
			if _, err := r.Stream.List(r.Context()); !errors.Is(err, want) {
				r.Errorf("%s answers %s: %v, want %v", op, code, err, want)
			}
		}
		r.Answers[op] = Once(Refuse(500, "InternalServerError"), usual)
		if _, err := r.Stream.List(r.Context()); err != nil {
			r.Errorf("%s fails once: %v", op, err)
		}
		r.Answers[op] = usual
	}
}

// internalError shows that an emulator's internal error, which may mean anything, is looked into, and AWS's is not.
func (p Polling) internalError(r *Rig, emulated bool) {
	usual := r.Answers["GetShardIterator"]
	r.Answers["GetShardIterator"] = func(c Call) *Answer {
		if c.Text(p.Number) == "" {
			return usual(c)
		}
		return Refusal(500, "InternalError")
	}
	if _, err := r.Stream.Open(r.Context(), FirstShard, esm.From{After: "99"}); err == nil || errors.Is(err, esm.ErrForeign) != emulated {
		r.Errorf("%v", err)
	}
}

// silent never answers. That is an error like any other, after 15 seconds, and not the end of the context.
func (p Polling) silent(r *Rig) {
	r.Put("a")
	reader := r.Open(esm.From{})
	ignored := func(op string, call func() error) {
		r.Helper()
		usual, before := r.Answers[op], len(r.Calls(op))
		r.Answers[op] = Ignore
		start := time.Now()
		err := call()
		if err == nil || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) || time.Since(start) != 15*time.Second {
			r.Errorf("%s: %v after %s", op, err, time.Since(start))
		}
		if n := len(r.Calls(op)) - before; n != 1 {
			r.Errorf("%s: %d calls", op, n)
		}
		r.Answers[op] = usual
	}
	ignored("GetRecords", func() error { _, err := reader.Read(r.Context(), 1); return err })
	ignored("GetShardIterator", func() error { _, err := r.Stream.Open(r.Context(), FirstShard, esm.From{}); return err })
	for _, op := range p.Lists {
		ignored(op, func() error { _, err := r.Stream.List(r.Context()); return err })
	}
	if got := r.Read(reader, 1); !slices.Equal(got, []string{"a"}) {
		r.Errorf("afterwards read %q", got)
	}
}
