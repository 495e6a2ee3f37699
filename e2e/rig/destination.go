package rig

import (
	"encoding/json"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"
	eventtypes "github.com/aws/aws-sdk-go-v2/service/eventbridge/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/sns"
)

// Topic makes a topic, and a queue that gets what is published.
func (e *Env) Topic(name string) (arn string, queue *Queue) {
	e.Helper()
	queue = e.Queue("of-"+name, nil)
	topic, err := e.SNS.CreateTopic(e.Context(), &sns.CreateTopicInput{Name: aws.String(name + e.Suffix)})
	e.Must(err)
	_, err = e.SNS.Subscribe(e.Context(), &sns.SubscribeInput{TopicArn: topic.TopicArn, Protocol: aws.String("sqs"), Endpoint: &queue.ARN})
	e.Must(err)
	return *topic.TopicArn, queue
}

// Envelope is the message that a topic delivers to a queue.
type Envelope struct {
	Type, MessageID, TopicArn, Message string
	Timestamp                          time.Time
	Subject                            *string
	MessageAttributes                  map[string]any
}

// TakeEnvelope waits for the one message of a topic's queue.
func (q *Queue) TakeEnvelope() (got Envelope) {
	q.Helper()
	q.Must(json.Unmarshal([]byte(q.TakeSorted(1)[0]), &got))
	return got
}

// Bus makes an event bus, and a queue that gets the events on it whose source is lambda.
func (e *Env) Bus(name string) (arn string, queue *Queue) {
	e.Helper()
	queue = e.Queue("of-"+name, nil)
	name += e.Suffix
	bus, err := e.EventBridge.CreateEventBus(e.Context(), &eventbridge.CreateEventBusInput{Name: &name})
	e.Must(err)
	_, err = e.EventBridge.PutRule(e.Context(), &eventbridge.PutRuleInput{
		Name: &name, EventBusName: &name, EventPattern: aws.String(`{"source":["lambda"]}`),
	})
	e.Must(err)
	put, err := e.EventBridge.PutTargets(e.Context(), &eventbridge.PutTargetsInput{
		Rule: &name, EventBusName: &name, Targets: []eventtypes.Target{{Id: aws.String("queue"), Arn: &queue.ARN}},
	})
	e.Must(err)
	if put.FailedEntryCount > 0 {
		e.Fatalf("targets of the rule %s: %+v", name, put.FailedEntries)
	}
	return *bus.EventBusArn, queue
}

// listed compiles patterns for a stand-in that list the texts which members of the event may have, such as the source. The
// whole language is the engine's.
func listed(pattern []byte) (matches func(event []byte) bool, err error) {
	var want map[string][]string
	if err := json.Unmarshal(pattern, &want); err != nil {
		return nil, err
	}
	return func(event []byte) bool {
		var is map[string]any
		if json.Unmarshal(event, &is) != nil {
			return false
		}
		for name, texts := range want {
			if text, ok := is[name].(string); !ok || !slices.Contains(texts, text) {
				return false
			}
		}
		return true
	}, nil
}

// A Bucket is an S3 bucket of a test's own.
type Bucket struct {
	*Env
	Name, ARN string
}

// Bucket makes a bucket.
func (e *Env) Bucket(name string) *Bucket {
	e.Helper()
	name += e.Suffix
	_, err := e.S3.CreateBucket(e.Context(), &s3.CreateBucketInput{Bucket: &name})
	e.Must(err)
	return &Bucket{e, name, "arn:aws:s3:::" + name}
}

// Count returns how many objects there are, up to a thousand.
func (b *Bucket) Count() int {
	b.Helper()
	listed, err := b.S3.ListObjectsV2(b.Context(), &s3.ListObjectsV2Input{Bucket: &b.Name})
	b.Must(err)
	return len(listed.Contents)
}

// TakeObject waits for an object, and returns it.
func (b *Bucket) TakeObject() (key, contentType, body string) {
	b.Helper()
	Eventually(b.TB, "there is an object", func() bool {
		listed, err := b.S3.ListObjectsV2(b.Context(), &s3.ListObjectsV2Input{Bucket: &b.Name})
		b.Must(err)
		if len(listed.Contents) > 0 {
			key = *listed.Contents[0].Key
		}
		return key != ""
	})
	object, err := b.S3.GetObject(b.Context(), &s3.GetObjectInput{Bucket: &b.Name, Key: &key})
	b.Must(err)
	defer object.Body.Close()
	var text strings.Builder
	_, err = io.Copy(&text, object.Body)
	b.Must(err)
	return key, aws.ToString(object.ContentType), text.String()
}
