package observe

import (
	"sync"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/esm-run/esm/engine/policy"
	"github.com/esm-run/esm/trace"
)

// FunctionStatus is what one function does at the moment.
type FunctionStatus struct {
	Name         string `json:"FunctionName"`
	Environments int    `json:"Environments"`
	Busy         int    `json:"Busy"`

	// Those among them that belong to its provisioned concurrency.
	Provisioned     int `json:"ProvisionedEnvironments,omitempty"`
	ProvisionedBusy int `json:"ProvisionedBusy,omitempty"`

	Spares int `json:"SpareEnvironments,omitempty"` // idle ones that are kept for a burst

	// List describes the environments, those too that start or are being closed: at most a thousand, the oldest first.
	// MoreEnvironments is the number of those that are left out, and States counts all by what they do.
	List             []EnvironmentStatus `json:"EnvironmentList,omitempty"`
	MoreEnvironments int                 `json:"MoreEnvironments,omitempty"`
	States           map[string]int      `json:"EnvironmentStates,omitempty"`

	// Invocations since the start, counted like AWS does: a throttled one is neither an invocation nor an error.
	Invocations int64 `json:"Invocations"`
	Errors      int64 `json:"Errors"`
	Throttles   int64 `json:"Throttles"`

	ColdStarts  int64 `json:"ColdStarts,omitempty"`  // invocations that waited for their environment to start
	Timeouts    int64 `json:"Timeouts,omitempty"`    // errors that are timeouts
	OutOfMemory int64 `json:"OutOfMemory,omitempty"` // environments that the kernel ended for their memory

	Events EventsStatus `json:"AsyncEvents"`

	// Missing means that the file has no such function any more, but that there are, or were since the start, events for it.
	Missing bool `json:"Missing,omitempty"`

	LastError *Note `json:"LastError,omitempty"` // stays when the error has passed
}

// functionState is what a Monitor knows of one function.
type functionState struct {
	duration, init prometheus.Observer

	mu sync.Mutex // guards all that follows
	FunctionStatus
	starts, startFailures int64
	provisioned, spilled  int64 // invocations
	events                eventCounts
}

func newFunctionState(name string, h histograms) *functionState {
	f := &functionState{FunctionStatus: FunctionStatus{Name: name}, duration: h.duration.WithLabelValues(name), init: h.init.WithLabelValues(name)}
	f.events.age = h.eventAge.WithLabelValues(name)
	return f
}

func (f *functionState) update(change func(*functionState)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	change(f)
}

func (f *functionState) status() FunctionStatus {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.FunctionStatus
}

func (f *functionState) environments(e trace.Environments) {
	f.Environments, f.Busy, f.Provisioned, f.ProvisionedBusy = e.Alive, e.Busy, e.Provisioned, e.ProvisionedBusy
	f.Spares = e.Spares
}

func (f *functionState) started(e trace.Started) {
	f.starts++
	if e.Err != nil {
		f.startFailures++
		f.LastError = noteNow(e.Err.Error())
		if policy.FaultReason(e.Fault) == trace.ReasonOutOfMemory {
			f.OutOfMemory++
		}
		return
	}
	f.init.Observe(e.Took.Seconds())
}

func (f *functionState) ran(e trace.Ran) {
	switch {
	case e.Throttled:
		f.Throttles++
		return
	case e.Err != nil:
		f.LastError = noteNow(e.Err.Error())
		return
	case e.Fault != "":
		f.Errors++
		f.LastError = noteNow(e.Fault)
		f.ended(e.Fault)
	}
	f.Invocations++
	if e.Provisioned {
		f.provisioned++
	}
	if e.Spilled {
		f.spilled++
	}
	if e.Cold {
		f.ColdStarts++
	}
	f.duration.Observe(e.Took.Seconds())
}

// ended counts an invocation that the platform ended.
func (f *functionState) ended(fault string) {
	switch policy.FaultReason(fault) {
	case trace.ReasonFunctionTimeout:
		f.Timeouts++
	case trace.ReasonOutOfMemory:
		f.OutOfMemory++
	}
}
