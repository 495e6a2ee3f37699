package crash_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"

	"github.com/esm-run/esm/checkpoint/checkpointtest"
	"github.com/esm-run/esm/e2e/rig"
)

// A disk is a file system of a megabyte in place of the DataDir.
type disk struct {
	*rig.Env
	ballast string
}

func newDisk(t *testing.T, e *rig.Env) *disk {
	t.Helper()
	dir := e.DataDir()
	e.Must(os.Mkdir(dir, 0o700))
	checkpointtest.MountSmallDisk(t, dir)
	return &disk{e, filepath.Join(dir, "ballast")}
}

// fill leaves no room.
func (d *disk) fill() {
	d.Helper()
	f, err := os.Create(d.ballast)
	d.Must(err)
	defer f.Close()
	for _, size := range []int{4096, 1} {
		for err = nil; err == nil; {
			_, err = f.Write(make([]byte, size))
		}
		if !errors.Is(err, syscall.ENOSPC) {
			d.Fatal(err)
		}
	}
}

// empty makes room again.
func (d *disk) empty() {
	d.Helper()
	d.Must(os.Remove(d.ballast))
}

// While the disk is full nothing is settled that is not durable. All goes on by itself when there is room.
func TestDiskIsFull(t *testing.T) {
	t.Parallel()
	const shards = 60
	e := rig.New(t)
	d, s, f := newDisk(t, e), e.Stream("full", shards), e.Function("f", rig.Succeed)
	f.Keys = append(f.Keys, "ReservedConcurrentExecutions: 1")
	s.Put("first")
	engine := e.Run(f.On(s.ARN))
	f.Want(t, "first")
	d.fill()
	texts := rig.Numbers(4 * shards)
	for i, text := range texts[:3*shards] {
		s.PutInto(i%shards, "k", text)
	}
	engine.WaitLog("no space left on device")
	d.empty()
	for i, text := range texts[3*shards:] {
		s.PutInto(i, "k", text)
	}
	f.WaitFor(t, texts...)
	if got, want := len(f.Texts()), 1+len(texts); got != want {
		t.Errorf("%d records were given, want %d: none twice", got, want)
	}
	engine.Stop()

	f.Handle(rig.Succeed)
	s.Put("again")
	e.Run(f.On(s.ARN))
	f.Want(t, "again")
}

func TestDiskIsFullAtStart(t *testing.T) {
	t.Parallel()
	e := rig.New(t)
	d, s, f := newDisk(t, e), e.Stream("full", 1), e.Function("f", rig.Succeed)
	s.Put("1")
	d.fill()
	engine := e.Start(f.On(s.ARN))
	engine.WantExit(1)
	if says := engine.Log(); !strings.Contains(says, e.DataDir()) || !strings.Contains(says, "no space left on device") {
		t.Errorf("esm says %q", says)
	}
	d.empty()
	e.Run(f.On(s.ARN))
	f.Want(t, "1")
}

// While the disk is full every change over HTTP is refused with an error, and nothing is changed by it.
func TestDiskIsFullWhileMappingsChange(t *testing.T) {
	t.Parallel()
	e := rig.New(t)
	d, f := newDisk(t, e), e.Function("f", rig.Succeed)
	q, other := e.Queue("full", nil), e.Queue("other", nil)
	engine := e.Run(f)
	uuid := engine.Create(lambda.CreateEventSourceMappingInput{EventSourceArn: &q.ARN})
	engine.WaitState(uuid, "Enabled")
	d.fill()
	large := map[string]string{}
	for _, key := range rig.Numbers(40) {
		large[key] = strings.Repeat("x", 200)
	}
	sdk, ctx, name := engine.Lambda(), t.Context(), "f"
	resource := aws.String("arn:aws:lambda:us-east-1:000000000000:event-source-mapping:" + uuid)
	changes := map[string]func() error{
		"create": func() error {
			_, err := sdk.CreateEventSourceMapping(ctx, &lambda.CreateEventSourceMappingInput{FunctionName: &name, EventSourceArn: &other.ARN, Tags: large})
			return err
		},
		"tag": func() error {
			_, err := sdk.TagResource(ctx, &lambda.TagResourceInput{Resource: resource, Tags: large})
			return err
		},
		"update": func() error {
			_, err := sdk.UpdateEventSourceMapping(ctx, &lambda.UpdateEventSourceMappingInput{UUID: &uuid, BatchSize: aws.Int32(3)})
			return err
		},
		"reserve": func() error {
			_, err := sdk.PutFunctionConcurrency(ctx, &lambda.PutFunctionConcurrencyInput{FunctionName: &name, ReservedConcurrentExecutions: aws.Int32(7)})
			return err
		},
		"delete": func() error {
			_, err := sdk.DeleteEventSourceMapping(ctx, &lambda.DeleteEventSourceMappingInput{UUID: &uuid})
			return err
		},
	}
	before := engine.Mappings()
	for change, make := range changes {
		if err := make(); rig.ErrorCode(err) != "ServiceException" {
			t.Errorf("%s on a full disk: %v", change, err)
		}
	}
	engine.WantMappings(before)
	engine.WaitLog("no space left on device")
	if state := engine.State(uuid); state != "Enabled" {
		t.Errorf("the mapping is %s", state)
	}
	d.empty()
	for _, change := range []string{"tag", "update", "reserve"} {
		if err := changes[change](); err != nil {
			t.Errorf("%s with room again: %v", change, err)
		}
	}
	engine.Kill()
	engine = e.Run(f)
	engine.WantMappings(map[string]string{"f": "3 HTTP false"})
	got, err := engine.Lambda().GetFunctionConcurrency(ctx, &lambda.GetFunctionConcurrencyInput{FunctionName: &name})
	if err != nil || aws.ToInt32(got.ReservedConcurrentExecutions) != 7 {
		t.Errorf("%+v is reserved (%v)", got, err)
	}
}

