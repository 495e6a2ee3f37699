package sqs

import (
	"encoding/json"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-lambda-go/events"
	sdk "github.com/aws/aws-sdk-go-v2/service/sqs"

	"github.com/esm-run/esm"
	"github.com/esm-run/esm/sources/internal/awstest"
	"github.com/esm-run/esm/sources/sourcetest"
)

const (
	standardARN = "arn:aws:sqs:eu-west-1:123456789012:orders"
	fifoARN     = "arn:aws:sqs:eu-west-1:123456789012:orders.fifo"
	emulator    = "http://127.0.0.1:4566"
)

// attributes answers with the attributes of a queue.
func attributes(given map[string]string) awstest.Handler {
	return func(awstest.Call) *awstest.Answer { return awstest.OK(map[string]any{"Attributes": given}) }
}

// nothing answers as a queue without messages.
func nothing(awstest.Call) *awstest.Answer { return awstest.OK(map[string]any{}) }

// newService is an SQS with one queue that has no messages. Tests replace its answers.
func newService() *awstest.Service {
	return &awstest.Service{Answers: map[string]awstest.Handler{
		"ReceiveMessage":     nothing,
		"GetQueueAttributes": attributes(map[string]string{"VisibilityTimeout": "30"}),
		"GetQueueUrl": func(c awstest.Call) *awstest.Answer {
			return awstest.OK(map[string]any{"QueueUrl": "http://unreachable.example:4566/123456789012/" + c.Text("QueueName")})
		},
	}}
}

// receiving is an SQS whose queue answers so when it is received from.
func receiving(h awstest.Handler) *awstest.Service {
	s := newService()
	s.Answers["ReceiveMessage"] = h
	return s
}

// queueOn is a queue of a service at an endpoint; an empty one is AWS.
func queueOn(t testing.TB, s *awstest.Service, arn, endpoint string) *Queue {
	t.Helper()
	q, err := New(Config{Client: sdk.NewFromConfig(s.Config(endpoint)), ARN: awstest.ARN(arn)})
	if err != nil {
		t.Fatal(err)
	}
	return q
}

// message is a message on the wire, with a right or wrong checksum.
func message(id, body, md5 string) map[string]any {
	return map[string]any{
		"MessageId": id, "ReceiptHandle": "handle-" + id, "Body": body, "MD5OfBody": md5,
		"Attributes": map[string]string{"SentTimestamp": "1764000000123", "MessageGroupId": "g"},
	}
}

const md5OfX = "9dd4e461268c8034f5c8564e155c67a6"

func messages(ms ...map[string]any) *awstest.Answer {
	return awstest.OK(map[string]any{"Messages": ms})
}

// played is a service whose messages are those of a queue in memory.
type played struct {
	memory *sourcetest.Queue

	mu      sync.Mutex
	handles map[string]esm.Record
}

func (p *played) receive(c awstest.Call) *awstest.Answer {
	wait := time.Duration(c.In["WaitTimeSeconds"].(float64)) * time.Second
	recs, err := p.memory.Receive(c.Ctx, int(c.In["MaxNumberOfMessages"].(float64)), wait)
	if err != nil {
		return nil
	}
	var out []map[string]any
	for _, r := range recs {
		var m events.SQSMessage
		if err := json.Unmarshal(r.Event, &m); err != nil {
			return awstest.Refusal(http.StatusInternalServerError, "InternalFailure")
		}
		out = append(out, map[string]any{
			"MessageId": m.MessageId, "ReceiptHandle": m.ReceiptHandle,
			"Body": m.Body, "MD5OfBody": m.Md5OfBody, "Attributes": m.Attributes,
		})
		p.mu.Lock()
		p.handles[r.Receipt] = r
		p.mu.Unlock()
	}
	return messages(out...)
}

func (p *played) delete(c awstest.Call) *awstest.Answer {
	return p.each(c, func(rec esm.Record, _ any) error {
		_, err := p.memory.Delete(c.Ctx, []esm.Record{rec})
		return err
	})
}

func (p *played) changeVisibility(c awstest.Call) *awstest.Answer {
	return p.each(c, func(rec esm.Record, seconds any) error {
		if seconds != 0.0 {
			return http.ErrNotSupported
		}
		return p.memory.Release(c.Ctx, []esm.Record{rec})
	})
}

// each does something to the record of each entry of a batch.
func (p *played) each(c awstest.Call, do func(rec esm.Record, seconds any) error) *awstest.Answer {
	var done []map[string]any
	for _, e := range c.In["Entries"].([]any) {
		entry := e.(map[string]any)
		p.mu.Lock()
		rec := p.handles[entry["ReceiptHandle"].(string)]
		p.mu.Unlock()
		if err := do(rec, entry["VisibilityTimeout"]); err != nil {
			return nil
		}
		done = append(done, map[string]any{"Id": entry["Id"]})
	}
	return awstest.OK(map[string]any{"Successful": done})
}

func TestSuiteOverTheWire(t *testing.T) {
	for name, arn := range map[string]string{"standard": standardARN, "FIFO": fifoARN} {
		t.Run(name, func(t *testing.T) {
			sourcetest.RunQueue(t, synctest.Test, func(t *testing.T) sourcetest.Fixture {
				fifo := strings.HasSuffix(arn, ".fifo")
				memory := sourcetest.NewQueue(sourcetest.QueueConfig{FIFO: fifo})
				p := &played{memory: memory, handles: map[string]esm.Record{}}
				s := receiving(p.receive)
				s.Answers["DeleteMessageBatch"] = p.delete
				s.Answers["ChangeMessageVisibilityBatch"] = p.changeVisibility
				return sourcetest.Fixture{
					Queue:      queueOn(t, s, arn, ""),
					Send:       func(body, group string) { memory.Send(body, group) },
					FIFO:       fifo,
					Visibility: 30 * time.Second,
				}
			})
		})
	}
}
