package sqs

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/service/sqs"

	"github.com/esm-run/esm/sources/internal/awstest"
)

func TestReceiveRequest(t *testing.T) {
	tests := []struct {
		limit       int
		wait        time.Duration
		wantLimit   float64
		wantSeconds float64
	}{
		{1, 0, 1, 0},
		{10, 999 * time.Millisecond, 10, 0},
		{10000, time.Hour, 10, 20},
		{7, 19900 * time.Millisecond, 7, 19},
		{7, -time.Second, 7, 0},
	}
	for _, test := range tests {
		s := newService()
		if _, err := queueOn(t, s, standardARN, "").Receive(t.Context(), test.limit, test.wait); err != nil {
			t.Fatal(err)
		}
		in := s.Calls("ReceiveMessage")[0].In
		if got := in["MaxNumberOfMessages"]; got != test.wantLimit {
			t.Errorf("limit %d: MaxNumberOfMessages %v, want %v", test.limit, got, test.wantLimit)
		}
		if got := in["WaitTimeSeconds"]; got != test.wantSeconds {
			t.Errorf("wait %s: WaitTimeSeconds %v, want %v", test.wait, got, test.wantSeconds)
		}
		if got := fmt.Sprint(in["MessageAttributeNames"], in["MessageSystemAttributeNames"]); got != "[All] [All]" {
			t.Errorf("asked for attributes %s", got)
		}
		if _, given := in["VisibilityTimeout"]; given {
			t.Error("the queue's visibility timeout is overridden")
		}
		if _, given := in["ReceiveRequestAttemptId"]; given {
			t.Error("a standard queue got a ReceiveRequestAttemptId")
		}
	}
	s := newService()
	if _, err := queueOn(t, s, standardARN, "").Receive(t.Context(), 0, 0); err == nil || len(s.Calls("ReceiveMessage")) > 0 {
		t.Errorf("a limit of 0: %v after %d calls", err, len(s.Calls("ReceiveMessage")))
	}
}

func TestRecordTimesAndGroup(t *testing.T) {
	for arn, group := range map[string]string{standardARN: "", fifoARN: "g"} {
		synctest.Test(t, func(t *testing.T) {
			s := receiving(func(awstest.Call) *awstest.Answer {
				time.Sleep(7 * time.Second) // a long poll
				return messages(message("m", "x", md5OfX))
			})
			start := time.Now()
			recs, err := queueOn(t, s, arn, "").Receive(t.Context(), 10, 20*time.Second)
			if err != nil || len(recs) != 1 {
				t.Fatalf("%d records, %v", len(recs), err)
			}
			r := recs[0]
			if got := r.Until.Sub(start); got != 37*time.Second {
				t.Errorf("comes back after %s, want 7s of polling and 30s of visibility", got)
			}
			if r.ID != "m" || r.Receipt != "handle-m" || r.Group != group || r.Arrived.UnixMilli() != 1764000000123 {
				t.Errorf("got %+v", r)
			}
		})
	}
}

func TestDamagedBody(t *testing.T) {
	bad := message("bad", "x", "00000000000000000000000000000000")
	s := receiving(func(awstest.Call) *awstest.Answer { return messages(bad, message("good", "x", md5OfX)) })
	recs, err := queueOn(t, s, standardARN, "").Receive(t.Context(), 10, 0)
	if err != nil || len(recs) != 1 || recs[0].ID != "good" {
		t.Errorf("got %v, %v, want the good message", recs, err)
	}
	s.Answers["ReceiveMessage"] = func(awstest.Call) *awstest.Answer { return messages(bad) }
	if recs, err = queueOn(t, s, standardARN, "").Receive(t.Context(), 10, 0); !errors.Is(err, ErrChecksum) || len(recs) != 0 {
		t.Errorf("got %v, %v, want %v", recs, err, ErrChecksum)
	}
}

