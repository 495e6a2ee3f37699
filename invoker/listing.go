package invoker

import (
	"cmp"
	"slices"
	"strings"
	"time"
)

// State is what an environment does.
type State string

// The values of State.
const (
	Starting State = "starting"
	Idle     State = "idle"
	Frozen   State = "frozen" // idle, and its processes are stopped
	Busy     State = "busy"
	Draining State = "draining" // it has answered and does not ask for its next event yet
	Closing  State = "closing"
)

// States are the values of State, in the order of an environment's life.
var States = []State{Starting, Idle, Frozen, Busy, Draining, Closing}

// Listed describes an environment of a function.
type Listed struct {
	Function    string
	ID          string // empty while it starts
	State       State
	Began       time.Time // its start
	Invocations int       // that it has answered
	Memory      int       // MB, as in [Environment]

	Provisioned bool
	Spare       bool // it was not started for an invocation that waited, and none has used it yet
}

// Environments returns the environments of all local functions, by function and age. It blocks briefly.
func (f *Functions) Environments() (all []Listed) {
	f.mu.RLock()
	defer f.mu.RUnlock()
	for _, r := range f.runners {
		if p, local := r.(*Pool); local {
			all = append(all, p.list()...)
		}
	}
	slices.SortFunc(all, func(a, b Listed) int {
		return cmp.Or(strings.Compare(a.Function, b.Function), a.Began.Compare(b.Began), strings.Compare(a.ID, b.ID))
	})
	return all
}

func (p *Pool) list() []Listed {
	p.mu.Lock()
	defer p.mu.Unlock()
	all := make([]Listed, 0, len(p.launches)+len(p.members))
	for m := range p.launches {
		all = append(all, p.describe(m, Starting))
	}
	idle := map[*member]bool{}
	for _, m := range slices.Concat(p.idle, p.provisioned.idle) {
		idle[m] = m.used == 0
	}
	for m := range p.members {
		all = append(all, p.describe(m, m.state(idle[m])))
	}
	return all
}

func (m *member) state(idle bool) State {
	switch {
	case m.closing:
		return Closing
	case idle && m.frozen:
		return Frozen
	case idle:
		return Idle
	case m.draining == m.used:
		return Draining
	}
	return Busy
}

func (p *Pool) describe(m *member, state State) Listed {
	is := Listed{
		Function: p.Function.Name, State: state, Began: m.began, Invocations: m.invocations, Provisioned: m.isProvisioned(),
		Spare: m.spare && m.invocations == 0 && state != Busy,
	}
	if state != Starting {
		is.ID, is.Memory = m.ID(), m.Memory()
	}
	return is
}
