package config

import (
	"slices"
	"strings"
	"testing"
)

// What the rest of the program does not carry out yet is refused, once and with its reason.
func TestUnwired(t *testing.T) {
	d := hermetic()
	d.ahead = false
	f, report := d.load([]byte(`Aws: {Endpoint: embedded, Endpoints: {kinesis: 'http://localhost:1', s3: 'http://localhost:1'}}
Resources:
  Streams: [{StreamName: clicks}]
  Topics: [{Name: alerts}]
Functions: {orders: {Command: [x]}}
EventSourceMappings:
  - FunctionName: orders
    EventSourceArn: arn:aws:kinesis:us-east-1:000000000000:stream/clicks
  - FunctionName: orders
    EventSourceArn: arn:aws:dynamodb:us-east-1:000000000000:table/carts
    StartingPosition: AT_TIMESTAMP
`), "testdata", Overrides{})
	want := []string{
		`1:39: Aws.Endpoints.kinesis: no part of this version calls that service: remove it`,
		`1:70: Aws.Endpoints.s3: no part of this version calls that service: remove it`,
		`3:3: Resources.Streams: is not made by this version, which makes Queues alone: remove it`,
		`4:3: Resources.Topics: is not made by this version, which makes Queues alone: remove it`,
		`8:5: EventSourceMappings[0].EventSourceArn: Kinesis streams are not read by this version: give the ARN of an SQS queue`,
		`10:5: EventSourceMappings[1].EventSourceArn: DynamoDB Streams are not read by this version: give the ARN of an SQS queue`,
	}
	if f != nil || !slices.EqualFunc(report.Errors, want, says) {
		t.Errorf("got:\n%v\nwant:\n%s", report.Err(), strings.Join(want, "\n"))
	}
}
