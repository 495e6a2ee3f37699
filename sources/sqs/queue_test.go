package sqs

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"testing"
	"testing/synctest"
	"time"
)

// message is a message on the wire, with a right or wrong checksum.
func message(id, body, md5 string) map[string]any {
	return map[string]any{
		"MessageId": id, "ReceiptHandle": "handle-" + id, "Body": body, "MD5OfBody": md5,
		"Attributes": map[string]string{"SentTimestamp": "1764000000123", "MessageGroupId": "g"},
	}
}

const md5OfX = "9dd4e461268c8034f5c8564e155c67a6"

func messages(ms ...map[string]any) *answer { return ok(map[string]any{"Messages": ms}) }

func TestARequestAsksForEverything(t *testing.T) {
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
		s := &service{}
		if _, err := s.queue(t, standardARN).Receive(t.Context(), test.limit, test.wait); err != nil {
			t.Fatal(err)
		}
		in := s.made("ReceiveMessage")[0].in
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
	s := &service{}
	if _, err := s.queue(t, standardARN).Receive(t.Context(), 0, 0); err == nil || len(s.calls) > 0 {
		t.Errorf("a limit of 0: %v after %d calls", err, len(s.calls))
	}
}

func TestRecordsCarryTimesAndGroup(t *testing.T) {
	for arn, group := range map[string]string{standardARN: "", fifoARN: "g"} {
		synctest.Test(t, func(t *testing.T) {
			s := &service{receive: func(call) *answer {
				time.Sleep(7 * time.Second) // a long poll
				return messages(message("m", "x", md5OfX))
			}}
			start := time.Now()
			recs, err := s.queue(t, arn).Receive(t.Context(), 10, 20*time.Second)
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

func TestADamagedBodyIsNotHandedOut(t *testing.T) {
	bad := message("bad", "x", "00000000000000000000000000000000")
	s := &service{receive: func(call) *answer { return messages(bad, message("good", "x", md5OfX)) }}
	recs, err := s.queue(t, standardARN).Receive(t.Context(), 10, 0)
	if err != nil || len(recs) != 1 || recs[0].ID != "good" {
		t.Errorf("got %v, %v, want the good message", recs, err)
	}
	s.receive = func(call) *answer { return messages(bad) }
	if recs, err = s.queue(t, standardARN).Receive(t.Context(), 10, 0); !errors.Is(err, ErrChecksum) || len(recs) != 0 {
		t.Errorf("got %v, %v, want %v", recs, err, ErrChecksum)
	}
}

func TestErrorsSayWhatTheyAre(t *testing.T) {
	tests := []struct {
		answer *answer
		want   error
	}{
		{refused(400, "QueueDoesNotExist"), ErrNoQueue},
		{&answer{400, map[string]any{"__type": "com.amazonaws.sqs#QueueDoesNotExist"}, "AWS.SimpleQueueService.NonExistentQueue;Sender"}, ErrNoQueue},
		{refused(400, "AWS.SimpleQueueService.NonExistentQueue"), ErrNoQueue},
		{&answer{400, map[string]any{"__type": "com.amazonaws.sqs#QueueDoesNotExist"}, "com.amazonaws.sqs#QueueDoesNotExist"}, ErrNoQueue}, // ElasticMQ
		{refused(403, "OverLimit"), ErrSlowDown},
		{refused(400, "RequestThrottled"), ErrSlowDown},
		{refused(400, "ThrottlingException"), ErrSlowDown},
		{refused(http.StatusTooManyRequests, "Whatever"), ErrSlowDown},
		{refused(400, "KmsThrottled"), ErrSlowDown},
		{refused(403, "AccessDeniedException"), ErrDenied},
		{refused(400, "KmsAccessDenied"), ErrDenied},
		{refused(403, "InvalidClientTokenId"), ErrDenied},
		{refused(500, "InternalFailure"), nil},
		{nil, nil},
	}
	for _, test := range tests {
		s := &service{receive: func(call) *answer { return test.answer }}
		_, err := s.queue(t, standardARN).Receive(t.Context(), 10, 0)
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

func TestAQueueMadeAnewIsFound(t *testing.T) {
	exists := false
	s := &service{
		url: func() *answer {
			if !exists {
				return refused(400, "QueueDoesNotExist")
			}
			return ok(map[string]any{"QueueUrl": "http://x/1/second"})
		},
	}
	q, err := New(Config{Client: s.client("http://emulator:4566"), ARN: standardARN})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := q.Receive(t.Context(), 1, 0); !errors.Is(err, ErrNoQueue) {
		t.Fatalf("got %v, want %v", err, ErrNoQueue)
	}
	exists = true
	if _, err := q.Receive(t.Context(), 1, 0); err != nil {
		t.Fatal(err)
	}
	s.receive = func(call) *answer { return refused(400, "QueueDoesNotExist") }
	if _, err := q.Receive(t.Context(), 1, 0); !errors.Is(err, ErrNoQueue) {
		t.Fatalf("got %v, want %v", err, ErrNoQueue)
	}
	s.receive = nil
	if _, err := q.Receive(t.Context(), 1, 0); err != nil {
		t.Fatal(err)
	}
	if got := len(s.made("GetQueueUrl")); got != 3 {
		t.Errorf("the URL was asked for %d times, want 3: absent, found, found again", got)
	}
	if got := len(s.made("GetQueueAttributes")); got != 2 {
		t.Errorf("the attributes were asked for %d times, want 2: once for each queue", got)
	}
}

func TestTheEndpointIsCalledWhateverTheURLSays(t *testing.T) {
	const foreign = "http://sqs.eu-west-1.localhost.localstack.cloud:4566/123456789012/orders"
	s := &service{url: func() *answer { return ok(map[string]any{"QueueUrl": foreign}) }}
	q, err := New(Config{Client: s.client("http://127.0.0.1:4567"), ARN: standardARN})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := q.Receive(t.Context(), 1, 0); err != nil {
		t.Fatal(err)
	}
	for _, c := range s.calls {
		if c.host != "127.0.0.1:4567" {
			t.Errorf("%s went to %s", c.op, c.host)
		}
	}
	if got := s.made("ReceiveMessage")[0].in["QueueUrl"]; got != foreign {
		t.Errorf("QueueUrl %v, want %s: it is the service's own name for the queue", got, foreign)
	}
	if got := s.made("GetQueueUrl")[0].in; got["QueueName"] != "orders" || got["QueueOwnerAWSAccountId"] != "123456789012" {
		t.Errorf("asked for the URL of %v", got)
	}
}

func TestOnAWSNoPermissionIsNeededToFindTheQueue(t *testing.T) {
	tests := map[string]string{
		standardARN: "https://sqs.eu-west-1.amazonaws.com/123456789012/orders",
		"arn:aws-cn:sqs:cn-north-1:123456789012:orders": "https://sqs.cn-north-1.amazonaws.com.cn/123456789012/orders",
	}
	for arn, want := range tests {
		s := &service{}
		if _, err := s.queue(t, arn).Receive(t.Context(), 1, 0); err != nil {
			t.Fatal(err)
		}
		if got := s.made("ReceiveMessage")[0].in["QueueUrl"]; got != want || len(s.made("GetQueueUrl")) != 0 {
			t.Errorf("%s: received from %v after %d calls of GetQueueUrl, want %s after none", arn, got, len(s.made("GetQueueUrl")), want)
		}
	}
	s := &service{url: func() *answer { return refused(403, "AccessDeniedException") }}
	q, err := New(Config{Client: s.client("https://vpce-1.sqs.eu-west-1.vpce.amazonaws.com"), ARN: standardARN})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := q.Receive(t.Context(), 1, 0); err != nil {
		t.Errorf("through a VPC endpoint, without sqs:GetQueueUrl: %v", err)
	}
}

func TestARNs(t *testing.T) {
	for _, text := range []string{"", "orders", "arn:aws:sns:eu-west-1:1:t", "arn:aws:sqs:eu-west-1:1", "arn:aws:sqs:eu-west-1:1:", "arn:aws:sqs::1:q", "http://localhost/1/q"} {
		if _, err := New(Config{ARN: text}); err == nil {
			t.Errorf("%q passes for a queue's ARN", text)
		}
	}
}

func TestTheEndOfTheContextShowsInTheError(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	s := &service{receive: func(call) *answer { cancel(); return nil }}
	if _, err := s.queue(t, standardARN).Receive(ctx, 1, 0); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want %v", err, context.Canceled)
	}
}