func TestReceiveErrors(t *testing.T) {
	tests := []struct {
		answer *awstest.Answer
		want   error
	}{
		{awstest.Refusal(400, "QueueDoesNotExist"), ErrNoQueue},
		{&awstest.Answer{Status: 400, Body: map[string]any{"__type": "com.amazonaws.sqs#QueueDoesNotExist"}, Query: "AWS.SimpleQueueService.NonExistentQueue;Sender"}, ErrNoQueue},
		{awstest.Refusal(400, "AWS.SimpleQueueService.NonExistentQueue"), ErrNoQueue},
		{&awstest.Answer{Status: 400, Body: map[string]any{"__type": "com.amazonaws.sqs#QueueDoesNotExist"}, Query: "com.amazonaws.sqs#QueueDoesNotExist"}, ErrNoQueue}, // ElasticMQ
		{awstest.Refusal(403, "OverLimit"), ErrSlowDown},
		{awstest.Refusal(400, "RequestThrottled"), ErrSlowDown},
		{awstest.Refusal(400, "ThrottlingException"), ErrSlowDown},
		{awstest.Refusal(http.StatusTooManyRequests, "Whatever"), ErrSlowDown},
		{awstest.Refusal(400, "KmsThrottled"), ErrSlowDown},
		{awstest.Refusal(403, "AccessDeniedException"), ErrDenied},
		{awstest.Refusal(400, "KmsAccessDenied"), ErrDenied},
		{awstest.Refusal(403, "InvalidClientTokenId"), ErrDenied},
		{awstest.Refusal(500, "InternalFailure"), nil},
		{nil, nil},
	}
	for _, test := range tests {
		s := receiving(func(awstest.Call) *awstest.Answer { return test.answer })
		_, err := queueOn(t, s, standardARN, "").Receive(t.Context(), 10, 0)
		if err == nil {
			t.Errorf("%+v: no error", test.answer)
		}
		for _, kind := range []error{ErrNoQueue, ErrSlowDown, ErrDenied, ErrChecksum} {
			if got, want := errors.Is(err, kind), kind == test.want; got != want {
				t.Errorf("%+v: is %q: %t, want %t", test.answer, kind, got, want)
			}
		}
	}
}

func TestRecreatedQueueIsFound(t *testing.T) {
	exists := false
	s := newService()
	s.Answers["GetQueueUrl"] = func(awstest.Call) *awstest.Answer {
		if !exists {
			return awstest.Refusal(400, "QueueDoesNotExist")
		}
		return awstest.OK(map[string]any{"QueueUrl": "http://x/1/second"})
	}
	q := queueOn(t, s, standardARN, emulator)
	if _, err := q.Receive(t.Context(), 1, 0); !errors.Is(err, ErrNoQueue) {
		t.Fatalf("got %v, want %v", err, ErrNoQueue)
	}
	exists = true
	if _, err := q.Receive(t.Context(), 1, 0); err != nil {
		t.Fatal(err)
	}
	s.Answers["ReceiveMessage"] = awstest.Refuse(400, "QueueDoesNotExist")
	if _, err := q.Receive(t.Context(), 1, 0); !errors.Is(err, ErrNoQueue) {
		t.Fatalf("got %v, want %v", err, ErrNoQueue)
	}
	s.Answers["ReceiveMessage"] = nothing
	if _, err := q.Receive(t.Context(), 1, 0); err != nil {
		t.Fatal(err)
	}
	if got := len(s.Calls("GetQueueUrl")); got != 3 {
		t.Errorf("the URL was asked for %d times, want 3: absent, found, found again", got)
	}
	if got := len(s.Calls("GetQueueAttributes")); got != 2 {
		t.Errorf("the attributes were asked for %d times, want 2: once for each queue", got)
	}
}

