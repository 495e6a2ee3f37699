package httpapi_test

import (
	"context"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"

	"github.com/esm-run/esm/e2e/rig"
)

// Two thousand invocations at once are made or throttled, while a mapping goes on and memory stays bounded.
func TestManyInvocations(t *testing.T) {
	t.Parallel()
	const calls = 2000
	e := rig.New(t)
	q := e.Queue("beside", rig.Attributes{"VisibilityTimeout": "60"})
	f, g := e.Function("f", rig.Succeed), e.Function("g", rig.Succeed)
	g.Keys = append(g.Keys, "ReservedConcurrentExecutions: 4")
	engine := e.Run(g, f.On(q.ARN, "ScalingConfig: {MaximumConcurrency: 2}"))
	q.Send("0")
	f.WaitFor(t, "0")
	before := engine.Metric("go_goroutines")

	payload := []byte(`"` + strings.Repeat("x", 4<<10) + `"`)
	sdk := engine.LambdaOver(&http.Transport{MaxIdleConnsPerHost: 200, MaxConnsPerHost: 500})
	var done, throttled atomic.Int32
	var all sync.WaitGroup
	for range calls {
		all.Go(func() {
			_, err := sdk.Invoke(context.Background(), &lambda.InvokeInput{FunctionName: aws.String("g"), Payload: payload})
			switch rig.ErrorCode(err) {
			case "":
				done.Add(1)
			case "TooManyRequestsException":
				throttled.Add(1)
			default:
				t.Error(err)
			}
		})
	}
	for n := 1; n < 10 || done.Load()+throttled.Load() < calls && !t.Failed(); n++ {
		began := time.Now()
		q.Send(strconv.Itoa(n))
		f.WaitFor(t, strconv.Itoa(n))
		if took := time.Since(began); took > rig.Slack {
			t.Errorf("a message waited for %v", took)
		}
	}
	all.Wait()
	if done.Load() == 0 || int(done.Load()) != len(g.Calls()) {
		t.Errorf("of %d calls %d were done and %d throttled; the function ran %d times", calls, done.Load(), throttled.Load(), len(g.Calls()))
	}
	sdk.Options().HTTPClient.(*http.Client).CloseIdleConnections()
	rig.Eventually(t, "goroutines are as before", func() bool {
		return engine.Metric("go_goroutines")-8*engine.Metric("esm_function_environments") <= before+50
	})
	if rss := engine.Metric("process_resident_memory_bytes"); rss > 512<<20 {
		t.Errorf("esm holds %v bytes", rss)
	}
}
