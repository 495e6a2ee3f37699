package destinations

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/esm-run/esm"
)

// place takes notices as it is told: each call fails as the first of faults says, or goes well.
type place struct {
	faults []fault
	slow   time.Duration // how long a call takes
	calls  []time.Time
	taken  []esm.Notice
}

func (p *place) Send(ctx context.Context, n esm.Notice) error {
	p.calls = append(p.calls, time.Now())
	var f fault
	if len(p.faults) > 0 {
		f, p.faults = p.faults[0], p.faults[1:]
	}
	if f.code == "" || f.done {
		p.taken = append(p.taken, n)
	}
	timer := time.NewTimer(p.slow)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
	}
	switch f.code {
	case "":
		return nil
	case "final":
		return fmt.Errorf("no such place: %w", esm.ErrUndeliverable)
	}
	return errors.New(f.code)
}

func undone(n int) (faults []fault) {
	for range n {
		faults = append(faults, fault{code: "lost"})
	}
	return faults
}

func TestRetriesAreBounded(t *testing.T) {
	for name, test := range map[string]struct {
		faults       []fault
		calls, taken int
		fails        bool
	}{
		"goes well":         {nil, 1, 1, false},
		"failed undone":     {undone(1), 2, 1, false},
		"failed done":       {[]fault{{code: "lost", done: true}}, 2, 2, false},
		"the last try":      {undone(4), 5, 1, false},
		"one too many":      {undone(5), 5, 0, true},
		"final":             {[]fault{{code: "final"}}, 1, 0, true},
		"final in the end":  {append(undone(2), fault{code: "final"}), 3, 0, true},
		"not for ever more": {undone(50), 5, 0, true},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := &place{faults: test.faults}
				err := Retrying{p}.Send(t.Context(), exhausted())
				if (err != nil) != test.fails || len(p.calls) != test.calls || len(p.taken) != test.taken {
					t.Errorf("%v after %d calls, %d taken; want %+v", err, len(p.calls), len(p.taken), test)
				}
				for i := range p.calls[1:] {
					usual := firstPause << i
					if got := p.calls[i+1].Sub(p.calls[i]); got < usual/2 || got > usual*3/2 {
						t.Errorf("pause %d is %s, want about %s", i+1, got, usual)
					}
				}
				for _, n := range p.taken {
					if !reflect.DeepEqual(n, exhausted()) {
						t.Errorf("taken %+v", n)
					}
				}
			})
		})
	}
}

func TestRetriesEndWithTheContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &place{faults: undone(50)}
		ctx, cancel := context.WithTimeout(t.Context(), 250*time.Millisecond)
		defer cancel()
		start := time.Now()
		err := Retrying{p}.Send(ctx, exhausted())
		if err == nil || err.Error() != "lost" || time.Since(start) > 250*time.Millisecond {
			t.Errorf("%v after %s", err, time.Since(start))
		}
	})
}

func TestADestinationThatHangsIsGivenUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &place{slow: time.Hour}
		start := time.Now()
		err := Retrying{p}.Send(t.Context(), exhausted())
		if !errors.Is(err, context.DeadlineExceeded) || len(p.calls) != 2 || time.Since(start) > allWithin {
			t.Errorf("%v after %d calls and %s", err, len(p.calls), time.Since(start))
		}
	})
}

// shelf is a Keeper. Keeping fails as the first of faults says, or goes well.
type shelf struct {
	faults []fault
	kept   map[string]string // the destination and the reason by the notice's ID
}

func (s *shelf) Keep(_ context.Context, n esm.Notice, destination, reason string) error {
	var f fault
	if len(s.faults) > 0 {
		f, s.faults = s.faults[0], s.faults[1:]
	}
	if f.code == "" || f.done {
		if s.kept == nil {
			s.kept = map[string]string{}
		}
		s.kept[n.ID] = destination + ": " + reason
	}
	if f.code != "" {
		return errors.New(f.code)
	}
	return nil
}

func TestWhatIsNotTakenIsKept(t *testing.T) {
	for name, faults := range map[string][]fault{"goes well": nil, "final": {{code: "final"}}, "passing": undone(tries)} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p, s := &place{faults: faults}, &shelf{}
				var told []string
				k := Kept{
					Destination: Retrying{p}, Keeper: s, Name: queueARN,
					Told: func(n esm.Notice, err error) { told = append(told, fmt.Sprint(n.ID, err)) },
				}
				if err := k.Send(t.Context(), exhausted()); err != nil {
					t.Errorf("error %v", err)
				}
				kept := s.kept[exhausted().ID]
				if (kept != "") != (len(faults) > 0) || len(p.taken)+len(s.kept) != 1 || len(told) != 1 ||
					(told[0] == exhausted().ID+"<nil>") != (kept == "") {
					t.Errorf("%d taken, kept %q, told %q", len(p.taken), s.kept, told)
				}
				if kept != "" && !strings.HasPrefix(kept, queueARN+": ") {
					t.Errorf("kept as %q", kept)
				}
			})
		})
	}
}

// A notice is in one place at the least when Send reports success, and Send may be repeated.
func TestKeepingFails(t *testing.T) {
	for _, done := range []bool{false, true} {
		p := &place{faults: []fault{{code: "final"}, {code: "final"}}}
		s := &shelf{faults: []fault{{code: "disk full", done: done}}}
		k := Kept{Destination: p, Keeper: s, Name: queueARN}
		err := k.Send(t.Context(), exhausted())
		if err == nil || !strings.Contains(err.Error(), "disk full") || !errors.Is(err, esm.ErrUndeliverable) || (len(s.kept) == 1) != done {
			t.Errorf("%v, %d kept", err, len(s.kept))
		}
		if err := k.Send(t.Context(), exhausted()); err != nil || len(s.kept) != 1 {
			t.Errorf("again: %v, %d kept", err, len(s.kept))
		}
	}
}

func TestAStopIsNoReasonToKeep(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, s := &place{slow: time.Hour}, &shelf{}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		err := Kept{Destination: Retrying{p}, Keeper: s, Name: queueARN}.Send(ctx, exhausted())
		if !errors.Is(err, context.DeadlineExceeded) || len(s.kept) != 0 {
			t.Errorf("%v, %d kept", err, len(s.kept))
		}
	})
}
