package localstack_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
)

// scaled is a file with a function and no mappings, in which pauses after errors last a twentieth of what they do on AWS.
func (h *house) scaled() string {
	return "Engine: {TimeScale: 0.05}\nFunctions:\n  f: " + h.fn.yaml() + "\n"
}

// create makes a mapping for the function f.
func create(t *testing.T, c *lambda.Client, in lambda.CreateEventSourceMappingInput) (uuid string) {
	t.Helper()
	in.FunctionName = aws.String("f")
	made, err := c.CreateEventSourceMapping(t.Context(), &in)
	if err != nil {
		t.Fatal(err)
	}
	return *made.UUID
}

// update changes a mapping, as soon as it is not in use, and waits until it has.
func update(t *testing.T, c *lambda.Client, in lambda.UpdateEventSourceMappingInput, state string) {
	t.Helper()
	begin(t, c, in)
	settles(t, c, *in.UUID, state)
}

// begin changes a mapping as soon as it is not in use.
func begin(t *testing.T, c *lambda.Client, in lambda.UpdateEventSourceMappingInput) {
	t.Helper()
	eventually(t, "the mapping can be changed", func() bool {
		_, err := c.UpdateEventSourceMapping(t.Context(), &in)
		if name := nameOf(err); name != "" && name != "ResourceInUseException" {
			t.Fatal(err)
		}
		return err == nil
	})
}

// TestAMappingIsMadeWhileTheEngineRuns takes the time from Create to the first batch, for each kind of source.
func TestAMappingIsMadeWhileTheEngineRuns(t *testing.T) {
	t.Parallel()
	c := newCorner(t, kinesisServices[0])
	url, arn := c.queue("soon", map[string]string{})
	s := c.stream("soon", 1)
	table := c.table("soon")
	e := c.run(c.scaled())
	sdk := e.lambda()
	c.fn.answer = succeed
	if _, err := sdk.Invoke(t.Context(), &lambda.InvokeInput{FunctionName: aws.String("f")}); err != nil { // it is warm
		t.Fatal(err)
	}
	c.sendMany(url, 1)
	s.put("1")
	table.put("1")
	for n, in := range []lambda.CreateEventSourceMappingInput{
		{EventSourceArn: &arn},
		{EventSourceArn: &s.arn, StartingPosition: types.EventSourcePositionTrimHorizon},
		{EventSourceArn: &table.stream, StartingPosition: types.EventSourcePositionTrimHorizon},
	} {
		began := time.Now()
		uuid := create(t, sdk, in)
		within(t, slack, "the first batch is there", func() bool { return len(c.fn.seen()) == n+2 })
		t.Logf("%s: the first batch after %v", *in.EventSourceArn, time.Since(began))
		settles(t, sdk, uuid, "Enabled")
		got, err := sdk.GetEventSourceMapping(t.Context(), &lambda.GetEventSourceMappingInput{UUID: &uuid})
		if err != nil {
			t.Fatal(err)
		}
		if n > 0 {
			eventually(t, "its result is told", func() bool {
				got, err = sdk.GetEventSourceMapping(t.Context(), &lambda.GetEventSourceMappingInput{UUID: &uuid})
				return err == nil && aws.ToString(got.LastProcessingResult) == "OK"
			})
		} else if got.LastProcessingResult != nil {
			t.Errorf("a queue's mapping says %s", *got.LastProcessingResult)
		}
	}
}

