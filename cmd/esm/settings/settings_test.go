package settings

import (
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"github.com/esm-run/esm/api"
	"github.com/esm-run/esm/cmd/esm/configfile"
	"github.com/esm-run/esm/config"
)

func retries(n int) *config.EventInvokeConfig {
	return &config.EventInvokeConfig{MaximumRetryAttempts: &n}
}

func replace[T any](v *T) func(*T) (*T, error) {
	return func(*T) (*T, error) { return v, nil }
}

// TestEventInvokeConfig tests qualifiers, which inherit nothing, and the times of values.
func TestEventInvokeConfig(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		file := &configfile.File{Functions: []config.Function{{Name: "f", EventInvokeConfig: retries(0)}, {Name: "away", InvokeEndpoint: "http://x"}}}
		d := &memory{}
		s, _ := open(t, file, d)
		if got, _ := s.EventInvoke.Get("f"); got.Modified != fileChanged || got.Value.Retries() != 0 {
			t.Errorf("of the file: got %+v", got)
		}
		before := time.Now()
		time.Sleep(time.Second)
		for name, n := range map[string]int{"away:live": 1, "away:$LATEST": 2} {
			if _, err := s.EventInvoke.Change(t.Context(), name, replace(retries(n))); err != nil {
				t.Fatal(err)
			}
		}
		s, notes := open(t, file, d)
		for name, want := range map[string]int{"f": 0, "f:$LATEST": 0, "f:live": 2, "away": 2, "away:live": 1, "away:7": 2, "gone": 2} {
			if got := s.EventInvokeConfig(name).Retries(); got != want {
				t.Errorf("%s: got %d, want %d", name, got, want)
			}
		}
		if got, want := slices.Sorted(maps.Keys(s.EventInvoke.List("away"))), []string{"$LATEST", "live"}; !slices.Equal(got, want) {
			t.Errorf("got %q, want %q", got, want)
		}
		live, _ := s.EventInvoke.Get("away:live")
		if live.Created != live.Modified || live.Modified.Sub(before) != time.Second || len(notes) != 2 {
			t.Errorf("got %+v, notes %q", live, notes)
		}
		time.Sleep(time.Second)
		changed, _ := s.EventInvoke.Change(t.Context(), "away:live", replace(retries(2)))
		if changed.Created != live.Created || changed.Modified.Sub(live.Modified) != time.Second {
			t.Errorf("got %+v, want the creation of %+v", changed, live)
		}
	})
}

// TestSettingSurvivesRestart tests one setting through random changes of file and HTTP, against the rule in its plainest form:
// the last that changed counts.
func TestSettingSurvivesRestart(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		value := rapid.Custom(func(rt *rapid.T) *config.EventInvokeConfig {
			if n := rapid.IntRange(-1, 2).Draw(rt, "retries"); n >= 0 {
				return retries(n)
			}
			return nil
		})
		file, d := value.Draw(rt, "file"), &memory{}
		want := file
		for range rapid.IntRange(1, 8).Draw(rt, "starts") {
			s, _ := open(t, &configfile.File{Functions: []config.Function{{Name: "f", EventInvokeConfig: file}}}, d)
			check := func() {
				got, ok := s.EventInvoke.Get("f")
				if ok != (want != nil) || ok && !equal(&got.Value, want) {
					rt.Fatalf("got %+v, %v, want %+v", got, ok, want)
				}
			}
			check()
			if rapid.Bool().Draw(rt, "change") {
				want = value.Draw(rt, "HTTP")
				if _, err := s.EventInvoke.Change(t.Context(), "f", replace(want)); err != nil {
					rt.Fatal(err)
				}
				check()
			}
			if next := value.Draw(rt, "next file"); !equal(next, file) {
				file, want = next, next
			}
		}
	})
}

// TestChangeIsSerial tests that each change sees the one before, and that readers see whole values.
func TestChangeIsSerial(t *testing.T) {
	file, d := &configfile.File{Functions: []config.Function{{Name: "f"}}}, &memory{}
	s, _ := open(t, file, d)
	var all sync.WaitGroup
	for i := range 50 {
		all.Go(func() {
			_, err := s.Policies.Change(t.Context(), "f", func(now *api.Policy) (*api.Policy, error) {
				next := &api.Policy{}
				if now != nil {
					next.Statements = slices.Clone(now.Statements)
				}
				next.Statements = append(next.Statements, api.Statement{Sid: fmt.Sprint(i)})
				return next, nil
			})
			if err != nil {
				t.Error(err)
			}
		})
		all.Go(func() { s.Policies.Get("f") })
	}
	all.Wait()
	next, notes := open(t, file, d)
	now, _ := s.Policies.Get("f")
	if then, _ := next.Policies.Get("f"); len(now.Value.Statements) != 50 || !reflect.DeepEqual(now.Value, then.Value) || notes != nil {
		t.Errorf("got %d statements now, then %+v, notes %q", len(now.Value.Statements), then, notes)
	}
}

// TestRefusedChange tests that nothing has changed after an error.
func TestRefusedChange(t *testing.T) {
	file, refused := &configfile.File{Functions: []config.Function{{Name: "f"}}}, errors.New("no")
	for _, c := range []struct {
		name string
		d    *memory
		err  error
	}{{"by its change", &memory{}, refused}, {"by the store", &memory{undone: refused}, nil}} {
		s, _ := open(t, file, c.d)
		_, err := s.Recursion.Change(t.Context(), "f", func(*string) (*string, error) { return new(api.RecursionAllowed), c.err })
		if !errors.Is(err, refused) || s.AllowsRecursion("f") {
			t.Errorf("%s: got %v, recursion allowed: %v", c.name, err, s.AllowsRecursion("f"))
		}
	}
}

func TestProvisionedConcurrency(t *testing.T) {
	file, d := &configfile.File{Functions: []config.Function{{Name: "f", ProvisionedConcurrentExecutions: 2}, {Name: "g"}}}, &memory{}
	s, _ := open(t, file, d)
	for name, n := range map[string]*int{"f": nil, "g": new(3)} {
		if _, err := s.Provisioned.Change(t.Context(), name, replace(n)); err != nil {
			t.Fatal(err)
		}
	}
	next, notes := open(t, file, d)
	again, _ := open(t, file, &memory{})
	if want := map[string]int{"f": 2}; !maps.Equal(again.provisioned, want) {
		t.Errorf("of the file: got %v, want %v", again.provisioned, want)
	}
	want := map[string]int{"f": 0, "g": 3}
	if !maps.Equal(s.provisioned, want) || !maps.Equal(next.provisioned, want) || len(notes) != 2 {
		t.Errorf("got %v now and %v after a start, want %v; notes %q", s.provisioned, next.provisioned, want, notes)
	}
}

func TestRecursionByFunction(t *testing.T) {
	s, _ := open(t, &configfile.File{Functions: []config.Function{{Name: "f"}}}, &memory{})
	if _, err := s.Recursion.Change(t.Context(), "f", replace(new(api.RecursionAllowed))); err != nil || !s.AllowsRecursion("f:$LATEST") || s.AllowsRecursion("g") {
		t.Errorf("got %v, %v of f, %v of g", err, s.AllowsRecursion("f:$LATEST"), s.AllowsRecursion("g"))
	}
}
