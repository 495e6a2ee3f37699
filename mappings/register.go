package mappings

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/esm-run/esm"
	"github.com/esm-run/esm/config"
)

// Config holds what a register works with. All fields are required. The functions are called without any lock held, and
// may be called concurrently.
type Config struct {
	// File holds the mappings of the file: valid, with UUID and defaults, no two of the same function and source.
	File []config.Mapping

	Store  esm.Documents
	Runner Runner

	// Check returns what is wrong with the function, the source or the filter patterns of a mapping that is valid by
	// itself, as an [*InvalidError]. The mapping has its defaults, and its FunctionName as in the request. Before is the
	// mapping that it replaces; nil for a new one. Check may ask the source, and blocks until ctx ends at the latest.
	Check func(ctx context.Context, m config.Mapping, before *config.Mapping) error

	// Forget removes the positions of a deleted mapping, which no longer runs. Missing positions are no error.
	Forget func(ctx context.Context, uuid string) error

	// FunctionArn returns the ARN of a mapping's function, with the mapping's qualifier, if any. The function need not
	// exist.
	FunctionArn func(m config.Mapping) string

	// LastProcessingResult returns the result of a stream's last batch, in Lambda's words.
	LastProcessingResult func(uuid string) string

	// Retrying receives the errors of work that no caller waits for. The register repeats the work.
	Retrying func(m config.Mapping, err error)

	Now func() time.Time
}

// Runner runs mappings. A register calls it for one mapping at a time, and for several mappings concurrently.
type Runner interface {
	// Run runs m, which is enabled, in the place of what runs under its UUID, as soon as the batches in hand of that are
	// settled. Ready is closed when m runs and no record that arrives from then on can be missed, which takes as long as the
	// source does not answer. The register does not call Run before the channel that Stop returned for that UUID is closed.
	// After an error nothing has changed; the register tries again.
	Run(m config.Mapping) (ready <-chan struct{}, err error)

	// Stop stops what runs under uuid: no further batch begins. Settled is closed when the batches in hand are.
	Stop(uuid string) (settled <-chan struct{})
}

// kind is the kind of the documents that hold the rows.
const kind = "mappings"

// errClosed is the error of changes after Close.
var errClosed = errors.New("mappings: the engine is stopping")

// Register holds all mappings of an engine. All methods may be called concurrently. What they return shares memory with
// the register and must not be modified.
type Register struct {
	config Config
	life   context.Context // ends with Close
	end    context.CancelFunc
	work   sync.WaitGroup

	mu      sync.Mutex // never held across a wait or a call to Config
	closed  bool
	entries map[string]*entry // by UUID
	claims  map[pair]*claim
}

// Open loads the stored mappings, merges the file with them, and runs all that are enabled. The notes are about
// the merge; they are no errors.
//
// Positions of deleted mappings that an earlier process did not forget are forgotten first. After an error nothing runs.
func Open(ctx context.Context, c Config) (*Register, []Note, error) {
	r := &Register{config: c, entries: map[string]*entry{}, claims: map[pair]*claim{}}
	rows, notes, err := r.load(ctx)
	if err != nil {
		return nil, nil, err
	}
	r.life, r.end = context.WithCancel(context.WithoutCancel(ctx))
	for uuid, stored := range rows {
		if !stored.Deleted {
			r.add(r.newEntry(uuid, stored))
		}
	}
	return r, notes, nil
}

// add adds an entry that is durable already.
func (r *Register) add(e *entry) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.entries[e.uuid], r.claims[e.pair] = e, settledClaim(e.uuid)
	if e.state = Disabled; *e.mapping.Enabled {
		r.transition(e, Enabling)
	}
}

// Close ends the register's own work and waits for it. The mappings keep running: the owner of the Runner ends them.
// Positions that are still to be forgotten are forgotten by the next Open. Later changes are refused.
func (r *Register) Close() {
	r.mu.Lock()
	r.closed = true
	r.mu.Unlock()
	r.end()
	r.work.Wait()
}

// spawn runs f in a goroutine that Close waits for. The mutex is held.
func (r *Register) spawn(f func()) {
	if !r.closed {
		r.work.Go(f)
	}
}

// Get returns a mapping, or [ErrNotFound].
func (r *Register) Get(uuid string) (Registered, error) {
	r.mu.Lock()
	e := r.entries[uuid]
	if e == nil {
		r.mu.Unlock()
		return Registered{}, ErrNotFound
	}
	found := e.registered()
	r.mu.Unlock()
	return r.withResult(found), nil
}

// List returns all mappings in the order of their UUIDs.
func (r *Register) List() []Registered {
	r.mu.Lock()
	all := make([]Registered, 0, len(r.entries))
	for _, e := range r.entries {
		all = append(all, e.registered())
	}
	r.mu.Unlock()
	for i := range all {
		all[i] = r.withResult(all[i])
	}
	slices.SortFunc(all, func(a, b Registered) int { return cmp.Compare(a.UUID, b.UUID) })
	return all
}

func (r *Register) withResult(m Registered) Registered {
	if m.OfStream() {
		m.LastProcessingResult = r.config.LastProcessingResult(m.UUID)
	}
	return m
}

// now returns the LastModified of a change that is made now.
func (r *Register) now() time.Time {
	return r.config.Now().UTC().Truncate(time.Millisecond)
}
