package localstack_test

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
)

// TestThousandsOfInvocations has 2,000 calls at once answered, or throttled, while a mapping goes on and memory stays
// bounded.
func TestThousandsOfInvocations(t *testing.T) {
	t.Parallel()
	h := newHouse(t, standIn)
	called := newFunction(t)
	url, arn := h.queue("beside", map[string]string{"VisibilityTimeout": "60"})
	e := h.run("Functions:\n  f: " + h.fn.yaml() + "\n  g: " + strings.Replace(called.yaml(), "{", "{ReservedConcurrentExecutions: 4, ", 1) +
		"\nEventSourceMappings:\n" + mapping(arn, "ScalingConfig: {MaximumConcurrency: 2}"))
	h.sendMany(url, 1)
	eventually(t, "it is warm", func() bool { return h.fn.records() == 1 })
	before := e.metric("go_goroutines")

	const calls = 2000
	payload := []byte(`"` + strings.Repeat("x", 4<<10) + `"`)
	sdk := sdkOf(e.lambdaURL(), &http.Transport{MaxIdleConnsPerHost: 200, MaxConnsPerHost: 500})
	var done, throttled atomic.Int32
	var all sync.WaitGroup
	for range calls {
		all.Go(func() {
			_, err := sdk.Invoke(context.Background(), &lambda.InvokeInput{FunctionName: aws.String("g"), Payload: payload})
			switch nameOf(err) {
			case "":
				done.Add(1)
			case "TooManyRequestsException":
				throttled.Add(1)
			default:
				t.Error(err)
			}
		})
	}
	over := make(chan struct{})
	go func() { all.Wait(); close(over) }()
	sent, longest := 1, time.Duration(0)
	for going := true; going || sent < 10; sent++ {
		select {
		case <-over:
			going = false
		default:
		}
		began := time.Now()
		h.send(sqs.SendMessageInput{QueueUrl: &url, MessageBody: aws.String(fmt.Sprint("n", sent))})
		eventually(t, "the mapping goes on", func() bool { return h.fn.records() > sent })
		longest = max(longest, time.Since(began))
	}
	<-over
	if longest > slack {
		t.Errorf("a message waited for %v", longest)
	}
	if done.Load()+throttled.Load() != calls || done.Load() == 0 || int(done.Load()) != len(called.seen()) {
		t.Errorf("of %d calls %d were done and %d throttled; the function ran %d times", calls, done.Load(), throttled.Load(), len(called.seen()))
	}
	sdk.Options().HTTPClient.(*http.Client).CloseIdleConnections()
	eventually(t, "goroutines are as before", func() bool {
		return e.metric("go_goroutines")-8*e.metric("esm_function_environments") <= before+50
	})
	if rss := e.metric("process_resident_memory_bytes"); rss > 512<<20 {
		t.Errorf("it holds %v bytes", rss)
	}
	t.Logf("%d done, %d throttled; %d messages meanwhile, none waited for longer than %v", done.Load(), throttled.Load(), sent, longest)
}
