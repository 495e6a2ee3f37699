package crash_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/lambda"

	"github.com/esm-run/esm/e2e/rig"
)

// An engine that is killed during a batch of messages leaves no handlers behind, and the messages are handled later.
func TestKilledDuringQueueBatch(t *testing.T) {
	if _, err := os.Stat("/proc/self/environ"); err != nil {
		t.Skip("leftover processes can be counted only where there is /proc")
	}
	rig.On(t, rig.Queues, func(t *testing.T, e *rig.Env) {
		q := e.Queue("kill", rig.Attributes{"VisibilityTimeout": "4"})
		f, gate := e.GatedFunction("f", rig.Succeed)
		engine := e.Run(f.On(q.ARN))
		q.Send(rig.Numbers(5)...)
		rig.Receive(t, gate.Begun)
		engine.Kill()
		f.Handle(rig.Succeed)
		e.Run(f.On(q.ARN))
		f.WaitFor(t, rig.Numbers(5)...)
		q.WaitCount(0)
		for _, pid := range rig.ProcessesWith(f.URL) {
			status, _ := os.ReadFile("/proc/" + pid + "/status")
			if strings.Contains(string(status), "PPid:\t1\n") {
				t.Errorf("process %s of the killed engine is left", pid)
			}
		}
	})
}

// A checkpoint file that is damaged, or is none, is named and left alone.
func TestDamagedCheckpointFile(t *testing.T) {
	t.Parallel()
	e := rig.New(t)
	s, f := e.Stream("damaged", 1), e.Function("f", rig.Succeed)
	s.Put("1")
	engine := e.Run(f.On(s.ARN))
	f.Want(t, "1")
	engine.Stop()
	path := e.Path("data/checkpoints.db")
	whole, err := os.ReadFile(path)
	e.Must(err)
	damaged := slices.Clone(whole)
	for i := 8192; i < len(damaged); i += 64 {
		damaged[i] ^= 0xff
	}
	for says, content := range map[string][]byte{
		"the checkpoint file is damaged, and left alone": damaged,
		"not a checkpoint file of esm, and left alone":   []byte("positions: none\n"),
	} {
		e.Must(os.WriteFile(path, content, 0o600))
		engine := e.Start(f.On(s.ARN))
		engine.WantExit(1)
		if got := engine.Log(); !strings.Contains(got, path) || !strings.Contains(got, says) {
			t.Errorf("esm says %q, want it to name %s and say %q", got, path, says)
		}
		if now, err := os.ReadFile(path); err != nil || !slices.Equal(now, content) {
			t.Errorf("the file is not as it was (%v)", err)
		}
	}
	e.Must(os.WriteFile(path, whole, 0o600))
	s.Put("2")
	e.Run(f.On(s.ARN))
	f.Want(t, "1", "2")
}

// A mappingClient is a client that makes, changes and deletes one mapping, and what it knows of it.
type mappingClient struct {
	function, source string
	uuid             string
	batch            int32 // 0 is no mapping
	unknown          bool  // the last call was not answered
	intended         int32 // by that call
}

// The engine is killed at random while clients change mappings. A change that was answered is there after a start, and one
// that was not may be there.
func TestKilledWhileMappingsChange(t *testing.T) {
	t.Parallel()
	e := rig.New(t)
	q := e.Queue("kept", nil)
	var clients []*mappingClient
	var functions []rig.Entry
	for i := range 6 {
		name := fmt.Sprint("f", i)
		clients, functions = append(clients, &mappingClient{function: name, source: q.ARN}), append(functions, e.Function(name, rig.Succeed))
	}
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	unanswered := 0
	for life := range 12 {
		engine := e.Run(functions...)
		dice := rand.New(rand.NewPCG(seed, uint64(life)))
		var running sync.WaitGroup
		for n, m := range clients {
			m.check(t, engine, life)
			own := rand.New(rand.NewPCG(seed, uint64(100*life+n+1)))
			running.Go(func() {
				for sdk := engine.Lambda(); m.change(t, sdk, own); {
				}
			})
		}
		moment := time.After(time.Duration(dice.IntN(120)) * time.Millisecond)
		<-moment
		engine.Kill()
		running.Wait()
		for _, m := range clients {
			if m.unknown {
				unanswered++
			}
		}
	}
	t.Logf("%d changes were not answered", unanswered)
}

// change makes a change, and reports whether it was answered.
func (m *mappingClient) change(t *testing.T, sdk *lambda.Client, dice *rand.Rand) bool {
	ctx := context.Background()
	m.intended = 1 + dice.Int32N(10)
	var err error
	switch {
	case m.batch == 0:
		var made *lambda.CreateEventSourceMappingOutput
		made, err = sdk.CreateEventSourceMapping(ctx, &lambda.CreateEventSourceMappingInput{
			FunctionName: &m.function, EventSourceArn: &m.source, BatchSize: &m.intended,
		})
		if err == nil {
			m.uuid = *made.UUID
		}
	case dice.IntN(3) == 0:
		m.intended = 0
		_, err = sdk.DeleteEventSourceMapping(ctx, &lambda.DeleteEventSourceMappingInput{UUID: &m.uuid})
	default:
		_, err = sdk.UpdateEventSourceMapping(ctx, &lambda.UpdateEventSourceMappingInput{UUID: &m.uuid, BatchSize: &m.intended})
	}
	switch code := rig.ErrorCode(err); {
	case err == nil:
		m.batch = m.intended
	case code == "ResourceInUseException" || code == "ResourceConflictException": // what is deleted is not gone yet
	case strings.HasSuffix(code, "Exception") && code != "ServiceException":
		t.Errorf("%s: %v", m.function, err)
		return false
	default:
		m.unknown = true
		return false
	}
	return true
}

// check compares what there is with what there may be, and goes on from there.
func (m *mappingClient) check(t *testing.T, engine *rig.Engine, life int) {
	t.Helper()
	listed, err := engine.Lambda().ListEventSourceMappings(t.Context(), &lambda.ListEventSourceMappingsInput{FunctionName: &m.function})
	if err != nil || len(listed.EventSourceMappings) > 1 {
		t.Fatalf("%s has %+v (%v)", m.function, listed, err)
	}
	got := int32(0)
	for _, found := range listed.EventSourceMappings {
		if *found.State == "Deleting" || m.batch != 0 && *found.UUID != m.uuid {
			t.Errorf("life %d: %s is %s, with the UUID %s instead of %s", life, m.function, *found.State, *found.UUID, m.uuid)
		}
		got, m.uuid = *found.BatchSize, *found.UUID
	}
	if got != m.batch && !(m.unknown && got == m.intended) {
		t.Errorf("life %d: %s has batches of %d, want %d (or %d: %v)", life, m.function, got, m.batch, m.intended, m.unknown)
	}
	m.batch, m.unknown = got, false
}
