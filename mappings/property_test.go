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

	"github.com/esm-run/esm/checkpoint/checkpointtest"
	"github.com/esm-run/esm/config"
)

// history is a sequence of runs of an engine whose file is edited between them.
type history struct {
	t     *testing.T
	seed  uint64
	store *checkpointtest.Memory
	file  []config.Mapping
}

// clients are several clients that change mappings at random during one life of the engine.
type clients struct {
	*rig
	killed context.Context
	mu     sync.Mutex
	known  map[string]*knowledge // by UUID
}

// knowledge is the clients' knowledge of one mapping.
type knowledge struct {
	deleted bool
	unsure  bool // changes of the mapping overlapped, or were not answered
	last    config.Mapping

	inProgress, begun int // changes
}

// TestAnyHistory has several clients create, change and delete mappings at random, kills the process, and checks after each
// kill that the mappings are as the clients were answered.
func TestAnyHistory(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		seed := rapid.Uint64().Draw(r, "seed")
		faulty := rapid.Bool().Draw(r, "faulty")
		synctest.Test(t, func(t *testing.T) {
			h := &history{t: t, seed: seed, store: &checkpointtest.Memory{}}
			dice := rand.New(rand.NewPCG(seed, 0))
			for range 3 {
				h.editFile(dice)
				h.life(dice, faulty)
				if t.Failed() {
					t.Fatalf("seed %d, faulty %v", seed, faulty)
				}
			}
		})
	})
}

var names = []string{"a", "b", "c", "d"}

// editFile changes the file at random: mappings of functions a and b come, go and change.
func (h *history) editFile(dice *rand.Rand) {
	h.file = nil
	for i, uuid := range []string{uuid1, uuid2} {
		if dice.IntN(4) > 0 {
			h.file = append(h.file, inFile(uuid, ofStream(names[i]), size(1+dice.IntN(2)), enabled(dice.IntN(3) > 0)))
		}
	}
}

// life runs one process, which ends with a kill or after all changes have ended.
func (h *history) life(dice *rand.Rand, faulty bool) {
	r := newRig(h.t, h.store, h.file...).open()
	r.runner.setInHand(time.Duration(dice.IntN(3)) * 50 * time.Millisecond)
	r.failWrites(slowWrites(dice, faulty))
	r.Register.config.Check = func(context.Context, config.Mapping, *config.Mapping) error {
		time.Sleep(3 * time.Millisecond)
		return nil
	}
	killed, kill := context.WithCancel(h.t.Context())
	c := &clients{rig: r, killed: killed, known: map[string]*knowledge{}}
	c.checkFile(h.file)
	var working sync.WaitGroup
	for range 4 {
		own := rand.New(rand.NewPCG(h.seed, dice.Uint64()))
		working.Go(func() { c.work(own) })
	}
	time.Sleep(time.Duration(dice.IntN(200)) * time.Millisecond)
	if dice.IntN(2) == 0 {
		kill()
		working.Wait()
		r.allowWrites()
		r.checkConsistent()
		c.check(r.List())
		r.stop()
		h.store = r.store.Reopen()
		return
	}
	var known map[string]*knowledge
	h.store, known = c.snapshot()
	kill()
	working.Wait()
	r.stop()
	next := newRig(h.t, h.store.Reopen(), h.file...).open()
	defer next.stop()
	next.checkConsistent()
	(&clients{rig: next, known: known}).check(next.List())
}

// snapshot returns the store as a kill leaves it, and what the clients know then: they are unsure of changes that were not
// answered.
func (c *clients) snapshot() (*checkpointtest.Memory, map[string]*knowledge) {
	c.mu.Lock()
	defer c.mu.Unlock()
	known := map[string]*knowledge{}
	for uuid, k := range c.known {
		copied := *k
		copied.unsure = k.unsure || k.inProgress > 0
		known[uuid] = &copied
	}
	return c.store.Reopen(), known
}

