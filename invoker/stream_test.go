package invoker_test

import (
	"context"
	"io"
	"testing"
	"testing/synctest"
	"time"

	"github.com/esm-run/esm"
	"github.com/esm-run/esm/config"
	"github.com/esm-run/esm/invoker"
)

// receiver is a caller's ResponseStream.
type receiver struct {
	pause time.Duration // of each Write
	got   string
}

func (r *receiver) Begin(contentType string) { r.got += "<" + contentType + ">" }

func (r *receiver) Write(p []byte) (int, error) {
	time.Sleep(r.pause)
	r.got += string(p)
	return len(p), nil
}

// A runtime that goes on writing when its timeout has ended the invocation does not reach the caller any more, and a write
// in progress is over when Invoke returns. The environment is free before.
func TestNothingIsStreamedAfterTheInvocation(t *testing.T) {
	for _, tt := range []struct {
		name    string
		pause   time.Duration
		began   time.Duration // when the response begins
		at      time.Duration // when Invoke returns
		got     string
		writes  int // that were passed on
		streams bool
	}{
		{"quick receiver", 0, 0, 2500 * ms, "<t>xxx", 3, true},
		{"slow receiver", 3 * second, 0, 3 * second, "<t>x", 1, true},
		{"too late to begin", 0, 3 * second, 2500 * ms, "", 0, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				freed := make(chan time.Duration, 1)
				began := time.Now()
				f := &invoker.Functions{Limits: invoker.NewLimits(1)}
				wrote := make(chan int, 1)
				f.SetRemote(config.Function{Name: "f"}, backend(func(_ context.Context, c esm.Call) (esm.Response, error) {
					go func() {
						time.Sleep(tt.began)
						c.Stream.Begin("t")
						n := 0
						for range 10 {
							if _, err := io.WriteString(c.Stream, "x"); err == nil {
								n++
							}
							time.Sleep(second)
						}
						wrote <- n
					}()
					time.Sleep(2500 * ms)
					return esm.Response{Fault: "Sandbox.Timedout", Payload: []byte("{}")}, nil
				}))
				go func() {
					time.Sleep(second)
					if slot, err := f.Reserve(context.Background(), "f"); err == nil {
						freed <- time.Since(began)
						slot.Release()
					}
				}()
				to := &receiver{pause: tt.pause}
				resp, err := f.Invoke(t.Context(), esm.Call{Function: "f", Stream: to})
				if at := time.Since(began); err != nil || at != tt.at || resp.Streamed != tt.streams || to.got != tt.got {
					t.Errorf("at %v: got %+v, %v, and %q", at, resp, err, to.got)
				}
				if at := <-freed; at != 2500*ms {
					t.Errorf("the permit was free at %v", at)
				}
				got := to.got
				if n := <-wrote; n != tt.writes || to.got != got {
					t.Errorf("%d writes succeeded; after the invocation the caller got %q", n, to.got[len(got):])
				}
			})
		})
	}
}
