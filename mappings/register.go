package mappings

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/esm-run/esm/config"
)

// Config is what a register works with. All of it is needed; the functions are called without any lock held, and may be
// called side by side.
type Config struct {
	// File is the mappings of the file: valid, with UUID and defaults, no two of the same function and source.
	File []config.Mapping

	Store  Store
	Runner Runner

	// Check says what is wrong with a mapping that is valid by itself, as an [*InvalidError]: whether its function,
	// its source and its patterns are fine. The mapping has its defaults, and its FunctionName as it was given: it is
	// made a name with its qualifier after that. Before is what it is to replace; nil when it is new. It may ask the
	// source, and block for as long as ctx lets it.
	Check func(ctx context.Context, m config.Mapping, before *config.Mapping) error

	// Forget removes the positions of a mapping that was deleted, and of which nothing runs. What is not there is fine.
	Forget func(ctx context.Context, uuid string) error

	// FunctionArn is the ARN of a mapping's function, which may have vanished, with the qualifier that the mapping has, if
	// any. It asks nobody.
	FunctionArn func(m config.Mapping) string

	// LastProcessingResult is what came of a stream's last batch, in Lambda's words.
	LastProcessingResult func(uuid string) string

	// Trouble is told what went wrong where nobody waits for an answer. It is tried again.
	Trouble func(m config.Mapping, err error)

	Now func() time.Time
}

// Runner runs mappings. A register calls it for one mapping at a time, and for several side by side.
type Runner interface {
	// Run has m, which is enabled, run from now on, in the place of what runs under its UUID and as soon as what that
	// has in hand is settled: then began is closed. It is not called before what Stop returned for that UUID is closed.
	// With an error all is as before, and the register tries again.
	Run(m config.Mapping) (began <-chan struct{}, err error)

	// Stop has nothing run under uuid from now on: nothing begins any more. Over is closed when what was in hand is
	// settled.
	Stop(uuid string) (over <-chan struct{})
}

// errClosed is the answer to changes after Close.
var errClosed = errors.New("mappings: the engine is stopping")

// Register knows all mappings of an engine. All methods may be called side by side. What they return shares memory with
// the register: it is not to be changed.
type Register struct {
	config Config
	life   context.Context // ends with Close
	end    context.CancelFunc
	work   sync.WaitGroup

	mu      sync.Mutex // held for moments: across no wait and no call out
	closed  bool
	entries map[string]*entry // by UUID
	claims  map[pair]*claim
}

// entry is one mapping. Its UUID stays as it is; the other fields are guarded by the register's mutex unless they say
// whose they are.
type entry struct {
	uuid string

	// What is durable. Changed by who has reserved the entry, who may therefore read them without the mutex.
	row     row
	mapping config.Mapping // of the row
	arn     string         // of its function
	pair    pair

	changing chan struct{} // closed when the change that has reserved the entry is over; nil without one
	state    string
	turn     int           // counts what was wanted of the entry
	news     chan struct{} // tells the driver of another turn
	driven   bool          // there is a driver

	driver // owned by the driver that there is
}

// Open reads what is kept, applies the file, and has all that is enabled run. The notes are for people, also when nothing
// is wrong.
//
// Mappings that were made over HTTP are as HTTP left them. One of the file is as the file says, except for what HTTP has
// changed since its text in the file last did; if HTTP has deleted it, it stays deleted likewise. What counts as a change
// of the text is a change of what it means: order, comments and defaults written out do not. One that is in the file no
// more is removed, and keeps its positions. Where the file has the same function and source as a mapping that was made over
// HTTP, the file wins.
//
// Positions of deleted mappings that an earlier process did not come to forget are forgotten first. With an error nothing
// runs.
func Open(ctx context.Context, c Config) (*Register, []Note, error) {
	r := &Register{config: c, entries: map[string]*entry{}, claims: map[pair]*claim{}}
	rows, notes, err := r.load(ctx)
	if err != nil {
		return nil, nil, err
	}
	r.life, r.end = context.WithCancel(context.WithoutCancel(ctx))
	for uuid, kept := range rows {
		if !kept.Deleted {
			r.enter(r.entry(uuid, kept))
		}
	}
	return r, notes, nil
}

// entry makes the entry of a mapping that nobody knows yet.
func (r *Register) entry(uuid string, kept row) *entry {
	e := &entry{uuid: uuid, news: make(chan struct{}, 1)}
	r.fill(e, kept)
	return e
}

// fill fills in what is durable.
func (r *Register) fill(e *entry, kept row) {
	e.row, e.mapping = kept, kept.mapping()
	e.arn = r.config.FunctionArn(e.mapping)
	e.pair = pair{e.arn, e.mapping.EventSourceArn, e.mapping.Endpoint}
}

func (r *Register) pairOf(m config.Mapping) pair {
	return pair{r.config.FunctionArn(m), m.EventSourceArn, m.Endpoint}
}

// enter makes known an entry that was there before the register.
func (r *Register) enter(e *entry) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.entries[e.uuid] = e
	r.claims[e.pair] = heldBy(e.uuid)
	if e.state = Disabled; *e.mapping.Enabled {
		r.want(e, Enabling)
	}
}

// Close ends all that the register does by itself, and waits for it. What runs goes on: whoever runs the Runner ends that.
// What was still to be forgotten is forgotten by the next Open. Later changes are refused.
func (r *Register) Close() {
	r.mu.Lock()
	r.closed = true
	r.mu.Unlock()
	r.end()
	r.work.Wait()
}

// spawn has f run until Close waits for it. The mutex is held.
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

// registered is e as it is now, without its result. The mutex is held.
func (e *entry) registered() Registered {
	return Registered{
		Mapping: e.mapping, FunctionArn: e.arn, State: e.state, LastModified: e.row.LastModified,
		Origin: e.row.Origin, Changed: e.row.changed(),
	}
}

func (r *Register) withResult(m Registered) Registered {
	if m.OfStream() {
		m.LastProcessingResult = r.config.LastProcessingResult(m.UUID)
	}
	return m
}

// now is the time that a change is told to have been made.
func (r *Register) now() time.Time {
	return r.config.Now().UTC().Truncate(time.Millisecond)
}
