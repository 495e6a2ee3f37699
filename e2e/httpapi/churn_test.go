package httpapi_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"

	"github.com/esm-run/esm/e2e/rig"
)

// churnTime is how long mappings come, change and go: a minute where ESM_TEST_LONG is set.
func churnTime() time.Duration {
	if os.Getenv("ESM_TEST_LONG") != "" {
		return time.Minute
	}
	return 20 * time.Second
}

// Two hundred mappings are made, changed and deleted at random, while others carry traffic: these lose nothing, repeat
// nothing, keep all order and do not wait, and nothing of those is left behind.
func TestChurn(t *testing.T) {
	t.Parallel()
	e := rig.New(t)
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	all := []*traffic{
		toQueue(e, "standard0", ""), toQueue(e, "standard1", ""), toQueue(e, "fifo0", ".fifo"), toQueue(e, "fifo1", ".fifo"),
		toStream(e, "stream0"), toStream(e, "stream1"), toTable(e, "table"),
	}
	c := newChurn(e)
	var entries []rig.Entry
	for _, tr := range all {
		tr.f.Keys = append(tr.f.Keys, "ReservedConcurrentExecutions: 3")
		entries = append(entries, tr.f.On(tr.source))
	}
	engine := e.Run(append(entries, c.functions...)...)
	c.sdk = engine.LambdaOver(&http.Transport{MaxIdleConnsPerHost: 8})
	before := engine.Metric("go_goroutines")

	ctx, end := context.WithTimeout(t.Context(), churnTime())
	defer end()
	var busy sync.WaitGroup
	for _, tr := range all {
		busy.Go(func() { tr.send(ctx) })
	}
	for n := range 4 {
		busy.Go(func() { c.change(ctx, t, rand.New(rand.NewPCG(seed, uint64(n)))) })
	}
	busy.Wait()
	for _, tr := range all {
		rig.Eventually(t, tr.f.Name+" has handled all", func() bool { return len(tr.f.Texts()) >= 4*len(tr.sent) })
		tr.check(t)
	}
	c.finish(t)
	rig.Eventually(t, "goroutines are as before, but for those of environments that are kept for later", func() bool {
		return engine.Metric("go_goroutines")-8*engine.Metric("esm_function_environments") <= before+100 // mostly of connections
	})
	if n := engine.Metric("esm_function_concurrent_executions"); n != 0 {
		t.Errorf("%v environments are busy", n)
	}
	if t.Logf("%d mappings were made", c.made); c.made < 50 {
		t.Errorf("only %d mappings were made", c.made)
	}
	engine.Stop()
	for _, f := range []*rig.Function{c.f, all[0].f, all[2].f, all[4].f} {
		if left := rig.ProcessesWith(f.URL); len(left) > 0 {
			t.Errorf("processes %v are left", left)
		}
	}
}

// traffic is a source that gets records of four keys all the time, and the function that handles them.
type traffic struct {
	f       *rig.Function
	source  string
	ordered bool
	put     func(n int) // k0/n to k3/n
	sent    []time.Time // by n
}

func toQueue(e *rig.Env, name, suffix string) *traffic {
	q := e.Queue(name+suffix, rig.Attributes{"VisibilityTimeout": "300"})
	return &traffic{f: e.Function(name, rig.Succeed), source: q.ARN, ordered: suffix != "", put: func(n int) {
		for key := range 4 {
			q.Send(fmt.Sprintf("k%d/%d", key, n))
		}
	}}
}

func toStream(e *rig.Env, name string) *traffic {
	s := e.Stream(name, 2)
	return &traffic{f: e.Function(name, rig.Succeed), source: s.ARN, ordered: true, put: func(n int) { s.PutKeyed(4, n) }}
}

func toTable(e *rig.Env, name string) *traffic {
	table := e.Table(name)
	return &traffic{f: e.Function(name, rig.Succeed), source: table.Current, ordered: true, put: func(n int) {
		if err := table.WriteItems(rig.KeyedItems(4, n)); err != nil {
			e.Error(err)
		}
	}}
}

func (tr *traffic) send(ctx context.Context) {
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for ctx.Err() == nil {
		tr.sent = append(tr.sent, time.Now())
		tr.put(len(tr.sent) - 1)
		select {
		case <-tick.C:
		case <-ctx.Done():
		}
	}
}

// check checks that all was handled once, in the order of each key where there is one, and soon.
func (tr *traffic) check(t *testing.T) {
	t.Helper()
	times, longest := map[string]int{}, time.Duration(0)
	for _, c := range tr.f.Calls() {
		for _, text := range c.Texts() {
			times[text]++
			_, n := rig.Place(text)
			longest = max(longest, c.At.Sub(tr.sent[n]))
		}
	}
	for n := range tr.sent {
		for key := range 4 {
			if text := fmt.Sprintf("k%d/%d", key, n); times[text] != 1 {
				t.Errorf("%s: %s was handled %d times", tr.f.Name, text, times[text])
			}
		}
	}
	if tr.ordered {
		rig.CheckOrder(t, tr.f.Texts(), 4*len(tr.sent))
	}
	if t.Logf("%s: %d records, none waited longer than %v", tr.f.Name, 4*len(tr.sent), longest); longest > rig.Slack {
		t.Errorf("%s: a record waited for %v", tr.f.Name, longest)
	}
}

