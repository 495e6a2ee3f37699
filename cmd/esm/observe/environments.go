package observe

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/esm-run/esm/invoker"
)

// maxEnvironments is the number of environments of a function that a Status shows.
const maxEnvironments = 1000

// EnvironmentStatus is what one environment does at the moment.
type EnvironmentStatus struct {
	ID          string    `json:"EnvironmentId,omitempty"` // the end of the name of its log stream; empty while it starts
	State       string    `json:"State"`                   // starting, idle, frozen, busy, draining or closing
	Kind        string    `json:"Kind"`                    // on-demand, provisioned, or spare until it is used
	Started     time.Time `json:"Started"`
	Invocations int       `json:"Invocations"`
	Memory      int       `json:"MaxMemoryUsedMB"` // the most that is known; 0 if nothing is
}

// The values of an EnvironmentStatus's Kind.
const (
	kindOnDemand    = "on-demand"
	kindProvisioned = "provisioned"
	kindSpare       = "spare"
)

// WatchEnvironments makes the status and the metrics show the environments that read returns, which are in the order of
// functions and ages. It is called once read may be.
func (m *Monitor) WatchEnvironments(read func() []invoker.Listed) { m.environments.Store(&read) }

// addEnvironments completes the status of functions.
func (m *Monitor) addEnvironments(functions []FunctionStatus) {
	read := m.environments.Load()
	if read == nil {
		return
	}
	at := map[string]*FunctionStatus{}
	for i := range functions {
		at[functions[i].Name] = &functions[i]
	}
	for _, e := range (*read)() {
		if f := at[e.Function]; f != nil {
			f.add(e)
		}
	}
}

func (f *FunctionStatus) add(e invoker.Listed) {
	if f.States == nil {
		f.States = map[string]int{}
	}
	f.States[string(e.State)]++
	if len(f.List) == maxEnvironments {
		f.MoreEnvironments++
		return
	}
	is := EnvironmentStatus{
		ID: e.ID, State: string(e.State), Kind: kindOnDemand, Started: e.Began, Invocations: e.Invocations, Memory: e.Memory,
	}
	switch {
	case e.Provisioned:
		is.Kind = kindProvisioned
	case e.Spare:
		is.Kind = kindSpare
	}
	f.List = append(f.List, is)
}

var environmentsByState = functionDesc("esm_function_environments_by_state", "Environments by what they do: starting, idle, frozen, busy, draining (they have answered and are not free yet) or closing.", "state")

// collectEnvironments sends the number of environments of each function in each state.
func (m *Monitor) collectEnvironments(metrics chan<- prometheus.Metric) {
	read := m.environments.Load()
	if read == nil {
		return
	}
	type key struct {
		function string
		state    invoker.State
	}
	count := map[key]int{}
	for _, e := range (*read)() {
		count[key{e.Function, e.State}]++
	}
	for _, f := range m.functionStates() {
		for _, state := range invoker.States {
			metrics <- prometheus.MustNewConstMetric(environmentsByState, prometheus.GaugeValue, float64(count[key{f.Name, state}]), string(state), f.Name)
		}
	}
}
