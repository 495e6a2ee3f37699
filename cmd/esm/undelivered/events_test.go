package undelivered

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/esm-run/esm"
	"github.com/esm-run/esm/checkpoint/checkpointtest"
	"github.com/esm-run/esm/cmd/esm/configfile"
	"github.com/esm-run/esm/cmd/esm/configfile/configfiletest"
	"github.com/esm-run/esm/cmd/esm/datadir"
	"github.com/esm-run/esm/cmd/esm/settings"
	"github.com/esm-run/esm/cmd/esm/wiring"
	"github.com/esm-run/esm/config"
	"github.com/esm-run/esm/destinations"
)

func sorted(list []string) string {
	slices.Sort(list)
	return strings.Join(list, " ")
}

// ended is the notice of an asynchronous event of a function.
func ended(id, function string, condition esm.Condition) esm.Notice {
	return esm.Notice{
		ID: id, Time: time.Date(2026, 5, 6, 7, 8, 9, 0, time.UTC), RequestID: "request-" + id, FunctionArn: function, Condition: condition, Invokes: 3,
		Response: &esm.NoticeResponse{Status: 200, Version: "$LATEST", Fault: "Unhandled"},
		Event:    &esm.EventEnd{Response: json.RawMessage("not JSON"), Error: "no", TraceHeader: "Root=1"},
		Payload:  json.RawMessage(`{"a":1}`),
	}
}

func letter(id, function string) esm.Notice {
	n := ended(id, function, esm.RetriesExhausted)
	n.Event.DeadLetter = true
	return n
}

// keepingAll returns a store that keeps notices for oldQueue.
func keepingAll(t *testing.T, notices ...esm.Notice) *checkpointtest.Memory {
	t.Helper()
	store := &checkpointtest.Memory{}
	for _, n := range notices {
		if err := store.Keep(t.Context(), n, oldQueue, "denied"); err != nil {
			t.Fatal(err)
		}
	}
	return store
}

func TestEventsInTable(t *testing.T) {
	var out strings.Builder
	store := keepingAll(t, ended("one", function+"f:live", esm.Success), letter("two", function+"f:$LATEST"))
	if err := WriteTable(&out, store.Undelivered(t.Context()), nil); err != nil {
		t.Fatal(err)
	}
	for i, want := range []string{
		"ID KEPT MAPPING OR FUNCTION SHARD OR REQUEST RECORDS CONDITION DESTINATION REASON",
		" f:live request-one - Success " + oldQueue + " denied",
		" f:$LATEST request-two - RetriesExhausted (dead letter) " + oldQueue + " denied",
	} {
		if got := strings.Join(strings.Fields(strings.Split(out.String(), "\n")[i]), " "); !strings.HasSuffix(got, want) {
			t.Errorf("line %d: got %q, want %q", i+1, got, want)
		}
	}
}

func TestEventsInJSON(t *testing.T) {
	structured := letter("two", function+"f")
	structured.Event.Response = json.RawMessage(`{"errorMessage":"no"}`)
	silent := ended("three", function+"f", esm.EventAgeExceeded)
	silent.Event.Response = nil
	store := keepingAll(t, ended("one", function+"f", esm.Success), structured, silent)
	for _, payload := range []bool{false, true} {
		var out strings.Builder
		if err := WriteJSON(&out, store.Undelivered(t.Context()), payload); err != nil {
			t.Fatal(err)
		}
		dec := json.NewDecoder(strings.NewReader(out.String()))
		for i, want := range []string{`"not JSON"`, `{"errorMessage":"no"}`, ""} {
			var got Document
			if err := dec.Decode(&got); err != nil {
				t.Fatalf("%v\n%s", err, &out)
			}
			if !payload {
				want = ""
			}
			if string(got.ResponsePayload) != want || (string(got.Payload) == `{"a":1}`) != payload {
				t.Errorf("%s: payload %s, response %s", got.ID, got.Payload, got.ResponsePayload)
			}
			if got.RequestId != "request-"+got.ID || got.Mapping+got.ShardId+got.EventSourceArn != "" || got.FunctionArn != function+"f" ||
				got.Error != "no" || got.TraceHeader != "Root=1" || got.DeadLetter != (i == 1) || got.Invokes != 3 {
				t.Errorf("got %+v", got)
			}
		}
	}
}