// churn is mappings that come and go.
type churn struct {
	sdk       *lambda.Client
	f         *rig.Function // serves all functions
	functions []rig.Entry
	queues    []*rig.Queue

	mu         sync.Mutex
	slots      []slot
	sent, made int
}

// A slot is a function and a source, and the UUID of the mapping between them if there is one.
type slot struct{ function, source, uuid string }

func newChurn(e *rig.Env) *churn {
	c := &churn{f: e.Function("churn", rig.Succeed)}
	c.f.Timeout = 5
	c.f.Keys = append(c.f.Keys, "ReservedConcurrentExecutions: 3")
	var sources []string
	for i := range 15 {
		q := e.Queue(fmt.Sprint("churn", i), rig.Attributes{"VisibilityTimeout": "10"})
		c.queues, sources = append(c.queues, q), append(sources, q.ARN)
	}
	for i := range 3 {
		sources = append(sources, e.Stream(fmt.Sprint("churn", i), 2).ARN)
	}
	for i := range 2 {
		sources = append(sources, e.Table(fmt.Sprint("churn", i)).Current)
	}
	for i := range 10 {
		name := fmt.Sprint("churn", i)
		c.functions = append(c.functions, c.f.Named(name))
		for _, source := range sources {
			c.slots = append(c.slots, slot{function: name, source: source})
		}
	}
	return c
}

// change makes, changes and deletes mappings until ctx ends, and sends messages to their queues.
func (c *churn) change(ctx context.Context, t *testing.T, dice *rand.Rand) {
	for ctx.Err() == nil {
		n := dice.IntN(len(c.slots))
		c.mu.Lock()
		s := c.slots[n]
		c.mu.Unlock()
		err := c.changeSlot(n, s, dice)
		switch code := rig.ErrorCode(err); code {
		case "", "ResourceInUseException", "ResourceConflictException", "ResourceNotFoundException":
		default:
			t.Error(err)
			return
		}
		if dice.IntN(3) == 0 {
			c.queues[dice.IntN(len(c.queues))].Send("m")
			c.mu.Lock()
			c.sent++
			c.mu.Unlock()
		}
	}
}

func (c *churn) changeSlot(n int, s slot, dice *rand.Rand) error {
	ctx := context.Background()
	switch {
	case s.uuid == "":
		in := &lambda.CreateEventSourceMappingInput{FunctionName: &s.function, EventSourceArn: &s.source, Enabled: aws.Bool(dice.IntN(4) > 0)}
		if !strings.Contains(s.source, ":sqs:") {
			in.StartingPosition = oldest
		}
		made, err := c.sdk.CreateEventSourceMapping(ctx, in)
		if err == nil {
			c.note(n, "", *made.UUID)
		}
		return err
	case dice.IntN(3) == 0:
		_, err := c.sdk.DeleteEventSourceMapping(ctx, &lambda.DeleteEventSourceMappingInput{UUID: &s.uuid})
		if code := rig.ErrorCode(err); code == "" || code == "ResourceNotFoundException" {
			c.note(n, s.uuid, "")
		}
		return err
	}
	in := &lambda.UpdateEventSourceMappingInput{UUID: &s.uuid, BatchSize: aws.Int32(1 + dice.Int32N(10))}
	if dice.IntN(2) == 0 {
		in.Enabled = aws.Bool(dice.IntN(2) == 0)
	}
	_, err := c.sdk.UpdateEventSourceMapping(ctx, in)
	return err
}

// note notes the UUID of a slot, unless somebody else did.
func (c *churn) note(n int, old, uuid string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.slots[n].uuid == old {
		c.slots[n].uuid = uuid
	}
	if uuid != "" {
		c.made++
	}
}

// finish deletes all mappings that came, and checks that none of their messages is lost.
func (c *churn) finish(t *testing.T) {
	t.Helper()
	rig.Eventually(t, "all that came is gone", func() bool {
		left := 0
		pages := lambda.NewListEventSourceMappingsPaginator(c.sdk, &lambda.ListEventSourceMappingsInput{})
		for pages.HasMorePages() {
			page, err := pages.NextPage(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			for _, m := range page.EventSourceMappings {
				if strings.Contains(*m.FunctionArn, ":churn") {
					left++
					_, _ = c.sdk.DeleteEventSourceMapping(t.Context(), &lambda.DeleteEventSourceMappingInput{UUID: m.UUID}) // it may be in use
				}
			}
		}
		return left == 0
	})
	queued, handled := 0, map[string]bool{}
	for _, q := range c.queues {
		queued += q.Count()
	}
	for _, call := range c.f.Calls() {
		for _, r := range call.Records {
			handled[r.ID] = true
		}
	}
	if len(handled)+queued < c.sent {
		t.Errorf("of %d messages %d were handled and %d are queued", c.sent, len(handled), queued)
	}
	c.sdk.Options().HTTPClient.(*http.Client).CloseIdleConnections()
}
