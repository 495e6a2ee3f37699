package mappings

import (
	"context"
	"errors"
	"reflect"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/esm-run/esm/checkpoint/checkpointtest"
	"github.com/esm-run/esm/config"
)

func TestNotFound(t *testing.T) {
	bubble(t, nil, func(r *rig) {
		_, get := r.Get(uuid1)
		_, update := r.Update(r.Context(), uuid1, by(size(1)))
		_, del := r.Delete(r.Context(), uuid1)
		tags := r.SetTags(r.Context(), uuid1, tag("a", "1"))
		for i, err := range []error{get, update, del, tags} {
			if !errors.Is(err, ErrNotFound) {
				r.Errorf("%d: %v", i, err)
			}
		}
	})
}

func TestRefusalsChangeNothing(t *testing.T) {
	bubble(t, nil, func(r *rig) {
		f, g := r.create(ofQueue("f")).UUID, r.create(ofQueue("g")).UUID
		synctest.Wait()
		before := r.List()
		refused, wrong := errors.New("refused"), &InvalidError{Problems: []config.Problem{{Message: "Function does not exist"}}}
		r.Register.config.Check = func(_ context.Context, m config.Mapping, before *config.Mapping) error {
			if m.FunctionName == "none" {
				return wrong
			}
			return nil
		}
		long := ofStream("f")
		long.StartingPosition, long.StartingPositionTimestamp = config.AtTimestamp, time.Unix(-1e12, 0)
		create := func(m config.Mapping) error { _, err := r.Create(r.Context(), m); return err }
		update := func(change func(*config.Mapping)) error { _, err := r.Update(r.Context(), f, by(change)); return err }
		_, ofChange := r.Update(r.Context(), f, func(m config.Mapping) (config.Mapping, error) { return m, refused })
		isInvalid := func(err error) bool { return errors.As(err, new(*InvalidError)) }
		isWrong := func(err error) bool { return errors.Is(err, wrong) }
		isRefused := func(err error) bool { return errors.Is(err, refused) }
		for name, c := range map[string]struct {
			err error
			is  func(error) bool
		}{
			"an empty mapping":             {create(config.Mapping{}), isInvalid},
			"a time before all times":      {create(long), isInvalid},
			"a failed check":               {create(ofQueue("none")), isWrong},
			"a pair that is taken":         {create(ofQueue("f")), func(err error) bool { return isTaken(err, f) }},
			"an invalid update":            {update(size(11)), isInvalid}, // the window is 0
			"an update that fails a check": {update(function("none")), isWrong},
			"an update to a taken pair":    {update(function("g")), func(err error) bool { return isTaken(err, g) }},
			"an error of change":           {ofChange, isRefused},
			"tags that are refused":        {r.SetTags(r.Context(), f, func(map[string]string) error { return refused }), isRefused},
		} {
			if !c.is(c.err) {
				r.Errorf("%s: %v", name, c.err)
			}
		}
		if after := r.List(); !reflect.DeepEqual(after, before) {
			r.Errorf("was %+v, is %+v", before, after)
		}
		r.update(f, function("h")) // nothing stays reserved
		r.create(ofQueue("f"))
	})
}

func isTaken(err error, by ...string) bool {
	other := &ExistsError{}
	return errors.As(err, &other) && slices.Contains(by, other.UUID)
}

func TestFixedMembers(t *testing.T) {
	bubble(t, nil, func(r *rig) {
		made := r.create(ofStream("f"))
		now := r.update(made.UUID, func(m *config.Mapping) {
			m.UUID, m.EventSourceArn, m.Endpoint, m.StartingPosition = uuid1, queueARN, "http://localhost", config.Latest
			m.Tags = map[string]string{"a": "1"}
		})
		made.State, made.Tags = Updating, map[string]string{"a": "1"}
		if !reflect.DeepEqual(now, made) {
			r.Errorf("got  %+v\nwant %+v", now, made)
		}
	})
}

