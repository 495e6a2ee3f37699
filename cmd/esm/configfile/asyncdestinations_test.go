package configfile

import (
	"slices"
	"strings"
	"testing"
)

// badAsync are files whose asynchronous destinations are wrong.
var badAsync = []badFile{
	{"event destinations", `Functions:
  a:
    Command: [b]
    DeadLetterConfig: {TargetArn: 'arn:aws:s3:::failures'}
    EventInvokeConfig:
      DestinationConfig:
        OnSuccess: {Destination: 'arn:aws:s3:::failures'}
        OnFailure: {Destination: 'arn:aws:sqs:us-east-1:000000000000:a.fifo'}
`, false, []string{
		`4:24: Functions.a.DeadLetterConfig.TargetArn: cannot be a destination: give the ARN of a standard SQS queue or a standard SNS topic`,
		`7:21: Functions.a.EventInvokeConfig.DestinationConfig.OnSuccess.Destination: cannot be a destination: give the ARN of a standard SQS queue, a standard SNS topic, an EventBridge event bus or a Lambda function`,
		`8:21: Functions.a.EventInvokeConfig.DestinationConfig.OnFailure.Destination: is FIFO, which cannot be a destination: …`}},
	{"functions as destinations", `Functions:
  report:
    Command: [b]
    EventInvokeConfig:
      DestinationConfig:
        OnSuccess: {Destination: 'arn:aws:lambda:us-east-1:000000000000:function:reprot'}
        OnFailure: {Destination: 'arn:aws:lambda:us-east-1:000000000000:function:report:live'}
  elsewhere:
    Command: [b]
    EventInvokeConfig:
      DestinationConfig:
        OnSuccess: {Destination: 'arn:aws:lambda:us-east-1:000000000000:function:report'}
        OnFailure: {Destination: 'arn:aws:lambda:us-east-2:000000000000:function:other'}
  last:
    Command: [b]
    EventInvokeConfig: {DestinationConfig: {OnFailure: {Destination: 'arn:aws:lambda:us-east-1:111122223333:function:other'}}}
    DeadLetterConfig: {TargetArn: 'arn:aws:lambda:us-east-1:000000000000:function:report'}
`, false, []string{
		`6:21: Functions.report.EventInvokeConfig.DestinationConfig.OnSuccess.Destination: names no function of this file: did you mean report?`,
		`7:21: Functions.report.EventInvokeConfig.DestinationConfig.OnFailure.Destination: is the function itself, which cannot be its own destination`,
		`17:24: Functions.last.DeadLetterConfig.TargetArn: cannot be a destination: …`}},
}

func TestWarningsOfAsyncDestinations(t *testing.T) {
	const file = `Aws: {Endpoint: embedded}
Resources: {Queues: [{QueueName: done}], Topics: [{Name: alerts}]}
Functions:
  a:
    Command: [b]
    DeadLetterConfig: {TargetArn: 'arn:aws:sns:us-east-2:000000000000:alerts'}
    EventInvokeConfig:
      DestinationConfig:
        OnSuccess: {Destination: 'arn:aws:sqs:us-east-1:000000000000:done'}
        OnFailure: {Destination: 'arn:aws:s3:::failures'}
  b:
    Command: [b]
    EventInvokeConfig:
      DestinationConfig:
        OnSuccess: {Destination: 'arn:aws:lambda:us-east-1:000000000000:function:a'}
        OnFailure: {Destination: 'arn:aws:lambda:us-east-1:111122223333:function:a'}
`
	want := []string{
		"6:24: Functions.a.DeadLetterConfig.TargetArn: is not the topic of that name in Resources.Topics, which is created in us-east-1 and account 000000000000",
		"10:21: Functions.a.EventInvokeConfig.DestinationConfig.OnFailure.Destination: is not in Resources.Buckets: the embedded stand-in starts without any other bucket",
		"16:21: Functions.b.EventInvokeConfig.DestinationConfig.OnFailure.Destination: is a function of another region or account, which the embedded stand-in does not have: give Aws.Endpoints.lambda",
	}
	_, report := loadText(t, file)
	if report.Err() != nil || !slices.EqualFunc(report.Warnings, want, matches) {
		t.Errorf("got\n%s\nwant\n%s", report, strings.Join(want, "\n"))
	}
	_, report = loadText(t, strings.Replace(file, "{Endpoint: embedded}", "{Endpoint: 'http://localhost:4566'}", 1))
	if report.Err() != nil || len(report.Warnings) != 1 {
		t.Errorf("at an endpoint: got\n%s\nwant the topic's warning", report)
	}
}