// A stop does not wait for room on the disk: what cannot be saved is read again at the next start.
func TestStopWhileDiskIsFull(t *testing.T) {
	t.Parallel()
	const shards = 60
	e := rig.New(t)
	d, s, f := newDisk(t, e), e.Stream("stop", shards), e.Function("f", rig.Succeed)
	s.Put("first")
	engine := e.Run(rig.EngineKeys("GracePeriod: 10m"), f.On(s.ARN))
	f.Want(t, "first")
	d.fill()
	for i, text := range rig.Numbers(3 * shards) {
		s.PutInto(i%shards, "k", text)
	}
	engine.WaitLog("no space left on device")
	engine.Signal(syscall.SIGTERM)
	engine.WantExit(0) // long before the grace period ends
}

// large is a JSON string for which the store of events needs more room.
func large(letter string) string { return `"` + strings.Repeat(letter, 200<<10) + `"` }

// While the disk is full, an event is refused and nothing of it is kept. It is accepted when there is room.
func TestDiskIsFullWhileEventsCome(t *testing.T) {
	t.Parallel()
	e := rig.New(t)
	d, f := newDisk(t, e), e.Function("f", rig.Succeed)
	engine := e.Run(f)
	first := engine.Send("f", "1")
	rig.Eventually(t, "the first event has ended", func() bool { return engine.Metric("esm_async_events_succeeded_total") == 1 })
	d.fill()
	for range 5 {
		status, body, header, err := engine.TrySend("f", large("x"), "")
		if e.Must(err); status != 500 || header.Get("X-Amzn-Errortype") != "ServiceException" || !strings.Contains(body, `"Message":`) {
			t.Fatalf("an event on a full disk is answered with %d %s", status, body)
		}
	}
	if n := engine.Metric("esm_async_events_received_total"); n != 1 {
		t.Errorf("%v events were received", n)
	}
	d.empty()
	second := engine.Send("f", large("y"))
	engine.Kill()
	engine = e.Run(f)
	third := engine.Send("f", "3")
	rig.Eventually(t, "all that was accepted has ended", func() bool {
		now := engine.Metrics()
		return now["esm_async_events_succeeded_total"] > 0 && now["esm_async_events_waiting"]+now["esm_async_events_in_flight"] == 0
	})
	tries := map[string]int{}
	for _, c := range f.Calls() {
		tries[c.RequestID]++
	}
	if len(tries) != 3 || tries[first] != 1 || tries[second] < 1 || tries[second] > 2 || tries[third] != 1 {
		t.Errorf("tries by request ID %v, want those of %s, %s and %s", tries, first, second, third)
	}
}

// An event whose end does not fit on the disk has not ended. When there is room it ends, without another try. An engine
// that is killed meanwhile tries it again, under its request ID.
func TestDiskIsFullWhileEventsEnd(t *testing.T) {
	t.Parallel()
	for _, killed := range []bool{false, true} {
		t.Run(fmt.Sprint("killed ", killed), func(t *testing.T) {
			t.Parallel()
			e := rig.New(t)
			q := e.Queue("end", nil)
			f, gate := e.GatedFunction("f", rig.Answer(large("z")))
			f.Keys = append(f.Keys, rig.EventInvokeConfig(q.ARN, ""))
			d := newDisk(t, e)
			engine := e.Run(f)
			id := engine.Send("f", "1")
			rig.Receive(t, gate.Begun)
			d.fill()
			gate.Open()
			engine.WaitLog("no space left on device")
			if n := q.Count(); n > 0 {
				t.Errorf("%d records of an event that has not ended", n)
			}
			tries := 1
			if killed {
				engine.Kill()
				tries++
			}
			d.empty()
			if killed {
				e.Run(f)
			}
			if record := q.TakeRecord(); !strings.Contains(record, `"requestId":"`+id+`"`) || !strings.Contains(record, large("z")) {
				t.Errorf("record %.300s", record)
			}
			calls := f.Calls()
			for _, c := range calls {
				if c.RequestID != id {
					t.Errorf("a try of %s", c.RequestID)
				}
			}
			if len(calls) != tries {
				t.Errorf("%d tries, want %d", len(calls), tries)
			}
		})
	}
}
