package config

import (
	"strings"
	"testing"
)

func TestParseDestination(t *testing.T) {
	const (
		queue  = "arn:aws:sqs:eu-west-1:111122223333:failed"
		topic  = "arn:aws:sns:eu-west-1:111122223333:failed"
		bucket = "arn:aws:s3:::failed-records"
		give   = "give the ARN of a standard SQS queue, a standard SNS topic or an S3 bucket"
	)
	for arn, want := range map[string]*DestinationKind{
		queue: QueueDestination, topic: TopicDestination, bucket: BucketDestination, "arn:aws-cn:s3:::bucket": BucketDestination,
	} {
		if got, err := ParseDestination(arn, StreamFailure); err != nil || got.Kind != want || got.ARN.String() != arn {
			t.Errorf("%s: %+v, %v", arn, got, err)
		}
	}
	for arn, want := range map[string]string{
		"":              "is not an ARN (arn:aws:<service>",
		"failed":        "is not an ARN (arn:aws:<service>",
		queue + ".fifo": "is FIFO, which cannot be a destination: " + give,
		topic + ".fifo": "is FIFO, which cannot be a destination: " + give,
		topic + ":5be8d7ef-6f0e-4c0e-a4b5-c5d2f1a7e901":           "is not the ARN of a standard SNS topic (arn:aws:sns:<region>:<account>:<topic>)",
		"arn:aws:sqs::111122223333:failed":                        "is not the ARN of a standard SQS queue (arn:aws:sqs:<region>:<account>:<queue>)",
		"arn:aws:sqs:eu-west-1::failed":                           "is not the ARN of a standard SQS queue",
		"arn:aws:s3:eu-west-1:111122223333:accesspoint/failed":    "not an access point",
		bucket + "/prefix":                                        "without a prefix",
		"arn:aws:lambda:eu-west-1:111122223333:function:failed":   "cannot be a destination: " + give,
		"arn:aws:events:eu-west-1:111122223333:event-bus/default": "cannot be a destination: " + give,
	} {
		_, err := ParseDestination(arn, StreamFailure)
		if err == nil || !strings.Contains(err.Error(), want) || arn != "" && strings.Contains(err.Error(), arn) {
			t.Errorf("%q: %v, want %q", arn, err, want)
		}
	}
}
