// Package invokertest is the suite that every [lifecycle.Platform] passes: what its environments promise to the pool,
// the function and the caller.
package invokertest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/esm-run/esm"
	"github.com/esm-run/esm/config"
	"github.com/esm-run/esm/invoker"
	"github.com/esm-run/esm/invoker/lifecycle"
)

// Run runs the suite. fn describes a function whose program calls [ServeIfAsked]; its timeout and variables are changed
// to suit each case. platform makes a Platform, and registers with t what there is to clean up.
func Run(t *testing.T, platform func(*testing.T) lifecycle.Platform, fn config.Function) {
	run(t, platform, fn, map[string]func(*suite){
		"Payload":      (*suite).payload,
		"Context":      (*suite).context,
		"Output":       (*suite).output,
		"End":          (*suite).end,
		"Timeout":      (*suite).timeout,
		"CloseRunning": (*suite).closeRunning,
		"Isolation":    (*suite).isolation,
		"InitFails":    (*suite).initFails,
		"CancelStart":  (*suite).cancelStart,
		"Stream":       (*suite).stream,
		"Provisioned":  (*suite).provisioned,
		"Freeze":       (*suite).freeze,
		"SIGTERM":      (*suite).internalExtension,
	})
}

func run(t *testing.T, platform func(*testing.T) lifecycle.Platform, fn config.Function, cases map[string]func(*suite)) {
	for name, check := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := &suite{T: t, fn: variation(fn, nil)}
			s.starter = &lifecycle.Starter{Platform: platform(t), Trace: s.trace}
			check(s)
		})
	}
}

// Payloads are passed on byte for byte, up to Lambda's limits.
func (s *suite) payload() {
	e := s.start()
	text := strings.Repeat("x", esm.MaxPayload-len(`{"do":"echo","value":""}`))
	for _, want := range []string{`{"a":[1,2.50,"\u00e9 é"],"b":null}`, `"text"`, `null`, `12345678901234567890`, `"` + text + `"`} {
		c := e.call(order{})
		c.Payload = []byte(`{"do":"echo","value":` + want + `}`)
		e.want(e.invoke(c), "", want)
	}
	e.want(e.order(order{Do: "large", Size: largest}), "", strings.Repeat("1", largest))
	e.want(e.order(order{Do: "large", Size: largest + 1}), "Function.ResponseSizeTooLarge", fmt.Sprintf(
		`{"errorMessage":"Response payload size exceeded maximum allowed payload size (%d bytes).","errorType":"Function.ResponseSizeTooLarge"}`, largest))
	if got := e.describe(e.call(order{Do: "about"})).Calls; got != 8 {
		e.Errorf("call %d of the same runtime, want 8", got)
	}
}

func (s *suite) context() {
	e := s.start()
	c := e.call(order{Do: "about"})
	c.Function += ":live"
	c.TraceHeader = "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1;Lineage=1:9c94b8f6:0"
	c.ClientContext = `{"custom":{"a":"b"}}`
	got := e.describe(c)
	if got.ID != c.ID || got.Trace != c.TraceHeader || got.ClientContext != c.ClientContext {
		e.Errorf("got %+v, want what was sent: %+v", got, c)
	}
	if !strings.HasPrefix(got.Arn, "arn:") || !strings.HasSuffix(got.Arn, ":function:"+e.fn.Name+":live") {
		e.Errorf("got ARN %q", got.Arn)
	}
	if limit := e.fn.TimeLimit(); got.Left <= 0 || got.Left > limit {
		e.Errorf("%v until the deadline, the function may take %v", got.Left, limit)
	}
	want := map[string]string{
		"AWS_LAMBDA_FUNCTION_NAME": e.fn.Name, "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST", "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
		"GREETING": "hello",
	}
	if !maps.Equal(got.Env, want) {
		e.Errorf("got variables %v, want %v", got.Env, want)
	}
	got = e.describe(e.call(order{Do: "about"}))
	if !strings.HasPrefix(got.Trace, "Root=1-") || !strings.HasSuffix(got.Trace, "Sampled=0") || strings.HasSuffix(got.Arn, ":live") {
		e.Errorf("call without trace and qualifier: got %+v", got)
	}
}

