package mappings

import (
	"context"
	"errors"
	"reflect"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/esm-run/esm/checkpoint"
	"github.com/esm-run/esm/config"
)

var errDisk = errors.New("the disk is full")

// changes are all that can be made of a mapping of the file, uuid1, and of one of HTTP.
var changes = map[string]func(h *house, ctx context.Context, http string) error{
	"create": func(h *house, ctx context.Context, _ string) error {
		_, err := h.Create(ctx, ofStream("new"))
		return err
	},
	"update": func(h *house, ctx context.Context, http string) error {
		_, err := h.Update(ctx, http, by(size(7)))
		return err
	},
	"another function": func(h *house, ctx context.Context, http string) error {
		_, err := h.Update(ctx, http, by(function("new")))
		return err
	},
	"disable": func(h *house, ctx context.Context, _ string) error {
		_, err := h.Update(ctx, uuid1, by(enabled(false)))
		return err
	},
	"delete": func(h *house, ctx context.Context, http string) error {
		_, err := h.Delete(ctx, http)
		return err
	},
	"delete one of the file": func(h *house, ctx context.Context, _ string) error {
		_, err := h.Delete(ctx, uuid1)
		return err
	},
	"tags": func(h *house, ctx context.Context, _ string) error {
		return h.SetTags(ctx, uuid1, func(map[string]string) map[string]string { return map[string]string{"a": "1"} })
	},
}

// eachChange runs a test for each change, in a house that has a mapping of the file and one of HTTP.
func eachChange(t *testing.T, test func(t *testing.T, h *house, change func(context.Context) error)) {
	for name, change := range changes {
		t.Run(name, func(t *testing.T) {
			file := []config.Mapping{inFile(uuid1, ofQueue("f"))}
			bubble(t, file, func(t *testing.T, h *house) {
				http := h.create(ofStream("g")).UUID
				synctest.Wait()
				time.Sleep(time.Minute)
				test(t, h, func(ctx context.Context) error { return change(h, ctx, http) })
				h.agrees()
				h.restarts(file)
			})
		})
	}
}

// restarts expects that the next process finds the mappings as they are.
func (h *house) restarts(file []config.Mapping) {
	h.t.Helper()
	next := enter(h.t, h.store.Reopen(), file...).open()
	defer next.leave()
	next.agrees()
	if got, want := next.List(), h.List(); !reflect.DeepEqual(got, want) {
		h.t.Errorf("after a restart\n%+v\nwant\n%+v", got, want)
	}
}

func TestAFullDiskChangesNothing(t *testing.T) {
	eachChange(t, func(t *testing.T, h *house, change func(context.Context) error) {
		before := h.List()
		h.writesFail(checkpoint.Always(checkpoint.Undone(errDisk)))
		for range 2 {
			if err := change(t.Context()); !errors.Is(err, errDisk) {
				t.Errorf("got %v", err)
			}
		}
		synctest.Wait()
		if after := h.List(); !reflect.DeepEqual(after, before) || h.runner.begun() != 2 {
			t.Errorf("was %+v\nis  %+v", before, after)
		}
		h.writesAreFine()
		if err := change(t.Context()); err != nil {
			t.Errorf("when there is room again: %v", err)
		}
		if after := h.List(); reflect.DeepEqual(after, before) {
			t.Error("nothing has changed")
		}
	})
}

