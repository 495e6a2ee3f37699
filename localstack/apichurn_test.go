package localstack_test

import (
	"context"
	"errors"
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
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/smithy-go"
)

// churnFor is how long mappings come, change and go: a minute where ESM_TEST_LONG is set.
func churnFor() time.Duration {
	if os.Getenv("ESM_TEST_LONG") != "" {
		return time.Minute
	}
	return 20 * time.Second
}

// mostIdle is how long a mapping may have work and do nothing while others change: moments, or seconds on a machine that has
// much else to do.
const mostIdle = slack / 2

// TestMappingsComeAndGo has 200 mappings made, changed and deleted at random while ten others carry traffic: these lose
// nothing, repeat nothing, keep all order and do not wait, and nothing of those is left behind.
func TestMappingsComeAndGo(t *testing.T) {
	t.Parallel()
	c := newCorner(t, kinesisServices[0])
	var lines []*line
	for i := range 4 {
		lines = append(lines, c.queueLine(fmt.Sprint("standard", i), ""))
	}
	for i := range 3 {
		lines = append(lines, c.queueLine(fmt.Sprint("ordered", i), ".fifo"))
	}
	for i := range 2 {
		lines = append(lines, c.streamLine(fmt.Sprint("stream", i)))
	}
	lines = append(lines, c.tableLine("table"))
	ch := &churn{corner: c, slots: make([]slot, 200), others: newFunction(t)}
	ch.prepare()
	e := c.run(ch.file(lines))
	ch.sdk = sdkOf(e.lambdaURL(), &http.Transport{MaxIdleConnsPerHost: 8})
	before := e.metric("go_goroutines")

	ctx, end := context.WithTimeout(t.Context(), churnFor())
	defer end()
	var busy sync.WaitGroup
	for _, l := range lines {
		busy.Go(func() { l.feed(ctx, t) })
	}
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	for n := range 4 {
		busy.Go(func() { ch.change(ctx, t, rand.New(rand.NewPCG(seed, uint64(n)))) })
	}
	stall := longestStall(ctx)
	busy.Wait()
	for _, l := range lines {
		eventually(t, l.name+" is handled to the end", func() bool { return l.done() >= l.sentAll() })
		l.check(t, mostIdle+*stall)
	}
	ch.finish(t)
	eventually(t, "goroutines are as before, but for those of environments that are kept for later", func() bool {
		return e.metric("go_goroutines")-8*e.metric("esm_function_environments") <= before+100 // mostly of connections
	})
	if n := e.metric("esm_function_concurrent_executions"); n != 0 {
		t.Errorf("%v environments are busy", n)
	}
	t.Logf("%d calls, %d mappings were made; goroutines: %v before, %v after, with %v environments", ch.calls, ch.made, before,
		e.metric("go_goroutines"), e.metric("esm_function_environments"))
	if ch.made < 50 {
		t.Errorf("only %d mappings were made", ch.made)
	}
	if code := e.stop(); code != 0 {
		t.Errorf("exit code %d", code)
	}
	for _, f := range append([]*function{ch.others}, functionsOf(lines)...) {
		if left := marked(t, f.url); len(left) > 0 {
			t.Errorf("processes %v are left", left)
		}
	}
}

// longestStall watches how long this process itself was not given a processor.
func longestStall(ctx context.Context) *time.Duration {
	longest := new(time.Duration)
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for last := time.Now(); ; {
		select {
		case <-ctx.Done():
			return longest
		case <-tick.C:
			*longest = max(*longest, time.Since(last))
			last = time.Now()
		}
	}
}

// metric is the sum of a metric's series.
func (e *engine) metric(name string) (sum float64) {
	e.Helper()
	for text := range strings.Lines(get(e.T, "http://"+e.listen+"/metrics")) {
		series, value, _ := strings.Cut(strings.TrimSpace(text), " ")
		if series, _, _ = strings.Cut(series, "{"); series == name {
			var one float64
			fmt.Sscan(value, &one)
			sum += one
		}
	}
	return sum
}

// churn is mappings that come and go.
type churn struct {
	*corner
	sdk    *lambda.Client
	others *function
	urls   []string // of their queues

	mu    sync.Mutex
	slots []slot
	sent  int
	calls int
	made  int
}

// slot is a function and a source that may be joined.
type slot struct {
	function, source, uuid string
}

func (ch *churn) prepare() {
	var sources []string
	for i := range 15 {
		url, arn := ch.queue(fmt.Sprint("other", i), map[string]string{"VisibilityTimeout": "10"})
		ch.urls, sources = append(ch.urls, url), append(sources, arn)
	}
	for i := range 3 {
		sources = append(sources, ch.stream(fmt.Sprint("other", i), 2).arn)
	}
	for i := range 2 {
		sources = append(sources, ch.table(fmt.Sprint("other", i)).stream)
	}
	for i := range ch.slots {
		ch.slots[i] = slot{function: fmt.Sprint("x", i%10), source: sources[i/10]}
	}
}

