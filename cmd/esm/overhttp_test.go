package main

import (
	"context"
	"errors"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/esm-run/esm"
	"github.com/esm-run/esm/cmd/esm/configfile"
	"github.com/esm-run/esm/cmd/esm/wiring"
	"github.com/esm-run/esm/config"
	"github.com/esm-run/esm/mappings"
)

// idle is a runner that runs nothing.
type idle struct{}

func (idle) Run(config.Mapping) (<-chan struct{}, error) { return idle{}.Stop(""), nil }

func (idle) Stop(string) <-chan struct{} {
	done := make(chan struct{})
	close(done)
	return done
}

// openRegister opens the mappings of a file and of a store, as an engine does. It forgets no positions of deleted mappings,
// as if the engine were killed before.
func openRegister(t *testing.T, file string, store esm.Documents) *mappings.Register {
	t.Helper()
	loaded, report := configfile.Load(file, configfile.Overrides{})
	if report.Err() != nil {
		t.Fatal(report)
	}
	r, _, err := mappings.Open(t.Context(), mappings.Config{
		File: loaded.Mappings, Store: store, Runner: idle{}, Now: time.Now,
		Check:                func(context.Context, config.Mapping, *config.Mapping) error { return nil },
		Forget:               func(context.Context, string) error { return errors.New("killed") },
		FunctionArn:          func(m config.Mapping) string { return wiring.FunctionARN(loaded, m) },
		LastProcessingResult: func(string) string { return "" },
		Retrying:             func(config.Mapping, error) {},
	})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// changedOverHTTP writes streamsFile, and over HTTP makes a mapping of a stream and one of a queue, changes that of carts and
// deletes timedID. The mapping made of the stream and that of carts have nowQueue as destination.
func changedOverHTTP(t *testing.T) (file, data, made string) {
	t.Helper()
	file, data = streamsIn(t)
	db := openDB(t, data)
	r := openRegister(t, file, db)
	to := &config.DestinationConfig{OnFailure: config.OnFailure{Destination: nowQueue}}
	m, err := r.Create(t.Context(), config.Mapping{
		FunctionName: "f:made", EventSourceArn: "arn:aws:kinesis:us-east-1:000000000000:stream/orders",
		StartingPosition: config.AtTimestamp, StartingPositionTimestamp: seenAt, DestinationConfig: to,
	})
	_, errQueue := r.Create(t.Context(), config.Mapping{FunctionName: "f:q", EventSourceArn: oldQueue})
	_, errUpdate := r.Update(t.Context(), cartsID, func(m config.Mapping) (config.Mapping, error) {
		m.FunctionName, m.DestinationConfig = "f:new", to
		return m, nil
	})
	_, errDelete := r.Delete(t.Context(), timedID)
	r.Close()
	if err := errors.Join(err, errQueue, errUpdate, errDelete, db.Close()); err != nil {
		t.Fatal(err)
	}
	save(t, data, map[string]string{clicksID: "16", m.UUID: "31", timedID: "", goneID: "5"})
	return file, data, m.UUID
}

// documentsOf returns what is stored of mappings in a DataDir.
func documentsOf(t *testing.T, data string) map[string][]byte {
	t.Helper()
	db := openDB(t, data)
	defer db.Close()
	stored, err := db.Documents(t.Context(), "mappings")
	if err != nil || len(stored) == 0 {
		t.Fatalf("stored is %v, %v", stored, err)
	}
	return stored
}

func TestPositionAndUndeliveredOverHTTP(t *testing.T) {
	file, data, made := changedOverHTTP(t)
	before := documentsOf(t, data)
	const head = "MAPPING SHARD POSITION DRAINED PENDING RUNS WINDOW\n"
	removed := timedID + " (removed) shardId-000 at its StartingPosition - - -\n"
	for args, want := range map[string]string{
		"": head + "f ← clicks shardId-000 after 16 - - -\nf:new ← carts (changed over HTTP) - not begun - - -\ng:live ← clicks - not begun - - -\n" +
			"f:made ← orders (created over HTTP) shardId-000 after 31 - - -\n" + removed + goneID + " (removed) shardId-000 after 5 - - -\n",
		"--mapping f": head + "f ← clicks shardId-000 after 16 - - -\nf:new ← carts (changed over HTTP) - not begun - - -\n" +
			"f:made ← orders (created over HTTP) shardId-000 after 31 - - -\n",
		"--mapping " + timedID: head + removed,
	} {
		code, got, stderr := command(t, append([]string{"position", "list", file}, strings.Fields(args)...)...)
		if code != 0 || !slices.Equal(strings.Fields(got), strings.Fields(want)) {
			t.Errorf("%s: got %d\n%s%s\nwant\n%s", args, code, got, stderr, want)
		}
	}
	for args, says := range map[string]string{
		"set FILE --mapping f:made --shard shardId-000 --after 12": "shard shardId-000 of f:made ← orders (created over HTTP): was after 31, is after 12",
		"reset FILE --mapping " + timedID:                          timedID + " (removed) has no positions any more",
	} {
		words := strings.Fields(strings.ReplaceAll(args, "FILE", file))
		if code, _, stderr := command(t, append([]string{"position"}, words...)...); code != 0 || !strings.Contains(stderr, says) {
			t.Errorf("%s: got %d\n%s\nwant %q", args, code, stderr, says)
		}
	}
	keep(t, data, made, cartsID, timedID)
	code, got, stderr := command(t, "undelivered", "resend", file, "--endpoint", anyQueue(t))
	for _, want := range []string{"one sent to " + nowQueue, "two sent to " + nowQueue, "three sent to " + oldQueue} {
		if code != 0 || !strings.Contains(got, want) || keptIn(t, data) != "" {
			t.Errorf("got %d\n%s%s\nwant %q", code, got, stderr, want)
		}
	}
	if after := documentsOf(t, data); !reflect.DeepEqual(after, before) {
		t.Errorf("what is stored of the mappings has changed from %s to %s", before, after)
	}
}
