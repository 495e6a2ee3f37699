package esm_test

import (
	"testing"

	"github.com/esm-run/esm"
	"github.com/esm-run/esm/checkpoint/checkpointtest"
)

func TestForgetMapping(t *testing.T) {
	store := &checkpointtest.Memory{}
	for _, k := range []esm.Key{{"a", ""}, {"a", "1"}, {"a", "2"}, {"b", "1"}} {
		if _, err := store.Save(t.Context(), k, esm.Checkpoint{Position: "1"}); err != nil {
			t.Fatal(err)
		}
	}
	for range 2 { // the second time there is nothing to forget
		if err := esm.ForgetMapping(t.Context(), store, "a"); err != nil {
			t.Fatal(err)
		}
	}
	for mapping, want := range map[string]int{"a": 0, "b": 1} {
		if left, err := store.All(t.Context(), mapping); err != nil || len(left) != want {
			t.Errorf("%s has %v, %v", mapping, left, err)
		}
	}
}