// Output belongs to the invocation that wrote it. The order of the two outputs is not kept.
func (s *suite) output() {
	e := s.start()
	for range 2 {
		e.order(order{Do: "print"})
	}
	e.Close()
	report := `REPORT RequestId: %s\tDuration: \d+\.\d\d ms\tBilled Duration: \d+ ms\tMemory Size: \d+ MB\tMax Memory Used: \d+ MB\t`
	for call, tail := range []string{`Init Duration: \d+\.\d\d ms\t`, ""} {
		id := callID(call + 1)
		var got []string
		for _, o := range s.lines {
			if o.ID == id {
				got = append(got, o.Line)
			}
		}
		if len(got) == 6 {
			slices.Sort(got[1:4])
		}
		want := []string{`START RequestId: %s Version: \$LATEST`, `half a line`, `to stderr`, `to stdout`, `END RequestId: %s`, report + tail}
		pattern := strings.ReplaceAll("^"+strings.Join(want, "\n")+"$", "%s", id)
		if text := strings.Join(got, "\n"); !regexp.MustCompile(pattern).MatchString(text) {
			s.Errorf("call %d: got\n%s\nwant\n%s", call+1, text, pattern)
		}
	}
}

// exitText returns the payload for a runtime that ended, as AWS words it.
func exitText(id, how string) string {
	return fmt.Sprintf(`{"errorType":"Runtime.ExitError","errorMessage":"RequestId: %s Error: Runtime exited %s"}`, id, how)
}

// A runtime that ends is replaced. The answer that it sent before counts.
func (s *suite) end() {
	e := s.start()
	for _, tt := range []struct {
		order order
		how   string
	}{
		{order{Do: "exit"}, "without providing a reason"},
		{order{Do: "exit", Code: 7}, "with error: exit status 7"},
		{order{Do: "kill"}, "with error: signal: killed"},
		{order{Do: "answer and exit", Code: 5}, ""},
	} {
		c := e.call(tt.order)
		if tt.how == "" {
			e.want(e.invoke(c), "", "null")
		} else {
			e.want(e.invoke(c), "Runtime.ExitError", exitText(c.ID, tt.how))
		}
		if got := e.describe(e.call(order{Do: "about"})).Calls; got != 1 {
			e.Errorf("%+v: call %d of the next runtime, want 1", tt.order, got)
		}
	}
}

// A timeout is exact. Memory is lost, the temporary directory is kept.
func (s *suite) timeout() {
	s.fn.Timeout = limit
	e := s.start()
	e.order(order{Do: "write", Name: "note", Value: json.RawMessage(`"kept"`)})
	began := time.Now()
	c := e.call(order{Do: "hang"})
	e.want(e.invoke(c), "Sandbox.Timedout", fmt.Sprintf(
		`{"errorType":"Sandbox.Timedout","errorMessage":"RequestId: %s Error: Task timed out after %d.00 seconds"}`, c.ID, limit))
	if took := time.Since(began); took < limit*time.Second || took > limit*time.Second+patience {
		e.Errorf("it took %v, want %d s", took, limit)
	}
	e.want(e.order(order{Do: "read", Name: "note"}), "", `"kept"`)
	if got := e.describe(e.call(order{Do: "about"})).Calls; got != 2 {
		e.Errorf("call %d of the next runtime, want 2", got)
	}
}

func (s *suite) closeRunning() {
	e := s.start()
	ended := make(chan error, 1)
	c := e.call(order{Do: "hang"})
	var running sync.WaitGroup
	running.Go(func() {
		_, err := e.Invoke(e.Context(), c)
		ended <- err
	})
	<-time.After(dispatch)
	for range 3 {
		running.Go(e.Close)
	}
	running.Wait()
	if err := <-ended; err == nil || errors.Is(err, esm.ErrNotRun) {
		e.Errorf("got %v, want an error that does not say whether it ran", err)
	}
	if _, err := e.Invoke(e.Context(), c); !errors.Is(err, esm.ErrNotRun) {
		e.Errorf("Invoke after Close: got %v, want ErrNotRun", err)
	}
}

// Environments can be started concurrently, and do not share their temporary directories.
func (s *suite) isolation() {
	var starts sync.WaitGroup
	envs := make([]*environment, 3)
	for i := range envs {
		starts.Go(func() {
			env, err := s.starter.Start(s.Context(), s.fn, invoker.OnDemand)
			if err != nil {
				s.Errorf("Start: %v", err)
				return
			}
			s.Cleanup(env.Close)
			envs[i] = &environment{Environment: env, suite: s}
		})
	}
	starts.Wait()
	for _, e := range envs {
		if e != nil {
			s.want(e.order(order{Do: "read", Name: "note"}), "", "null")
			e.order(order{Do: "write", Name: "note", Value: json.RawMessage("1")})
		}
	}
}

// receiver is a caller's ResponseStream.
type receiver struct {
	mediaType string
	size      int
	first     chan struct{} // closed by the first Write
}

