package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/esm-run/esm/cmd/esm/datadir"
	"github.com/esm-run/esm/cmd/esm/undelivered"
	"github.com/esm-run/esm/cmd/esm/wiring"

	"github.com/esm-run/esm"
)

// The destinations of the notices under test: queues, one of which is that of a mapping now.
const (
	oldQueue = "arn:aws:sqs:us-east-1:000000000000:old"
	nowQueue = "arn:aws:sqs:us-east-1:000000000000:now"
	badQueue = "arn:aws:sqs:us-east-1:000000000000:bad"
)

// notices are three: of a mapping that has a destination, of one that has none, and of one that is gone.
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

// noticesIn writes streamsFile, with a destination for the first mapping, and keeps notices beside it.
func noticesIn(t *testing.T, kept []esm.UndeliveredNotice) (file, data string) {
	t.Helper()
	dir := t.TempDir()
	file, data = filepath.Join(dir, "mappings.yaml"), filepath.Join(dir, ".esm")
	write(t, file, strings.Replace(streamsFile, "TRIM_HORIZON}",
		`TRIM_HORIZON, DestinationConfig: {OnFailure: {Destination: "`+nowQueue+`"}}}`, 1))
	if kept == nil {
		return file, data
	}
	db := openDB(t, data)
	defer db.Close()
	for _, u := range kept {
		if err := db.Keep(t.Context(), u.Notice, u.Destination, u.Reason); err != nil {
			t.Fatal(err)
		}
	}
	return file, data
}

