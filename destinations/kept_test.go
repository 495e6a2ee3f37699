package destinations

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"testing"
	"testing/synctest"
	"time"

	"github.com/esm-run/esm"
	"github.com/esm-run/esm/checkpoint/checkpointtest"
)

// fakeDestination fails its first calls with faults, one each. The code "permanent" is an ErrUndeliverable.
type fakeDestination struct {
	faults  []fault
	latency time.Duration
	calls   []time.Time
	taken   []esm.Notice
}

func (d *fakeDestination) Send(ctx context.Context, n esm.Notice) error {
	d.calls = append(d.calls, time.Now())
	var f fault
	if len(d.faults) > 0 {
		f, d.faults = d.faults[0], d.faults[1:]
	}
	if f.code == "" || f.done {
		d.taken = append(d.taken, n)
	}
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d.latency):
	}
	switch f.code {
	case "":
		return nil
	case "permanent":
		return fmt.Errorf("no such queue: %w", esm.ErrUndeliverable)
	}
	return errors.New(f.code)
}

func lost(n int) (faults []fault) {
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
		"no failure":               {nil, 1, 1, false},
		"a failure without effect": {lost(1), 2, 1, false},
		"a failure with effect":    {[]fault{{code: "lost", done: true}}, 2, 2, false},
		"the last try succeeds":    {lost(4), 5, 1, false},
		"the last try fails":       {lost(50), 5, 0, true},
		"permanent":                {[]fault{{code: "permanent"}}, 1, 0, true},
		"permanent in the end":     {append(lost(2), fault{code: "permanent"}), 3, 0, true},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d := &fakeDestination{faults: test.faults}
				err := Retrying{d}.Send(t.Context(), exhausted())
				if (err != nil) != test.fails || len(d.calls) != test.calls || len(d.taken) != test.taken {
					t.Errorf("%v after %d calls, %d taken; want %+v", err, len(d.calls), len(d.taken), test)
				}
				for i := range d.calls[1:] {
					usual := firstBackoff << i
					if got := d.calls[i+1].Sub(d.calls[i]); got < usual/2 || got > usual*3/2 {
						t.Errorf("wait %d is %s, want about %s", i+1, got, usual)
					}
				}
				for _, n := range d.taken {
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
		ctx, cancel := context.WithTimeout(t.Context(), 250*time.Millisecond)
		defer cancel()
		start := time.Now()
		err := Retrying{&fakeDestination{faults: lost(50)}}.Send(ctx, exhausted())
		if err == nil || err.Error() != "lost" || time.Since(start) > 250*time.Millisecond {
			t.Errorf("%v after %s", err, time.Since(start))
		}
	})
}

func TestRetriesOfADestinationThatHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d, start := &fakeDestination{latency: time.Hour}, time.Now()
		err := Retrying{d}.Send(t.Context(), exhausted())
		if !errors.Is(err, context.DeadlineExceeded) || len(d.calls) != 2 || time.Since(start) > totalTimeout {
			t.Errorf("%v after %d calls and %s", err, len(d.calls), time.Since(start))
		}
	})
}

// stored lists the notices of a store.
func stored(t *testing.T, m *checkpointtest.Memory) (all []esm.UndeliveredNotice) {
	t.Helper()
	for u, err := range m.Undelivered(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, u)
	}
	return all
}

func TestKept(t *testing.T) {
	for name, faults := range map[string][]fault{"no failure": nil, "permanent": {{code: "permanent"}}, "temporary": lost(maxTries)} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d, m := &fakeDestination{faults: faults}, &checkpointtest.Memory{}
				var sent []error
				k := Kept{
					Destination: Retrying{d}, ARN: queueARN, Undelivered: m,
					Sent: func(_ esm.Notice, err error) { sent = append(sent, err) },
				}
				if err := k.Send(t.Context(), exhausted()); err != nil {
					t.Errorf("error %v", err)
				}
				kept := stored(t, m)
				if failed := len(faults) > 0; len(sent) != 1 || (sent[0] != nil) != failed || (len(kept) == 1) != failed || len(d.taken)+len(kept) != 1 {
					t.Errorf("%d taken, kept %+v, reported %v", len(d.taken), kept, sent)
				}
				for _, u := range kept {
					if u.Destination != queueARN || u.Reason != sent[0].Error() || u.Notice.ID != exhausted().ID {
						t.Errorf("kept %+v", u)
					}
				}
			})
		})
	}
}

// Send returns nil only if the notice is with the destination or in the store. It can be called again.
func TestKeptWithoutAStore(t *testing.T) {
	full := errors.New("disk full")
	for _, keeping := range []checkpointtest.Fault{checkpointtest.Undone(full), checkpointtest.Done(full)} {
		m := &checkpointtest.Memory{KeepFaults: checkpointtest.InTurn(keeping)}
		k := Kept{Destination: &fakeDestination{faults: []fault{{code: "permanent"}, {code: "permanent"}}}, ARN: queueARN, Undelivered: m}
		err := k.Send(t.Context(), exhausted())
		if !errors.Is(err, full) || !errors.Is(err, esm.ErrUndeliverable) || (len(stored(t, m)) == 1) != keeping.Done {
			t.Errorf("%v, %d kept", err, len(stored(t, m)))
		}
		if err := k.Send(t.Context(), exhausted()); err != nil || len(stored(t, m)) != 1 {
			t.Errorf("again: %v, %d kept", err, len(stored(t, m)))
		}
	}
}

func TestKeptDoesNotStoreAtAStop(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &checkpointtest.Memory{}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		err := Kept{Destination: Retrying{&fakeDestination{latency: time.Hour}}, ARN: queueARN, Undelivered: m}.Send(ctx, exhausted())
		if !errors.Is(err, context.DeadlineExceeded) || len(stored(t, m)) != 0 {
			t.Errorf("%v, %d kept", err, len(stored(t, m)))
		}
	})
}