// TestDisablingAQueue finishes what is in hand, and starts nothing until the mapping is enabled again.
func TestDisablingAQueue(t *testing.T) {
	t.Parallel()
	h := newHouse(t, standIn)
	url, arn := h.queue("disable", map[string]string{"VisibilityTimeout": "60"})
	begun, goOn := make(chan bool, 100), make(chan bool)
	h.fn.answer = func(event) (string, error) {
		begun <- true
		<-goOn
		return "null", nil
	}
	e := h.run(h.scaled())
	sdk := e.lambda()
	uuid := create(t, sdk, lambda.CreateEventSourceMappingInput{
		EventSourceArn: &arn, BatchSize: aws.Int32(1), ScalingConfig: &types.ScalingConfig{MaximumConcurrency: aws.Int32(2)},
	})
	h.sendMany(url, 4)
	<-begun
	<-begun
	begin(t, sdk, lambda.UpdateEventSourceMappingInput{UUID: &uuid, Enabled: aws.Bool(false)})
	h.sendMany(url, 4)
	if state := stateOf(t, sdk, uuid); state != "Disabling" {
		t.Errorf("with batches in hand the mapping is %s", state)
	}
	close(goOn)
	settles(t, sdk, uuid, "Disabled")
	settled := len(h.fn.seen())
	eventually(t, "what was in hand is deleted", func() bool { return h.count(url) == 8-settled })
	if settled > 4 { // those that were received before
		t.Errorf("%d batches were handled", settled)
	}
	update(t, sdk, lambda.UpdateEventSourceMappingInput{UUID: &uuid, BatchSize: aws.Int32(10)}, "Disabled")
	if got := len(h.fn.seen()); got != settled {
		t.Errorf("%d invocations began while the mapping was disabled", got-settled)
	}
	update(t, sdk, lambda.UpdateEventSourceMappingInput{UUID: &uuid, Enabled: aws.Bool(true)}, "Enabled")
	eventually(t, "the rest is handled", func() bool { return h.fn.records() == 8 && h.count(url) == 0 })
}

// TestDisablingAStream finishes the batch that is in hand; enabled, it goes on behind that, and tries go on counting.
func TestDisablingAStream(t *testing.T) {
	t.Parallel()
	c := newCorner(t, kinesisServices[0])
	s := c.stream("disable", 1)
	begun, goOn := make(chan bool, 100), make(chan bool)
	c.fn.answer = func(e event) (string, error) {
		begun <- true
		<-goOn
		if slices.Contains(kinesisOf(e).texts(), "3") {
			return throw(e)
		}
		return succeed(e)
	}
	dlq, dlqARN := c.queue("disable", map[string]string{})
	s.put("1")
	e := c.run(c.scaled())
	sdk := e.lambda()
	uuid := create(t, sdk, lambda.CreateEventSourceMappingInput{
		EventSourceArn: &s.arn, StartingPosition: types.EventSourcePositionTrimHorizon, BatchSize: aws.Int32(1), MaximumRetryAttempts: aws.Int32(3),
		DestinationConfig: &types.DestinationConfig{OnFailure: &types.OnFailure{Destination: &dlqARN}},
	})
	off, on := lambda.UpdateEventSourceMappingInput{UUID: &uuid, Enabled: aws.Bool(false)}, lambda.UpdateEventSourceMappingInput{UUID: &uuid, Enabled: aws.Bool(true)}
	texts := []string{"1"}
	for _, next := range []string{"2", "3", "3", "3", "3", "4"} {
		<-begun
		begin(t, sdk, off)
		if next == "2" {
			s.put("2", "3", "4")
		}
		goOn <- true
		settles(t, sdk, uuid, "Disabled")
		if got := c.fn.texts(); !slices.Equal(got, texts) {
			t.Fatalf("disabled, the function was given %q, want %q", got, texts)
		}
		texts = append(texts, next)
		begin(t, sdk, on)
	}
	<-begun
	goOn <- true
	if got := c.fn.texts(); !slices.Equal(got, texts) {
		t.Errorf("the function was given %q, want %q", got, texts)
	}
	if notices := c.notices(dlq, 1); !strings.Contains(notices[0], `"approximateInvokeCount":4`) {
		t.Errorf("the notice says %s", notices[0])
	}
}

