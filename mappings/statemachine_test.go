package mappings

import (
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/esm-run/esm/checkpoint/checkpointtest"
	"github.com/esm-run/esm/config"
)

func TestLifecycle(t *testing.T) {
	bubble(t, nil, func(r *rig) {
		made := r.create(ofQueue("arn:aws:lambda:us-east-1:000000000000:function:f:live"))
		if made.State != Creating || made.Origin != OriginHTTP || *made.BatchSize != config.DefaultBatchSize ||
			made.FunctionName != "f:live" || made.FunctionArn != "arn:aws:lambda:us-east-1:000000000000:function:f:live" ||
			made.LastProcessingResult != "" || made.LastModified.IsZero() {
			r.Errorf("made %+v", made)
		}
		synctest.Wait()
		r.wantState(made.UUID, Enabled)

		time.Sleep(time.Minute)
		now := r.update(made.UUID, size(5))
		if now.State != Updating || *now.BatchSize != 5 || !now.LastModified.Equal(made.LastModified.Add(time.Minute)) || now.Changed {
			r.Errorf("updated %+v", now)
		}
		synctest.Wait()
		r.wantState(made.UUID, Enabled)

		r.runner.setInHand(10 * time.Minute)
		if now = r.update(made.UUID, enabled(false)); now.State != Disabling {
			r.Errorf("state %s", now.State)
		}
		time.Sleep(9 * time.Minute)
		r.wantState(made.UUID, Disabling)
		time.Sleep(2 * time.Minute)
		r.wantState(made.UUID, Disabled)

		if now = r.update(made.UUID, size(6)); now.State != Updating {
			r.Errorf("state %s", now.State)
		}
		synctest.Wait()
		r.wantState(made.UUID, Disabled)
		if now = r.update(made.UUID, enabled(true)); now.State != Enabling {
			r.Errorf("state %s", now.State)
		}
		synctest.Wait()
		r.wantState(made.UUID, Enabled)

		if now := r.delete(made.UUID); now.State != Deleting || *now.BatchSize != 6 {
			r.Errorf("deleted %+v", now)
		}
		time.Sleep(9 * time.Minute)
		r.wantState(made.UUID, Deleting)
		if _, err := r.Update(r.Context(), made.UUID, by(size(7))); !errors.Is(err, ErrBusy) {
			r.Errorf("update while Deleting: %v", err)
		}
		if _, err := r.Delete(r.Context(), made.UUID); !errors.Is(err, ErrBusy) {
			r.Errorf("delete while Deleting: %v", err)
		}
		if r.timesForgotten(made.UUID) != 0 {
			r.Error("forgotten while a batch was in hand")
		}
		time.Sleep(2 * time.Minute)
		r.wantState(made.UUID, "")
		if r.timesForgotten(made.UUID) != 1 || len(r.rows()) != 0 {
			r.Errorf("forgotten %d times, %d rows left", r.timesForgotten(made.UUID), len(r.rows()))
		}
	})
}

func TestCreateDisabled(t *testing.T) {
	bubble(t, nil, func(r *rig) {
		queue, stream := ofQueue("f"), ofStream("f")
		enabled(false)(&queue)
		enabled(false)(&stream)
		if made := r.create(queue); made.State != Disabled {
			r.Errorf("a queue's mapping is %s, want Disabled at once", made.State)
		}
		made := r.create(stream)
		if made.State != Creating || made.LastProcessingResult != "OK" {
			r.Errorf("a stream's mapping is %s, want Creating first; %q", made.State, made.LastProcessingResult)
		}
		synctest.Wait()
		r.wantState(made.UUID, Disabled)
		if r.runner.beginCount() != 0 {
			r.Error("a disabled mapping has run")
		}
	})
}

// TestNotBegun tests that a mapping whose positions do not become durable is never Enabled, and that it can be changed,
// disabled and deleted all the same.
func TestNotBegun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, &checkpointtest.Memory{})
		r.runner.neverBegins = true
		r.open()
		made := r.create(ofStream("f"))
		if time.Sleep(time.Hour); made.State != Creating {
			t.Errorf("made %s", made.State)
		}
		r.wantState(made.UUID, Creating)
		for _, c := range []struct {
			change        func(*config.Mapping)
			answer, stays string
		}{
			{size(5), Updating, Updating},
			{func(m *config.Mapping) { m.Tags = map[string]string{"a": "1"} }, Updating, Updating}, // without a call of the runner
			{enabled(false), Disabling, Disabled},
			{size(6), Updating, Disabled},
			{enabled(true), Enabling, Enabling},
		} {
			if now := r.update(made.UUID, c.change); now.State != c.answer {
				t.Errorf("answered %s, want %s", now.State, c.answer)
			}
			time.Sleep(time.Hour)
			r.wantState(made.UUID, c.stays)
		}
		r.stop()

		r = newRig(t, r.store.Reopen())
		r.runner.neverBegins = true
		r.open()
		time.Sleep(time.Hour)
		r.wantState(made.UUID, Enabling)
		r.delete(made.UUID)
		synctest.Wait()
		r.wantState(made.UUID, "")
		r.delete(r.create(ofStream("f")).UUID) // while it is Creating
		synctest.Wait()
		if n := len(r.rows()); n != 0 || r.timesForgotten(made.UUID) != 1 {
			t.Errorf("%d rows are left", n)
		}
		r.stop()
	})
}

