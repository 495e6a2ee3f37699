package mappings

import (
	"cmp"
	"context"
	"reflect"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/esm-run/esm/checkpoint/checkpointtest"
	"github.com/esm-run/esm/config"
)

const (
	uuid1 = "11111111-1111-4111-8111-111111111111"
	uuid2 = "22222222-2222-4222-8222-222222222222"
	uuid3 = "33333333-3333-4333-8333-333333333333"

	queueARN  = "arn:aws:sqs:us-east-1:000000000000:orders"
	streamARN = "arn:aws:kinesis:us-east-1:000000000000:stream/clicks"
)

// rig is a register over a store and a runner.
type rig struct {
	*testing.T
	store  *checkpointtest.Memory
	runner *testRunner
	config Config
	*Register
	notes []Note

	writeFaults atomic.Pointer[checkpointtest.Faults] // nil is none

	mu        sync.Mutex
	forgotten map[string]int
	retried   int
}

// newRig returns a rig whose register is not open yet.
func newRig(t *testing.T, store *checkpointtest.Memory, file ...config.Mapping) *rig {
	t.Helper()
	r := &rig{T: t, store: store, runner: newRunner(t), forgotten: map[string]int{}}
	r.config = Config{
		File: file, Store: store, Runner: r.runner, Now: time.Now,
		Check:  func(context.Context, config.Mapping, *config.Mapping) error { return nil },
		Forget: r.forgetAll,
		FunctionArn: func(m config.Mapping) string {
			return "arn:aws:lambda:us-east-1:000000000000:function:" + m.FunctionName
		},
		LastProcessingResult: func(string) string { return "OK" },
		Retrying:             func(config.Mapping, error) { r.mu.Lock(); r.retried++; r.mu.Unlock() },
	}
	if store.WriteFaults == nil {
		store.WriteFaults = r.faultOf
	}
	return r
}

// bubble runs a test with a rig, and checks in the end that the store, the register and the runner agree.
func bubble(t *testing.T, file []config.Mapping, test func(*rig)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, &checkpointtest.Memory{}, file...).open()
		synctest.Wait()
		test(r)
		r.checkConsistent()
		r.stop()
	})
}

func (r *rig) faultOf(call int) checkpointtest.Fault {
	if faults := r.writeFaults.Load(); faults != nil {
		return (*faults)(call)
	}
	return checkpointtest.Fault{}
}

func (r *rig) failWrites(faults checkpointtest.Faults) { r.writeFaults.Store(&faults) }

func (r *rig) allowWrites() { r.writeFaults.Store(nil) }

func (r *rig) forgetAll(_ context.Context, uuid string) error {
	if _, runs := r.runner.runs()[uuid]; runs {
		r.Errorf("%s is forgotten while it runs", uuid)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.forgotten[uuid]++
	return nil
}

func (r *rig) timesForgotten(uuid string) int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.forgotten[uuid]
}

func (r *rig) retries() int { r.mu.Lock(); defer r.mu.Unlock(); return r.retried }

// open opens the register, and checks that Read predicts its mappings.
func (r *rig) open() *rig {
	r.Helper()
	before := r.documents()
	expected, err := Read(r.Context(), r.config.File, r.store, r.config.FunctionArn)
	if err != nil {
		r.Fatal(err)
	}
	if after := r.documents(); !reflect.DeepEqual(after, before) {
		r.Errorf("Read changed %q to %q", before, after)
	}
	if r.Register, r.notes, err = Open(r.Context(), r.config); err != nil {
		r.Fatal(err)
	}
	var opened []Expected
	for _, m := range r.List() {
		opened = append(opened, Expected{m.Mapping, m.Origin, m.Changed, r.timesForgotten(m.UUID) > 0})
	}
	slices.SortFunc(expected, func(a, b Expected) int { return cmp.Compare(a.UUID, b.UUID) })
	if !reflect.DeepEqual(opened, expected) {
		r.Errorf("Read returned %+v, and Open has %+v", expected, opened)
	}
	return r
}

// stop ends the process.
func (r *rig) stop() {
	r.Close()
	r.runner.stop()
}

// restart ends the process and starts the next one, with another file.
func (r *rig) restart(file ...config.Mapping) *rig {
	r.Helper()
	r.stop()
	return newRig(r.T, r.store.Reopen(), file...).open()
}

