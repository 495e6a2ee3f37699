package mappings

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/esm-run/esm/checkpoint"
	"github.com/esm-run/esm/config"
)

// bubble runs a test with a house, and checks in the end that what runs is what is to run.
func bubble(t *testing.T, file []config.Mapping, test func(t *testing.T, h *house)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		h := enter(t, &checkpoint.Memory{}, file...).open()
		synctest.Wait()
		test(t, h)
		h.agrees()
		h.leave()
	})
}

// agrees expects that, when all is quiet, the store, the register and the runner say the same, and so does the next process.
func (h *house) agrees() {
	h.t.Helper()
	time.Sleep(time.Hour)
	synctest.Wait()
	runs, rows := h.runner.runs(), h.rows()
	for _, m := range h.List() {
		want := Disabled
		if *m.Enabled {
			want = Enabled
			if runs[m.UUID].UUID == "" || !sameWork(runs[m.UUID], m.Mapping) {
				h.t.Errorf("%+v is enabled, and %+v runs", m.Mapping, runs[m.UUID])
			}
			delete(runs, m.UUID)
		}
		if m.State != want {
			h.t.Errorf("%s is %s, want %s", m.UUID, m.State, want)
		}
		if kept := rows[m.UUID]; kept.Deleted || !same(kept.mapping(), m.Mapping) || !kept.LastModified.Equal(m.LastModified) {
			h.t.Errorf("kept is %+v of %+v", kept, m)
		}
		delete(rows, m.UUID)
	}
	for uuid := range runs {
		h.t.Errorf("%s runs, and is not to", uuid)
	}
	for uuid, kept := range rows {
		if !kept.Deleted || kept.Forget || kept.Origin != OriginFile {
			h.t.Errorf("left behind of %s: %+v", uuid, kept)
		}
	}
}

func (h *house) rows() map[string]row {
	h.t.Helper()
	rows := map[string]row{}
	for uuid, text := range h.documents() {
		var err error
		if rows[uuid], err = decodeRow(uuid, text); err != nil {
			h.t.Fatal(err)
		}
	}
	return rows
}

func TestALifeOverHTTP(t *testing.T) {
	bubble(t, nil, func(t *testing.T, h *house) {
		made := h.create(ofQueue("arn:aws:lambda:us-east-1:000000000000:function:f:live"))
		if made.State != Creating || made.Origin != OriginHTTP || *made.BatchSize != config.DefaultBatchSize ||
			made.FunctionName != "f:live" || made.FunctionArn != "arn:aws:lambda:us-east-1:000000000000:function:f:live" ||
			made.LastProcessingResult != "" || made.LastModified.IsZero() {
			t.Errorf("made %+v", made)
		}
		synctest.Wait()
		h.state(made.UUID, Enabled)

		time.Sleep(time.Minute)
		now := h.update(made.UUID, size(5))
		if now.State != Updating || *now.BatchSize != 5 || !now.LastModified.Equal(made.LastModified.Add(time.Minute)) || now.Changed {
			t.Errorf("updated %+v", now)
		}
		synctest.Wait()
		h.state(made.UUID, Enabled)

		h.runner.takes(10 * time.Minute)
		if now = h.update(made.UUID, enabled(false)); now.State != Disabling {
			t.Errorf("state %s", now.State)
		}
		time.Sleep(9 * time.Minute)
		h.state(made.UUID, Disabling)
		time.Sleep(2 * time.Minute)
		h.state(made.UUID, Disabled)

		if now = h.update(made.UUID, size(6)); now.State != Updating {
			t.Errorf("state %s", now.State)
		}
		synctest.Wait()
		h.state(made.UUID, Disabled)
		if now = h.update(made.UUID, enabled(true)); now.State != Enabling {
			t.Errorf("state %s", now.State)
		}
		synctest.Wait()
		h.state(made.UUID, Enabled)

		now, err := h.Delete(t.Context(), made.UUID)
		if err != nil || now.State != Deleting || *now.BatchSize != 6 {
			t.Errorf("deleted %+v, %v", now, err)
		}
		time.Sleep(9 * time.Minute)
		h.state(made.UUID, Deleting)
		if _, err := h.Update(t.Context(), made.UUID, by(size(7))); !errors.Is(err, ErrBusy) {
			t.Errorf("update while it is deleted: %v", err)
		}
		if _, err := h.Delete(t.Context(), made.UUID); !errors.Is(err, ErrBusy) {
			t.Errorf("delete while it is deleted: %v", err)
		}
		if h.timesForgotten(made.UUID) != 0 {
			t.Error("forgotten while something was in hand")
		}
		time.Sleep(2 * time.Minute)
		h.state(made.UUID, "")
		if h.timesForgotten(made.UUID) != 1 || len(h.rows()) != 0 {
			t.Errorf("forgotten %d times, %d rows left", h.timesForgotten(made.UUID), len(h.rows()))
		}
	})
}

