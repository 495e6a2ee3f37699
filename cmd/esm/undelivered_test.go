package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/esm-run/esm"
	"github.com/esm-run/esm/cmd/esm/undelivered"
)

// notices are about three mappings: one that has another destination now, one that has none, and one that is gone.
func notices() []esm.UndeliveredNotice {
	notice := func(id, mapping string) esm.Notice {
		mark := esm.RecordMark{SequenceNumber: "18", Arrived: seenAt}
		return esm.Notice{
			ID: id, Mapping: mapping, Time: seenAt, RequestID: "r", FunctionArn: "arn:aws:lambda:us-east-1:000000000000:function:f",
			Condition: "RetryAttemptsExhausted", Invokes: 3, Response: &esm.NoticeResponse{Status: 200, Version: "$LATEST", Fault: "Unhandled"},
			Stream: &esm.StreamBatch{
				Source: "arn:aws:kinesis:us-east-1:000000000000:stream/clicks", Shard: "shardId-000", First: mark, Last: mark, Size: 1,
			},
			Payload: json.RawMessage(`{"Records":["` + id + `"]}`),
		}
	}
	return []esm.UndeliveredNotice{
		{Notice: notice("one", clicksID), Destination: oldQueue, Reason: "gone\naway"},
		{Notice: notice("two", latestID), Destination: oldQueue, Reason: "denied"},
		{Notice: notice("three", goneID), Destination: oldQueue, Reason: "denied"},
	}
}

// storedNotices returns a data directory with notices.
func storedNotices(t *testing.T, kept []esm.UndeliveredNotice) stored {
	t.Helper()
	s := newStored(t)
	s.keep(t, kept)
	return s
}

// queues are an endpoint of SQS with queues that take what is sent, but those that are missing or do not answer.
type queues struct {
	url     string
	mu      sync.Mutex
	got     map[string][]string // by queue, the requestIds of what came, which are told apart by the payload's absence
	waiting chan struct{}       // gets one when a message for the queue "stuck" has come, which is never answered
}

func newQueues(t *testing.T) *queues {
	t.Helper()
	q := &queues{got: map[string][]string{}, waiting: make(chan struct{}, 1)}
	server := httptest.NewServer(q)
	t.Cleanup(server.Close)
	q.url = server.URL
	return q
}

func (q *queues) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var in struct{ QueueName, QueueUrl, MessageBody string }
	body, _ := io.ReadAll(r.Body)
	_ = json.Unmarshal(body, &in)
	w.Header().Set("Content-Type", "application/x-amz-json-1.0")
	name := in.QueueName + in.QueueUrl[strings.LastIndex(in.QueueUrl, "/")+1:]
	switch {
	case name == "bad":
		w.WriteHeader(http.StatusBadRequest)
		fmt.Fprint(w, `{"__type":"com.amazonaws.sqs#QueueDoesNotExist","message":"no such queue"}`)
	case strings.HasSuffix(r.Header.Get("X-Amz-Target"), "GetQueueUrl"):
		fmt.Fprintf(w, `{"QueueUrl":%q}`, q.url+"/000000000000/"+name)
	case name == "stuck":
		q.waiting <- struct{}{}
		<-r.Context().Done()
	default:
		q.mu.Lock()
		q.got[name] = append(q.got[name], in.MessageBody)
		q.mu.Unlock()
		fmt.Fprint(w, `{"MessageId":"m"}`)
	}
}

// count is how many messages each queue got.
func (q *queues) count() string {
	q.mu.Lock()
	defer q.mu.Unlock()
	return fmt.Sprintf("now %d, old %d", len(q.got["now"]), len(q.got["old"]))
}

func TestUndeliveredList(t *testing.T) {
	s := storedNotices(t, notices())
	code, got, stderr := command(t, "undelivered", "list", s.file)
	if code != 0 || stderr != "" || strings.Count(got, "\n") != 4 {
		t.Errorf("got %d\n%s%s", code, got, stderr)
	}
	for _, want := range []string{
		"f ← clicks shardId-000 1 RetryAttemptsExhausted " + oldQueue + " gone away\n",
		"g:live ← clicks shardId-000",
		goneID + " (removed) shardId-000",
	} {
		if !strings.Contains(squeezed(got)+"\n", want) {
			t.Errorf("got\n%s\nwant %q", got, want)
		}
	}
	for _, payload := range []bool{false, true} {
		args := []string{"undelivered", "list", s.file, "--json"}
		if payload {
			args = append(args, "--payload")
		}
		_, got, _ := command(t, args...)
		var first undelivered.Document
		if err := json.NewDecoder(strings.NewReader(got)).Decode(&first); err != nil || strings.Count(got, "\n") != 3 {
			t.Fatalf("%v\n%s", err, got)
		}
		if first.ID != "one" || first.Mapping != clicksID || first.First.SequenceNumber != "18" || first.Reason != "gone\naway" || time.Since(first.Kept) > time.Hour {
			t.Errorf("got %+v", first)
		}
		if want := `{"Records":["one"]}`; (string(first.Payload) == want) != payload {
			t.Errorf("the payload is %s", first.Payload)
		}
	}
}

