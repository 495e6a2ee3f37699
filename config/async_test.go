package config

import (
	"slices"
	"strings"
	"testing"
)

// The kinds of destinations that each origin of asynchronous events may have (AWS: "Capturing records of Lambda asynchronous
// invocations").
func TestEventDestinations(t *testing.T) {
	kinds := map[string]*DestinationKind{
		"arn:aws:sqs:eu-west-1:111122223333:done":                   QueueDestination,
		"arn:aws:sns:eu-west-1:111122223333:done":                   TopicDestination,
		"arn:aws:s3:::done":                                         BucketDestination,
		"arn:aws:events:eu-west-1:111122223333:event-bus/default":   BusDestination,
		"arn:aws:events:eu-west-1:111122223333:event-bus/a/b.c":     BusDestination,
		"arn:aws:lambda:eu-west-1:111122223333:function:done":       FunctionDestination,
		"arn:aws:lambda:eu-west-1:111122223333:function:done:live":  FunctionDestination,
		"arn:aws:events:eu-west-1:111122223333:rule/a":              nil,
		"arn:aws:events:eu-west-1:111122223333:event-bus/":          nil,
		"arn:aws:lambda:eu-west-1:111122223333:layer:done":          nil,
		"arn:aws:lambda:::function:done":                            nil,
		"arn:aws:sqs:eu-west-1:111122223333:done.fifo":              nil,
		"arn:aws:sns:eu-west-1:111122223333:done.fifo":              nil,
		"arn:aws:kinesis:eu-west-1:111122223333:stream/done":        nil,
		"arn:aws:lambda:eu-west-1:111122223333:function:a:b:c":      nil,
		"arn:aws:lambda:eu-west-1:111122223333:event-source:mapped": nil,
	}
	refused := map[Origin][]*DestinationKind{
		EventFailure: nil, EventSuccess: {BucketDestination}, DeadLetter: {BucketDestination, BusDestination, FunctionDestination},
	}
	for _, origin := range EventOrigins {
		for arn, kind := range kinds {
			got, err := ParseDestination(arn, origin)
			want := kind
			if slices.Contains(refused[origin], kind) {
				want = nil
			}
			if got.Kind != want || (err == nil) != (want != nil) {
				t.Errorf("origin %d, %s: got %+v, %v", origin, arn, got, err)
			}
		}
	}
}

func TestFunctionDestinations(t *testing.T) {
	fn := Function{Name: "a", FunctionArn: "arn:aws:lambda:eu-west-1:111122223333:function:a"}
	for _, origin := range append(EventOrigins, StreamFailure) {
		if got := fn.Destination(origin); got != "" {
			t.Errorf("origin %d of a function without destinations: %s", origin, got)
		}
	}
	tooOld := MaxEventAge + 1
	fn.EventInvokeConfig = &EventInvokeConfig{MaximumEventAgeInSeconds: &tooOld}
	fn.EventInvokeConfig.DestinationConfig.OnSuccess.Destination = fn.FunctionArn + ":live"
	fn.EventInvokeConfig.DestinationConfig.OnFailure.Destination = "arn:aws:sqs:eu-west-1:111122223333:" + strings.Repeat("x", 400)
	fn.DeadLetterConfig.TargetArn = "arn:aws:s3:::letters"
	if a, b, c := fn.Destination(EventSuccess), fn.Destination(EventFailure), fn.Destination(DeadLetter); a != fn.FunctionArn+":live" ||
		!strings.HasSuffix(b, "xxx") || c != "arn:aws:s3:::letters" || fn.Destination(StreamFailure) != "" {
		t.Errorf("got %s, %s, %s", a, b, c)
	}
	var found problems
	fn.checkAsync(&found)
	var got []string
	for _, p := range found {
		got = append(got, p.Path+" "+p.Message)
	}
	want := []string{
		"EventInvokeConfig.MaximumEventAgeInSeconds 21601 is above 21600",
		"EventInvokeConfig.DestinationConfig.OnSuccess.Destination is the function itself, which cannot be its own destination",
		"EventInvokeConfig.DestinationConfig.OnFailure.Destination is not the ARN of a standard SQS queue (arn:aws:sqs:<region>:<account>:<queue>)",
		"DeadLetterConfig.TargetArn cannot be a destination: give the ARN of a standard SQS queue or a standard SNS topic",
	}
	if !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}
