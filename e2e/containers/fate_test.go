package containers_test

import (
	"context"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/moby/moby/client"

	"github.com/esm-run/esm/e2e/rig"
	"github.com/esm-run/esm/invoker/docker/dockertest"
)

// fates returns a handler with which each record meets another fate at its first try: its process exits, runs out of memory,
// exceeds the timeout, or its container is killed by somebody else. Its second try succeeds.
func fates(t *testing.T, e *rig.Env) rig.Handler {
	c := dockertest.Client(t)
	var mu sync.Mutex
	tried := map[string]bool{}
	return func(call rig.Call) (string, error) {
		mu.Lock()
		defer mu.Unlock()
		n, text := len(tried), strings.Join(call.Texts(), " ")
		if tried[text] {
			return "null", nil
		}
		tried[text] = true
		switch n % 4 {
		case 0:
			return "", rig.Exit
		case 1:
			return "", rig.Memory
		case 2:
			return "", rig.Hang
		}
		if err := killContainers(c, e.ContainerLabel()); err != nil {
			t.Error(err)
		}
		return "", rig.Hang
	}
}

func killContainers(c *client.Client, label string) error {
	running, err := c.ContainerList(context.Background(), client.ContainerListOptions{Filters: client.Filters{}.Add("label", label)})
	if err != nil {
		return err
	}
	for _, one := range running.Items {
		if _, err := c.ContainerKill(context.Background(), one.ID, client.ContainerKillOptions{Signal: "KILL"}); err != nil {
			return err
		}
	}
	return nil
}

// doomed returns a function whose containers meet fates, one at a time.
func doomed(t *testing.T, e *rig.Env) *rig.Function {
	f := e.ContainerFunction("f", forwarder(t, e), fates(t, e))
	f.Timeout = 20 // on a busy machine it takes seconds to run out of memory, and to be killed
	f.Keys = append(f.Keys, "ReservedConcurrentExecutions: 1", "MemorySize: 128")
	return f
}

// Whatever happens to containers, every message of a queue is handled, and nothing is left behind.
func TestQueueAndFates(t *testing.T) {
	t.Parallel()
	e := rig.New(t)
	dlq := e.Queue("fates-dead", nil)
	q := e.Queue("fates", rig.Attributes{"VisibilityTimeout": "40", "RedrivePolicy": dlq.Redrive(2)})
	f := doomed(t, e)
	texts := rig.Numbers(4)
	q.Send(texts...)
	engine := e.Run(f.On(q.ARN, rig.BatchSize(1)))
	q.WaitCount(0)
	engine.WaitLog("Runtime exited with error: exit status 3", "OutOfMemory", "Task timed out after 20.00 seconds", "signal: killed")
	engine.Stop()
	got := f.Texts()
	slices.Sort(got)
	twice := append(rig.Numbers(4), texts...)
	slices.Sort(twice)
	if dlq.Count() > 0 || !slices.Equal(got, twice) {
		t.Errorf("%d dead letters, handled %q, want each twice", dlq.Count(), got)
	}
	noLeftovers(t, e)
}

// Whatever happens to containers, every record of a stream is handled, in its order, and nothing is left behind.
func TestStreamAndFates(t *testing.T) {
	t.Parallel()
	e := rig.New(t)
	s := e.Stream("fates", 1)
	f := doomed(t, e)
	var want []string
	for _, text := range rig.Numbers(4) {
		s.Put(text)
		want = append(want, text, text)
	}
	engine := e.Run(f.On(s.ARN, rig.BatchSize(1)))
	f.Want(t, want...)
	engine.Stop()
	noLeftovers(t, e)
}

// A killed engine leaves its containers running. The next one on the same data directory removes them and nothing else, and
// handles what was in hand.
func TestKilledEngine(t *testing.T) {
	t.Parallel()
	bystander := rig.New(t)
	image := forwarder(t, bystander)
	other := bystander.ContainerFunction("other", image, rig.Succeed)
	idle := bystander.Queue("bystander", nil)
	idle.Send("before")
	running := bystander.Run(other.On(idle.ARN))
	other.WaitFor(t, "before")
	there := dockertest.Leftovers(t, bystander.ContainerLabel())

	e := rig.New(t)
	begun := make(chan rig.Call, 10)
	f := e.ContainerFunction("f", image, rig.Script(func(c rig.Call) (string, error) {
		begun <- c
		return "", rig.Hang
	}, rig.Succeed))
	f.Timeout = 10
	q := e.Queue("killed", rig.Attributes{"VisibilityTimeout": "10"})
	q.Send("m")
	engine := e.Start(f.On(q.ARN))
	rig.Receive(t, begun)
	engine.Kill()
	if left := dockertest.Leftovers(t, e.ContainerLabel()); len(left) < 2 {
		t.Errorf("a killed engine left %q, want a container and a network at least", left)
	}
	engine = e.Run(f.On(q.ARN))
	if left := dockertest.Leftovers(t, e.ContainerLabel()); slices.ContainsFunc(left, func(one string) bool { return strings.HasPrefix(one, "container ") }) {
		t.Errorf("after the start there is %q", left)
	}
	q.WaitCount(0)
	engine.Stop()
	noLeftovers(t, e)

	if now := dockertest.Leftovers(t, bystander.ContainerLabel()); !slices.Equal(now, there) {
		t.Errorf("the other engine has %q, had %q", now, there)
	}
	idle.Send("after")
	other.WaitFor(t, "after")
	running.Stop()
	noLeftovers(t, bystander)
}
