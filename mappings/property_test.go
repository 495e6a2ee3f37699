package mappings

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"github.com/esm-run/esm/checkpoint"
	"github.com/esm-run/esm/config"
)

// world is an engine whose file is edited between its lives.
type world struct {
	t     *testing.T
	seed  uint64
	store *checkpoint.Memory
	file  []config.Mapping
}

// crowd is many people changing mappings at random during one life of the engine, and what they were told.
type crowd struct {
	*house
	killed context.Context
	mu     sync.Mutex
	truth  map[string]*told // by UUID
}

// told is what people know of one mapping.
type told struct {
	deleted  bool
	doubtful bool // changes of it overlapped, or were not answered
	last     config.Mapping

	under, begun int // changes under way, and begun in all
}

// TestAnyHistory lets several people create, change and delete at random, kills the process in the middle of it, and looks
// after each kill whether all that was told is so.
func TestAnyHistory(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		seed := rapid.Uint64().Draw(r, "seed")
		faulty := rapid.Bool().Draw(r, "faulty")
		synctest.Test(t, func(t *testing.T) {
			w := &world{t: t, seed: seed, store: &checkpoint.Memory{}}
			dice := rand.New(rand.NewPCG(seed, 0))
			for range 3 {
				w.edit(dice)
				w.live(dice, faulty)
				if t.Failed() {
					t.Fatalf("seed %d, faulty %v", seed, faulty)
				}
			}
		})
	})
}

var names = []string{"a", "b", "c", "d"}

// edit changes the file at random: mappings of functions a and b come, go and change.
func (w *world) edit(dice *rand.Rand) {
	w.file = nil
	for i, uuid := range []string{uuid1, uuid2} {
		if dice.IntN(4) > 0 {
			w.file = append(w.file, inFile(uuid, ofStream(names[i]), size(1+dice.IntN(2)), enabled(dice.IntN(3) > 0)))
		}
	}
}

// live is one process: from a start to a kill, or to a rest at which everything has to agree.
func (w *world) live(dice *rand.Rand, faulty bool) {
	h := enter(w.t, w.store, w.file...).open()
	h.runner.takes(time.Duration(dice.IntN(3)) * 50 * time.Millisecond)
	h.writesFail(slow(dice, faulty))
	h.Register.config.Check = func(context.Context, config.Mapping, *config.Mapping) error {
		time.Sleep(3 * time.Millisecond)
		return nil
	}
	killed, kill := context.WithCancel(w.t.Context())
	c := &crowd{house: h, killed: killed, truth: map[string]*told{}}
	c.expectFile(w.file)
	var people sync.WaitGroup
	for range 4 {
		own := rand.New(rand.NewPCG(w.seed, dice.Uint64()))
		people.Go(func() { c.act(own) })
	}
	time.Sleep(time.Duration(dice.IntN(200)) * time.Millisecond)
	if dice.IntN(2) == 0 {
		kill()
		people.Wait()
		h.writesAreFine()
		h.agrees()
		c.expect(h.List())
		h.leave()
		w.store = h.store.Reopen()
		return
	}
	var known map[string]*told
	w.store, known = c.snapshot()
	kill()
	people.Wait()
	h.leave()
	next := enter(w.t, w.store.Reopen(), w.file...).open()
	defer next.leave()
	next.agrees()
	(&crowd{house: next, truth: known}).expect(next.List())
}

// snapshot is what a kill leaves, and what people know then. What was not answered is doubtful.
func (c *crowd) snapshot() (*checkpoint.Memory, map[string]*told) {
	c.mu.Lock()
	defer c.mu.Unlock()
	known := map[string]*told{}
	for uuid, x := range c.truth {
		twin := *x
		twin.doubtful = x.doubtful || x.under > 0
		known[uuid] = &twin
	}
	return c.store.Reopen(), known
}

// slow are writes that take a while, and fail now and then if they may.
func slow(dice *rand.Rand, faulty bool) checkpoint.Faults {
	seed := dice.Uint64()
	return func(call int) checkpoint.Fault {
		own := rand.New(rand.NewPCG(seed, uint64(call)))
		time.Sleep(time.Duration(own.IntN(10)) * time.Millisecond)
		switch {
		case !faulty || own.IntN(4) > 0:
			return checkpoint.Fault{}
		case own.IntN(2) == 0:
			return checkpoint.Done(errDisk)
		}
		return checkpoint.Undone(errDisk)
	}
}