// anyQueues is an endpoint of SQS that has every queue and notes the queues that messages came for.
type anyQueues struct {
	mu  sync.Mutex
	got []string
}

func (q *anyQueues) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var in struct{ QueueName, QueueUrl, MessageBody string }
	_ = json.NewDecoder(r.Body).Decode(&in)
	w.Header().Set("Content-Type", "application/x-amz-json-1.0")
	fmt.Fprintf(w, `{"QueueUrl":"http://%s/000000000000/%s","MessageId":"m"}`, r.Host, in.QueueName)
	if in.MessageBody == "" {
		return
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	q.got = append(q.got, in.QueueUrl[strings.LastIndex(in.QueueUrl, "/")+1:])
}

// asyncFile returns a file whose function f has all destinations. Its functions report and g have none.
func asyncFile(t *testing.T, endpoint string) *configfile.File {
	t.Helper()
	const queue = "arn:aws:sqs:us-east-1:000000000000:"
	return configfiletest.Load(t, `Aws: {Endpoint: "`+endpoint+`", Region: us-east-1}
Functions:
  f:
    Command: [/bin/true]
    EventInvokeConfig: {DestinationConfig: {OnSuccess: {Destination: "`+function+`report"}, OnFailure: {Destination: "`+queue+`failures"}}}
    DeadLetterConfig: {TargetArn: "`+queue+`letters"}
  g: {Command: [/bin/true]}
  report: {Command: [/bin/true]}
`)
}

// A notice of an event goes to the destination that its function has now. Those of other qualifiers have none in the file.
func TestResendEvents(t *testing.T) {
	for name, c := range map[string]struct {
		notice esm.Notice
		to     string // the queue
		err    string
	}{
		"a failure":                {ended("n", function+"f:$LATEST", esm.RetriesExhausted), "failures", ""},
		"a failure, unqualified":   {ended("n", function+"f", esm.ZeroReservedConcurrency), "failures", ""},
		"a failure of an alias":    {ended("n", function+"f:live", esm.RetriesExhausted), "old", ""},
		"a dead letter":            {letter("n", function+"f:$LATEST"), "letters", ""},
		"a dead letter, alias":     {letter("n", function+"f:live"), "letters", ""},
		"a success, none":          {ended("n", function+"g:$LATEST", esm.Success), "old", ""},
		"a function that is gone":  {ended("n", function+"gone:$LATEST", esm.RetriesExhausted), "old", ""},
		"no destination at all":    {ended("nowhere", function+"gone:$LATEST", esm.RetriesExhausted), "", "its function had no destination when the event ended"},
		"a destination of another": {letter("bucket", function+"g:$LATEST"), "", "cannot be a destination: give the ARN of a standard SQS queue or a standard SNS topic"},
	} {
		q, store := &anyQueues{}, &checkpointtest.Memory{}
		server := httptest.NewServer(q)
		to := map[string]string{"n": oldQueue, "bucket": "arn:aws:s3:::letters"}[c.notice.ID]
		if err := store.Keep(t.Context(), c.notice, to, "denied"); err != nil {
			t.Fatal(err)
		}
		var out strings.Builder
		err := Resend(t.Context(), asyncFile(t, server.URL), &datadir.Store{Store: store}, Selection{All: true}, &out)
		server.Close()
		if got := sorted(q.got); got != c.to || (err != nil) != (c.err != "") || !strings.Contains(out.String(), c.err) || (idsOf(t, store) == "") != (err == nil) {
			t.Errorf("%s: got %q, %v\n%s\nwant %q, %q", name, got, err, &out, c.to, c.err)
		}
	}
}

