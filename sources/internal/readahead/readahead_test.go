package readahead

import (
	"context"
	"errors"
	"io"
	"slices"
	"testing"

	"github.com/esm-run/esm"
)

func shape(s *string) esm.Record { return esm.Record{ID: *s} }

func TestRead(t *testing.T) {
	var a Buffer[string]
	bring := func(came ...string) func(context.Context) error {
		return func(context.Context) error {
			a.Records, a.Closed = came, len(came) == 1
			return nil
		}
	}
	never := func(context.Context) error {
		t.Error("fetched")
		return nil
	}
	down, trouble := errors.New("down"), func(context.Context) error { return errors.New("trouble") }
	ended, cancel := context.WithCancelCause(t.Context())
	cancel(down)
	for i, step := range []struct {
		ctx   context.Context
		limit int
		fetch func(context.Context) error
		want  []string
		err   bool
	}{
		{t.Context(), 5, bring(), nil, false}, // none is normal
		{t.Context(), 5, trouble, nil, true},
		{t.Context(), 2, bring("a", "b", "c"), []string{"a", "b"}, false},
		{ended, 2, never, nil, true},
		{t.Context(), 0, never, nil, true},
		{t.Context(), 5, never, []string{"c"}, false},
		{t.Context(), 5, bring("d"), []string{"d"}, false},
		{t.Context(), 5, never, nil, true},
	} {
		recs, err := a.Read(step.ctx, step.limit, step.fetch, shape)
		var got []string
		for _, r := range recs {
			got = append(got, r.ID)
		}
		if !slices.Equal(got, step.want) || (err != nil) != step.err {
			t.Errorf("read %d: %q, %v; want %q", i, got, err, step.want)
		}
	}
	if _, err := a.Read(t.Context(), 1, never, shape); err != io.EOF {
		t.Errorf("at the end: %v", err)
	}
}

// What was handed out is not held.
func TestReadLetsGo(t *testing.T) {
	came := []string{"a", "b", "c"}
	a := Buffer[string]{Records: came}
	for range 2 {
		if _, err := a.Read(t.Context(), 2, nil, shape); err != nil {
			t.Fatal(err)
		}
	}
	if a.Records != nil || came[0] != "" || came[2] != "" {
		t.Errorf("holds %q, of %q", a.Records, came)
	}
}