func TestAChangeThatWasWrittenAllTheSameIsMade(t *testing.T) {
	eachChange(t, func(t *testing.T, h *house, change func(context.Context) error) {
		before := h.List()
		h.writesFail(checkpoint.Always(checkpoint.Done(errDisk)))
		if err := change(t.Context()); err != nil {
			t.Errorf("got %v", err)
		}
		if after := h.List(); reflect.DeepEqual(after, before) {
			t.Error("nothing has changed")
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		h.writesAreFine()
	})
}

// While not even the store can tell, the mapping cannot be changed; then it is as the store says.
func TestAChangeOfWhichNobodyKnows(t *testing.T) {
	for name, fault := range map[string]checkpoint.Fault{"done": checkpoint.Done(errDisk), "undone": checkpoint.Undone(errDisk)} {
		t.Run(name, func(t *testing.T) {
			eachChange(t, func(t *testing.T, h *house, change func(context.Context) error) {
				before := h.List()
				var blind atomic.Bool
				blind.Store(true)
				h.writesFail(checkpoint.InTurn(checkpoint.Fault{}, checkpoint.Fault{}, fault)) // two are made before
				h.store.DocumentsFaults = func(int) checkpoint.Fault {
					if blind.Load() {
						return checkpoint.Undone(errors.New("no reading either"))
					}
					return checkpoint.Fault{}
				}
				if err := change(t.Context()); !errors.Is(err, errDisk) {
					t.Errorf("got %v", err)
				}
				time.Sleep(time.Minute)
				if after := h.List(); !reflect.DeepEqual(after, before) {
					t.Errorf("was %+v\nis  %+v", before, after)
				}
				ctx, cancel := context.WithTimeout(t.Context(), time.Second)
				defer cancel()
				if err := change(ctx); !errors.Is(err, ErrBusy) && !errors.Is(err, context.DeadlineExceeded) {
					t.Errorf("the same again: %v", err)
				}
				blind.Store(false)
				time.Sleep(doubt)
				synctest.Wait()
				if after := h.List(); reflect.DeepEqual(after, before) == fault.Done {
					t.Errorf("was %+v\nis  %+v", before, after)
				}
			})
		})
	}
}

func TestNobodyWaitsForTheAnswer(t *testing.T) {
	eachChange(t, func(t *testing.T, h *house, change func(context.Context) error) {
		before := h.List()
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if err := change(ctx); !errors.Is(err, context.Canceled) {
			t.Errorf("got %v", err)
		}
		if after := h.List(); !reflect.DeepEqual(after, before) {
			t.Errorf("was %+v\nis  %+v", before, after)
		}
		ctx, cancel = context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		h.writesFail(func(int) checkpoint.Fault { time.Sleep(time.Minute); return checkpoint.Fault{} })
		if err := change(ctx); err != nil {
			t.Errorf("a context that ends while it is written: %v", err)
		}
		if after := h.List(); reflect.DeepEqual(after, before) {
			t.Error("nothing has changed")
		}
	})
}

func TestForgettingIsTriedAgain(t *testing.T) {
	file := []config.Mapping{inFile(uuid1, ofStream("f"))}
	bubble(t, file, func(t *testing.T, h *house) {
		var calls atomic.Int64
		h.Register.config.Forget = func(ctx context.Context, uuid string) error {
			if calls.Add(1) < 5 {
				return errDisk
			}
			return h.forgetAll(ctx, uuid)
		}
		if _, err := h.Delete(t.Context(), uuid1); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		h.state(uuid1, "") // nobody need wait
		if !h.rows()[uuid1].Forget {
			t.Error("it is not kept that there is something to forget")
		}
		time.Sleep(time.Minute)
		if h.timesForgotten(uuid1) != 1 || h.told() != 4 {
			t.Errorf("forgotten %d times, %d troubles", h.timesForgotten(uuid1), h.told())
		}
		h.restarts(file)
	})
}

// What is deleted is forgotten at the next start, and before it may run again.
func TestForgettingAtTheNextStart(t *testing.T) {
	file, changed := inFile(uuid1, ofStream("f")), inFile(uuid1, ofStream("f"), size(7))
	synctest.Test(t, func(t *testing.T) {
		h := enter(t, &checkpoint.Memory{}, file)
		h.config.Forget = func(context.Context, string) error { return errDisk }
		h.open()
		if _, err := h.Delete(t.Context(), uuid1); err != nil {
			t.Fatal(err)
		}
		h.leave()

		h = enter(t, h.store.Reopen(), changed)
		h.config.Forget = func(context.Context, string) error { return errDisk }
		if _, _, err := Open(t.Context(), h.config); !errors.Is(err, errDisk) {
			t.Errorf("a start with old positions: %v", err)
		}
		for _, file := range [][]config.Mapping{{file}, nil} { // where it does not run again, that can wait
			next := enter(t, h.store.Reopen(), file...)
			next.config.Forget = h.config.Forget
			next.open()
			next.leave()
			if next.told() != 1 {
				t.Errorf("%d troubles", next.told())
			}
			next = next.again(file...)
			next.agrees()
			next.leave()
			if next.timesForgotten(uuid1) != 1 {
				t.Errorf("forgotten %d times", next.timesForgotten(uuid1))
			}
		}
		next := enter(t, h.store.Reopen(), changed).open()
		if next.timesForgotten(uuid1) != 1 || len(next.notes) != 1 || next.notes[0].Text != restored {
			t.Errorf("forgotten %d times; %+v", next.timesForgotten(uuid1), next.notes)
		}
		next.agrees()
		next.leave()
	})
}

func TestOpenFails(t *testing.T) {
	file := inFile(uuid1, ofStream("f"))
	for name, store := range map[string]*checkpoint.Memory{
		"reading": {DocumentsFaults: checkpoint.Always(checkpoint.Undone(errDisk))},
		"writing": {WriteFaults: checkpoint.Always(checkpoint.Undone(errDisk))},
	} {
		t.Run(name, func(t *testing.T) {
			h := enter(t, store, file)
			if _, _, err := Open(t.Context(), h.config); !errors.Is(err, errDisk) {
				t.Errorf("got %v", err)
			}
			if len(h.runner.runs()) > 0 {
				t.Error("something runs")
			}
		})
	}
	store := &checkpoint.Memory{}
	if err := store.Write(t.Context(), kind, map[string][]byte{uuid1: []byte("{}")}); err != nil {
		t.Fatal(err)
	}
	if _, _, err := Open(t.Context(), enter(t, store, file).config); err == nil {
		t.Error("what is no row went well")
	}
}

// A start that has nothing to change writes nothing, and does not need room.
func TestAnotherStartWritesNothing(t *testing.T) {
	file := inFile(uuid1, ofStream("f"))
	synctest.Test(t, func(t *testing.T) {
		h := enter(t, &checkpoint.Memory{}, file).open()
		h.create(ofQueue("g"))
		h.leave()
		next := enter(t, h.store.Reopen(), file)
		next.writesFail(checkpoint.Always(checkpoint.Undone(errDisk)))
		next.open()
		next.agrees()
		next.leave()
	})
}
