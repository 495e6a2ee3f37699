package invokertest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/esm-run/esm/config"
	"github.com/esm-run/esm/invoker"
	"github.com/esm-run/esm/invoker/lifecycle"
)

// RunExtensions runs the part of the suite that is about external extensions. fn is a function as for [Run], with one
// external extension: the same program, in an executable file with the name [ExtensionName] in the directory extensions of
// the code or of a layer, or in an image's /opt/extensions. It knows itself by that path, which is its first argument.
func RunExtensions(t *testing.T, platform func(*testing.T) lifecycle.Platform, fn config.Function) {
	run(t, platform, fn, map[string]func(*suite){
		"Extension":        (*suite).extension,
		"ExtensionStays":   (*suite).extensionStays,
		"ExtensionWorksOn": (*suite).extensionWorksOn,
		"ExtensionFails":   (*suite).extensionFails,
		"ExtensionAdapts":  (*suite).extensionAdapts,
		"Telemetry":        (*suite).telemetry,
	})
}

// budget is how long an environment with an external extension may take to end (AWS: "Understanding the Lambda execution
// environment lifecycle").
const budget = 2 * time.Second

// extended starts an environment whose extension does what is said.
func (s *suite) extended(what string) *environment {
	s.Helper()
	s.fn = extending(s.fn, what)
	return s.start()
}

func extending(fn config.Function, what string) config.Function {
	timeout := fn.Timeout
	fn = variation(fn, map[string]string{extensionVariable: what})
	fn.Timeout = timeout
	return fn
}

// printed returns the lines so far that begin with prefix, without it.
func (s *suite) printed(prefix string) (found []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, o := range s.lines {
		if rest, ok := strings.CutPrefix(o.Line, prefix); ok {
			found = append(found, rest)
		}
	}
	return found
}

// notice is an event of an extension.
type notice struct {
	Type     string `json:"eventType"`
	ID       string `json:"requestId"`
	Arn      string `json:"invokedFunctionArn"`
	Reason   string `json:"shutdownReason"`
	Deadline int64  `json:"deadlineMs"`
}

// notices returns the extension's events so far.
func (s *suite) notices() (got []notice) {
	s.Helper()
	for _, line := range s.printed(gotEvent) {
		var n notice
		if err := json.Unmarshal([]byte(line), &n); err != nil {
			s.Fatalf("%s: %v", line, err)
		}
		got = append(got, n)
	}
	return got
}

// wantDeadline checks that n's deadline is at most within after some time since began.
func (s *suite) wantDeadline(n notice, began time.Time, within time.Duration) {
	s.Helper()
	if at := time.UnixMilli(n.Deadline); at.Before(began.Add(within).Truncate(time.Millisecond)) || at.After(time.Now().Add(within)) {
		s.Errorf("got %+v: the deadline is %v after the beginning, want %v", n, at.Sub(began), within)
	}
}

// An external extension gets every invocation and the end, even of an environment that is frozen.
func (s *suite) extension() {
	began := time.Now()
	e := s.extended(polls)
	for range 2 {
		e.order(order{Do: "echo", Value: json.RawMessage("1")})
	}
	e.Freeze()
	closed := time.Now()
	e.Close()
	got := s.notices()
	if len(got) != 3 {
		s.Fatalf("got events %+v, want 2 INVOKE and a SHUTDOWN", got)
	}
	for i, n := range got[:2] {
		if n.Type != "INVOKE" || n.ID != callID(i+1) || !strings.HasSuffix(n.Arn, ":function:"+s.fn.Name) {
			s.Errorf("got %+v", n)
		}
		s.wantDeadline(n, began, s.fn.TimeLimit())
	}
	if n := got[2]; n.Type != "SHUTDOWN" || n.Reason != "spindown" {
		s.Errorf("got %+v", n)
	}
	s.wantDeadline(got[2], closed, budget)
	if got := s.printed("extension has "); !slices.Equal(got, []string{"false true"}) {
		s.Errorf("variables: got %q, want those of the function alone", got)
	}
	if got := s.printed("EXTENSION\tName: " + ExtensionName); !slices.Equal(got, []string{"\tState: Ready\tEvents: [INVOKE, SHUTDOWN]"}) {
		s.Errorf("got log %q", got)
	}
}

