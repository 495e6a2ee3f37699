package invokertest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/esm-run/esm"
)

// dispatch is long enough for a waiting runtime to receive its event, which the suite cannot observe.
const dispatch = 2 * time.Second

// limit is a timeout, in seconds, for handlers that exceed it. An Init takes less.
const limit = 5

// exitText returns the payload for a runtime that ended, as AWS words it.
func exitText(id, how string) string {
	return fmt.Sprintf(`{"errorType":"Runtime.ExitError","errorMessage":"RequestId: %s Error: Runtime exited %s"}`, id, how)
}

func (s *suite) exit() {
	e := s.start()
	for _, tt := range []struct {
		code int
		want string
	}{{0, "without providing a reason"}, {7, "with error: exit status 7"}} {
		resp := e.order(order{Do: "exit", Code: tt.code})
		e.wantFault(resp, "Runtime.ExitError", exitText(e.id, tt.want))
		e.drained()
		if got := e.about().Calls; got != 1 {
			e.Errorf("call %d of the runtime that followed, want 1", got)
		}
	}
}

func (s *suite) signal() {
	e := s.start()
	e.wantFault(e.order(order{Do: "kill"}), "Runtime.ExitError", exitText(e.id, "with error: signal: killed"))
	e.drained()
	e.about()
}

// A timeout is exact. Memory is lost, the temporary directory is kept.
func (s *suite) timeout() {
	s.fn.Timeout = limit
	e := s.start()
	e.order(order{Do: "write", Name: "note", Value: json.RawMessage(`"kept"`)})
	e.drained()
	began := time.Now()
	resp := e.order(order{Do: "hang"})
	if took := time.Since(began); took < limit*time.Second || took > limit*time.Second+patience {
		e.Errorf("it took %v, want %d s", took, limit)
	}
	e.wantFault(resp, "Sandbox.Timedout", fmt.Sprintf(
		`{"errorType":"Sandbox.Timedout","errorMessage":"RequestId: %s Error: Task timed out after %d.00 seconds"}`, e.id, limit))
	e.drained()
	if got := string(e.order(order{Do: "read", Name: "note"}).Payload); got != `"kept"` {
		e.Errorf("the file: got %s", got)
	}
	e.drained()
	if got := e.about().Calls; got != 2 {
		e.Errorf("call %d of the runtime that followed, want 2", got)
	}
}

func (s *suite) drain() {
	e := s.start()
	const wait = 4 * time.Second
	began := time.Now()
	e.order(order{Do: "answer and wait", Wait: wait})
	if took := time.Since(began); took >= wait {
		e.Errorf("the answer came after %v, want at once", took)
	}
	e.drained()
	if took := time.Since(began); took < wait {
		e.Errorf("drained after %v, want %v", took, wait)
	}
	if got := e.about().Calls; got != 2 {
		e.Errorf("the runtime was not kept: call %d, want 2", got)
	}
}

func (s *suite) exitAfterAnswer() {
	e := s.start()
	if resp := e.order(order{Do: "answer and exit", Code: 5}); resp.Fault != "" || string(resp.Payload) != "null" {
		e.Errorf("got fault %q %s", resp.Fault, resp.Payload)
	}
	if e.Drain(e.Context()) == nil {
		e.about()
	}
}

func (s *suite) callerCancels() {
	e := s.start()
	ctx, cancel := context.WithTimeout(s.Context(), dispatch)
	defer cancel()
	began := time.Now()
	_, err := e.Invoke(ctx, e.call(order{Do: "hang"}))
	if err == nil || errors.Is(err, esm.ErrNotRun) {
		e.Errorf("got %v, want an error that does not say whether it ran", err)
	}
	if took := time.Since(began); took > patience {
		e.Errorf("it took %v to return", took)
	}
	e.drained()
	if got := e.about().Calls; got != 1 {
		e.Errorf("the runtime was not killed: call %d, want 1", got)
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
	e.Close()
	running.Wait()
	if err := <-ended; err == nil || errors.Is(err, esm.ErrNotRun) {
		e.Errorf("got %v, want an error that does not say whether it ran", err)
	}
	if _, err := e.Invoke(e.Context(), e.call(order{Do: "about"})); !errors.Is(err, esm.ErrNotRun) {
		e.Errorf("Invoke after Close: got %v, want ErrNotRun", err)
	}
}

func (s *suite) closeDraining() {
	e := s.start()
	e.order(order{Do: "answer and hang"})
	ended := make(chan error, 1)
	var draining sync.WaitGroup
	draining.Go(func() { ended <- e.Drain(e.Context()) })
	e.Close()
	draining.Wait()
	if err := <-ended; err == nil {
		e.Error("Drain of a closed environment: no error")
	}
}

func (s *suite) closeAgain() {
	e := s.start()
	e.about()
	var closing sync.WaitGroup
	for range 4 {
		closing.Go(e.Close)
	}
	closing.Wait()
	e.Close()
	if err := e.Drain(e.Context()); err == nil {
		e.Error("Drain after Close: no error")
	}
}