func TestConcurrentCreates(t *testing.T) {
	bubble(t, nil, func(r *rig) {
		r.failWrites(func(int) checkpointtest.Fault { time.Sleep(time.Second); return checkpointtest.Fault{} })
		var all sync.WaitGroup
		var mu sync.Mutex
		made, refused := "", []error{}
		for range 20 {
			all.Go(func() {
				m, err := r.Create(r.Context(), ofQueue("f"))
				mu.Lock()
				defer mu.Unlock()
				if err != nil {
					refused = append(refused, err)
				} else {
					made = m.UUID
				}
			})
		}
		all.Wait()
		if len(refused) != 19 {
			r.Errorf("%d of 20 were refused", len(refused))
		}
		for _, err := range refused {
			if !isTaken(err, made) {
				r.Errorf("%v, want that it exists as %s", err, made)
			}
		}
	})
}

// TestCreateBehindFailingCreate tests that a create that waits for one that fails succeeds.
func TestCreateBehindFailingCreate(t *testing.T) {
	bubble(t, nil, func(r *rig) {
		r.failWrites(func(call int) checkpointtest.Fault {
			time.Sleep(time.Second)
			if call == 1 {
				return checkpointtest.Undone(errDisk)
			}
			return checkpointtest.Fault{}
		})
		var all sync.WaitGroup
		all.Go(func() {
			if _, err := r.Create(r.Context(), ofQueue("f")); !errors.Is(err, errDisk) {
				r.Errorf("the first: %v", err)
			}
		})
		synctest.Wait()
		r.create(ofQueue("f"))
		all.Wait()
	})
}

func TestConcurrentChanges(t *testing.T) {
	bubble(t, nil, func(r *rig) {
		made := r.create(ofQueue("f"))
		synctest.Wait()
		r.Register.config.Check = func(context.Context, config.Mapping, *config.Mapping) error { time.Sleep(time.Second); return nil }
		var all sync.WaitGroup
		all.Go(func() { r.update(made.UUID, size(5)) })
		all.Go(func() {
			time.Sleep(time.Millisecond)
			if err := r.SetTags(r.Context(), made.UUID, tag("a", "1")); err != nil {
				r.Errorf("tags: %v", err)
			}
		})
		time.Sleep(10 * time.Millisecond)
		if _, err := r.Update(r.Context(), made.UUID, by(size(6))); !errors.Is(err, ErrBusy) {
			r.Errorf("an update during an update: %v", err)
		}
		if _, err := r.Delete(r.Context(), made.UUID); !errors.Is(err, ErrBusy) {
			r.Errorf("a delete during an update: %v", err)
		}
		all.Wait()
		if m, err := r.Get(made.UUID); err != nil || *m.BatchSize != 5 || m.Tags["a"] != "1" {
			r.Errorf("%+v, %v", m, err)
		}
	})
}

func TestSetTags(t *testing.T) {
	bubble(t, []config.Mapping{inFile(uuid1, ofQueue("f"))}, func(r *rig) {
		before, _ := r.Get(uuid1)
		time.Sleep(time.Minute)
		if err := r.SetTags(r.Context(), uuid1, tag("a", "1")); err != nil {
			r.Fatal(err)
		}
		before.Tags, before.Changed = map[string]string{"a": "1"}, true
		if m, err := r.Get(uuid1); err != nil || !reflect.DeepEqual(m, before) {
			r.Errorf("got  %+v (%v)\nwant %+v", m, err, before)
		}
		now := r.update(uuid1, func(m *config.Mapping) { m.Tags = nil })
		synctest.Wait()
		if now.State != Updating || now.Changed || r.runner.beginCount() != 1 {
			r.Errorf("%+v; begun %d times", now, r.runner.beginCount())
		}
	})
}

func TestPanicInChange(t *testing.T) {
	bubble(t, nil, func(r *rig) {
		made := r.create(ofQueue("f"))
		func() {
			defer func() { recover() }()
			r.Update(r.Context(), made.UUID, func(config.Mapping) (config.Mapping, error) { panic("change") })
		}()
		func() {
			defer func() { recover() }()
			r.SetTags(r.Context(), made.UUID, func(map[string]string) error { panic("change") })
		}()
		r.update(made.UUID, size(2))
	})
}
