// Package enginetest has the fake function and the rig of the tests of feeds.
package enginetest

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/esm-run/esm"
)

// Function is an [esm.Invoker] of one function, whose handler is Go code. A handler returns the answer, or a [Fault], or
// another error, which Invoke then returns.
type Function struct {
	Permits int // 0 is no limit
	Handler Handler

	mu      sync.Mutex
	inUse   int
	peak    int
	waiters []chan struct{}
	calls   []Event
}

// Handler is the code of a function.
type Handler func(Event) (answer string, err error)

// Fault makes an invocation end in a function error of this kind.
type Fault string

func (f Fault) Error() string { return string(f) }

// Reserve implements [esm.Invoker]: first come, first served.
func (f *Function) Reserve(ctx context.Context, _ string) (esm.Slot, error) {
	granted := make(chan struct{})
	f.mu.Lock()
	f.waiters = append(f.waiters, granted)
	f.grant()
	f.mu.Unlock()
	select {
	case <-granted:
		return &slot{f: f}, nil
	default:
	}
	select {
	case <-granted:
		return &slot{f: f}, nil
	case <-ctx.Done():
		f.withdraw(granted)
		return nil, ctx.Err()
	}
}

// grant hands out the permits that are free. The lock is held.
func (f *Function) grant() {
	for len(f.waiters) > 0 && (f.Permits == 0 || f.inUse < f.Permits) {
		f.inUse++
		f.peak = max(f.peak, f.inUse)
		close(f.waiters[0])
		f.waiters = f.waiters[1:]
	}
}

func (f *Function) withdraw(granted chan struct{}) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if i := slices.Index(f.waiters, granted); i >= 0 {
		f.waiters = slices.Delete(f.waiters, i, i+1)
		return
	}
	f.inUse--
	f.grant()
}

// Invoke implements [esm.Invoker]. Feeds do not call it.
func (f *Function) Invoke(context.Context, esm.Call) (esm.Response, error) {
	return esm.Response{}, esm.ErrThrottled
}

// Held returns how many permits are in use.
func (f *Function) Held() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.inUse
}

// Peak returns the most permits that were in use at once.
func (f *Function) Peak() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.peak
}

// Calls returns the events of all tries, oldest first.
func (f *Function) Calls() []Event {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.calls)
}

// Replace sets another handler and forgets the calls.
func (f *Function) Replace(handler Handler) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.Handler, f.calls = handler, nil
}

type slot struct {
	f    *Function
	once sync.Once
}

func (s *slot) Invoke(ctx context.Context, c esm.Call) (esm.Response, error) {
	e := Event{At: time.Now(), ID: c.ID}
	if err := json.Unmarshal(c.Payload, &e); err != nil {
		return esm.Response{}, err
	}
	s.f.mu.Lock()
	s.f.calls = append(s.f.calls, e)
	handler := s.f.Handler
	s.f.mu.Unlock()
	answer, err := handler(e)
	fault, failed := err.(Fault)
	switch {
	case ctx.Err() != nil:
		return esm.Response{}, ctx.Err()
	case failed:
		return esm.Response{Fault: string(fault), Payload: json.RawMessage(`{}`), Status: 200}, nil
	case err != nil:
		return esm.Response{}, err
	}
	return esm.Response{Payload: json.RawMessage(answer), Status: 200}, nil
}

func (s *slot) Release() {
	s.once.Do(func() {
		s.f.mu.Lock()
		defer s.f.mu.Unlock()
		s.f.inUse--
		s.f.grant()
	})
}

// Event is what a handler receives.
type Event struct {
	At      time.Time
	ID      string // of the request
	Records []struct {
		MessageID  string `json:"messageId"`
		Body       string `json:"body"`
		Attributes struct{ ApproximateReceiveCount string }
		Kinesis    struct{ SequenceNumber, PartitionKey, Data string }
	}

	Window struct{ Start, End time.Time }
	State  json.RawMessage
	Final  bool `json:"isFinalInvokeForWindow"`
	Early  bool `json:"isWindowTerminatedEarly"`
}

// Texts returns the body or the data of each record.
func (e Event) Texts() (texts []string) {
	for _, r := range e.Records {
		text := r.Body
		if r.Kinesis.SequenceNumber != "" {
			data, _ := base64.StdEncoding.DecodeString(r.Kinesis.Data)
			text = string(data)
		}
		texts = append(texts, text)
	}
	return texts
}

// Item returns what a handler reports if the nth record has failed.
func (e Event) Item(n int) string {
	return e.Records[n].MessageID + e.Records[n].Kinesis.SequenceNumber
}

// Count returns the number of records in the state of [Count] and in the event.
func (e Event) Count() int {
	var state struct{ N int }
	_ = json.Unmarshal(e.State, &state) // other handlers have other states
	return state.N + len(e.Records)
}

// String describes an event briefly: "1-5" for the records of a stream, "0/1 1/1" for messages and their receive counts, and
// "05:30 7 final early" for a window, its Count, and its flags.
func (e Event) String() string {
	texts := e.Texts()
	switch {
	case !e.Window.Start.IsZero():
		text := fmt.Sprint(e.Window.Start.Format("04:05 "), e.Count())
		if e.Final {
			text += " final"
		}
		if e.Early {
			text += " early"
		}
		return text
	case len(e.Records) > 0 && e.Records[0].MessageID != "":
		for i := range texts {
			texts[i] += "/" + e.Records[i].Attributes.ApproximateReceiveCount
		}
		return strings.Join(texts, " ")
	case len(texts) > 1:
		return texts[0] + "-" + texts[len(texts)-1]
	}
	return strings.Join(texts, "")
}
