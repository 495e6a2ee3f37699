package observe

import "sync"

// Roster knows which mapping is behind the UUID that an event names. Mappings come and go; all methods may be called side
// by side. One that is not known has no name but its UUID; a nil Roster knows none.
type Roster struct {
	mu       sync.RWMutex
	mappings map[string]Mapping
}

// NewRoster makes a roster of mappings.
func NewRoster(mappings []Mapping) *Roster {
	r := &Roster{mappings: map[string]Mapping{}}
	for _, m := range mappings {
		r.mappings[m.UUID] = m
	}
	return r
}

// Set adds a mapping, or what has changed of it.
func (r *Roster) Set(m Mapping) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.mappings[m.UUID] = m
}

// Remove forgets a mapping.
func (r *Roster) Remove(uuid string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.mappings, uuid)
}

func (r *Roster) of(uuid string) Mapping {
	if r == nil {
		return Mapping{UUID: uuid}
	}
	r.mu.RLock()
	defer r.mu.RUnlock()
	m := r.mappings[uuid]
	m.UUID = uuid
	return m
}