// slowWrites returns faults that delay writes, and sometimes fail them if faulty is true.
func slowWrites(dice *rand.Rand, faulty bool) checkpointtest.Faults {
	seed := dice.Uint64()
	return func(call int) checkpointtest.Fault {
		own := rand.New(rand.NewPCG(seed, uint64(call)))
		time.Sleep(time.Duration(own.IntN(10)) * time.Millisecond)
		switch {
		case !faulty || own.IntN(4) > 0:
			return checkpointtest.Fault{}
		case own.IntN(2) == 0:
			return checkpointtest.Done(errDisk)
		}
		return checkpointtest.Undone(errDisk)
	}
}

// work makes random changes until the kill.
func (c *clients) work(dice *rand.Rand) {
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

func (c *clients) alter(uuid string, change func(*config.Mapping)) {
	c.change(uuid, false, func() (Registered, error) { return c.Update(context.Background(), uuid, by(change)) })
}

func (c *clients) make(function string) {
	m, err := c.Create(context.Background(), ofStream(function))
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case err != nil:
		c.checkError(err)
	case c.known[m.UUID] == nil:
		c.known[m.UUID] = &knowledge{last: m.Mapping}
	default: // another client has changed it before its creation was answered
		c.known[m.UUID].unsure = true
	}
}

// change makes one change and notes the outcome. A client is sure of a change that overlapped with no other.
func (c *clients) change(uuid string, deletion bool, do func() (Registered, error)) {
	c.mu.Lock()
	k := c.known[uuid]
	if k == nil {
		k = &knowledge{unsure: true}
		c.known[uuid] = k
	}
	k.inProgress++
	k.begun++
	alone, turn := k.inProgress == 1, k.begun
	c.mu.Unlock()
	m, err := do()
	c.mu.Lock()
	defer c.mu.Unlock()
	k.inProgress--
	if err != nil {
		c.checkError(err)
		return
	}
	k.last, k.deleted, k.unsure = m.Mapping, deletion, !alone || k.begun != turn
}

func (c *clients) checkError(err error) {
	for _, expected := range []error{errDisk, ErrBusy, ErrNotFound} {
		if errors.Is(err, expected) {
			return
		}
	}
	if !errors.As(err, new(*ExistsError)) {
		c.Errorf("got %v", err)
	}
}

// check compares the mappings with what the clients know.
func (c *clients) check(all []Registered) {
	c.Helper()
	pairs, found := map[pair]string{}, map[string]config.Mapping{}
	for _, m := range all {
		found[m.UUID] = m.Mapping
		p := c.pairOf(m.Mapping)
		if other := pairs[p]; other != "" {
			c.Errorf("%s and %s join the same pair: %+v", other, m.UUID, p)
		}
		pairs[p] = m.UUID
	}
	for uuid, k := range c.known {
		m, exists := found[uuid]
		switch {
		case k.unsure:
		case k.deleted && exists:
			c.Errorf("%s was deleted, and exists", uuid)
		case !k.deleted && (!exists || !same(m, k.last)):
			c.Errorf("%s is\n%s\nwant\n%s", uuid, canonical(m), canonical(k.last))
		}
	}
}

// checkFile compares the mappings with the file after a start, and notes what the clients see then.
func (c *clients) checkFile(file []config.Mapping) {
	c.Helper()
	inFile, joined := map[string]config.Mapping{}, map[pair]bool{}
	for _, m := range file {
		inFile[m.UUID] = m
	}
	all := c.List()
	for _, m := range all {
		c.known[m.UUID] = &knowledge{last: m.Mapping}
		if m.Origin != OriginFile {
			continue
		}
		joined[c.pairOf(m.Mapping)] = true
		if of, has := inFile[m.UUID]; !has || !m.Changed && !same(m.Mapping, of) {
			c.Errorf("of the file is\n%s\nwhich has\n%s", canonical(m.Mapping), canonical(of))
		}
	}
	for _, m := range all {
		if m.Origin == OriginHTTP && joined[c.pairOf(m.Mapping)] {
			c.Errorf("%s joins the same pair as a mapping of the file", m.UUID)
		}
	}
}
