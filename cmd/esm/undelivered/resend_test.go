package undelivered

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"path"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/esm-run/esm"
	"github.com/esm-run/esm/checkpoint/checkpointtest"
	"github.com/esm-run/esm/cmd/esm/configfile"
	"github.com/esm-run/esm/cmd/esm/configfile/configfiletest"
	"github.com/esm-run/esm/cmd/esm/datadir"
	"github.com/esm-run/esm/cmd/esm/logging"
)

const (
	oldQueue   = "arn:aws:sqs:us-east-1:000000000000:old"
	nowQueue   = "arn:aws:sqs:us-east-1:000000000000:now" // the destination that clicksID has now
	badQueue   = "arn:aws:sqs:us-east-1:000000000000:bad"
	stuckQueue = "arn:aws:sqs:us-east-1:000000000000:stuck"
)

// queues are an endpoint of SQS. The queue "bad" does not exist, and "stuck" never answers.
type queues struct {
	url   string
	mu    sync.Mutex
	got   []string      // the queues that messages came for
	stuck chan struct{} // gets one for each message that "stuck" gets
}

func newQueues(t *testing.T) *queues {
	t.Helper()
	q := &queues{stuck: make(chan struct{}, 1)}
	server := httptest.NewServer(q)
	t.Cleanup(server.Close)
	q.url = server.URL
	return q
}

func (q *queues) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var in struct{ QueueName, QueueUrl, MessageBody string }
	_ = json.NewDecoder(r.Body).Decode(&in)
	w.Header().Set("Content-Type", "application/x-amz-json-1.0")
	switch name := path.Base(in.QueueName + in.QueueUrl); {
	case name == "bad":
		w.WriteHeader(http.StatusBadRequest)
		fmt.Fprint(w, `{"__type":"com.amazonaws.sqs#QueueDoesNotExist","message":"no such queue"}`)
	case in.QueueName != "":
		fmt.Fprintf(w, `{"QueueUrl":%q}`, q.url+"/000000000000/"+name)
	case name == "stuck":
		q.stuck <- struct{}{}
		<-r.Context().Done()
	case strings.Contains(in.MessageBody, `"KinesisBatchInfo"`):
		q.mu.Lock()
		defer q.mu.Unlock()
		q.got = append(q.got, name)
		fmt.Fprint(w, `{"MessageId":"m"}`)
	}
}

// fileWith returns a mappings file in which one mapping has a destination.
func fileWith(t *testing.T, endpoint string) *configfile.File {
	t.Helper()
	return configfiletest.Load(t, `Aws: {Endpoint: "`+endpoint+`"}
Functions: {f: {Command: [/bin/true]}}
EventSourceMappings:
  - {UUID: `+clicksID+`, FunctionName: f, EventSourceArn: "arn:aws:kinesis:us-east-1:000000000000:stream/clicks", StartingPosition: LATEST,
     DestinationConfig: {OnFailure: {Destination: "`+nowQueue+`"}}}
  - {UUID: `+viewsID+`, FunctionName: f, EventSourceArn: "arn:aws:kinesis:us-east-1:000000000000:stream/views", StartingPosition: LATEST}
`)
}

// idsOf returns the IDs of the notices that are kept.
func idsOf(t *testing.T, store *checkpointtest.Memory) string {
	t.Helper()
	ids, err := Selection{All: true}.Find(store.Undelivered(t.Context()))
	if err != nil {
		t.Fatal(err)
	}
	return strings.Join(ids, " ")
}

// A notice goes to the destination that its mapping has now, or to its own. One that is not accepted is kept.
func TestResend(t *testing.T) {
	for _, c := range []struct {
		endpoint string // if another than that of queues
		third    string // the destination of the third notice
		wanted   Selection
		kept     string
		sent     string
		err      string
		out      string
	}{
		{"", oldQueue, Selection{All: true}, "", "now old old", "", "one sent to " + nowQueue + "\n"},
		{"", oldQueue, Selection{IDs: []string{"two"}}, "one three", "old", "", "two sent to " + oldQueue + "\n"},
		{"", oldQueue, Selection{IDs: []string{"three", "one", "three"}}, "two", "now old", "", ""},
		{"", oldQueue, Selection{IDs: []string{"one", "four"}}, "one two three", "", "there is no undelivered notice four", ""},
		{"", badQueue, Selection{All: true}, "three", "now old", "1 of 3 notices could not be sent", "three kept: " + badQueue + ": "},
		{"", badQueue, Selection{IDs: []string{"three"}}, "one two three", "", "1 of 1 notices could not be sent", ""},
		{"", oldQueue + ".fifo", Selection{IDs: []string{"three"}}, "one two three", "", "1 of 1 notices could not be sent", "is FIFO"}, // of an older file
		{"embedded", oldQueue, Selection{All: true}, "one two three", "", "3 of 3 notices could not be sent", "Aws.Endpoint embedded: the stand-in runs only with the engine"},
	} {
		q, store := newQueues(t), keeping(t, oldQueue, oldQueue, c.third)
		var out strings.Builder
		err := Resend(t.Context(), fileWith(t, cmp.Or(c.endpoint, q.url)), &datadir.Store{Store: store}, c.wanted, &out)
		if (err != nil) != (c.err != "") || err != nil && !strings.Contains(err.Error(), c.err) || !strings.Contains(out.String(), c.out) {
			t.Errorf("%+v: got %v\n%s\nwant %q, %q", c.wanted, err, &out, c.err, c.out)
		}
		slices.Sort(q.got)
		if kept, sent := idsOf(t, store), strings.Join(q.got, " "); kept != c.kept || sent != c.sent {
			t.Errorf("%+v: kept are %q, sent to %q; want %q, %q", c.wanted, kept, sent, c.kept, c.sent)
		}
	}
}