func TestStatesOfWhatIsMadeDisabled(t *testing.T) {
	bubble(t, nil, func(t *testing.T, h *house) {
		no := false
		queue, stream := ofQueue("f"), ofStream("f")
		queue.Enabled, stream.Enabled = &no, &no
		if made := h.create(queue); made.State != Disabled {
			t.Errorf("a queue's is %s, want Disabled at once", made.State)
		}
		made := h.create(stream)
		if made.State != Creating || made.LastProcessingResult != "OK" {
			t.Errorf("a stream's is %s, want Creating first; %q", made.State, made.LastProcessingResult)
		}
		synctest.Wait()
		h.state(made.UUID, Disabled)
		if h.runner.begun() != 0 {
			t.Error("something has run")
		}
	})
}

func TestUnknownMappings(t *testing.T) {
	bubble(t, nil, func(t *testing.T, h *house) {
		_, get := h.Get(uuid1)
		_, update := h.Update(t.Context(), uuid1, by(size(1)))
		_, del := h.Delete(t.Context(), uuid1)
		tags := h.SetTags(t.Context(), uuid1, func(tags map[string]string) map[string]string { return tags })
		for i, err := range []error{get, update, del, tags} {
			if !errors.Is(err, ErrNotFound) {
				t.Errorf("%d: %v", i, err)
			}
		}
	})
}

func TestWhatIsRefusedChangesNothing(t *testing.T) {
	bubble(t, nil, func(t *testing.T, h *house) {
		made := h.create(ofQueue("f"))
		h.create(ofQueue("g"))
		synctest.Wait()
		before := h.List()
		invalid, wrong := &InvalidError{}, &InvalidError{Problems: []config.Problem{{Message: "Function does not exist"}}}
		h.Register.config.Check = func(_ context.Context, m config.Mapping, before *config.Mapping) error {
			if m.FunctionName == "none" {
				return wrong
			}
			return nil
		}
		if _, err := h.Create(t.Context(), config.Mapping{}); !errors.As(err, &invalid) {
			t.Errorf("an empty mapping: %v", err)
		}
		if _, err := h.Create(t.Context(), ofQueue("none")); !errors.Is(err, wrong) {
			t.Errorf("what is checked: %v", err)
		}
		if _, err := h.Update(t.Context(), made.UUID, by(size(11))); !errors.As(err, &invalid) { // the window is 0
			t.Errorf("what is merged: %v", err)
		}
		if _, err := h.Update(t.Context(), made.UUID, by(function("none"))); !errors.Is(err, wrong) {
			t.Errorf("what is merged, checked: %v", err)
		}
		if _, err := h.Create(t.Context(), ofQueue("f")); !isTaken(err, made.UUID) {
			t.Errorf("the same again: %v", err)
		}
		if _, err := h.Update(t.Context(), made.UUID, by(function("g"))); !isTaken(err, before[0].UUID, before[1].UUID) {
			t.Errorf("into the place of another: %v", err)
		}
		long := ofStream("f")
		long.StartingPosition, long.StartingPositionTimestamp = config.AtTimestamp, time.Unix(-1e12, 0)
		if _, err := h.Create(t.Context(), long); !errors.As(err, &invalid) {
			t.Errorf("a time before all times: %v", err)
		}
		if after := h.List(); !reflect.DeepEqual(after, before) {
			t.Errorf("was %+v, is %+v", before, after)
		}
		h.update(made.UUID, function("h")) // nothing is left reserved
		h.create(ofQueue("f"))
	})
}

func isTaken(err error, by ...string) bool {
	exists := &ExistsError{}
	if !errors.As(err, &exists) {
		return false
	}
	for _, uuid := range by {
		if exists.UUID == uuid {
			return true
		}
	}
	return false
}