// An extension that does not end by itself is killed when its time is over.
func (s *suite) extensionStays() {
	e := s.extended(stays)
	e.order(order{Do: "echo", Value: json.RawMessage("1")})
	began := time.Now()
	e.Close()
	if took := time.Since(began); took < budget || took > budget+patience {
		s.Errorf("the end took %v, want %v", took, budget)
	}
	alive := len(s.printed(stillAlive))
	<-time.After(10 * tick)
	if more := len(s.printed(stillAlive)); alive == 0 || more > alive {
		s.Errorf("the extension printed %d lines before the end and %d more", alive, more-alive)
	}
}

// An extension that works on does not hold up the answer, but the environment, until the timeout.
func (s *suite) extensionWorksOn() {
	s.fn.Timeout = limit
	e := s.extended(worksOn)
	began := time.Now()
	resp, err := e.Invoke(e.Context(), e.call(order{Do: "echo", Value: json.RawMessage("1")}))
	if err != nil {
		s.Fatal(err)
	}
	s.want(resp, "", "1")
	if err := e.Drain(e.Context()); err != nil {
		s.Fatal(err)
	}
	if took := time.Since(began); took < limit*time.Second || took > limit*time.Second+patience {
		e.Errorf("the environment was free after %v, want %d s", took, limit)
	}
	resp, err = e.Invoke(e.Context(), e.call(order{Do: "about"}))
	var got about
	if err != nil || json.Unmarshal(resp.Payload, &got) != nil || got.Calls != 1 {
		e.Errorf("got %s, %v; want the first call of the next runtime", resp.Payload, err)
	}
}

// The end of an extension ends the invocation, or the start.
func (s *suite) extensionFails() {
	const format = `{"errorType":"Extension.Crash","errorMessage":"RequestId: %s Error: exit status %d"}`
	ctx, cancel := context.WithTimeout(s.Context(), patience)
	defer cancel()
	_, err := s.starter.Start(ctx, extending(s.fn, exitsInInit), invoker.OnDemand)
	broken, ok := errors.AsType[*invoker.Broken](err)
	if !ok {
		s.Fatalf("Start: got %v, want a *Broken", err)
	}
	s.want(broken.Response(callID(1)), "Extension.Crash", fmt.Sprintf(format, callID(1), crashStatus))
	e := s.extended(crashes)
	c := e.call(order{Do: "hang"})
	s.want(e.invoke(c), "Extension.Crash", fmt.Sprintf(format, c.ID, crashStatus))
}

// An extension can be the runtime, as Lambda's Web Adapter is.
func (s *suite) extensionAdapts() {
	e := s.extended(adapts)
	for want := range 2 {
		if got := e.describe(e.call(order{Do: "about"})).Calls; got != want+1 {
			e.Errorf("call %d of the same runtime, want %d", got, want+1)
		}
	}
}

// A runtime with an internal extension gets SIGTERM, even when it is frozen.
func (s *suite) internalExtension() {
	s.fn = variation(s.fn, map[string]string{initVariable: "internal"})
	e := s.start()
	e.order(order{Do: "echo", Value: json.RawMessage("1")})
	e.Freeze()
	e.Close()
	if got := s.printed(gotSIGTERM); len(got) != 1 {
		s.Errorf("the runtime got SIGTERM %d times", len(got))
	}
}

// A frozen environment does nothing, goes on with the next invocation, and can be closed.
func (s *suite) freeze() {
	e := s.start()
	e.order(order{Do: "tick"})
	e.Freeze()
	<-time.After(10 * tick) // what it printed before is read
	before := len(s.printed(ticking))
	<-time.After(20 * tick)
	if after := len(s.printed(ticking)); before == 0 || after != before {
		s.Errorf("got %d lines before and %d more while it was frozen", before, after-before)
	}
	if got := e.describe(e.call(order{Do: "about"})).Calls; got != 2 {
		e.Errorf("call %d of the same runtime, want 2", got)
	}
	for end := time.Now().Add(patience); len(s.printed(ticking)) == before; <-time.After(tick) {
		if time.Now().After(end) {
			s.Fatal("it does not go on")
		}
	}
	e.Freeze()
	e.Close()
}
