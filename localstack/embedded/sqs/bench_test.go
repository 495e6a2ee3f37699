package sqs

import (
	"context"
	"encoding/json"
	"net/http"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
)

const typicalBody = `{"order":42,"note":"a typical small message"}`

// BenchmarkDrain receives and deletes messages with ten concurrent SDK clients over a socket. The SDK takes most of the
// time.
func BenchmarkDrain(b *testing.B) {
	c, s := onSocket(b)
	q := c.create("q")
	for range b.N {
		s.named("q").accept(sendEntry{MessageBody: typicalBody})
	}
	b.ResetTimer()
	var left atomic.Int64
	left.Store(int64(b.N))
	var loops sync.WaitGroup
	for range 10 {
		loops.Go(func() {
			for left.Load() > 0 {
				left.Add(-c.drainOnce(q))
			}
		})
	}
	loops.Wait()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "msg/s")
}

// drainOnce receives and deletes up to ten messages, and returns how many.
func (c *client) drainOnce(q string) int64 {
	out, err := c.ReceiveMessage(context.Background(), &sdk.ReceiveMessageInput{
		QueueUrl: &q, MaxNumberOfMessages: 10, MessageAttributeNames: []string{"All"},
		MessageSystemAttributeNames: []types.MessageSystemAttributeName{"All"},
	})
	if err != nil || len(out.Messages) == 0 {
		return 0
	}
	entries := make([]types.DeleteMessageBatchRequestEntry, len(out.Messages))
	for i, m := range out.Messages {
		entries[i] = types.DeleteMessageBatchRequestEntry{Id: aws.String(strconv.Itoa(i)), ReceiptHandle: m.ReceiptHandle}
	}
	if _, err := c.DeleteMessageBatch(context.Background(), &sdk.DeleteMessageBatchInput{QueueUrl: &q, Entries: entries}); err != nil {
		c.t.Error(err)
	}
	return int64(len(entries))
}

// BenchmarkHandler measures the server's own work in BenchmarkDrain, without SDK and socket.
func BenchmarkHandler(b *testing.B) {
	s := new(Server)
	mustPost(b, s, "CreateQueue", `{"QueueName":"q"}`)
	for range b.N {
		s.named("q").accept(sendEntry{MessageBody: typicalBody})
	}
	r, _ := http.NewRequest("POST", "http://host:1/", nil)
	perform := func(operation string, body []byte) []byte {
		out, err := api.Operations[operation](s, r, body)
		if err != nil {
			b.Fatal(err)
		}
		return out
	}
	b.ResetTimer()
	for done := 0; done < b.N; done += 10 {
		body := perform("ReceiveMessage", []byte(`{`+queueURL+`,"MaxNumberOfMessages":10,"MessageSystemAttributeNames":["All"],"MessageAttributeNames":["All"]}`))
		b.StopTimer()
		request := deletionOf(body)
		b.StartTimer()
		perform("DeleteMessageBatch", request)
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "msg/s")
}

func deletionOf(received []byte) []byte {
	var got struct {
		Messages []struct{ ReceiptHandle string }
	}
	json.Unmarshal(received, &got)
	in := batch[deleteEntry]{queueInput: queueInput{"http://host:1/000000000000/q"}}
	for i, m := range got.Messages {
		in.Entries = append(in.Entries, deleteEntry{entryID{strconv.Itoa(i)}, m.ReceiptHandle})
	}
	body, _ := json.Marshal(in)
	return body
}
