package api

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/esm-run/esm"
)

// slow makes the handler take d, or until its context ends.
func (r *rig) slow(d time.Duration) {
	r.handler = func(ctx context.Context, c esm.Call) (esm.Response, error) {
		select {
		case <-time.After(d):
			return esm.Response{Payload: c.Payload}, nil
		case <-ctx.Done():
			return esm.Response{}, context.Cause(ctx)
		}
	}
}

func TestCloseWaitsForInvocations(t *testing.T) {
	const stopping = `500 ServiceException {"Type":"Service","Message":"The engine is stopping."}`
	const canceled = `500 ServiceException {"Type":"Service","Message":"the engine is stopping"}`
	for _, tt := range []struct {
		takes, grace, want time.Duration
		answer             string
	}{
		{5 * time.Second, time.Minute, 5 * time.Second, "200  {}"},
		{time.Hour, 10 * time.Second, 10 * time.Second, canceled},
	} {
		synctest.Test(t, func(t *testing.T) {
			r := newRig(t)
			r.slow(tt.takes)
			var asking sync.WaitGroup
			asking.Go(func() {
				if got := errorOf(r.ask("POST", invokePath, "{}")); got != tt.answer {
					t.Errorf("got %s, want %s", got, tt.answer)
				}
			})
			synctest.Wait()
			asking.Go(func() {
				time.Sleep(time.Second)
				if got := errorOf(r.ask("POST", invokePath, "{}")); got != stopping {
					t.Errorf("a new one: got %s, want %s", got, stopping)
				}
			})
			ctx, cancel := context.WithTimeout(t.Context(), tt.grace)
			defer cancel()
			began := time.Now()
			r.Close(ctx)
			if took := time.Since(began); took != tt.want {
				t.Errorf("Close took %v, want %v", took, tt.want)
			}
			asking.Wait()
			r.Close(ctx)
		})
	}
}

func TestInvocationMemory(t *testing.T) {
	r := newRig(t)
	const size = 2 << 20
	var ends []func()
	for range maxHeld / size {
		_, end, err := r.Server.calls.begin(size)
		if err != nil {
			t.Fatal(err)
		}
		ends = append(ends, end)
	}
	const refusal = `429 TooManyRequestsException {"Reason":"CallerRateLimitExceeded","Type":"User","message":"Rate exceeded"}`
	if got := errorOf(r.ask("POST", invokePath, "{}")); got != refusal || len(r.called()) != 0 {
		t.Errorf("above the bound: got %s", got)
	}
	ends[0]()
	if w := r.ask("POST", invokePath, "{}"); w.Code != 200 {
		t.Errorf("below it again: got %s", errorOf(w))
	}
	for _, end := range ends[1:] {
		end()
	}
	r.Close(t.Context())
	if held := r.Server.calls.held; held != 0 {
		t.Errorf("%d bytes are held", held)
	}
}
