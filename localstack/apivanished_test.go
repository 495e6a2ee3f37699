package localstack_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"
)

// TestAFunctionThatVanishes leaves its mappings Enabled, failing visibly, and loses nothing until it is back.
func TestAFunctionThatVanishes(t *testing.T) {
	t.Parallel()
	c := newCorner(t, kinesisServices[0])
	url, arn := c.queue("vanish", map[string]string{"VisibilityTimeout": "2"})
	s := c.stream("vanish", 1)
	with := c.scaled()
	with = strings.Replace(with, "Timeout: 30", "Timeout: 2", 1)
	without := "Engine: {TimeScale: 0.05}\nFunctions:\n  other: " + c.fn.yaml() + "\n"
	e := c.run(with)
	uuids := []string{
		create(t, e.lambda(), lambda.CreateEventSourceMappingInput{EventSourceArn: &arn}),
		create(t, e.lambda(), lambda.CreateEventSourceMappingInput{EventSourceArn: &s.arn, StartingPosition: types.EventSourcePositionTrimHorizon}),
	}
	e.kill()
	e = c.start(without) // which is not ready: the queue is not polled for nobody
	c.sendMany(url, 1)
	s.put("1")
	eventually(t, "both fail visibly", func() bool {
		out, _, _ := esm(t, "status", "--listen", e.listen)
		return strings.Count(out, "there is no function") == 2
	})
	e.serves()
	for _, uuid := range uuids {
		if state := stateOf(t, e.lambda(), uuid); state != "Enabled" {
			t.Errorf("the mapping is %s", state)
		}
	}
	eventually(t, "the stream's mapping says what is wrong", func() bool {
		got, err := e.lambda().GetEventSourceMapping(t.Context(), &lambda.GetEventSourceMappingInput{UUID: &uuids[1]})
		return err == nil && strings.HasPrefix(aws.ToString(got.LastProcessingResult), "PROBLEM: ") &&
			strings.Contains(*got.LastProcessingResult, `there is no function "f"`)
	})
	if code := e.stop(); code != 0 {
		t.Errorf("exit code %d", code)
	}
	c.run(with)
	eventually(t, "both go on", func() bool { return c.count(url) == 0 && len(c.fn.texts()) >= 1 && c.fn.records() >= 2 })
}

// TestReservedOverHTTP sets a reservation, which counts at once, outlives a kill, and ends when the file's changes.
func TestReservedOverHTTP(t *testing.T) {
	t.Parallel()
	h := newHouse(t, standIn)
	url, arn := h.queue("reserved", map[string]string{"VisibilityTimeout": "60"})
	file := func(reserved string) string {
		return "Engine: {TimeScale: 0.05}\nFunctions:\n  f: " + strings.Replace(h.fn.yaml(), "{", "{"+reserved, 1) + "\nEventSourceMappings:\n" + mapping(arn)
	}
	reserved := func(e *engine) string {
		got, err := e.lambda().GetFunctionConcurrency(t.Context(), &lambda.GetFunctionConcurrencyInput{FunctionName: aws.String("f")})
		if err != nil {
			t.Fatal(err)
		}
		if got.ReservedConcurrentExecutions == nil {
			return "nothing"
		}
		return fmt.Sprint(*got.ReservedConcurrentExecutions)
	}
	e := h.run(file("ReservedConcurrentExecutions: 5, "))
	if got := reserved(e); got != "5" {
		t.Errorf("%s is reserved, as the file says 5", got)
	}
	put := func(e *engine, n int32) {
		in := &lambda.PutFunctionConcurrencyInput{FunctionName: aws.String("f"), ReservedConcurrentExecutions: &n}
		if _, err := e.lambda().PutFunctionConcurrency(t.Context(), in); err != nil {
			t.Fatal(err)
		}
	}
	put(e, 0)
	h.sendMany(url, 1)
	eventually(t, "the message is received", func() bool { return e.metric("esm_polled_events_total") > 0 })
	if n := len(h.fn.seen()); n > 0 {
		t.Errorf("without any permit there were %d invocations", n)
	}
	e.kill()
	e = h.start(file("ReservedConcurrentExecutions: 5, ")) // which is not ready: nobody is to be polled for
	e.serves()
	if got := reserved(e); got != "0" {
		t.Errorf("%s is reserved, as HTTP has said 0", got)
	}
	h.sendMany(url, 1)
	put(e, 3)
	within(t, slack, "it is handled at once", func() bool { return h.fn.records() >= 1 })
	e.kill()
	e = h.run(file("ReservedConcurrentExecutions: 6, "))
	if got := reserved(e); got != "6" {
		t.Errorf("%s is reserved, as the file says 6 now", got)
	}
	if _, err := e.lambda().DeleteFunctionConcurrency(t.Context(), &lambda.DeleteFunctionConcurrencyInput{FunctionName: aws.String("f")}); err != nil {
		t.Fatal(err)
	}
	e.kill()
	e = h.run(file("ReservedConcurrentExecutions: 6, "))
	if got := reserved(e); got != "nothing" {
		t.Errorf("%s is reserved, as HTTP has deleted that", got)
	}
}

// serves waits until Lambda's API is served.
func (e *engine) serves() {
	e.Helper()
	eventually(e.T, "Lambda's API is served", func() bool {
		_, err := e.lambda().ListFunctions(e.Context(), &lambda.ListFunctionsInput{})
		return err == nil
	})
}