func TestResendStops(t *testing.T) {
	q, store := newQueues(t), keeping(t, oldQueue, oldQueue, stuckQueue)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	out := make(lines, 3)
	go func() {
		<-q.stuck
		<-out
		<-out // the first two are sent
		cancel()
	}()
	err := Resend(ctx, fileWith(t, q.url), &datadir.Store{Store: store}, Selection{All: true}, out)
	if want := "stopped: 2 of 3 notices were sent, the rest is still kept"; err == nil || err.Error() != want || idsOf(t, store) != "three" {
		t.Errorf("got %v, want %s; kept are %s", err, want, idsOf(t, store))
	}
}

// lines is a writer that sends what is written.
type lines chan string

func (l lines) Write(p []byte) (int, error) {
	l <- string(p)
	return len(p), nil
}

// A process that ends between sending and dropping, or just does not learn that it dropped, repeats a notice and loses none.
func TestResenderBetweenSendAndDrop(t *testing.T) {
	full := errors.New("no space left on device")
	for _, done := range []bool{false, true} {
		store := keeping(t, oldQueue, oldQueue, oldQueue)
		store.DropFaults = checkpointtest.InTurn(checkpointtest.Fault{Err: full, Done: done})
		d, out := &accepting{}, &strings.Builder{}
		for life := range 2 {
			r := resenderTo(d, store, out)
			err := r.run(t.Context(), store.Undelivered(t.Context()), Selection{All: true})
			if err == nil {
				err = r.result(t.Context(), 3)
			}
			if (err != nil) != (life == 0) || life == 0 && !strings.Contains(out.String(), "sent, and will be sent again: ") {
				t.Errorf("done %v, life %d: got %v\n%s", done, life, err, out)
			}
			store = store.Reopen()
		}
		slices.Sort(d.got)
		if want := map[bool]int{true: 3, false: 4}[done]; len(d.got) != want || len(slices.Compact(d.got)) != 3 || idsOf(t, store) != "" {
			t.Errorf("done %v: sent were %q, want %d; kept are %q", done, d.got, want, idsOf(t, store))
		}
	}
}

// At most concurrency notices are sent at once.
func TestResenderIsBounded(t *testing.T) {
	store, d := &checkpointtest.Memory{}, &accepting{}
	for i := range 5 * concurrency {
		if err := store.Keep(t.Context(), esm.Notice{ID: fmt.Sprint(i)}, oldQueue, ""); err != nil {
			t.Fatal(err)
		}
	}
	r := resenderTo(d, store, io.Discard)
	if err := r.run(t.Context(), store.Undelivered(t.Context()), Selection{All: true}); err != nil || r.result(t.Context(), 5*concurrency) != nil {
		t.Fatal(err)
	}
	if d.most > concurrency || r.sent.Load() != 5*concurrency {
		t.Errorf("sent were %d, at most %d at once", r.sent.Load(), d.most)
	}
}

func resenderTo(d esm.Destination, store *checkpointtest.Memory, w io.Writer) *resender {
	return &resender{
		to:   func(context.Context, esm.UndeliveredNotice) address { return address{arn: oldQueue, destination: d} },
		drop: func(ctx context.Context, id string) error { return store.Drop(ctx, id) },
		w:    &logging.LockedWriter{W: w},
	}
}

// accepting is a destination that accepts every notice.
type accepting struct {
	mu        sync.Mutex
	got       []string
	now, most int // being sent at once
}

func (d *accepting) Send(_ context.Context, n esm.Notice) error {
	d.enter(1)
	defer d.enter(-1)
	d.mu.Lock()
	defer d.mu.Unlock()
	d.got = append(d.got, n.ID)
	return nil
}

func (d *accepting) enter(by int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.now += by
	d.most = max(d.most, d.now)
}