func (r *rig) documents() map[string][]byte {
	r.Helper()
	documents, err := r.store.Reopen().Documents(r.Context(), kind)
	if err != nil {
		r.Fatal(err)
	}
	return documents
}

func (r *rig) rows() map[string]row {
	r.Helper()
	rows := map[string]row{}
	for uuid, text := range r.documents() {
		var err error
		if rows[uuid], err = decodeRow(uuid, text); err != nil {
			r.Fatal(err)
		}
	}
	return rows
}

// checkConsistent waits until nothing changes any more, and checks that the store, the register and the runner agree.
func (r *rig) checkConsistent() {
	r.Helper()
	time.Sleep(time.Hour)
	synctest.Wait()
	runs, rows := r.runner.runs(), r.rows()
	for _, m := range r.List() {
		want := Disabled
		if *m.Enabled {
			want = Enabled
			if runs[m.UUID].UUID == "" || !sameWork(runs[m.UUID], m.Mapping) {
				r.Errorf("%+v is enabled, and %+v runs", m.Mapping, runs[m.UUID])
			}
			delete(runs, m.UUID)
		}
		if m.State != want {
			r.Errorf("%s is %s, want %s", m.UUID, m.State, want)
		}
		if stored := rows[m.UUID]; stored.Deleted || !same(stored.mapping(), m.Mapping) || !stored.LastModified.Equal(m.LastModified) {
			r.Errorf("stored is %+v of %+v", stored, m)
		}
		delete(rows, m.UUID)
	}
	for uuid := range runs {
		r.Errorf("%s runs, and should not", uuid)
	}
	for uuid, stored := range rows {
		if !stored.Deleted || stored.Forget || stored.Origin != OriginFile {
			r.Errorf("left behind of %s: %+v", uuid, stored)
		}
	}
}

// checkRestart checks that the next process has the same mappings.
func (r *rig) checkRestart(file []config.Mapping) {
	r.Helper()
	next := newRig(r.T, r.store.Reopen(), file...).open()
	defer next.stop()
	next.checkConsistent()
	if got, want := next.List(), r.List(); !reflect.DeepEqual(got, want) {
		r.Errorf("after a restart\n%+v\nwant\n%+v", got, want)
	}
}

func (r *rig) create(m config.Mapping) Registered {
	r.Helper()
	made, err := r.Create(r.Context(), m)
	if err != nil {
		r.Fatalf("create: %v", err)
	}
	return made
}

func (r *rig) update(uuid string, change func(*config.Mapping)) Registered {
	r.Helper()
	now, err := r.Update(r.Context(), uuid, by(change))
	if err != nil {
		r.Fatalf("update: %v", err)
	}
	return now
}

func (r *rig) delete(uuid string) Registered {
	r.Helper()
	now, err := r.Delete(r.Context(), uuid)
	if err != nil {
		r.Fatalf("delete: %v", err)
	}
	return now
}

// wantState checks a mapping's state; "" means that there is no such mapping.
func (r *rig) wantState(uuid, want string) {
	r.Helper()
	m, err := r.Get(uuid)
	if m.State != want || err != nil && want != "" {
		r.Errorf("state %q (%v), want %q", m.State, err, want)
	}
}

// by returns a change for Update.
func by(change func(*config.Mapping)) func(config.Mapping) (config.Mapping, error) {
	return func(m config.Mapping) (config.Mapping, error) { change(&m); return m, nil }
}

func size(n int) func(*config.Mapping) { return func(m *config.Mapping) { m.BatchSize = &n } }

func enabled(b bool) func(*config.Mapping) { return func(m *config.Mapping) { m.Enabled = &b } }

func function(name string) func(*config.Mapping) {
	return func(m *config.Mapping) { m.FunctionName = name }
}

func tag(key, value string) func(map[string]string) error {
	return func(tags map[string]string) error { tags[key] = value; return nil }
}

func ofQueue(function string) config.Mapping {
	return config.Mapping{FunctionName: function, EventSourceArn: queueARN}
}

func ofStream(function string) config.Mapping {
	return config.Mapping{FunctionName: function, EventSourceArn: streamARN, StartingPosition: config.TrimHorizon}
}

// inFile returns a mapping as the file has it.
func inFile(uuid string, m config.Mapping, changes ...func(*config.Mapping)) config.Mapping {
	m.UUID = uuid
	for _, change := range changes {
		change(&m)
	}
	return m.Defaults()
}