func (ch *churn) file(lines []*line) string {
	functions, mappings := "", ""
	limited := func(f *function, timeout int) string {
		return strings.Replace(f.yaml(), "{Timeout: 30", fmt.Sprint("{ReservedConcurrentExecutions: 3, Timeout: ", timeout), 1) + "\n"
	}
	for i := range 10 {
		functions += fmt.Sprintf("  x%d: %s", i, limited(ch.others, 5))
	}
	for _, l := range lines {
		functions += "  " + l.name + ": " + limited(l.fn, 30)
		mappings += strings.Replace(mapping(l.arn, l.keys...), "FunctionName: f", "FunctionName: "+l.name, 1)
	}
	return "Functions:\n" + functions + "EventSourceMappings:\n" + mappings
}

// change makes, changes and deletes mappings until ctx ends, and puts messages into their queues.
func (ch *churn) change(ctx context.Context, t *testing.T, dice *rand.Rand) {
	for ctx.Err() == nil {
		ch.mu.Lock()
		n := dice.IntN(len(ch.slots))
		s := ch.slots[n]
		ch.calls++
		ch.mu.Unlock()
		var err error
		switch {
		case s.uuid == "":
			err = ch.create(n, s, dice.IntN(4) > 0)
		case dice.IntN(3) == 0:
			_, err = ch.sdk.DeleteEventSourceMapping(ch.Context(), &lambda.DeleteEventSourceMappingInput{UUID: &s.uuid})
			if err == nil || nameOf(err) == "ResourceNotFoundException" {
				ch.put(n, s.uuid, "")
			}
		default:
			in := &lambda.UpdateEventSourceMappingInput{UUID: &s.uuid, BatchSize: aws.Int32(1 + dice.Int32N(10))}
			if dice.IntN(2) == 0 {
				in.Enabled = aws.Bool(dice.IntN(2) == 0)
			}
			_, err = ch.sdk.UpdateEventSourceMapping(ch.Context(), in)
		}
		switch name := nameOf(err); name {
		case "", "ResourceInUseException", "ResourceConflictException", "ResourceNotFoundException":
		default:
			t.Errorf("%v", err)
			return
		}
		if dice.IntN(3) == 0 {
			_, err := ch.sqs.SendMessage(ch.Context(), &sqs.SendMessageInput{
				QueueUrl: &ch.urls[dice.IntN(len(ch.urls))], MessageBody: aws.String("m"),
			})
			if err != nil {
				t.Error(err)
				return
			}
			ch.mu.Lock()
			ch.sent++
			ch.mu.Unlock()
		}
	}
}

func (ch *churn) create(n int, s slot, enabled bool) error {
	in := &lambda.CreateEventSourceMappingInput{FunctionName: &s.function, EventSourceArn: &s.source, Enabled: &enabled}
	if !strings.Contains(s.source, ":sqs:") {
		in.StartingPosition = types.EventSourcePositionTrimHorizon
	}
	made, err := ch.sdk.CreateEventSourceMapping(ch.Context(), in)
	if err == nil {
		ch.put(n, "", *made.UUID)
	}
	return err
}

// put notes the UUID of a slot, unless somebody else did.
func (ch *churn) put(n int, old, uuid string) {
	ch.mu.Lock()
	defer ch.mu.Unlock()
	if ch.slots[n].uuid == old {
		ch.slots[n].uuid = uuid
	}
	if uuid != "" {
		ch.made++
	}
}

// nameOf is that of an exception, or its text if it is none.
func nameOf(err error) string {
	if exception, ok := errors.AsType[smithy.APIError](err); ok {
		return exception.ErrorCode()
	}
	if err != nil {
		return err.Error()
	}
	return ""
}

// finish deletes all that came, and checks that none of its messages is lost.
func (ch *churn) finish(t *testing.T) {
	t.Helper()
	left := func() (uuids []string) {
		pages := lambda.NewListEventSourceMappingsPaginator(ch.sdk, &lambda.ListEventSourceMappingsInput{})
		for pages.HasMorePages() {
			page, err := pages.NextPage(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			for _, m := range page.EventSourceMappings {
				if name := (*m.FunctionArn)[strings.LastIndexByte(*m.FunctionArn, ':')+1:]; name[0] == 'x' {
					uuids = append(uuids, *m.UUID)
				}
			}
		}
		return uuids
	}
	eventually(t, "all that came is gone", func() bool {
		uuids := left()
		for _, uuid := range uuids {
			_, err := ch.sdk.DeleteEventSourceMapping(t.Context(), &lambda.DeleteEventSourceMappingInput{UUID: &uuid})
			if name := nameOf(err); name != "" && name != "ResourceInUseException" && name != "ResourceNotFoundException" {
				t.Fatal(err)
			}
		}
		return len(uuids) == 0
	})
	queued := 0
	for _, url := range ch.urls {
		queued += ch.count(url)
	}
	handled := map[string]int{}
	for _, call := range ch.others.seen() {
		for _, rec := range call.Records {
			handled[rec.MessageID]++
		}
	}
	if delete(handled, ""); len(handled)+queued < ch.sent {
		t.Errorf("of %d messages %d were handled and %d are queued", ch.sent, len(handled), queued)
	}
	ch.sdk.Options().HTTPClient.(*http.Client).CloseIdleConnections()
}