func TestEndpointOverridesQueueURL(t *testing.T) {
	const foreign = "http://sqs.eu-west-1.localhost.localstack.cloud:4566/123456789012/orders"
	s := newService()
	s.Answers["GetQueueUrl"] = func(awstest.Call) *awstest.Answer { return awstest.OK(map[string]any{"QueueUrl": foreign}) }
	if _, err := queueOn(t, s, standardARN, emulator).Receive(t.Context(), 1, 0); err != nil {
		t.Fatal(err)
	}
	for _, op := range []string{"GetQueueUrl", "GetQueueAttributes", "ReceiveMessage"} {
		if got := s.Calls(op)[0].Host; "http://"+got != emulator {
			t.Errorf("%s went to %s", op, got)
		}
	}
	if got := s.Calls("ReceiveMessage")[0].In["QueueUrl"]; got != foreign {
		t.Errorf("QueueUrl %v, want %s: it is the service's own name for the queue", got, foreign)
	}
	if got := s.Calls("GetQueueUrl")[0].In; got["QueueName"] != "orders" || got["QueueOwnerAWSAccountId"] != "123456789012" {
		t.Errorf("asked for the URL of %v", got)
	}
}

func TestURLOnAWSNeedsNoPermission(t *testing.T) {
	tests := map[string]string{
		standardARN: "https://sqs.eu-west-1.amazonaws.com/123456789012/orders",
		"arn:aws-cn:sqs:cn-north-1:123456789012:orders": "https://sqs.cn-north-1.amazonaws.com.cn/123456789012/orders",
	}
	for arn, want := range tests {
		s := newService()
		if _, err := queueOn(t, s, arn, "").Receive(t.Context(), 1, 0); err != nil {
			t.Fatal(err)
		}
		if got := s.Calls("ReceiveMessage")[0].In["QueueUrl"]; got != want || len(s.Calls("GetQueueUrl")) != 0 {
			t.Errorf("%s: received from %v after %d calls of GetQueueUrl, want %s after none", arn, got, len(s.Calls("GetQueueUrl")), want)
		}
	}
	s := newService()
	s.Answers["GetQueueUrl"] = awstest.Refuse(403, "AccessDeniedException")
	q := queueOn(t, s, standardARN, "https://vpce-1.sqs.eu-west-1.vpce.amazonaws.com")
	if _, err := q.Receive(t.Context(), 1, 0); err != nil {
		t.Errorf("through a VPC endpoint, without sqs:GetQueueUrl: %v", err)
	}
}

func TestARNs(t *testing.T) {
	for _, text := range []string{"", "orders", "arn:aws:sns:eu-west-1:1:t", "arn:aws:sqs:eu-west-1:1", "arn:aws:sqs:eu-west-1:1:", "arn:aws:sqs::1:q", "http://localhost/1/q"} {
		if _, err := New(Config{Client: sdk.New(sdk.Options{}), ARN: awstest.ARN(text)}); err == nil {
			t.Errorf("%q passes for a queue's ARN", text)
		}
	}
}

// A connection whose packets are dropped is not waited for much longer than the poll was to last.
func TestSilentService(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newService()
		q := queueOn(t, s, standardARN, "")
		if _, err := q.Receive(t.Context(), 1, 0); err != nil {
			t.Fatal(err)
		}
		ignored := func(op string, within time.Duration, call func() error) {
			t.Helper()
			s.Answers[op] = awstest.Ignore
			start, before := time.Now(), len(s.Calls(op))
			err := call()
			if err == nil || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) || time.Since(start) != within {
				t.Errorf("%s: %v after %s, want %s", op, err, time.Since(start), within)
			}
			if n := len(s.Calls(op)) - before; n != 1 {
				t.Errorf("%s: %d calls", op, n)
			}
		}
		for wait, within := range map[time.Duration]time.Duration{0: 15 * time.Second, 20 * time.Second: 25 * time.Second} {
			ignored("ReceiveMessage", within, func() error { _, err := q.Receive(t.Context(), 1, wait); return err })
		}
		ignored("DeleteMessageBatch", 15*time.Second, func() error { _, err := q.Delete(t.Context(), records(1)); return err })
		ignored("ChangeMessageVisibilityBatch", 15*time.Second, func() error { return q.Release(t.Context(), records(1)) })
		s.Answers["ReceiveMessage"] = func(awstest.Call) *awstest.Answer { return messages(message("m", "x", md5OfX)) }
		if recs, err := q.Receive(t.Context(), 1, 0); err != nil || len(recs) != 1 {
			t.Errorf("afterwards: %d records, %v", len(recs), err)
		}
	})
}