// act is one person at work.
func (c *crowd) act(dice *rand.Rand) {
	for c.killed.Err() == nil {
		time.Sleep(time.Duration(dice.IntN(30)) * time.Millisecond)
		all := c.List()
		if len(all) == 0 || dice.IntN(4) == 0 {
			c.make(names[dice.IntN(len(names))])
			continue
		}
		uuid := all[dice.IntN(len(all))].UUID
		switch dice.IntN(6) {
		case 0:
			c.change(uuid, true, func() (Registered, error) { return c.Delete(context.Background(), uuid) })
		case 1:
			c.alter(uuid, function(names[dice.IntN(len(names))]))
		case 2, 3:
			c.alter(uuid, enabled(dice.IntN(2) == 0))
		default:
			c.alter(uuid, size(1+dice.IntN(9)))
		}
	}
}

func (c *crowd) alter(uuid string, change func(*config.Mapping)) {
	c.change(uuid, false, func() (Registered, error) { return c.Update(context.Background(), uuid, by(change)) })
}

func (c *crowd) make(function string) {
	m, err := c.Create(context.Background(), ofStream(function))
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case err != nil:
		c.fine(err)
	case c.truth[m.UUID] == nil:
		c.truth[m.UUID] = &told{last: m.Mapping}
	default: // somebody has seen it before its maker was told
		c.truth[m.UUID].doubtful = true
	}
}

// change is one change of a mapping, and notes what is known of it afterwards. Only who changes it alone knows how it is.
func (c *crowd) change(uuid string, deletion bool, do func() (Registered, error)) {
	c.mu.Lock()
	x := c.truth[uuid]
	if x == nil {
		x = &told{doubtful: true}
		c.truth[uuid] = x
	}
	x.under++
	x.begun++
	alone, turn := x.under == 1, x.begun
	c.mu.Unlock()
	m, err := do()
	c.mu.Lock()
	defer c.mu.Unlock()
	x.under--
	if err != nil {
		c.fine(err)
		return
	}
	x.last, x.deleted, x.doubtful = m.Mapping, deletion, !alone || x.begun != turn
}

// fine expects one of the errors that there may be.
func (c *crowd) fine(err error) {
	exists := &ExistsError{}
	for _, fine := range []error{errDisk, ErrBusy, ErrNotFound} {
		if errors.Is(err, fine) {
			return
		}
	}
	if !errors.As(err, &exists) {
		c.t.Errorf("got %v", err)
	}
}

// expect holds what there is against what people were told.
func (c *crowd) expect(all []Registered) {
	c.t.Helper()
	pairs, found := map[pair]string{}, map[string]config.Mapping{}
	for _, m := range all {
		found[m.UUID] = m.Mapping
		p := c.pairOf(m.Mapping)
		if other := pairs[p]; other != "" {
			c.t.Errorf("%s and %s are the same: %+v", other, m.UUID, p)
		}
		pairs[p] = m.UUID
	}
	for uuid, x := range c.truth {
		m, there := found[uuid]
		switch {
		case x.doubtful:
		case x.deleted && there:
			c.t.Errorf("%s was deleted, and is there", uuid)
		case !x.deleted && (!there || !same(m, x.last)):
			c.t.Errorf("%s is\n%s\nwant\n%s", uuid, canonical(m), canonical(x.last))
		}
	}
}

// expectFile expects that a start has respected the file, and notes what people see then.
func (c *crowd) expectFile(file []config.Mapping) {
	c.t.Helper()
	says, joined := map[string]config.Mapping{}, map[pair]bool{}
	for _, m := range file {
		says[m.UUID] = m
	}
	all := c.List()
	for _, m := range all {
		c.truth[m.UUID] = &told{last: m.Mapping}
		if m.Origin != OriginFile {
			continue
		}
		joined[c.pairOf(m.Mapping)] = true
		if of, has := says[m.UUID]; !has || !m.Changed && !same(m.Mapping, of) {
			c.t.Errorf("of the file is\n%s\nwhich says\n%s", canonical(m.Mapping), canonical(of))
		}
	}
	for _, m := range all {
		if m.Origin == OriginHTTP && joined[c.pairOf(m.Mapping)] {
			c.t.Errorf("%s is the same as one of the file", m.UUID)
		}
	}
}
