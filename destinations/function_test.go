package destinations

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/esm-run/esm"
	"github.com/esm-run/esm/config"
)

// accepting is an acceptor with faults: those that are not nil are returned in turn, after the event was accepted if done.
type accepting struct {
	faults []error
	done   bool
	events []esm.Event
}

func (a *accepting) Accept(_ context.Context, e esm.Event) (err error) {
	if len(a.faults) > 0 {
		err, a.faults = a.faults[0], a.faults[1:]
	}
	if err == nil || a.done {
		a.events = append(a.events, e)
	}
	return err
}

// own opens the function report of this engine, with a qualifier.
func own(t *testing.T, a esm.Acceptor) Reachable {
	t.Helper()
	o := (&service{}).opener("")
	o.HasFunction, o.Acceptor = func(name string) bool { return name == "report" }, a
	d, err := o.Open(t.Context(), "arn:aws:lambda:eu-west-1:111122223333:function:report:live", config.EventFailure)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func TestOwnFunctions(t *testing.T) {
	a := &accepting{}
	d, other := own(t, a), made(func(n *esm.Notice) { n.ID = "another" })
	for _, n := range []esm.Notice{givenUp(), givenUp(), other} {
		if err := d.Send(t.Context(), n); err != nil {
			t.Fatal(err)
		}
	}
	if err := d.Reach(t.Context()); err != nil {
		t.Error(err)
	}
	first, again := a.events[0], a.events[1]
	if first.Function != "report:live" || string(first.Payload) != text(t, "exhausted") || first.TraceHeader != traceID {
		t.Errorf("got %+v", first)
	}
	id, err := uuid.Parse(first.ID)
	if err != nil || id.Version() != 4 || id.Variant() != uuid.RFC4122 || first.ID == givenUp().ID || first.ID == givenUp().RequestID {
		t.Errorf("request ID %s, %v", first.ID, err)
	}
	if again.ID != first.ID || a.events[2].ID == first.ID {
		t.Errorf("request IDs %s, at a repetition %s, of another notice %s", first.ID, again.ID, a.events[2].ID)
	}
}

func TestOwnFunctionFaults(t *testing.T) {
	full := errors.New("no space left on device")
	for _, done := range []bool{false, true} {
		a := &accepting{faults: []error{full}, done: done}
		d := own(t, a)
		if err := d.Send(t.Context(), givenUp()); !errors.Is(err, full) || errors.Is(err, esm.ErrUndeliverable) {
			t.Errorf("done %v: got %v", done, err)
		}
		if err := d.Send(t.Context(), givenUp()); err != nil {
			t.Errorf("done %v: afterwards %v", done, err)
		}
		if last := a.events[len(a.events)-1]; a.events[0].ID != last.ID {
			t.Errorf("done %v: the repetition has the ID %s after %s", done, last.ID, a.events[0].ID)
		}
	}
	if err := own(t, &accepting{faults: []error{esm.ErrRefused}}).Send(t.Context(), givenUp()); !errors.Is(err, esm.ErrUndeliverable) {
		t.Errorf("refused: got %v", err)
	}
	if err := own(t, nil).Send(t.Context(), givenUp()); !errors.Is(err, esm.ErrUndeliverable) || !strings.Contains(err.Error(), "not running") {
		t.Errorf("without an engine: got %v", err)
	}
}

func TestRecordsForFunctions(t *testing.T) {
	for size, fits := range map[int]bool{esm.MaxEvent: true, esm.MaxEvent + 1: false} {
		n, a, s := sized(t, succeeded(), size), &accepting{}, &service{}
		remote := s.all(t, "", config.EventSuccess)[config.Lambda]
		for name, err := range map[string]error{"own": own(t, a).Send(t.Context(), n), "remote": remote.Send(t.Context(), n)} {
			if errors.Is(err, esm.ErrUndeliverable) == fits || (err == nil) != fits {
				t.Errorf("%s: a record of %d bytes: %v", name, size, err)
			}
		}
		if (len(a.events) == 1) != fits || (s.calls == 1) != fits {
			t.Errorf("a record of %d bytes: %d events, %d calls", size, len(a.events), s.calls)
		}
	}
}

// Functions of this engine's account and region are its own, all others are invoked where they are.
func TestOpenFunctions(t *testing.T) {
	const unknown = "this engine, whose functions are in eu-west-1 and account 111122223333, has no function other"
	for arn, want := range map[string]string{
		"arn:aws:lambda:eu-west-1:111122223333:function:report":         "own report",
		"arn:aws:lambda:eu-west-1:111122223333:function:report:$LATEST": "own report:$LATEST",
		"arn:aws:lambda:eu-west-1:444455556666:function:report":         "https://lambda.eu-west-1.amazonaws.com/2015-03-31/functions/arn%3Aaws%3Alambda%3Aeu-west-1%3A444455556666%3Afunction%3Areport/invocations",
		"arn:aws:lambda:us-east-1:111122223333:function:report:2":       "https://lambda.us-east-1.amazonaws.com/2015-03-31/functions/arn%3Aaws%3Alambda%3Aus-east-1%3A111122223333%3Afunction%3Areport/invocations?Qualifier=2",
		"arn:aws:lambda:eu-west-1:111122223333:function:other":          unknown,
	} {
		s, a := &service{}, &accepting{}
		o := s.opener("")
		o.HasFunction, o.Acceptor = func(name string) bool { return name == "report" }, a
		d, err := o.Open(t.Context(), arn, config.EventSuccess)
		if err != nil {
			if !strings.Contains(err.Error(), want) || !strings.HasPrefix(err.Error(), "destination "+arn+": ") {
				t.Errorf("%s: got %v", arn, err)
			}
			continue
		}
		if err := d.Send(t.Context(), succeeded()); err != nil {
			t.Errorf("%s: %v", arn, err)
		}
		got := ""
		if len(a.events) == 1 {
			got = "own " + a.events[0].Function
		} else if len(s.taken) == 1 {
			got = s.taken[0].url
		}
		if got != want {
			t.Errorf("%s: got %s, want %s", arn, got, want)
		}
	}
	o := (&service{}).opener("")
	if _, err := o.Open(t.Context(), "arn:aws:lambda:eu-west-1:111122223333:function:other", config.EventSuccess); err == nil || !strings.Contains(err.Error(), unknown) {
		t.Errorf("an engine without functions: %v", err)
	}
}
