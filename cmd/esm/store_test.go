package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/esm-run/esm"
	"github.com/esm-run/esm/checkpoint"
	"github.com/esm-run/esm/cmd/esm/configfile"
	"github.com/esm-run/esm/cmd/esm/datadir"
	"github.com/esm-run/esm/cmd/esm/wiring"
	"github.com/esm-run/esm/config"
	"github.com/esm-run/esm/mappings"
)

// The UUIDs of the mappings of streamsFile, and of one that is not in it.
const (
	clicksID = "00000000-0000-4000-8000-000000000001"
	cartsID  = "00000000-0000-4000-8000-000000000002"
	latestID = "00000000-0000-4000-8000-000000000003"
	viewsID  = "00000000-0000-4000-8000-000000000004"
	goneID   = "00000000-0000-4000-8000-00000000000f"
)

// ARNs of sources and destinations.
const (
	cartsARN  = "arn:aws:dynamodb:us-east-1:000000000000:table/carts/stream/2026-03-04T05:06:07.000"
	viewsARN  = "arn:aws:kinesis:us-east-1:000000000000:stream/views"
	ordersARN = "arn:aws:kinesis:us-east-1:000000000000:stream/orders"
	oldQueue  = "arn:aws:sqs:us-east-1:000000000000:old"
	nowQueue  = "arn:aws:sqs:us-east-1:000000000000:now"
	badQueue  = "arn:aws:sqs:us-east-1:000000000000:bad"
)

const streamsFile = `Aws: {Endpoint: embedded}
Functions: {f: {Command: [/bin/true]}, g: {Command: [/bin/true]}}
EventSourceMappings:
  - UUID: ` + clicksID + `
    FunctionName: f
    EventSourceArn: arn:aws:kinesis:us-east-1:000000000000:stream/clicks
    StartingPosition: TRIM_HORIZON
    DestinationConfig: {OnFailure: {Destination: "` + nowQueue + `"}}
  - {UUID: ` + cartsID + `, FunctionName: g, EventSourceArn: "` + cartsARN + `", StartingPosition: TRIM_HORIZON}
  - {UUID: ` + latestID + `, FunctionName: "g:live", EventSourceArn: "arn:aws:kinesis:us-east-1:000000000000:stream/clicks", StartingPosition: LATEST}
  - {UUID: ` + viewsID + `, FunctionName: f, EventSourceArn: "` + viewsARN + `", StartingPosition: AT_TIMESTAMP, StartingPositionTimestamp: "2026-01-02T03:04:05Z"}
  - {FunctionName: g, EventSourceArn: "arn:aws:sqs:us-east-1:000000000000:orders"}
`

var seenAt = time.Date(2026, 5, 6, 7, 8, 9, 0, time.UTC)

// stored is streamsFile with a data directory.
type stored struct {
	file, data string
	made       string // the UUID of the mapping that was created over HTTP, if any
}

// newStored writes streamsFile. Its data directory does not exist.
func newStored(t *testing.T) stored {
	t.Helper()
	dir := t.TempDir()
	s := stored{file: filepath.Join(dir, "mappings.yaml"), data: filepath.Join(dir, ".esm")}
	write(t, s.file, streamsFile)
	return s
}

func (s stored) open(t *testing.T) *checkpoint.DB {
	t.Helper()
	db, err := checkpoint.Open(wiring.StorePath(s.data))
	if err != nil {
		t.Fatal(err)
	}
	return db
}

// save saves checkpoints.
func (s stored) save(t *testing.T, rows map[esm.Key]esm.Checkpoint) {
	t.Helper()
	db := s.open(t)
	defer db.Close()
	for k, cp := range rows {
		if _, err := db.Save(t.Context(), k, cp); err != nil {
			t.Fatal(err)
		}
	}
}

// keep keeps notices.
func (s stored) keep(t *testing.T, kept []esm.UndeliveredNotice) {
	t.Helper()
	db := s.open(t)
	defer db.Close()
	for _, u := range kept {
		if err := db.Keep(t.Context(), u.Notice, u.Destination, u.Reason); err != nil {
			t.Fatal(err)
		}
	}
}

// rows returns the checkpoints of a mapping, without versions.
func (s stored) rows(t *testing.T, mapping string) map[string]esm.Checkpoint {
	t.Helper()
	db := s.open(t)
	defer db.Close()
	rows, err := db.All(t.Context(), mapping)
	if err != nil {
		t.Fatal(err)
	}
	for shard, cp := range rows {
		cp.Version = 0
		rows[shard] = cp
	}
	return rows
}

// documents returns what is stored about mappings.
func (s stored) documents(t *testing.T) map[string]string {
	t.Helper()
	db := s.open(t)
	defer db.Close()
	kept, err := db.Documents(t.Context(), "mappings")
	if err != nil || len(kept) == 0 {
		t.Fatalf("stored is %v, %v", kept, err)
	}
	texts := map[string]string{}
	for id, text := range kept {
		texts[id] = string(text)
	}
	return texts
}

