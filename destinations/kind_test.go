package destinations

import (
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/sns"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
)

const (
	queueARN  = "arn:aws:sqs:eu-west-1:111122223333:failed"
	topicARN  = "arn:aws:sns:eu-west-1:111122223333:failed"
	bucketARN = "arn:aws:s3:::failed-records"
)

func TestKinds(t *testing.T) {
	for arn, want := range map[string]string{queueARN: ServiceSQS, topicARN: ServiceSNS, bucketARN: ServiceS3, "arn:aws-cn:s3:::b": ServiceS3} {
		if got, err := Kind(arn); err != nil || got != want {
			t.Errorf("%s: %q, %v, want %q", arn, got, err, want)
		}
	}
}

// Each refusal says what to do, and does not quote what may be a secret in the wrong place.
func TestRefusals(t *testing.T) {
	for arn, remedy := range map[string]string{
		"":                 "arn:aws:<service>",
		"failed":           "arn:aws:<service>",
		queueARN + ".fifo": "name a standard queue",
		topicARN + ".fifo": "name a standard topic",
		topicARN + ":5be8d7ef-6f0e-4c0e-a4b5-c5d2f1a7e901":        "(arn:aws:sns:region:account:name)",
		"arn:aws:sqs::111122223333:failed":                        "(arn:aws:sqs:region:account:name)",
		"arn:aws:sqs:eu-west-1::failed":                           "(arn:aws:sqs:region:account:name)",
		"arn:aws:s3:eu-west-1:111122223333:accesspoint/failed":    "not an access point",
		"arn:aws:s3:::failed-records/prefix":                      "no prefix",
		"arn:aws:lambda:eu-west-1:111122223333:function:failed":   "name a standard SQS queue, a standard SNS topic or an S3 bucket",
		"arn:aws:events:eu-west-1:111122223333:event-bus/default": "name a standard SQS queue",
		"arn:aws:kafka:eu-west-1:111122223333:topic/c/1/t":        "name a standard SQS queue",
	} {
		_, err := Kind(arn)
		if err == nil || !strings.Contains(err.Error(), remedy) || arn != "" && strings.Contains(err.Error(), arn) {
			t.Errorf("%q: %v, want a word of %q", arn, err, remedy)
		}
	}
}

func TestEachDestinationTakesItsOwnService(t *testing.T) {
	for service, make := range map[string]func(arn string) error{
		ServiceSQS: func(arn string) error { _, err := NewSQS(sqs.New(sqs.Options{}), arn); return err },
		ServiceSNS: func(arn string) error { _, err := NewSNS(sns.New(sns.Options{}), arn); return err },
		ServiceS3:  func(arn string) error { _, err := NewS3(s3.New(s3.Options{}), arn); return err },
	} {
		for _, arn := range []string{queueARN, topicARN, bucketARN, queueARN + ".fifo", "x"} {
			kind, _ := Kind(arn)
			taken := kind == service && !strings.HasSuffix(arn, ".fifo")
			if err := make(arn); (err == nil) != taken {
				t.Errorf("%s of %q: %v", service, arn, err)
			}
		}
	}
}