func TestUndeliveredOverHTTP(t *testing.T) {
	s, kept := newStored(t), notices()
	s.changeOverHTTP(t)
	kept[0].Notice.Mapping, kept[1].Notice.Mapping, kept[2].Notice.Mapping = s.made, cartsID, viewsID
	s.keep(t, kept)
	_, got, stderr := command(t, "undelivered", "list", s.file)
	for _, want := range []string{
		" f:made ← orders (created over HTTP) shardId-000 ", " f:new ← carts (changed over HTTP) shardId-000 ",
		" " + viewsID + " (removed) shardId-000 ",
	} {
		if !strings.Contains(squeezed(got), want) {
			t.Errorf("got\n%s%s\nwant %q", got, stderr, want)
		}
	}
	q := newQueues(t)
	code, stdout, stderr := command(t, "undelivered", "resend", s.file, "--endpoint", q.url)
	if code != 0 || q.count() != "now 2, old 1" || len(s.kept(t)) != 0 {
		t.Errorf("got %d, %s\n%s%s", code, q.count(), stdout, stderr)
	}
}

// Nothing is created where nothing is kept.
func TestUndeliveredOfNothing(t *testing.T) {
	s := newStored(t)
	for args, want := range map[string]string{
		"list FILE":        "there are no undelivered notices\n",
		"list FILE --json": "",
		"resend FILE":      "there are no undelivered notices\n",
		"drop FILE --all":  "dropped notices: 0\n",
	} {
		words := strings.Fields(strings.ReplaceAll(args, "FILE", s.file))
		code, got, stderr := command(t, append([]string{"undelivered"}, words...)...)
		if code != 0 || got != want || stderr != "" || !absent(s.data) {
			t.Errorf("%s: got %d %q %q, want %q", args, code, got, stderr, want)
		}
	}
}

func TestUndeliveredResend(t *testing.T) {
	for _, c := range []struct {
		args string
		kept string // the IDs that are
		sent string
	}{
		{"FILE", "", "now 1, old 2"},
		{"FILE --all", "", "now 1, old 2"},
		{"FILE two", "one three", "now 0, old 1"},
		{"FILE three one three", "two", "now 1, old 1"},
	} {
		s := storedNotices(t, notices())
		q := newQueues(t)
		args := append([]string{"undelivered", "resend"}, strings.Fields(strings.ReplaceAll(c.args, "FILE", s.file))...)
		code, stdout, stderr := command(t, append(args, "--endpoint", q.url)...)
		if code != 0 || stderr != "" || strings.Contains(stdout, "kept") || !strings.Contains(stdout, " sent to "+oldQueue+"\n") {
			t.Errorf("%s: got %d\n%s%s", c.args, code, stdout, stderr)
		}
		if got := strings.Join(s.kept(t), " "); got != c.kept {
			t.Errorf("%s: kept are %q, want %q", c.args, got, c.kept)
		}
		if got := q.count(); got != c.sent {
			t.Errorf("%s: got %s, want %s", c.args, got, c.sent)
		}
		for _, body := range slices.Concat(q.got["now"], q.got["old"]) {
			if !strings.Contains(body, `"KinesisBatchInfo"`) {
				t.Errorf("%s: what came is no notice: %s", c.args, body)
			}
		}
	}
}

// One that is not taken is kept, and the others are sent.
func TestUndeliveredResendFails(t *testing.T) {
	kept := notices()
	kept[1].Destination = badQueue
	s := storedNotices(t, kept)
	q := newQueues(t)
	resend := []string{"undelivered", "resend", s.file, "--endpoint", q.url}
	code, stdout, stderr := command(t, resend...)
	if code != exitFailed || !strings.Contains(stdout, "two kept: "+badQueue+": ") || !strings.Contains(stdout, "one sent to "+nowQueue) ||
		!strings.Contains(stderr, "esm: 1 of 3 notices could not be sent") {
		t.Errorf("got %d\n%s%s", code, stdout, stderr)
	}
	if got := s.kept(t); !slices.Equal(got, []string{"two"}) || q.count() != "now 1, old 1" {
		t.Errorf("kept are %q, got %s", got, q.count())
	}
	if code, _, _ := command(t, append(resend, "two")...); code != exitFailed || q.count() != "now 1, old 1" {
		t.Errorf("again: got %d, %s", code, q.count())
	}
}