func TestWhatAnUpdateCannotChange(t *testing.T) {
	bubble(t, nil, func(t *testing.T, h *house) {
		made := h.create(ofStream("f"))
		now := h.update(made.UUID, func(m *config.Mapping) {
			m.UUID, m.EventSourceArn, m.Endpoint, m.StartingPosition = uuid1, queueARN, "http://localhost", config.Latest
			m.Tags = map[string]string{"a": "1"}
		})
		made.State, made.Tags = Updating, map[string]string{"a": "1"}
		if !reflect.DeepEqual(now, made) {
			t.Errorf("got  %+v\nwant %+v", now, made)
		}
	})
}

func TestTwoCreatesOfTheSame(t *testing.T) {
	bubble(t, nil, func(t *testing.T, h *house) {
		h.writesFail(func(int) checkpoint.Fault { time.Sleep(time.Second); return checkpoint.Fault{} })
		var all sync.WaitGroup
		var mu sync.Mutex
		made, refused := "", []error{}
		for range 20 {
			all.Go(func() {
				m, err := h.Create(t.Context(), ofQueue("f"))
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
			t.Errorf("%d of 20 were refused", len(refused))
		}
		for _, err := range refused {
			if !isTaken(err, made) {
				t.Errorf("%v, want that it exists as %s", err, made)
			}
		}
	})
}

// Whoever waits for a create that fails is not told that the mapping exists.
func TestASecondCreateWinsWhenTheFirstFails(t *testing.T) {
	bubble(t, nil, func(t *testing.T, h *house) {
		full := errors.New("the disk is full")
		h.writesFail(func(call int) checkpoint.Fault {
			time.Sleep(time.Second)
			if call == 1 {
				return checkpoint.Undone(full)
			}
			return checkpoint.Fault{}
		})
		var all sync.WaitGroup
		all.Go(func() {
			if _, err := h.Create(t.Context(), ofQueue("f")); !errors.Is(err, full) {
				t.Errorf("the first: %v", err)
			}
		})
		synctest.Wait()
		h.create(ofQueue("f"))
		all.Wait()
	})
}

func TestChangesAtOnce(t *testing.T) {
	bubble(t, nil, func(t *testing.T, h *house) {
		made := h.create(ofQueue("f"))
		synctest.Wait()
		h.Register.config.Check = func(context.Context, config.Mapping, *config.Mapping) error { time.Sleep(time.Second); return nil }
		var all sync.WaitGroup
		all.Go(func() { h.update(made.UUID, size(5)) })
		all.Go(func() {
			time.Sleep(time.Millisecond)
			err := h.SetTags(t.Context(), made.UUID, func(tags map[string]string) map[string]string { tags["a"] = "1"; return tags })
			if err != nil {
				t.Errorf("tags: %v", err)
			}
		})
		time.Sleep(10 * time.Millisecond)
		if _, err := h.Update(t.Context(), made.UUID, by(size(6))); !errors.Is(err, ErrBusy) {
			t.Errorf("an update during an update: %v", err)
		}
		if _, err := h.Delete(t.Context(), made.UUID); !errors.Is(err, ErrBusy) {
			t.Errorf("a delete during an update: %v", err)
		}
		all.Wait()
		if m, err := h.Get(made.UUID); err != nil || *m.BatchSize != 5 || m.Tags["a"] != "1" {
			t.Errorf("%+v, %v", m, err)
		}
	})
}

// A mapping whose function takes long can be changed all the same: the newest change counts.
func TestChangesWhileAnInvocationIsInHand(t *testing.T) {
	bubble(t, nil, func(t *testing.T, h *house) {
		h.runner.takes(15 * time.Minute)
		made := h.create(ofQueue("f"))
		synctest.Wait()
		h.update(made.UUID, size(2))
		synctest.Wait()
		h.state(made.UUID, Updating)
		h.update(made.UUID, enabled(false))
		h.update(made.UUID, enabled(true))
		h.update(made.UUID, enabled(false))
		synctest.Wait()
		h.update(made.UUID, func(m *config.Mapping) { enabled(true)(m); size(3)(m) })
		time.Sleep(14 * time.Minute)
		h.state(made.UUID, Enabling)
		if len(h.runner.runs()) != 1 || h.runner.begun() != 1 {
			t.Errorf("%d begun", h.runner.begun())
		}
		time.Sleep(2 * time.Minute)
		h.state(made.UUID, Enabled)
		if got := *h.runner.runs()[made.UUID].BatchSize; got != 3 || h.runner.begun() != 2 {
			t.Errorf("size %d, %d begun, want the newest alone", got, h.runner.begun())
		}
		h.update(made.UUID, size(4))
		if _, err := h.Delete(t.Context(), made.UUID); err != nil {
			t.Errorf("delete: %v", err)
		}
		if _, err := h.Create(t.Context(), ofQueue("f")); !isTaken(err, made.UUID) {
			t.Errorf("the same while it is deleted: %v", err)
		}
		time.Sleep(time.Hour)
		h.create(ofQueue("f"))
	})
}

// What comes while the runner is asked for something else is not lost.
func TestAChangeWhileTheRunnerIsAsked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := enter(t, &checkpoint.Memory{})
		h.runner.asked = func(m config.Mapping) { h.update(m.UUID, enabled(false)) }
		h.open()
		for i := range 20 { // what the driver notices first is left to chance
			h.create(ofQueue(fmt.Sprint("f", i)))
		}
		h.agrees()
		for _, m := range h.List() {
			h.state(m.UUID, Disabled)
		}
		h.leave()
	})
}

