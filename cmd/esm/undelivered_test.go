package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/esm-run/esm"
	"github.com/esm-run/esm/cmd/esm/datadir"
	"github.com/esm-run/esm/cmd/esm/undelivered"
	"github.com/esm-run/esm/cmd/esm/wiring"
)

const (
	oldQueue = "arn:aws:sqs:us-east-1:000000000000:old"
	nowQueue = "arn:aws:sqs:us-east-1:000000000000:now"
)

// keep stores the notices one, two and so on, for oldQueue, each of a mapping.
func keep(t *testing.T, data string, mappings ...string) {
	t.Helper()
	db := openDB(t, data)
	defer db.Close()
	for i, mapping := range mappings {
		n := esm.Notice{
			ID: []string{"one", "two", "three"}[i], Mapping: mapping, Time: seenAt, Condition: "RetryAttemptsExhausted",
			FunctionArn: "arn:aws:lambda:us-east-1:000000000000:function:" + []string{"f", "g:live", "f:old"}[i],
			Stream:      &esm.StreamBatch{Source: "arn:aws:kinesis:us-east-1:000000000000:stream/clicks", Shard: "shardId-000", Size: 1}, Payload: []byte(`{}`),
		}
		if err := db.Keep(t.Context(), n, oldQueue, "denied"); err != nil {
			t.Fatal(err)
		}
	}
}

// keptIn lists the IDs of the notices that a DataDir keeps.
func keptIn(t *testing.T, data string) string {
	t.Helper()
	db := openDB(t, data)
	defer db.Close()
	ids, err := undelivered.Selection{All: true}.Find(db.Undelivered(t.Context()))
	if err != nil {
		t.Fatal(err)
	}
	return strings.Join(ids, " ")
}

// anyQueue returns the address of an endpoint of SQS that has every queue and accepts every message.
func anyQueue(t *testing.T) string {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/x-amz-json-1.0")
		fmt.Fprintf(w, `{"QueueUrl":"http://%s/000000000000/q","MessageId":"m"}`, r.Host)
	}))
	t.Cleanup(server.Close)
	return server.URL
}

func TestUndelivered(t *testing.T) {
	endpoint := " --endpoint " + anyQueue(t)
	for _, c := range []struct {
		args string
		code int
		says string
		kept string
	}{
		{"list FILE", 0, "g:live ← clicks", "one two three"},
		{"list FILE --json", 0, `"ID":"two",`, "one two three"},
		{"list FILE --json --payload", 0, `"Payload":{}`, "one two three"},
		{"resend FILE" + endpoint, 0, "two sent to " + oldQueue + "\n", ""},
		{"resend FILE --all" + endpoint, 0, "two sent to " + oldQueue + "\n", ""},
		{"resend FILE two" + endpoint, 0, "two sent to " + oldQueue + "\n", "one three"},
		{"list FILE --json --function f", 0, `"ID":"three",`, "one two three"},
		{"list FILE --function h", 0, "there are no undelivered notices\n", "one two three"},
		{"resend FILE --function g" + endpoint, 0, "two sent to " + oldQueue + "\n", "one three"},
		{"drop FILE --function f", 0, "dropped notices: 2\n", "two"},
		{"resend FILE two", exitFailed, "Aws.Endpoint embedded: the stand-in runs only with the engine", "one two three"},
		{"drop FILE two", 0, "dropped notices: 1\n", "one three"},
		{"drop FILE two one two", 0, "dropped notices: 2\n", "three"},
		{"drop FILE --all", 0, "dropped notices: 3\n", ""},
	} {
		file, data := streamsIn(t)
		keep(t, data, clicksID, latestID, goneID)
		words := strings.Fields(strings.ReplaceAll(c.args, "FILE", file))
		code, stdout, stderr := command(t, append([]string{"undelivered"}, words...)...)
		if code != c.code || !strings.Contains(stdout, c.says) || (stderr == "") != (code == 0) || strings.Contains(stdout, "Payload") != strings.Contains(c.says, "Payload") {
			t.Errorf("%s: got %d\n%s%s\nwant %q", c.args, code, stdout, stderr, c.says)
		}
		if got := keptIn(t, data); got != c.kept {
			t.Errorf("%s: kept are %q, want %q", c.args, got, c.kept)
		}
	}
}