// The stand-in for AWS is part of a running engine.
func TestUndeliveredResendWithoutStandIn(t *testing.T) {
	s := storedNotices(t, notices())
	code, stdout, stderr := command(t, "undelivered", "resend", s.file, "--endpoint", "embedded")
	if code != exitFailed || strings.Count(stdout, "Aws.Endpoint embedded: the stand-in runs only with the engine") != 3 || len(s.kept(t)) != 3 {
		t.Errorf("got %d\n%s%s", code, stdout, stderr)
	}
}

// A destination that is none, which an older file may have had, is said to be none.
func TestUndeliveredResendToInvalidDestination(t *testing.T) {
	kept := notices()[2:]
	kept[0].Destination = oldQueue + ".fifo"
	s := storedNotices(t, kept)
	if code, stdout, _ := command(t, "undelivered", "resend", s.file); code != exitFailed || !strings.Contains(stdout, "is FIFO") || len(s.kept(t)) != 1 {
		t.Errorf("got %d\n%s", code, stdout)
	}
}

func TestUndeliveredResendStops(t *testing.T) {
	kept := notices()
	kept[2].Destination = strings.Replace(oldQueue, "old", "stuck", 1)
	for _, by := range []string{"context", "signal"} {
		s := storedNotices(t, kept)
		q := newQueues(t)
		ctx, cancel := context.WithCancel(t.Context())
		lines := make(chan string, 10)
		var interrupting sync.WaitGroup
		interrupting.Go(func() {
			<-q.waiting
			<-lines
			<-lines // both of the others are sent
			if by == "signal" {
				send(t, syscall.SIGINT)
				return
			}
			cancel()
		})
		var stderr strings.Builder
		code := execute(ctx, []string{"undelivered", "resend", s.file, "--endpoint", q.url}, lineWriter(lines), &stderr)
		interrupting.Wait()
		cancel()
		if code != exitFailed || !strings.Contains(stderr.String(), "esm: stopped: 2 of 3 notices were sent, the rest is still kept") {
			t.Errorf("by %s: got %d\n%s", by, code, &stderr)
		}
		if got := s.kept(t); !slices.Equal(got, []string{"three"}) {
			t.Errorf("by %s: kept are %q", by, got)
		}
	}
}

func TestUndeliveredDrop(t *testing.T) {
	for _, c := range []struct{ args, says, kept string }{
		{"two", "dropped notices: 1\n", "one three"},
		{"two one two", "dropped notices: 2\n", "three"},
		{"--all", "dropped notices: 3\n", ""},
	} {
		s := storedNotices(t, notices())
		code, stdout, stderr := command(t, append([]string{"undelivered", "drop", s.file}, strings.Fields(c.args)...)...)
		if code != 0 || stdout != c.says || stderr != "" {
			t.Errorf("%s: got %d %q %q", c.args, code, stdout, stderr)
		}
		if got := strings.Join(s.kept(t), " "); got != c.kept {
			t.Errorf("%s: kept are %q, want %q", c.args, got, c.kept)
		}
	}
}

func TestUndeliveredWrongUse(t *testing.T) {
	s := storedNotices(t, notices())
	for args, says := range map[string]string{
		"walk":                       `unknown command "walk" for "esm undelivered"`,
		"list":                       "accepts 1 arg(s), received 0",
		"list FILE one":              "accepts 1 arg(s), received 2",
		"list FILE --payload":        "--payload goes with --json (see esm undelivered list --help)",
		"list absent.yaml":           "absent.yaml",
		"resend":                     "requires at least 1 arg(s)",
		"resend FILE one --all":      "give IDs or --all, not both",
		"resend FILE one four":       "there is no undelivered notice four",
		"resend FILE --endpoint x:y": "--endpoint",
		"drop FILE":                  "select notices: give their IDs, or --all (see esm undelivered drop --help)",
		"drop FILE one --all":        "give IDs or --all, not both",
		"drop FILE one four":         "there is no undelivered notice four",
		"drop FILE --every":          "unknown flag: --every",
	} {
		words := strings.Fields(strings.ReplaceAll(args, "FILE", s.file))
		code, stdout, stderr := command(t, append([]string{"undelivered"}, words...)...)
		if code != exitUsage || !strings.Contains(stderr, says) || stdout != "" {
			t.Errorf("%s: got %d %q %q, want %d %q", args, code, stdout, stderr, exitUsage, says)
		}
	}
	if got := s.kept(t); len(got) != 3 {
		t.Errorf("kept are %q", got)
	}
}
