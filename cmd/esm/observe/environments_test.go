package observe

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/esm-run/esm/invoker"
	"github.com/esm-run/esm/trace"
)

func TestEnvironmentsOfFunctions(t *testing.T) {
	m := NewMonitor(nil, []string{"f", "g"})
	if got := m.Status().Functions[0]; got.List != nil || got.States != nil {
		t.Errorf("before there are any: %+v", got)
	}
	all := []invoker.Listed{
		{Function: "f", ID: "a", State: invoker.Busy, Began: keptAt, Invocations: 3, Memory: 40, Provisioned: true},
		{Function: "f", ID: "b", State: invoker.Frozen, Began: keptAt.Add(time.Second), Spare: true},
		{Function: "f", State: invoker.Starting, Began: keptAt.Add(2 * time.Second)},
		{Function: "removed", State: invoker.Closing},
	}
	m.WatchEnvironments(func() []invoker.Listed { return all })
	got := m.Status().Functions
	want := []EnvironmentStatus{
		{ID: "a", State: "busy", Kind: "provisioned", Started: keptAt, Invocations: 3, Memory: 40},
		{ID: "b", State: "frozen", Kind: "spare", Started: keptAt.Add(time.Second)},
		{State: "starting", Kind: "on-demand", Started: keptAt.Add(2 * time.Second)},
	}
	if len(got) != 2 || !slices.Equal(got[0].List, want) || got[0].MoreEnvironments != 0 || got[1].List != nil {
		t.Errorf("got %+v, want %+v", got, want)
	}
	by := func(state string) string { return "esm_function_environments_by_state,state=" + state }
	checkMetrics(t, "states", m, map[string]float64{by("busy"): 1, by("frozen"): 1, by("starting"): 1, by("idle"): 0, by("closing"): 0})

	all = slices.Repeat(all[:1], maxEnvironments+7)
	f := m.Status().Functions[0]
	if len(f.List) != maxEnvironments || f.MoreEnvironments != 7 || f.States["busy"] != maxEnvironments+7 {
		t.Errorf("of %d environments %d are shown, %d more, and %v", len(all), len(f.List), f.MoreEnvironments, f.States)
	}
	if text, err := json.Marshal(m.Status()); err != nil || len(text) > 200*maxEnvironments {
		t.Errorf("the status has %d bytes, %v", len(text), err)
	}
}

func TestMetricsOfStartsAndEnds(t *testing.T) {
	m := NewMonitor(nil, []string{"f"})
	tell(m.Trace,
		trace.Started{Function: "f", Took: 2 * time.Second},
		trace.Started{Function: "f", Took: time.Second, Err: errors.New("no more processes")},
		trace.Started{Function: "f", Took: time.Second, Fault: "Runtime.OutOfMemory", Err: errors.New("killed")},
		trace.Started{Function: "f", Took: time.Second, Fault: "Sandbox.Timedout", Err: errors.New("130 s")},
		trace.Environments{Function: "f", Alive: 3, Busy: 1, Spares: 2},
		trace.Ran{Function: "f", Cold: true},
		trace.Ran{Function: "f", Fault: "Sandbox.Timedout"},
		trace.Ran{Function: "f", Fault: "Runtime.OutOfMemory"},
		trace.Ran{Function: "f", Fault: "Runtime.ExitError"},
		trace.Ran{Function: "f", Cold: true, Throttled: true},
	)
	checkMetrics(t, "starts and ends", m, map[string]float64{
		"esm_function_cold_starts_total": 1, "esm_function_timeouts_total": 1, "esm_function_out_of_memory_total": 2,
		"esm_function_spare_environments": 2, "esm_environment_init_duration_seconds": 1,
	})
	if f := m.Status().Functions[0]; fmt.Sprint(f.ColdStarts, f.Timeouts, f.OutOfMemory, f.Spares) != "1 1 2 2" {
		t.Errorf("got %+v", f)
	}
}
