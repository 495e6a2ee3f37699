package mappings

import (
	"context"
	"errors"
	"reflect"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/esm-run/esm/checkpoint/checkpointtest"
	"github.com/esm-run/esm/config"
)

var errDisk = errors.New("the disk is full")

// changes are the kinds of changes, of the mapping uuid1 of the file or of a mapping made over HTTP.
var changes = map[string]func(r *rig, ctx context.Context, http string) error{
	"create": func(r *rig, ctx context.Context, _ string) error {
		_, err := r.Create(ctx, ofStream("new"))
		return err
	},
	"update": func(r *rig, ctx context.Context, http string) error {
		_, err := r.Update(ctx, http, by(size(7)))
		return err
	},
	"another function": func(r *rig, ctx context.Context, http string) error {
		_, err := r.Update(ctx, http, by(function("new")))
		return err
	},
	"disable": func(r *rig, ctx context.Context, _ string) error {
		_, err := r.Update(ctx, uuid1, by(enabled(false)))
		return err
	},
	"delete": func(r *rig, ctx context.Context, http string) error {
		_, err := r.Delete(ctx, http)
		return err
	},
	"delete one of the file": func(r *rig, ctx context.Context, _ string) error {
		_, err := r.Delete(ctx, uuid1)
		return err
	},
	"tags": func(r *rig, ctx context.Context, _ string) error { return r.SetTags(ctx, uuid1, tag("a", "1")) },
}

// eachChange runs a test for each kind of change, with a mapping of the file and one made over HTTP.
func eachChange(t *testing.T, test func(r *rig, change func(context.Context) error)) {
	for name, change := range changes {
		t.Run(name, func(t *testing.T) {
			file := []config.Mapping{inFile(uuid1, ofQueue("f"))}
			bubble(t, file, func(r *rig) {
				http := r.create(ofStream("g")).UUID
				time.Sleep(time.Minute)
				test(r, func(ctx context.Context) error { return change(r, ctx, http) })
				r.checkConsistent()
				r.checkRestart(file)
			})
		})
	}
}

// wantList checks whether the mappings differ from those before.
func (r *rig) wantList(before []Registered, changed bool) {
	r.Helper()
	if after := r.List(); reflect.DeepEqual(after, before) == changed {
		r.Errorf("was %+v\nis  %+v, want a change: %v", before, after, changed)
	}
}

func TestFailedWrite(t *testing.T) {
	eachChange(t, func(r *rig, change func(context.Context) error) {
		before := r.List()
		r.failWrites(checkpointtest.Always(checkpointtest.Undone(errDisk)))
		for range 2 {
			if err := change(r.Context()); !errors.Is(err, errDisk) {
				r.Errorf("got %v", err)
			}
		}
		synctest.Wait()
		if r.wantList(before, false); r.runner.beginCount() != 2 {
			r.Errorf("%d feeds have begun", r.runner.beginCount())
		}
		r.allowWrites()
		if err := change(r.Context()); err != nil {
			r.Errorf("when the store works again: %v", err)
		}
		r.wantList(before, true)
	})
}

// TestWrittenDespiteError tests that a change is made if the store has written it although it returned an error.
func TestWrittenDespiteError(t *testing.T) {
	eachChange(t, func(r *rig, change func(context.Context) error) {
		before := r.List()
		r.failWrites(checkpointtest.Always(checkpointtest.Done(errDisk)))
		if err := change(r.Context()); err != nil {
			r.Errorf("got %v", err)
		}
		r.wantList(before, true)
		time.Sleep(time.Minute)
		synctest.Wait()
		r.allowWrites()
	})
}

// TestUnknownOutcome tests that a mapping cannot be changed while the store can neither write nor read, and is then as the
// store has it.
func TestUnknownOutcome(t *testing.T) {
	for name, fault := range map[string]checkpointtest.Fault{"done": checkpointtest.Done(errDisk), "undone": checkpointtest.Undone(errDisk)} {
		t.Run(name, func(t *testing.T) {
			eachChange(t, func(r *rig, change func(context.Context) error) {
				before := r.List()
				var blind atomic.Bool
				blind.Store(true)
				r.failWrites(checkpointtest.InTurn(checkpointtest.Fault{}, checkpointtest.Fault{}, fault)) // the first two are for the file and the create
				r.store.DocumentsFaults = func(int) checkpointtest.Fault {
					if blind.Load() {
						return checkpointtest.Undone(errors.New("no reads either"))
					}
					return checkpointtest.Fault{}
				}
				if err := change(r.Context()); !errors.Is(err, errDisk) {
					r.Errorf("got %v", err)
				}
				time.Sleep(time.Minute)
				r.wantList(before, false)
				ctx, cancel := context.WithTimeout(r.Context(), time.Second)
				defer cancel()
				if err := change(ctx); !errors.Is(err, ErrBusy) && !errors.Is(err, context.DeadlineExceeded) {
					r.Errorf("the same again: %v", err)
				}
				blind.Store(false)
				time.Sleep(recheckPause)
				synctest.Wait()
				r.wantList(before, fault.Done)
			})
		})
	}
}