// TestANewLimitCountsFromTheNextDecision lowers MaximumRetryAttempts while a record fails for ever.
func TestANewLimitCountsFromTheNextDecision(t *testing.T) {
	t.Parallel()
	c := newCorner(t, kinesisServices[0])
	s := c.stream("limit", 1)
	c.fn.answer = func(e event) (string, error) {
		if slices.Contains(kinesisOf(e).texts(), "2") {
			return throw(e)
		}
		return succeed(e)
	}
	dlq, dlqARN := c.queue("limit", map[string]string{})
	s.put("1", "2", "3")
	e := c.run(c.scaled())
	sdk := e.lambda()
	uuid := create(t, sdk, lambda.CreateEventSourceMappingInput{
		EventSourceArn: &s.arn, StartingPosition: types.EventSourcePositionTrimHorizon, BatchSize: aws.Int32(1),
		DestinationConfig: &types.DestinationConfig{OnFailure: &types.OnFailure{Destination: &dlqARN}},
	})
	eventually(t, "a record fails again and again", func() bool { return len(c.fn.seen()) >= 5 })
	update(t, sdk, lambda.UpdateEventSourceMappingInput{UUID: &uuid, MaximumRetryAttempts: aws.Int32(2), BatchSize: aws.Int32(5)}, "Enabled")
	eventually(t, "it is given up and the next one is handled", func() bool { return slices.Contains(c.fn.texts(), "3") })
	tries := 0
	for _, text := range c.fn.texts() {
		if text == "2" {
			tries++
		}
	}
	if got := slices.Compact(c.fn.texts()); !slices.Equal(got, []string{"1", "2", "3"}) {
		t.Errorf("the function was given %q", got)
	}
	if notices, want := c.notices(dlq, 1), fmt.Sprintf(`"approximateInvokeCount":%d}`, tries); !strings.Contains(notices[0], want) {
		t.Errorf("the notice says %s, want %s: the function was given %q", notices[0], want, c.fn.texts())
	}
}

// TestUpdatingAQueue gives a queue another filter, another function and other batches while messages come: each is handled
// once, and by the one whose turn it is.
func TestUpdatingAQueue(t *testing.T) {
	t.Parallel()
	h := newHouse(t, standIn)
	url, arn := h.queue("update", map[string]string{"VisibilityTimeout": "60"})
	other := newFunction(t)
	e := h.run(h.scaled() + "  g: " + other.yaml() + "\n")
	sdk := e.lambda()
	uuid := create(t, sdk, lambda.CreateEventSourceMappingInput{EventSourceArn: &arn})
	const count = 60
	for i := range count {
		h.send(sqs.SendMessageInput{QueueUrl: &url, MessageBody: aws.String(fmt.Sprint("m", i))})
		if i%10 == 5 {
			update(t, sdk, lambda.UpdateEventSourceMappingInput{UUID: &uuid, BatchSize: aws.Int32(int32(1 + i%7))}, "Enabled")
		}
	}
	eventually(t, "all are handled", func() bool { return h.fn.records() >= count && h.count(url) == 0 })
	if n := h.fn.records(); n != count {
		t.Errorf("%d messages were handled, want %d", n, count)
	}
	update(t, sdk, lambda.UpdateEventSourceMappingInput{
		UUID: &uuid, FunctionName: aws.String("g"), FilterCriteria: &types.FilterCriteria{Filters: []types.Filter{{Pattern: aws.String(`{"body":["m1"]}`)}}},
	}, "Enabled")
	h.sendMany(url, 3)
	eventually(t, "the other function has the one it wants", func() bool { return other.records() == 1 && h.count(url) == 0 })
	if got := other.handled(); !slices.Equal(got, []string{"m1"}) || h.fn.records() != count {
		t.Errorf("the other function was given %q, the first %d more", got, h.fn.records()-count)
	}
	_, err := sdk.DeleteEventSourceMapping(t.Context(), &lambda.DeleteEventSourceMappingInput{UUID: &uuid})
	if err != nil {
		t.Fatal(err)
	}
	settles(t, sdk, uuid, "")
	h.sendMany(url, 3)
	again := create(t, sdk, lambda.CreateEventSourceMappingInput{EventSourceArn: &arn})
	eventually(t, "the new mapping handles them", func() bool { return h.fn.records() == count+3 && h.count(url) == 0 })
	if again == uuid || other.records() != 1 {
		t.Errorf("the new mapping is %s like the old one, or that still runs", again)
	}
}