// keptIn lists the IDs of the notices that a DataDir keeps.
func keptIn(t *testing.T, data string) (ids []string) {
	t.Helper()
	db := openDB(t, data)
	defer db.Close()
	for u, err := range db.Undelivered(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		ids = append(ids, u.Notice.ID)
	}
	return ids
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
	file, _ := noticesIn(t, notices())
	code, got, stderr := command(t, "undelivered", "list", file)
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
		args := []string{"undelivered", "list", file, "--json"}
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

// Nothing is made where nothing is kept.
func TestUndeliveredOfNothing(t *testing.T) {
	file, data := noticesIn(t, nil)
	for args, want := range map[string]string{
		"list FILE":        "there are no undelivered notices\n",
		"list FILE --json": "",
		"resend FILE":      "there are no undelivered notices\n",
		"drop FILE --all":  "dropped notices: 0\n",
	} {
		words := strings.Fields(strings.ReplaceAll(args, "FILE", file))
		code, got, stderr := command(t, append([]string{"undelivered"}, words...)...)
		if code != 0 || got != want || stderr != "" || !absent(data) {
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
		file, data := noticesIn(t, notices())
		q := newQueues(t)
		args := append([]string{"undelivered", "resend"}, strings.Fields(strings.ReplaceAll(c.args, "FILE", file))...)
		code, stdout, stderr := command(t, append(args, "--endpoint", q.url)...)
		if code != 0 || stderr != "" || strings.Contains(stdout, "kept") || !strings.Contains(stdout, " sent to "+oldQueue+"\n") {
			t.Errorf("%s: got %d\n%s%s", c.args, code, stdout, stderr)
		}
		if got := strings.Join(keptIn(t, data), " "); got != c.kept {
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
	file, data := noticesIn(t, kept)
	q := newQueues(t)
	resend := []string{"undelivered", "resend", file, "--endpoint", q.url}
	code, stdout, stderr := command(t, resend...)
	if code != exitFailed || !strings.Contains(stdout, "two kept: "+badQueue+": ") || !strings.Contains(stdout, "one sent to "+nowQueue) ||
		!strings.Contains(stderr, "esm: 1 of 3 notices could not be sent") {
		t.Errorf("got %d\n%s%s", code, stdout, stderr)
	}
	if got := keptIn(t, data); !slices.Equal(got, []string{"two"}) || q.count() != "now 1, old 1" {
		t.Errorf("kept are %q, got %s", got, q.count())
	}
	if code, _, _ := command(t, append(resend, "two")...); code != exitFailed || q.count() != "now 1, old 1" {
		t.Errorf("again: got %d, %s", code, q.count())
	}
}

// The stand-in for AWS is part of a running engine.
func TestUndeliveredResendWithoutTheStandIn(t *testing.T) {
	file, data := noticesIn(t, notices())
	code, stdout, stderr := command(t, "undelivered", "resend", file, "--endpoint", "embedded")
	if code != exitFailed || strings.Count(stdout, "Aws.Endpoint embedded: the stand-in runs only with the engine") != 3 || len(keptIn(t, data)) != 3 {
		t.Errorf("got %d\n%s%s", code, stdout, stderr)
	}
}

// A destination that is none, which an older file may have had, is said to be none.
func TestUndeliveredResendToNowhere(t *testing.T) {
	kept := notices()[2:]
	kept[0].Destination = oldQueue + ".fifo"
	file, data := noticesIn(t, kept)
	if code, stdout, _ := command(t, "undelivered", "resend", file); code != exitFailed || !strings.Contains(stdout, "is FIFO") || len(keptIn(t, data)) != 1 {
		t.Errorf("got %d\n%s", code, stdout)
	}
}

func TestUndeliveredResendStops(t *testing.T) {
	kept := notices()
	kept[2].Destination = strings.Replace(oldQueue, "old", "stuck", 1)
	for _, by := range []string{"context", "signal"} {
		file, data := noticesIn(t, kept)
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
		code := execute(ctx, []string{"undelivered", "resend", file, "--endpoint", q.url}, lineWriter(lines), &stderr)
		interrupting.Wait()
		cancel()
		if code != exitFailed || !strings.Contains(stderr.String(), "esm: stopped: 2 of 3 notices were sent, the rest is still kept") {
			t.Errorf("by %s: got %d\n%s", by, code, &stderr)
		}
		if got := keptIn(t, data); !slices.Equal(got, []string{"three"}) {
			t.Errorf("by %s: kept are %q", by, got)
		}
	}
}

// taker is a destination that takes all notices.
func TestUndeliveredDrop(t *testing.T) {
	for _, c := range []struct{ args, says, kept string }{
		{"two", "dropped notices: 1\n", "one three"},
		{"two one two", "dropped notices: 2\n", "three"},
		{"--all", "dropped notices: 3\n", ""},
	} {
		file, data := noticesIn(t, notices())
		code, stdout, stderr := command(t, append([]string{"undelivered", "drop", file}, strings.Fields(c.args)...)...)
		if code != 0 || stdout != c.says || stderr != "" {
			t.Errorf("%s: got %d %q %q", c.args, code, stdout, stderr)
		}
		if got := strings.Join(keptIn(t, data), " "); got != c.kept {
			t.Errorf("%s: kept are %q, want %q", c.args, got, c.kept)
		}
	}
}

func TestUndeliveredWrongUse(t *testing.T) {
	file, data := noticesIn(t, notices())
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
		words := strings.Fields(strings.ReplaceAll(args, "FILE", file))
		code, stdout, stderr := command(t, append([]string{"undelivered"}, words...)...)
		if code != exitUsage || !strings.Contains(stderr, says) || stdout != "" {
			t.Errorf("%s: got %d %q %q, want %d %q", args, code, stdout, stderr, exitUsage, says)
		}
	}
	if got := keptIn(t, data); len(got) != 3 {
		t.Errorf("kept are %q", got)
	}
}

func undeliveredCommands(file string) [][]string {
	return [][]string{{"undelivered", "list", file}, {"undelivered", "resend", file}, {"undelivered", "drop", file, "--all"}}
}

func TestUndeliveredWhileAnEngineRuns(t *testing.T) {
	file, data := noticesIn(t, notices())
	engine, err := datadir.Open(data)
	if err != nil {
		t.Fatal(err)
	}
	defer engine.Close()
	for _, args := range undeliveredCommands(file) {
		code, stdout, stderr := command(t, args...)
		if want := fmt.Sprintf("in use by process %d: stop that engine", os.Getpid()); code != exitFailed || !strings.Contains(stderr, want) || stdout != "" {
			t.Errorf("%s: got %d %q %q", args[1], code, stdout, stderr)
		}
		if code, _, stderr := command(t, append(args, "--data-dir", filepath.Join(t.TempDir(), "other"))...); code != 0 {
			t.Errorf("%s in another DataDir: got %d %q", args[1], code, stderr)
		}
	}
}

func TestUndeliveredOfABadFile(t *testing.T) {
	file, data := noticesIn(t, notices())
	whole := read(t, wiring.StorePath(data))
	for text, says := range map[string]string{
		"hello": "not a checkpoint file of esm, and left alone",
		strings.ReplaceAll(whole, "RetryAttempts", "RetryAttempt\x00"): "the checkpoint file is damaged, and left alone",
	} {
		write(t, wiring.StorePath(data), text)
		for _, args := range undeliveredCommands(file) {
			code, stdout, stderr := command(t, args...)
			if code != exitFailed || !strings.Contains(stderr, says) || !strings.Contains(stderr, wiring.StorePath(data)) || stdout != "" {
				t.Errorf("%s: got %d %q %q, want %q", args[1], code, stdout, stderr, says)
			}
			if read(t, wiring.StorePath(data)) != text {
				t.Errorf("%s: the file was written to", args[1])
			}
		}
	}
}

func TestUndeliveredCompletion(t *testing.T) {
	for args, want := range map[string]string{
		"undelivered|list|":                     "yaml\nyml\njson\n:8\n",
		"undelivered|resend|a.yaml|":            ":4\n",
		"undelivered|resend|a.yaml|--endpoint|": "http://localhost:4566\n:4\n",
		"undelivered|drop|a.yaml|--data-dir|":   ":16\n",
	} {
		code, stdout, _ := command(t, append([]string{"__complete"}, strings.Split(args, "|")...)...)
		if code != 0 || stdout != want {
			t.Errorf("%s: got %d %q, want %q", args, code, stdout, want)
		}
	}
}