func TestCanceledChange(t *testing.T) {
	eachChange(t, func(r *rig, change func(context.Context) error) {
		before := r.List()
		ctx, cancel := context.WithCancel(r.Context())
		cancel()
		if err := change(ctx); !errors.Is(err, context.Canceled) {
			r.Errorf("got %v", err)
		}
		r.wantList(before, false)
		ctx, cancel = context.WithTimeout(r.Context(), time.Second)
		defer cancel()
		r.failWrites(func(int) checkpointtest.Fault { time.Sleep(time.Minute); return checkpointtest.Fault{} })
		if err := change(ctx); err != nil {
			r.Errorf("a context that ends while it is written: %v", err)
		}
		r.wantList(before, true)
	})
}

func TestForgetFails(t *testing.T) {
	file := []config.Mapping{inFile(uuid1, ofStream("f"))}
	bubble(t, file, func(r *rig) {
		var calls atomic.Int64
		r.Register.config.Forget = func(ctx context.Context, uuid string) error {
			if calls.Add(1) < 5 {
				return errDisk
			}
			return r.forgetAll(ctx, uuid)
		}
		r.delete(uuid1)
		synctest.Wait()
		r.wantState(uuid1, "") // it is gone all the same
		if !r.rows()[uuid1].Forget {
			r.Error("it is not stored that positions are to be forgotten")
		}
		time.Sleep(time.Minute)
		if r.timesForgotten(uuid1) != 1 || r.retries() != 4 {
			r.Errorf("forgotten %d times, %d retried", r.timesForgotten(uuid1), r.retries())
		}
		r.checkRestart(file)
	})
}

// TestForgetAtStart tests that positions of deleted mappings are forgotten at the next start, before the mapping runs again.
func TestForgetAtStart(t *testing.T) {
	file, changed := inFile(uuid1, ofStream("f")), inFile(uuid1, ofStream("f"), size(7))
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, &checkpointtest.Memory{}, file)
		r.config.Forget = func(context.Context, string) error { return errDisk }
		r.open()
		r.delete(uuid1)
		r.stop()

		r = newRig(t, r.store.Reopen(), changed)
		r.config.Forget = func(context.Context, string) error { return errDisk }
		if _, _, err := Open(t.Context(), r.config); !errors.Is(err, errDisk) {
			t.Errorf("a start with old positions: %v", err)
		}
		for _, file := range [][]config.Mapping{{file}, nil} { // it does not run again: Open succeeds
			next := newRig(t, r.store.Reopen(), file...)
			next.config.Forget = r.config.Forget
			next.open()
			next.stop()
			if next.retries() != 1 {
				t.Errorf("%d retried", next.retries())
			}
			next = next.restart(file...)
			next.checkConsistent()
			next.stop()
			if next.timesForgotten(uuid1) != 1 {
				t.Errorf("forgotten %d times", next.timesForgotten(uuid1))
			}
		}
		next := newRig(t, r.store.Reopen(), changed).open()
		if next.timesForgotten(uuid1) != 1 || len(next.notes) != 1 || next.notes[0].Text != restored+restart {
			t.Errorf("forgotten %d times; %+v", next.timesForgotten(uuid1), next.notes)
		}
		next.checkConsistent()
		next.stop()
	})
}

func TestOpenFails(t *testing.T) {
	file := inFile(uuid1, ofStream("f"))
	for name, store := range map[string]*checkpointtest.Memory{
		"reading": {DocumentsFaults: checkpointtest.Always(checkpointtest.Undone(errDisk))},
		"writing": {WriteFaults: checkpointtest.Always(checkpointtest.Undone(errDisk))},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, store, file)
			if _, _, err := Open(t.Context(), r.config); !errors.Is(err, errDisk) {
				t.Errorf("got %v", err)
			}
			if len(r.runner.runs()) > 0 {
				t.Error("something runs")
			}
		})
	}
	store := &checkpointtest.Memory{}
	if err := store.Write(t.Context(), kind, map[string][]byte{uuid1: []byte("{}")}); err != nil {
		t.Fatal(err)
	}
	if _, _, err := Open(t.Context(), newRig(t, store, file).config); err == nil {
		t.Error("Open accepted a document that is no row")
	}
}

func TestUnchangedStartWritesNothing(t *testing.T) {
	file := inFile(uuid1, ofStream("f"))
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, &checkpointtest.Memory{}, file).open()
		r.create(ofQueue("g"))
		r.stop()
		next := newRig(t, r.store.Reopen(), file)
		next.failWrites(checkpointtest.Always(checkpointtest.Undone(errDisk)))
		next.open()
		next.checkConsistent()
		next.stop()
	})
}