func TestTagsDisturbNobody(t *testing.T) {
	bubble(t, []config.Mapping{inFile(uuid1, ofQueue("f"))}, func(t *testing.T, h *house) {
		before, _ := h.Get(uuid1)
		time.Sleep(time.Minute)
		err := h.SetTags(t.Context(), uuid1, func(tags map[string]string) map[string]string { return map[string]string{"a": "1"} })
		if err != nil {
			t.Fatal(err)
		}
		before.Tags, before.Changed = map[string]string{"a": "1"}, true
		if m, err := h.Get(uuid1); err != nil || !reflect.DeepEqual(m, before) {
			t.Errorf("got  %+v (%v)\nwant %+v", m, err, before)
		}
		now := h.update(uuid1, func(m *config.Mapping) { m.Tags = nil })
		synctest.Wait()
		if now.State != Updating || now.Changed || h.runner.begun() != 1 {
			t.Errorf("%+v; begun %d times", now, h.runner.begun())
		}
	})
}

func TestAPanicEndsOneChangeOnly(t *testing.T) {
	bubble(t, nil, func(t *testing.T, h *house) {
		made := h.create(ofQueue("f"))
		func() {
			defer func() { recover() }()
			h.Update(t.Context(), made.UUID, func(config.Mapping) config.Mapping { panic("change") })
		}()
		func() {
			defer func() { recover() }()
			h.SetTags(t.Context(), made.UUID, func(map[string]string) map[string]string { panic("change") })
		}()
		h.update(made.UUID, size(2))
	})
}

func TestARunnerThatFailsIsAskedAgain(t *testing.T) {
	bubble(t, nil, func(t *testing.T, h *house) {
		fault := errors.New("no credentials")
		h.runner.fails(fault)
		made := h.create(ofQueue("f"))
		time.Sleep(time.Minute)
		h.state(made.UUID, Creating)
		h.runner.fails(nil)
		time.Sleep(again)
		synctest.Wait()
		h.state(made.UUID, Enabled)
		if h.told() < 10 {
			t.Errorf("%d troubles told", h.told())
		}
		h.runner.fails(fault)
		h.update(made.UUID, size(2))
		time.Sleep(time.Minute)
		if _, err := h.Delete(t.Context(), made.UUID); err != nil {
			t.Error(err)
		}
		synctest.Wait()
		h.state(made.UUID, "")
	})
}

func TestClose(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := enter(t, &checkpoint.Memory{}).open()
		h.runner.takes(time.Hour)
		one, other := h.create(ofQueue("f")), h.create(ofQueue("g"))
		synctest.Wait()
		h.update(one.UUID, enabled(false))
		h.Delete(t.Context(), other.UUID)
		start := time.Now()
		h.Close()
		if time.Since(start) != 0 {
			t.Error("Close waits for what is in hand")
		}
		if _, err := h.Create(t.Context(), ofQueue("h")); !errors.Is(err, errClosed) {
			t.Errorf("create: %v", err)
		}
		if _, err := h.Update(t.Context(), one.UUID, by(size(2))); !errors.Is(err, errClosed) {
			t.Errorf("update: %v", err)
		}
		if h.timesForgotten(other.UUID) != 0 {
			t.Error("forgotten while something was in hand")
		}
		h.state(one.UUID, Disabling)
		h = h.again()
		synctest.Wait()
		h.state(one.UUID, Disabled)
		h.state(other.UUID, "")
		if h.timesForgotten(other.UUID) != 1 {
			t.Error("not forgotten at the next start")
		}
		h.agrees()
		h.leave()
	})
}