func TestUntilSignal(t *testing.T) {
	ctx, end := untilSignal(t.Context())
	defer end()
	send(t, syscall.SIGINT)
	if err := ends(t, "ctx", ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("ctx ends with %v", err)
	}
}

// storeCommands returns the commands that open the store of a DataDir, with arguments that are right.
func storeCommands(file string) [][]string {
	return [][]string{
		{"position", "list", file},
		{"position", "set", file, "--mapping", clicksID, "--shard", "shardId-000", "--after", "12", "--force"},
		{"position", "reset", file, "--mapping", clicksID},
		{"undelivered", "list", file},
		{"undelivered", "resend", file},
		{"undelivered", "drop", file, "--all"},
	}
}

func TestPositionAndUndeliveredWhileAnEngineRuns(t *testing.T) {
	file, data := streamsIn(t)
	save(t, data, map[string]string{clicksID: "16"})
	engine, err := datadir.Open(data)
	if err != nil {
		t.Fatal(err)
	}
	defer engine.Close()
	for _, args := range storeCommands(file) {
		code, stdout, stderr := command(t, args...)
		want := fmt.Sprintf("esm: data directory %s: in use by process %d: stop that engine", data, os.Getpid())
		if code != exitFailed || !strings.Contains(stderr, want) || stdout != "" {
			t.Errorf("%s: got %d %q %q, want %q", args[:2], code, stdout, stderr, want)
		}
		other := filepath.Join(t.TempDir(), "other")
		if code, _, stderr := command(t, append(args, "--data-dir", other)...); code != 0 {
			t.Errorf("%s in another DataDir: got %d %q", args[:2], code, stderr)
		}
	}
}

func TestPositionAndUndeliveredOfABadFile(t *testing.T) {
	file, data := streamsIn(t)
	save(t, data, map[string]string{clicksID: "16"})
	keep(t, data, clicksID)
	store := wiring.StorePath(data)
	damaged := strings.NewReplacer("shardId-000", "shardId-0\x00!", "RetryAttempts", "RetryAttempt\x00").Replace(read(t, store))
	for text, says := range map[string]string{
		"":      "not a checkpoint file of esm, and left alone",
		"hello": "not a checkpoint file of esm, and left alone",
		damaged: "the checkpoint file is damaged, and left alone",
	} {
		write(t, store, text)
		for _, args := range storeCommands(file) {
			code, stdout, stderr := command(t, args...)
			if code != exitFailed || !strings.Contains(stderr, says) || !strings.Contains(stderr, store) || stdout != "" || read(t, store) != text {
				t.Errorf("%s: got %d %q %q, want %q", args[:2], code, stdout, stderr, says)
			}
		}
	}
}

// Mappings that a later release has stored are not guessed at. Notices can be dropped all the same.
func TestPositionAndUndeliveredOfALaterRelease(t *testing.T) {
	file, data := streamsIn(t)
	keep(t, data, clicksID)
	db := openDB(t, data)
	if err := errors.Join(db.Write(t.Context(), "mappings", map[string][]byte{goneID: []byte(`{"Colour":"red"}`)}), db.Close()); err != nil {
		t.Fatal(err)
	}
	for _, args := range storeCommands(file) {
		code, _, stderr := command(t, args...)
		if slices.Contains(args, "drop") {
			if code != 0 {
				t.Errorf("%s: got %d %s", args[:2], code, stderr)
			}
		} else if code != exitFailed || !strings.Contains(stderr, "mapping "+goneID+": not written by this release") {
			t.Errorf("%s: got %d %s", args[:2], code, stderr)
		}
	}
}