// TestChangesWithBatchesInHand tests that a mapping whose function runs for long can be changed, and that the newest change
// counts.
func TestChangesWithBatchesInHand(t *testing.T) {
	bubble(t, nil, func(r *rig) {
		r.runner.setInHand(15 * time.Minute)
		made := r.create(ofQueue("f"))
		synctest.Wait()
		r.update(made.UUID, size(2))
		synctest.Wait()
		r.wantState(made.UUID, Updating)
		r.update(made.UUID, enabled(false))
		r.update(made.UUID, enabled(true))
		r.update(made.UUID, enabled(false))
		synctest.Wait()
		r.update(made.UUID, func(m *config.Mapping) { enabled(true)(m); size(3)(m) })
		time.Sleep(14 * time.Minute)
		r.wantState(made.UUID, Enabling)
		if len(r.runner.runs()) != 1 || r.runner.beginCount() != 1 {
			r.Errorf("%d feeds have begun", r.runner.beginCount())
		}
		time.Sleep(2 * time.Minute)
		r.wantState(made.UUID, Enabled)
		if got := *r.runner.runs()[made.UUID].BatchSize; got != 3 || r.runner.beginCount() != 2 {
			r.Errorf("size %d, %d feeds have begun, want only the newest", got, r.runner.beginCount())
		}
		r.update(made.UUID, size(4))
		r.delete(made.UUID)
		if _, err := r.Create(r.Context(), ofQueue("f")); !isTaken(err, made.UUID) {
			r.Errorf("the same pair while Deleting: %v", err)
		}
		time.Sleep(time.Hour)
		r.create(ofQueue("f"))
	})
}

func TestChangeDuringRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, &checkpointtest.Memory{})
		r.runner.onRun = func(m config.Mapping) { r.update(m.UUID, enabled(false)) }
		r.open()
		for i := range 20 { // what the reconciler notices first is random
			r.create(ofQueue(fmt.Sprint("f", i)))
		}
		r.checkConsistent()
		for _, m := range r.List() {
			r.wantState(m.UUID, Disabled)
		}
		r.stop()
	})
}

func TestRunnerErrors(t *testing.T) {
	bubble(t, nil, func(r *rig) {
		noCredentials := errors.New("no credentials")
		r.runner.setError(noCredentials)
		made := r.create(ofQueue("f"))
		time.Sleep(time.Minute)
		r.wantState(made.UUID, Creating)
		r.runner.setError(nil)
		time.Sleep(retryPause)
		synctest.Wait()
		r.wantState(made.UUID, Enabled)
		if r.retries() < 10 {
			r.Errorf("%d errors reported", r.retries())
		}
		r.runner.setError(noCredentials)
		r.update(made.UUID, size(2))
		time.Sleep(time.Minute)
		r.delete(made.UUID)
		synctest.Wait()
		r.wantState(made.UUID, "")
	})
}

func TestClose(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, &checkpointtest.Memory{}).open()
		r.runner.setInHand(time.Hour)
		one, other := r.create(ofQueue("f")), r.create(ofQueue("g"))
		synctest.Wait()
		r.update(one.UUID, enabled(false))
		r.delete(other.UUID)
		start := time.Now()
		r.Close()
		if time.Since(start) != 0 {
			t.Error("Close waits for batches in hand")
		}
		if _, err := r.Create(t.Context(), ofQueue("h")); !errors.Is(err, errClosed) {
			t.Errorf("create: %v", err)
		}
		if _, err := r.Update(t.Context(), one.UUID, by(size(2))); !errors.Is(err, errClosed) {
			t.Errorf("update: %v", err)
		}
		if r.timesForgotten(other.UUID) != 0 {
			t.Error("forgotten while a batch was in hand")
		}
		r.wantState(one.UUID, Disabling)
		r = r.restart()
		synctest.Wait()
		r.wantState(one.UUID, Disabled)
		r.wantState(other.UUID, "")
		if r.timesForgotten(other.UUID) != 1 {
			t.Error("not forgotten at the next start")
		}
		r.checkConsistent()
		r.stop()
	})
}
