package enginetest

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// Succeed is a handler without an answer.
func Succeed(Event) (string, error) { return "null", nil }

// Throw is a handler that throws an exception.
func Throw(Event) (string, error) { return "", Fault("Unhandled") }

// Count is a handler that counts the records of a window in its state.
func Count(e Event) (string, error) { return fmt.Sprintf(`{"state":{"N":%d}}`, e.Count()), nil }

// Fail returns a handler that does not run.
func Fail(err error) Handler {
	return func(Event) (string, error) { return "", err }
}

// Takes returns a handler that needs d.
func Takes(d time.Duration) Handler {
	return func(Event) (string, error) { time.Sleep(d); return "null", nil }
}

// InTurn returns a handler that does what the nth of handlers does at the nth call, and the last of them after that.
func InTurn(handlers ...Handler) Handler {
	n := -1
	return func(e Event) (string, error) {
		n = min(n+1, len(handlers)-1)
		return handlers[n](e)
	}
}

// ThrowOn returns a handler that throws if one of these records is in the event.
func ThrowOn(bad ...string) Handler {
	return func(e Event) (string, error) {
		if slices.ContainsFunc(e.Texts(), func(text string) bool { return slices.Contains(bad, text) }) {
			return Throw(e)
		}
		return "null", nil
	}
}

// Report returns a handler that reports those of these records that are in the event as failed.
func Report(bad ...string) Handler {
	return func(e Event) (string, error) {
		var items []string
		for i, text := range e.Texts() {
			if slices.Contains(bad, text) {
				items = append(items, e.Item(i))
			}
		}
		return Failures(items...), nil
	}
}

// Failures returns an answer that reports items as failed.
func Failures(items ...string) string {
	for i := range items {
		items[i] = fmt.Sprintf(`{"itemIdentifier":%q}`, items[i])
	}
	return `{"batchItemFailures":[` + strings.Join(items, ",") + `]}`
}
