package main

import (
	"testing"

	"github.com/esm-run/esm/cmd/esm/observe"
)

// The kind of source decides which metrics a mapping has.
func TestObservedMappings(t *testing.T) {
	mappings, _ := observed(loaded(t, `
Aws: {Endpoint: 'http://localhost:4566'}
Functions: {f: {Command: [/bin/true]}}
EventSourceMappings:
  - {FunctionName: f, EventSourceArn: 'arn:aws:sqs:us-east-1:000000000000:orders'}
  - FunctionName: f
    EventSourceArn: arn:aws:kinesis:us-east-1:000000000000:stream/clicks
    StartingPosition: TRIM_HORIZON
    DestinationConfig: {OnFailure: {Destination: 'arn:aws:sqs:us-east-1:000000000000:failures'}}
  - {FunctionName: f, EventSourceArn: 'arn:aws:kinesis:us-east-1:000000000000:stream/taps', StartingPosition: LATEST}
`))
	for i, want := range []observe.Mapping{{}, {Stream: true, Destination: "arn:aws:sqs:us-east-1:000000000000:failures"}, {Stream: true}} {
		if got := mappings[i]; got.Stream != want.Stream || got.Destination != want.Destination {
			t.Errorf("%s: got stream %v and destination %q, want %v and %q", got.Source, got.Stream, got.Destination, want.Stream, want.Destination)
		}
	}
}
