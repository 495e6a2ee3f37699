package sqs

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/esm-run/esm"
	"github.com/esm-run/esm/sources/internal/awstest"
)

// deletions is the deleting side of a service: it knows which handles were deleted, and how the others fail.
type deletions struct {
	code  func(handle string) string // the error code for a handle; empty deletes it, "silence" leaves it out
	whole func() *awstest.Answer     // nil, or what answers the whole call instead

	mu      sync.Mutex
	deleted []string
	sizes   []int
}

func (d *deletions) answer(c awstest.Call) *awstest.Answer {
	d.mu.Lock()
	defer d.mu.Unlock()
	entries := c.In["Entries"].([]any)
	d.sizes = append(d.sizes, len(entries))
	if d.whole != nil {
		if a := d.whole(); a != nil {
			return a
		}
	}
	var done, failed []map[string]any
	for _, e := range entries {
		entry := e.(map[string]any)
		handle := entry["ReceiptHandle"].(string)
		code := ""
		if d.code != nil {
			code = d.code(handle)
		}
		switch code {
		case "":
			d.deleted = append(d.deleted, handle)
			done = append(done, map[string]any{"Id": entry["Id"]})
		case "silence":
		default:
			failed = append(failed, map[string]any{"Id": entry["Id"], "Code": code, "SenderFault": true, "Message": "no"})
		}
	}
	return awstest.OK(map[string]any{"Successful": done, "Failed": failed})
}

func (d *deletions) queue(t *testing.T) *Queue {
	t.Helper()
	s := newService()
	s.Answers["DeleteMessageBatch"] = d.answer
	return queueOn(t, s, standardARN, "")
}

func records(n int) []esm.Record {
	recs := make([]esm.Record, n)
	for i := range recs {
		recs[i] = esm.Record{ID: fmt.Sprint(i), Receipt: fmt.Sprintf("handle-%d", i)}
	}
	return recs
}

func ids(recs []esm.Record) string {
	var out []string
	for _, r := range recs {
		out = append(out, r.ID)
	}
	return strings.Join(out, " ")
}

func TestDeleteBatches(t *testing.T) {
	for _, n := range []int{0, 1, 10, 11, 95, 10000} {
		d := &deletions{}
		left, err := d.queue(t).Delete(t.Context(), records(n))
		if err != nil || len(left) != 0 {
			t.Fatalf("%d records: %d left, %v", n, len(left), err)
		}
		slices.Sort(d.deleted)
		if got := len(slices.Compact(d.deleted)); got != n {
			t.Errorf("%d of %d records were deleted", got, n)
		}
		if want := (n + 9) / 10; len(d.sizes) != want || n > 0 && slices.Max(d.sizes) > 10 {
			t.Errorf("%d records took %d calls, want %d", n, len(d.sizes), want)
		}
	}
}

func TestDeleteEntriesFail(t *testing.T) {
	codes := map[string]string{
		"handle-1":  "InternalError",
		"handle-2":  "ReceiptHandleIsInvalid", // deleted already
		"handle-3":  "InvalidParameterValue",  // expired, on a FIFO queue
		"handle-11": "silence",
		"handle-22": "RequestThrottled",
	}
	d := &deletions{code: func(handle string) string { return codes[handle] }}
	left, err := d.queue(t).Delete(t.Context(), records(25))
	if got := ids(left); got != "1 11 22" {
		t.Errorf("left %q, want 1 11 22", got)
	}
	if err == nil || !strings.Contains(err.Error(), "InternalError") {
		t.Errorf("got %v, want an error that tells of the first", err)
	}
	if len(d.deleted) != 20 {
		t.Errorf("%d were deleted, want 20", len(d.deleted))
	}
}

func TestDeleteThrottled(t *testing.T) {
	d := &deletions{code: func(string) string { return "RequestThrottled" }}
	if left, err := d.queue(t).Delete(t.Context(), records(3)); !errors.Is(err, ErrSlowDown) || len(left) != 3 {
		t.Errorf("%d left, %v, want 3 and %v", len(left), err, ErrSlowDown)
	}
}

func TestDeleteCallFails(t *testing.T) {
	calls := 0
	d := &deletions{whole: func() *awstest.Answer {
		if calls++; calls > 5 {
			return awstest.Refusal(http.StatusBadRequest, "QueueDoesNotExist")
		}
		return nil
	}}
	left, err := d.queue(t).Delete(t.Context(), records(1000))
	if len(left) != 950 || !errors.Is(err, ErrNoQueue) {
		t.Errorf("%d left, %v, want 950 and %v", len(left), err, ErrNoQueue)
	}
	if got := len(d.sizes); got > 5+batchParallel {
		t.Errorf("%d calls were made, want to stop soon after the sixth", got)
	}
}

func TestDeleteKeepsCallersSlice(t *testing.T) {
	d := &deletions{code: func(handle string) string { return map[string]string{"handle-0": "InternalError"}[handle] }}
	recs := records(12)
	left, _ := d.queue(t).Delete(t.Context(), recs)
	left[0].ID = "changed"
	if got := ids(recs); got != "0 1 2 3 4 5 6 7 8 9 10 11" {
		t.Errorf("the caller's records became %s", got)
	}
}
