package chaos

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/esm-run/esm"
)

// Invoker is an [esm.Invoker] whose functions fail, and which records every invocation. Its fields are set before its first
// use.
type Invoker struct {
	Invoker esm.Invoker
	Faults  *Injector

	// Report means that the function reports batch item failures. Partial and lying reports are injected only then.
	Report bool

	// Ordered means that a report of failed records must have every record after the first failed one, as for a FIFO queue.
	Ordered bool

	// Stream means that the records are those of a stream: from the first reported one on, all of them are tried again.
	Stream bool

	Timeout time.Duration // of the function: how long it hangs; 0 means 3 s
	Late    time.Duration // how long an answer is late at most; 0 means 1 min
}

var _ esm.Invoker = (*Invoker)(nil)

// handlerFaults are tried in this order. Those that need a report are last.
var handlerFaults = []Fault{
	InvokeThrottled, InvokeNotRun, InvokeRefused, InvokeLost,
	HandlerThrows, HandlerHangs, HandlerCrashes, HandlerOutOfMemory, HandlerLate, HandlerRubbish,
	HandlerPartial, HandlerLies,
}

// Invoke implements [esm.Invoker].
func (i *Invoker) Invoke(ctx context.Context, c esm.Call) (esm.Response, error) {
	return i.call(ctx, c, i.Invoker.Invoke)
}

// Reserve implements [esm.Invoker].
func (i *Invoker) Reserve(ctx context.Context, function string) (esm.Slot, error) {
	s, err := i.Invoker.Reserve(ctx, function)
	if err != nil {
		return nil, err
	}
	return &slot{i, s}, nil
}

type slot struct {
	invoker *Invoker
	slot    esm.Slot
}

func (s *slot) Invoke(ctx context.Context, c esm.Call) (esm.Response, error) {
	return s.invoker.call(ctx, c, s.slot.Invoke)
}

func (s *slot) Release() { s.slot.Release() }

// invoke is Invoke of an invoker or of a slot.
type invoke func(context.Context, esm.Call) (esm.Response, error)

func (i *Invoker) call(ctx context.Context, c esm.Call, run invoke) (esm.Response, error) {
	b := readBatch(c.Payload)
	ids := b.ids
	concerned := ids
	if len(ids) == 0 {
		concerned = []string{c.ID} // an asynchronous event
	}
	faults := handlerFaults
	if !i.Report || len(ids) == 0 {
		faults = faults[:len(faults)-2]
	}
	seen := Call{ID: c.ID, Shard: b.shard, Records: ids, Handles: b.handles, Began: time.Now()}
	fault, dice := i.Faults.first(faults, concerned[0], concerned)
	resp, ran, err := i.try(ctx, c, run, fault, dice, ids)
	seen.Ended, seen.Ran, seen.Answer, seen.Unknown = time.Now(), ran, describe(resp, err), err != nil
	if err == nil && resp.Fault == "" {
		seen.Succeeded = i.succeeded(ids, resp.Payload)
		if len(ids) == 0 {
			seen.Succeeded = []string{c.ID}
		}
	}
	i.Faults.recorder().note(func(h *History) { h.Calls = append(h.Calls, seen) })
	return resp, err
}

// try runs c with a fault. Ran reports whether the handler saw the event, as the injected failure has it.
func (i *Invoker) try(ctx context.Context, c esm.Call, run invoke, fault Fault, dice *rand.Rand, ids []string) (resp esm.Response, ran bool, err error) {
	switch fault {
	case "":
		resp, err = run(ctx, c)
		return resp, !notRun(err), err
	case InvokeThrottled:
		return resp, false, fmt.Errorf("%w: %w", esm.ErrThrottled, ErrInjected)
	case InvokeNotRun:
		return resp, false, fmt.Errorf("%w: %w", esm.ErrNotRun, ErrInjected)
	case InvokeRefused:
		return resp, false, fmt.Errorf("%w: %w", esm.ErrRefused, ErrInjected)
	case HandlerHangs:
		if err := sleep(ctx, cmp.Or(i.Timeout, 3*time.Second)); err != nil {
			return resp, true, err
		}
		return fails("Sandbox.Timedout"), true, nil
	case HandlerLate:
		if err := sleep(ctx, between(dice, time.Second, max(time.Second, cmp.Or(i.Late, time.Minute)))); err != nil {
			return resp, true, err
		}
	}
	if effect := fault == HandlerLate || dice.IntN(2) == 0; effect {
		if resp, err = run(ctx, c); err != nil || resp.Fault != "" {
			return resp, !notRun(err), err
		}
	}
	switch fault {
	case InvokeLost:
		return esm.Response{}, true, failure(fault)
	case HandlerThrows:
		return fails("Unhandled"), true, nil
	case HandlerCrashes:
		return fails("Runtime.ExitError"), true, nil
	case HandlerOutOfMemory:
		return fails("Runtime.OutOfMemory"), true, nil
	case HandlerRubbish:
		return answers(rubbish[dice.IntN(len(rubbish))]), true, nil
	case HandlerPartial:
		return answers(report(i.part(dice, ids)...)), true, nil
	case HandlerLies:
		return answers(lies[dice.IntN(len(lies))]), true, nil
	}
	return resp, true, nil
}

// Answers that are no valid report of failures.
var (
	rubbish = []string{`{"batchItemFailures":[`, `<html>502</html>`, `42`, `"done"`, `[]`, `{"batchItemFailures":"all"}`, "\xff"}
	lies    = []string{
		report("nobody"), report(""), `{"batchItemFailures":[{}]}`, `{"batchItemFailures":[null]}`,
		`{"batchItemFailures":[{"itemIdentifier":7}]}`, `{"batchItemFailures":[{"id":"nobody"}]}`,
	}
)

// part returns the records that a handler reports: some of them, or all from one on if they have an order.
func (i *Invoker) part(dice *rand.Rand, ids []string) (failed []string) {
	if i.Ordered {
		return ids[dice.IntN(len(ids)):]
	}
	for _, id := range ids {
		if dice.IntN(2) == 0 {
			failed = append(failed, id)
		}
	}
	return failed
}

func report(ids ...string) string {
	type item struct {
		ID string `json:"itemIdentifier"`
	}
	items := make([]item, len(ids))
	for i, id := range ids {
		items[i].ID = id
	}
	text, _ := json.Marshal(map[string]any{"batchItemFailures": items}) // strings always encode
	return string(text)
}

func fails(kind string) esm.Response {
	return esm.Response{Fault: kind, Status: 200, Payload: json.RawMessage(`{"errorMessage":"injected","errorType":"Injected"}`)}
}

func answers(payload string) esm.Response {
	return esm.Response{Status: 200, Payload: json.RawMessage(payload)}
}
