package localstack_test

import (
	"encoding/json"
	"io"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/sns"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
)

// topic makes a topic and a queue that gets what is published.
func (c *corner) topic(name string) (arn, queueURL string) {
	c.Helper()
	client := sns.New(sns.Options{
		Region: "us-east-1", BaseEndpoint: aws.String(c.service.endpoint),
		Credentials: credentials.NewStaticCredentialsProvider("test", "test", ""),
	})
	name += c.suffix
	topic, err := client.CreateTopic(c.Context(), &sns.CreateTopicInput{Name: &name})
	if err != nil {
		c.Fatal(err)
	}
	url, queue := c.queue("of-"+name, map[string]string{})
	if _, err = client.Subscribe(c.Context(), &sns.SubscribeInput{TopicArn: topic.TopicArn, Protocol: aws.String("sqs"), Endpoint: &queue}); err != nil {
		c.Fatal(err)
	}
	return *topic.TopicArn, url
}

// envelope is what a topic's queue gets.
type envelope struct {
	Type, MessageID, TopicArn, Message string
	Timestamp                          time.Time
	Subject                            *string
	MessageAttributes                  map[string]any
}

func (h *house) receiveOne(url string) (body string) {
	h.Helper()
	eventually(h.T, "there is a message", func() bool {
		got, err := h.sqs.ReceiveMessage(h.Context(), &sqs.ReceiveMessageInput{QueueUrl: &url})
		if err != nil {
			h.Fatal(err)
		}
		if len(got.Messages) > 0 {
			body = *got.Messages[0].Body
		}
		return body != ""
	})
	return body
}

func TestNoticesToATopic(t *testing.T) {
	overStreams(t, kinesisServices, func(t *testing.T, c *corner) {
		s := c.stream("sns", 1)
		topic, url := c.topic("failed")
		f := c.follow("f", s.arn, raise("1"), tries(1), "BatchSize: 2", onFailure(topic))
		s.put("1", "2", "3")
		c.run(fileOf(f))
		var got envelope
		if err := json.Unmarshal([]byte(c.receiveOne(url)), &got); err != nil {
			t.Fatal(err)
		}
		if got.Type != "Notification" || got.TopicArn != topic || got.MessageID == "" || got.Subject != nil || len(got.MessageAttributes) > 0 {
			t.Errorf("the envelope %+v", got)
		}
		wantNotice(t, got.Message, s.notice(told{records: "1-2", count: 2, fault: "Unhandled"}, f, f.fn.seen()[0].ID))
		eventually(t, "the third record is handled", func() bool { return strings.HasSuffix(strings.Join(f.fn.texts(), ""), "3") })
	})
}

// bucket makes a bucket.
func (c *corner) bucket(name string) (arn string, client *s3.Client) {
	c.Helper()
	client = s3.New(s3.Options{
		Region: "us-east-1", BaseEndpoint: aws.String(c.service.endpoint), UsePathStyle: true,
		Credentials: credentials.NewStaticCredentialsProvider("test", "test", ""),
	})
	if _, err := client.CreateBucket(c.Context(), &s3.CreateBucketInput{Bucket: aws.String(name + c.suffix)}); err != nil {
		c.Fatal(err)
	}
	return "arn:aws:s3:::" + name + c.suffix, client
}

func TestNoticesToABucket(t *testing.T) {
	const uuid = "3f0c9a54-6d1e-4e0b-8f43-9b7d2c5a1e88"
	overStreams(t, kinesisServices, func(t *testing.T, c *corner) {
		s := c.stream("s3", 1)
		bucket, client := c.bucket("failed")
		f := c.follow("f", s.arn, reportRecord("2"), tries(1), reporting, "UUID: "+uuid, onFailure(bucket))
		s.put("1", "2", "3")
		c.run(fileOf(f))
		name := strings.TrimPrefix(bucket, "arn:aws:s3:::")
		var key string
		eventually(t, "there is an object", func() bool {
			listed, err := client.ListObjectsV2(t.Context(), &s3.ListObjectsV2Input{Bucket: &name})
			if err != nil {
				t.Fatal(err)
			}
			if len(listed.Contents) > 0 {
				key = *listed.Contents[0].Key
			}
			return key != ""
		})
		object, err := client.GetObject(t.Context(), &s3.GetObjectInput{Bucket: &name, Key: &key})
		if err != nil {
			t.Fatal(err)
		}
		defer object.Body.Close()
		body, err := io.ReadAll(object.Body)
		if err != nil {
			t.Fatal(err)
		}
		if got := *object.ContentType; got != "application/octet-stream" {
			t.Errorf("content type %s", got)
		}
		last := f.fn.seen()[2]
		payload := `"payload":` + asJSON(string(last.Raw)) + ","
		wantNotice(t, string(body), s.notice(told{records: "2-3", count: 2}, f, last.ID, payload))
		wantObjectKey(t, key, uuid, readNotice(t, string(body)).Timestamp)
	})
}

var objectKey = regexp.MustCompile(`^aws/lambda/([0-9a-f-]{36})/shardId-000000000000/(\d{4}/\d\d/\d\d)/(\d{4}-\d\d-\d\dT\d\d\.\d\d\.\d\d)-([0-9a-f-]{36})$`)

// wantObjectKey checks the name of an object: mapping, shard, day, and the second of the notice.
func wantObjectKey(t *testing.T, key, uuid, timestamp string) {
	t.Helper()
	parts := objectKey.FindStringSubmatch(key)
	if parts == nil {
		t.Fatalf("the object's key is %s", key)
	}
	second := strings.ReplaceAll(timestamp[:len("2006-01-02T15:04:05")], ":", ".")
	day := strings.ReplaceAll(timestamp[:len("2006-01-02")], "-", "/")
	if parts[1] != uuid || parts[2] != day || parts[3] != second || !uuidText.MatchString(parts[4]) {
		t.Errorf("the object's key is %s, of a notice of %s", key, timestamp)
	}
}