// A destination that HTTP has set is one that a function has now, with whatever qualifier.
func TestResendToDestinationsSetOverHTTP(t *testing.T) {
	for name, c := range map[string]struct {
		set      string // over HTTP
		function string // of the notice
		to       string
	}{
		"of the file":       {"f", "f:$LATEST", "http"},
		"of an alias":       {"f:live", "f:live", "http"},
		"of a version":      {"g:7", "g:7", "http"},
		"none of the other": {"f:live", "f:$LATEST", "failures"},
	} {
		q, store := &anyQueues{}, keepingAll(t, ended("n", function+c.function, esm.RetriesExhausted))
		server := httptest.NewServer(q)
		file := asyncFile(t, server.URL)
		set, _, err := settings.Open(t.Context(), settings.Config{File: file, Store: store})
		if err != nil {
			t.Fatal(err)
		}
		overHTTP := &config.EventInvokeConfig{}
		overHTTP.DestinationConfig.OnFailure.Destination = "arn:aws:sqs:us-east-1:000000000000:http"
		if _, err := set.EventInvoke.Change(t.Context(), c.set, func(*config.EventInvokeConfig) (*config.EventInvokeConfig, error) { return overHTTP, nil }); err != nil {
			t.Fatal(err)
		}
		err = Resend(t.Context(), file, &datadir.Store{Store: store}, Selection{All: true}, io.Discard)
		server.Close()
		if got := sorted(q.got); got != c.to || err != nil {
			t.Errorf("%s: sent to %q, %v, want %q", name, got, err, c.to)
		}
	}
}

// Without an engine, the event for a function of the file waits in the data directory for the next one. It has the same request
// ID when a notice is sent again because dropping it has failed.
func TestResendToFunctionOfTheFile(t *testing.T) {
	file := asyncFile(t, "embedded") // whose stand-in is not needed
	file.Engine.DataDir = t.TempDir()
	store := keepingAll(t, ended("one", function+"f:$LATEST", esm.Success), ended("two", function+"f", esm.Success))
	full := errors.New("no space left on device")
	store.DropFaults = checkpointtest.InTurn(checkpointtest.Fault{Err: full}, checkpointtest.Fault{Err: full})
	for life := range 2 {
		if err := Resend(t.Context(), file, &datadir.Store{Store: store}, Selection{All: true}, io.Discard); (err != nil) != (life == 0) {
			t.Fatalf("life %d: got %v", life, err)
		}
	}
	events, err := wiring.OpenEvents(file.Engine.DataDir)
	if err != nil {
		t.Fatal(err)
	}
	defer events.Close()
	ids := map[string]int{}
	for e, err := range events.List(t.Context(), "report") {
		if err != nil || e.Function != "report" || time.Since(e.Accepted) > time.Hour || e.Due.After(time.Now()) ||
			!strings.Contains(string(e.Payload), `"condition":"Success","approximateInvokeCount":3},"requestPayload":{"a":1},`) {
			t.Fatalf("got %+v, %v", e, err)
		}
		ids[e.ID]++
	}
	if len(ids) != 2 || idsOf(t, store) != "" {
		t.Errorf("the request IDs are %v, want two, each twice; kept are %s", ids, idsOf(t, store))
	}
	for id, n := range ids {
		if n != 2 {
			t.Errorf("request %s is there %d times, want 2", id, n)
		}
	}
}

// A queue that cannot be opened, or is full, keeps notices where they are.
func TestQueueFaults(t *testing.T) {
	full := errors.New("no space left on device")
	memory := &checkpointtest.MemoryEvents{}
	tries := 0
	q := &queue{open: func() (esm.Events, error) {
		if tries++; tries == 1 {
			return nil, full
		}
		return memory, nil
	}}
	d := destinationOf(t, q)
	for i, want := range []error{full, nil, nil} {
		if err := d.Send(t.Context(), ended("one", function+"f", esm.Success)); !errors.Is(err, want) {
			t.Errorf("try %d: got %v, want %v", i+1, err, want)
		}
	}
	if err := q.Close(); err != nil || tries != 2 {
		t.Errorf("got %v after %d tries to open it", err, tries)
	}
	if err := (&queue{}).Close(); err != nil {
		t.Errorf("one that was never opened: %v", err)
	}
}

func destinationOf(t *testing.T, acceptor esm.Acceptor) destinations.Reachable {
	t.Helper()
	d := wiring.Destinations{File: asyncFile(t, "embedded"), Acceptor: acceptor}
	opened, err := d.Reachable(t.Context(), function+"report", destinations.OriginOf(ended("one", function+"f", esm.Success)))
	if err != nil {
		t.Fatal(err)
	}
	return opened
}
