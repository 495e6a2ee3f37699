package lifecycle

import (
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/esm-run/esm/invoker"
)

// slowly returns a runtime whose Init takes d.
func slowly(d time.Duration) func(*fake) {
	return func(f *fake) { f.sleep(d); f.serve() }
}

// An Init in advance may take long, is reported by itself and is not part of the first invocation.
func TestProvisionedInit(t *testing.T) {
	for _, tt := range []struct {
		name    string
		timeout int // of the function, in seconds
		runtime func(*fake)
		broken  time.Duration // when Start fails; 0 means that it does not
		payload string
		log     string
	}{
		{"success", 3, slowly(129 * second), 0, "", `
			[] INIT_REPORT Init Duration: 129000.00 ms|Phase: init|Status: success
			[a] REPORT RequestId: a|Duration: 0.00 ms|Billed Duration: 0 ms|Memory Size: 128 MB|Max Memory Used: 0 MB|`},
		{"as long as the function's timeout", 900, slowly(899 * second), 0, "", `
			[] INIT_REPORT Init Duration: 899000.00 ms|Phase: init|Status: success
			[a] REPORT RequestId: a|Duration: 0.00 ms|Billed Duration: 0 ms|Memory Size: 128 MB|Max Memory Used: 0 MB|`},
		{"too slow", 3, slowly(131 * second), 130 * second,
			`{"errorType":"Sandbox.Timedout","errorMessage":"RequestId: id Error: Task timed out after 130.00 seconds"}`, `
			[] INIT_REPORT Init Duration: 130000.00 ms|Phase: init|Status: timeout`},
		{"failure", 3, func(f *fake) { f.exit("exit status 1") }, 1,
			`{"errorType":"Runtime.ExitError","errorMessage":"RequestId: id Error: Runtime exited with error: exit status 1"}`, `
			[] INIT_REPORT Init Duration: 0.00 ms|Phase: init|Status: error|Error Type: Runtime.ExitError`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			bubble(t, func(r *rig) {
				r.fn.Timeout, r.as = tt.timeout, invoker.Provisioned
				if tt.broken == 0 {
					e := r.start()
					if got, err := r.invoke(r.Context(), e, "a"); err != nil || !strings.HasSuffix(got, "  null") {
						r.Errorf("got %s, %v", got, err)
					}
					if err := e.Drain(r.Context()); err != nil {
						r.Error(err)
					}
				} else {
					_, err := r.Start(r.Context(), r.fn, r.as)
					broken, ok := errors.AsType[*invoker.Broken](err)
					if !ok || !r.platform.closed || time.Since(r.began) != tt.broken.Truncate(second) {
						r.Fatalf("got %v after %v, sandbox closed: %v", err, time.Since(r.began), r.platform.closed)
					}
					if got := string(broken.Response("id").Payload); got != tt.payload {
						r.Errorf("got %s", got)
					}
				}
				if got := r.platform.env["AWS_LAMBDA_INITIALIZATION_TYPE"]; got != "provisioned-concurrency" {
					r.Errorf("got initialization type %q", got)
				}
				synctest.Wait()
				if got, want := strings.Join(r.log, "\n"), framed(tt.log); got != want {
					r.Errorf("got log\n%s\nwant\n%s", got, want)
				}
			}, tt.runtime)
		})
	}
}

func TestProvisionedInitInJSON(t *testing.T) {
	bubble(t, func(r *rig) {
		r.fn.LoggingConfig.LogFormat, r.as = "JSON", invoker.Provisioned
		r.start()
		want := `[] {"time":"2000-01-01T00:00:01.000Z","type":"platform.initReport","record":{"initializationType":"provisioned-concurrency","phase":"init","status":"success","metrics":{"durationMs":1000}}}`
		if got := strings.Join(r.log, "\n"); got != want {
			r.Errorf("got log\n%s", got)
		}
	}, slowly(second))
}
