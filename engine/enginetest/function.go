// Package enginetest has the fake function and the rig of the tests of feeds.
package enginetest

import (
	"cmp"
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
	Permits int // 0 is no limit; set before the first Reserve
	Handler Handler

	once    sync.Once
	permits chan struct{}

	mu          sync.Mutex
	inUse, peak int
	calls       []Event
}

// Handler is the code of a function.
type Handler func(Event) (answer string, err error)

// Fault makes an invocation end in a function error of this kind.
type Fault string

func (f Fault) Error() string { return string(f) }

// Reserve implements [esm.Invoker]: first come, first served, as goroutines that wait for a channel are.
func (f *Function) Reserve(ctx context.Context, _ string) (esm.Slot, error) {
	f.once.Do(func() { f.permits = make(chan struct{}, cmp.Or(f.Permits, 10_000)) })
	select {
	case f.permits <- struct{}{}:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	f.use(1)
	return &slot{f: f}, nil
}

func (f *Function) use(n int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.inUse += n
	f.peak = max(f.peak, f.inUse)
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
	e := Event{At: time.Now(), ID: c.ID, TraceHeader: c.TraceHeader}
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
		s.f.use(-1)
		<-s.f.permits
	})
}

// Event is what a handler receives.
type Event struct {
	At          time.Time `json:"-"`
	ID          string    `json:"-"` // of the request
	TraceHeader string    `json:"-"`

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
