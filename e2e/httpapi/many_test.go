package httpapi_test

import (
	"context"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

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
	var done, throttled, lost atomic.Int32
	var all sync.WaitGroup
	for range calls {
		all.Go(func() {
			for {
				_, err := sdk.Invoke(context.Background(), &lambda.InvokeInput{FunctionName: aws.String("g"), Payload: payload})
				switch code := rig.ErrorCode(err); {
				case code == "":
					done.Add(1)
				case code == "TooManyRequestsException":
					throttled.Add(1)
				case strings.HasSuffix(code, "Exception") && code != "RequestTimeoutException":
					t.Error(err)
				default: // on a busy machine, a request may come too late: SDKs send it again
					lost.Add(1)
					continue
				}
				return
			}
		})
	}
	for n := 1; n < 10 || done.Load()+throttled.Load() < calls && !t.Failed(); n++ {
		q.Send(strconv.Itoa(n))
		f.WaitFor(t, strconv.Itoa(n))
	}
	all.Wait()
	if ran, least := len(g.Calls()), int(done.Load()); least == 0 || ran < least || ran > least+int(lost.Load()) {
		t.Errorf("%d of %d calls were done, %d throttled and %d lost; the function ran %d times", least, calls, throttled.Load(), lost.Load(), ran)
	}
	sdk.Options().HTTPClient.(*http.Client).CloseIdleConnections()
	rig.Eventually(t, "goroutines are as before", func() bool {
		return engine.Metric("go_goroutines")-8*engine.Metric("esm_function_environments") <= before+50
	})
	if rss := engine.Metric("process_resident_memory_bytes"); rss > 512<<20 {
		t.Errorf("esm holds %v bytes", rss)
	}
}