// kept lists the IDs of the undelivered notices.
func (s stored) kept(t *testing.T) (ids []string) {
	t.Helper()
	db := s.open(t)
	defer db.Close()
	for u, err := range db.Undelivered(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		ids = append(ids, u.Notice.ID)
	}
	return ids
}

// idle is a runner that runs nothing.
type idle struct{}

func (idle) Run(config.Mapping) (<-chan struct{}, error) { return closed(), nil }
func (idle) Stop(string) <-chan struct{}                 { return closed() }

func closed() <-chan struct{} {
	c := make(chan struct{})
	close(c)
	return c
}

// changeOverHTTP makes an engine create a mapping of a stream and one of a queue, change the mapping of carts and delete that
// of views. The engine is killed before it forgets the positions of views.
func (s *stored) changeOverHTTP(t *testing.T) {
	t.Helper()
	file, report := configfile.Load(s.file, configfile.Overrides{})
	if report.Err() != nil {
		t.Fatal(report)
	}
	db := s.open(t)
	defer db.Close()
	r, _, err := mappings.Open(t.Context(), mappings.Config{
		File: file.Mappings, Store: db, Runner: idle{}, Now: time.Now,
		Check:                func(context.Context, config.Mapping, *config.Mapping) error { return nil },
		Forget:               func(context.Context, string) error { return errors.New("killed") },
		FunctionArn:          func(m config.Mapping) string { return wiring.FunctionARN(file, m) },
		LastProcessingResult: func(string) string { return "" },
		Retrying:             func(config.Mapping, error) {},
	})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	to := &config.DestinationConfig{OnFailure: config.OnFailure{Destination: nowQueue}}
	m, err := r.Create(t.Context(), config.Mapping{
		FunctionName: "f:made", EventSourceArn: ordersARN, StartingPosition: config.AtTimestamp, StartingPositionTimestamp: seenAt, DestinationConfig: to,
	})
	if err != nil {
		t.Fatal(err)
	}
	s.made = m.UUID
	if _, err := r.Create(t.Context(), config.Mapping{FunctionName: "f:q", EventSourceArn: oldQueue}); err != nil {
		t.Fatal(err)
	}
	_, err = r.Update(t.Context(), cartsID, func(m config.Mapping) (config.Mapping, error) {
		m.FunctionName, m.DestinationConfig = "f:new", to
		return m, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.Delete(t.Context(), viewsID); err != nil {
		t.Fatal(err)
	}
}

func row(mapping, shard string) esm.Key { return esm.Key{Mapping: mapping, Shard: shard} }

// storedPositions returns a data directory with positions of every kind of mapping.
func storedPositions(t *testing.T) stored {
	t.Helper()
	s := newStored(t)
	s.changeOverHTTP(t)
	s.save(t, map[esm.Key]esm.Checkpoint{
		row(clicksID, ""):            {Position: "2026-03-04", Since: seenAt},
		row(clicksID, "shardId-000"): {Position: "16", Drained: true},
		row(clicksID, "shardId-001"): {
			Position: "17", Lanes: []string{"18", ""},
			Owed:   []esm.Owed{{ID: "a", First: "18", Last: "19", Tries: 1}, {ID: "b", First: "20", Last: "22", Lane: 1, Tries: 3}},
			Window: &esm.Window{Start: seenAt, State: json.RawMessage(`{"secret":1}`), Final: true, Tries: 2, ID: "w"},
		},
		row(latestID, ""):            {Position: "2026-03-04", Since: seenAt},
		row(latestID, "shardId-000"): {Since: seenAt, Drained: true},
		row(latestID, "shardId-001"): {Since: seenAt, Position: "17", Drained: true},
		row(latestID, "shardId-002"): {Position: "18"},
		row(viewsID, ""):             {Position: "views", Since: seenAt},
		row(viewsID, "shardId-000"):  {Drained: true},
		row(goneID, ""):              {Position: "gone", Since: seenAt},
		row(goneID, "shardId-000"):   {Position: "5"},
		row(s.made, ""):              {Position: "orders", Since: seenAt},
		row(s.made, "shardId-000"):   {Position: "31", Drained: true},
		row(s.made, "shardId-001"):   {},
	})
	return s
}

// storeCommands are the commands that work on a data directory, with arguments that would succeed.
func (s stored) storeCommands() map[string][]string {
	return map[string][]string{
		"position list":      {"position", "list", s.file},
		"position set":       {"position", "set", s.file, "--mapping", clicksID, "--shard", "shardId-001", "--after", "12", "--force"},
		"position reset":     {"position", "reset", s.file, "--mapping", clicksID},
		"undelivered list":   {"undelivered", "list", s.file},
		"undelivered resend": {"undelivered", "resend", s.file},
		"undelivered drop":   {"undelivered", "drop", s.file, "--all"},
	}
}

func TestCommandsWhileAnEngineRuns(t *testing.T) {
	s := storedPositions(t)
	engine, err := datadir.Open(s.data)
	if err != nil {
		t.Fatal(err)
	}
	defer engine.Close()
	for name, args := range s.storeCommands() {
		code, _, stderr := command(t, args...)
		if want := fmt.Sprintf("esm: data directory %s: in use by process %d: stop that engine", s.data, os.Getpid()); code != exitFailed || !strings.Contains(stderr, want) {
			t.Errorf("%s: got %d %q, want %d %q", name, code, stderr, exitFailed, want)
		}
		if code, _, stderr := command(t, append(args, "--data-dir", filepath.Join(t.TempDir(), "other"))...); code != 0 {
			t.Errorf("%s in another DataDir: got %d %q", name, code, stderr)
		}
	}
}

// A file that is not a store, or is damaged, is reported and left as it is.
func TestCommandsOnBadStores(t *testing.T) {
	s := storedPositions(t)
	s.keep(t, notices())
	whole := read(t, wiring.StorePath(s.data))
	const foreign, damaged = "not a checkpoint file of esm, and left alone", "the checkpoint file is damaged, and left alone"
	for _, c := range []struct{ text, commands, says string }{
		{"", "", foreign},
		{"SQLite format 3\x00", "", foreign},
		{strings.Repeat("\x00", 32<<10), "", foreign},
		{strings.ReplaceAll(whole, "shardId-001", "shardId-0\x00!"), "position", damaged},
		{strings.ReplaceAll(whole, "RetryAttempts", "RetryAttempt\x00"), "undelivered", damaged},
	} {
		for name, args := range s.storeCommands() {
			if !strings.HasPrefix(name, c.commands) {
				continue
			}
			write(t, wiring.StorePath(s.data), c.text)
			code, stdout, stderr := command(t, args...)
			if code != exitFailed || !strings.Contains(stderr, c.says) || !strings.Contains(stderr, wiring.StorePath(s.data)) || stdout != "" {
				t.Errorf("%s: got %d %q %q, want %d %q", name, code, stdout, stderr, exitFailed, c.says)
			}
			if read(t, wiring.StorePath(s.data)) != c.text {
				t.Errorf("%s: the file was written to", name)
			}
		}
	}
}

// What a later release has written about mappings is not guessed at. Notices can be dropped all the same.
func TestCommandsOnMappingsOfALaterRelease(t *testing.T) {
	s := storedPositions(t)
	s.keep(t, notices())
	db := s.open(t)
	if err := errors.Join(db.Write(t.Context(), "mappings", map[string][]byte{goneID: []byte(`{"Colour":"red"}`)}), db.Close()); err != nil {
		t.Fatal(err)
	}
	const drop = "undelivered drop"
	for name, args := range s.storeCommands() {
		if name == drop {
			continue
		}
		if code, _, stderr := command(t, args...); code != exitFailed || !strings.Contains(stderr, "mapping "+goneID+": not written by this release") {
			t.Errorf("%s: got %d %s", name, code, stderr)
		}
	}
	if code, _, stderr := command(t, s.storeCommands()[drop]...); code != 0 {
		t.Errorf("%s: got %d %s", drop, code, stderr)
	}
}

func TestCompletionOfStoreCommands(t *testing.T) {
	s := newStored(t)
	const fileExtensions, directories, nothingElse = ":8\n", ":16\n", ":4\n"
	for args, want := range map[string]string{
		"position|list|":                        "yaml\nyml\njson\n" + fileExtensions,
		"position|set|FILE|":                    nothingElse,
		"position|set|FILE|--shard|":            nothingElse,
		"position|set|FILE|--after|":            nothingElse,
		"position|reset|FILE|--data-dir|":       directories,
		"position|reset|absent.yaml|--mapping|": nothingElse,
		"undelivered|list|":                     "yaml\nyml\njson\n" + fileExtensions,
		"undelivered|resend|a.yaml|":            nothingElse,
		"undelivered|resend|a.yaml|--endpoint|": "http://localhost:4566\n" + nothingElse,
		"undelivered|drop|a.yaml|--data-dir|":   directories,
		"position|list|FILE|--mapping|": clicksID + "\tf ← clicks\n" + cartsID + "\tg ← carts\n" +
			latestID + "\tg:live ← clicks\n" + viewsID + "\tf ← views\n" + nothingElse,
	} {
		code, stdout, _ := command(t, append([]string{"__complete"}, strings.Split(strings.ReplaceAll(args, "FILE", s.file), "|")...)...)
		if code != 0 || stdout != want {
			t.Errorf("%s: got %d %q, want %q", args, code, stdout, want)
		}
	}
}

// squeezed is a table with one space between its cells.
func squeezed(table string) string {
	var lines []string
	for line := range strings.Lines(table) {
		lines = append(lines, strings.Join(strings.Fields(line), " "))
	}
	return strings.Join(lines, "\n")
}