func (r *receiver) Begin(contentType string) { r.mediaType = contentType }

func (r *receiver) Write(p []byte) (int, error) {
	if r.size == 0 {
		close(r.first)
	}
	r.size += len(p)
	return len(p), nil
}

// A response that is streamed reaches the caller while it is written, beyond the limit of others. Without a caller that takes
// it in parts, it is like any other.
func (s *suite) stream() {
	const more = largest + 1
	s.fn.Timeout = limit
	e := s.start()
	to := func(o order) (*receiver, esm.Call) {
		r, c := &receiver{first: make(chan struct{})}, e.call(o)
		c.Stream = r
		return r, c
	}
	streamed := func(resp esm.Response, r *receiver, size int, fault, payload string) {
		s.Helper()
		s.want(resp, fault, payload)
		if !resp.Streamed || r.size != size || r.mediaType != streamType {
			s.Errorf("got %d bytes of type %q, streamed: %v; want %d", r.size, r.mediaType, resp.Streamed, size)
		}
	}
	r, c := to(order{Do: "stream", Size: more})
	streamed(e.invoke(c), r, more, "", "")
	r, c = to(order{Do: "stream", Size: 3, End: "fail"})
	streamed(e.invoke(c), r, 3, "Unhandled", streamError)
	s.want(e.order(order{Do: "stream", Size: 3}), "", "111")
	s.want(e.order(order{Do: "stream", Size: 3, End: "fail"}), "Unhandled", streamError)
	if resp := e.order(order{Do: "stream", Size: more}); resp.Fault != "Function.ResponseSizeTooLarge" {
		s.Errorf("got %q for a large stream without a receiver", resp.Fault)
	}
	if got := e.describe(e.call(order{Do: "about"})).Calls; got != 6 {
		e.Errorf("call %d of the same runtime, want 6", got)
	}
	r, c = to(order{Do: "echo", Value: json.RawMessage("1")})
	if resp := e.invoke(c); string(resp.Payload) != "1" || resp.Streamed || r.size > 0 {
		s.Errorf("got %+v for a response that is not streamed", resp)
	}

	r, c = to(order{Do: "stream", Size: 3, End: "hang"})
	var running sync.WaitGroup
	running.Go(func() {
		select {
		case <-r.first:
		case <-time.After(patience):
			s.Error("nothing of the response came while it was written")
		}
	})
	if resp := e.invoke(c); resp.Fault != "Sandbox.Timedout" {
		s.Errorf("got %q for a stream that does not end", resp.Fault)
	}
	running.Wait()
	e.describe(e.call(order{Do: "about"}))
}

// An environment that was started in advance knows that. Its Init is not part of the first invocation.
func (s *suite) provisioned() {
	e := s.startAs(invoker.Provisioned)
	if got := e.describe(e.call(order{Do: "about"})).Env["AWS_LAMBDA_INITIALIZATION_TYPE"]; got != "provisioned-concurrency" {
		s.Errorf("got initialization type %q", got)
	}
	e.Close()
	var lines []string
	for _, o := range s.lines {
		if strings.Contains(o.Line, "REPORT") {
			lines = append(lines, o.Line)
		}
	}
	want := `^INIT_REPORT Init Duration: \d+\.\d\d ms\tPhase: init\tStatus: success\nREPORT RequestId: .*\tMax Memory Used: \d+ MB\t$`
	if text := strings.Join(lines, "\n"); !regexp.MustCompile(want).MatchString(text) {
		s.Errorf("got\n%s\nwant\n%s", text, want)
	}
}

// An Init that fails is a *Broken, with the answer of the invocation that waits for it.
func (s *suite) initFails() {
	for how, want := range map[string][2]string{
		"exit":  {"Runtime.ExitError", exitText(callID(1), "with error: exit status 3")},
		"error": {"Unhandled", initError},
	} {
		ctx, cancel := context.WithTimeout(s.Context(), patience)
		defer cancel()
		_, err := s.starter.Start(ctx, variation(s.fn, map[string]string{initVariable: how}), invoker.OnDemand)
		broken, ok := errors.AsType[*invoker.Broken](err)
		if !ok {
			s.Fatalf("Start: got %v, want a *Broken", err)
		}
		s.want(broken.Response(callID(1)), want[0], want[1])
	}
}

func (s *suite) cancelStart() {
	ctx, cancel := context.WithCancel(s.Context())
	cancel()
	if env, err := s.starter.Start(ctx, s.fn, invoker.OnDemand); err == nil {
		env.Close()
		s.Error("Start with a cancelled context: no error")
	}
}
