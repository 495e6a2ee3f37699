package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/esm-run/esm/cmd/esm/datadir"
	"github.com/esm-run/esm/cmd/esm/position"
	"github.com/esm-run/esm/cmd/esm/wiring"

	"github.com/esm-run/esm"
	"github.com/esm-run/esm/checkpoint"
	"github.com/esm-run/esm/config"
	"github.com/esm-run/esm/engine/policy"
)

// The UUIDs of the mappings of streamsFile, and of one that is not in it.
const (
	clicksID = "00000000-0000-4000-8000-000000000001"
	cartsID  = "00000000-0000-4000-8000-000000000002"
	latestID = "00000000-0000-4000-8000-000000000003"
	timedID  = "00000000-0000-4000-8000-000000000004"
	goneID   = "00000000-0000-4000-8000-00000000000f"
)

const streamsFile = `Aws: {Endpoint: embedded}
Functions: {f: {Command: [/bin/true]}, g: {Command: [/bin/true]}}
EventSourceMappings:
  - {UUID: ` + clicksID + `, FunctionName: f, EventSourceArn: "arn:aws:kinesis:us-east-1:000000000000:stream/clicks", StartingPosition: TRIM_HORIZON}
  - {UUID: ` + cartsID + `, FunctionName: g, EventSourceArn: "arn:aws:dynamodb:us-east-1:000000000000:table/carts/stream/2026-03-04T05:06:07.000", StartingPosition: TRIM_HORIZON}
  - {UUID: ` + latestID + `, FunctionName: "g:live", EventSourceArn: "arn:aws:kinesis:us-east-1:000000000000:stream/clicks", StartingPosition: LATEST}
  - {UUID: ` + timedID + `, FunctionName: f, EventSourceArn: "arn:aws:kinesis:us-east-1:000000000000:stream/views", StartingPosition: AT_TIMESTAMP, StartingPositionTimestamp: "2026-01-02T03:04:05Z"}
  - {FunctionName: g, EventSourceArn: "arn:aws:sqs:us-east-1:000000000000:orders"}
`

// oldestTime is where a shard begins that is read from its oldest record in a mapping that begins at a timestamp.
var oldestTime = time.Unix(1, 0).UTC()

var seenAt = time.Date(2026, 5, 6, 7, 8, 9, 0, time.UTC)

// streamsIn writes streamsFile, and what is kept of its mappings into the DataDir beside it.
func streamsIn(t *testing.T, rows map[esm.Key]esm.Checkpoint) (file, data string) {
	t.Helper()
	dir := t.TempDir()
	file, data = filepath.Join(dir, "mappings.yaml"), filepath.Join(dir, ".esm")
	write(t, file, streamsFile)
	if rows == nil {
		return file, data
	}
	db := openDB(t, data)
	defer db.Close()
	for k, cp := range rows {
		if _, err := db.Save(t.Context(), k, cp); err != nil {
			t.Fatal(err)
		}
	}
	return file, data
}

func openDB(t *testing.T, data string) *checkpoint.DB {
	t.Helper()
	db, err := checkpoint.Open(wiring.StorePath(data))
	if err != nil {
		t.Fatal(err)
	}
	return db
}

// rowsOf is what is kept of a mapping, without versions.
func rowsOf(t *testing.T, data, mapping string) map[string]esm.Checkpoint {
	t.Helper()
	db := openDB(t, data)
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

func row(mapping, shard string) esm.Key { return esm.Key{Mapping: mapping, Shard: shard} }

// fullRow is a shard with everything that a shard can have.
var fullRow = esm.Checkpoint{
	Position: "17", Lanes: []string{"18", ""},
	Owed:   []esm.Owed{{ID: "a", First: "18", Last: "19", Tries: 1}, {ID: "b", First: "20", Last: "22", Lane: 1, Tries: 3}},
	Window: &esm.Window{Start: seenAt, State: json.RawMessage(`{"secret":1}`), Final: true, Tries: 2, ID: "w"},
}

func someRows() map[esm.Key]esm.Checkpoint {
	return map[esm.Key]esm.Checkpoint{
		row(clicksID, ""):            {Position: "2026-03-04", Since: seenAt},
		row(clicksID, "shardId-000"): {Position: "16", Drained: true},
		row(clicksID, "shardId-001"): fullRow,
		row(latestID, ""):            {Position: "2026-03-04", Since: seenAt},
		row(latestID, "shardId-000"): {Since: seenAt, Drained: true},
		row(latestID, "shardId-001"): {Since: seenAt, Position: "17", Drained: true},
		row(latestID, "shardId-002"): {Position: "18"},
		row(timedID, ""):             {Position: "views", Since: seenAt},
		row(timedID, "shardId-000"):  {Drained: true},
		row(goneID, ""):              {Position: "gone", Since: seenAt},
		row(goneID, "shardId-000"):   {Position: "5"},
	}
}

func TestPositionList(t *testing.T) {
	file, _ := streamsIn(t, someRows())
	code, got, stderr := command(t, "position", "list", file)
	want := `MAPPING                                           SHARD        POSITION                   DRAINED  PENDING RUNS       WINDOW
f ← clicks                                        shardId-000  after 16                   yes      -                  -
f ← clicks                                        shardId-001  after 17                   -        1 try, 18 to 19    from 2026-05-06T07:08:09Z, final invocation pending, 2 tries
                                                                                                   3 tries, 20 to 22  
g ← carts          -            not begun                  -        -                  -
g:live ← clicks                                   shardId-000  from 2026-05-06T07:08:09Z  yes      -                  -
g:live ← clicks                                   shardId-001  after 17                   yes      -                  -
g:live ← clicks                                   shardId-002  after 18                   -        -                  -
f ← views                                         shardId-000  from 2026-01-02T03:04:05Z  yes      -                  -
` + goneID + ` (removed)  shardId-000  after 5  -  -  -
`
	if code != 0 || squeezed(got) != squeezed(want) {
		t.Errorf("got %d\n%s%s\nwant\n%s", code, got, stderr, want)
	}
	if code, got, _ := command(t, "position", "list", file, "--mapping", goneID); code != 0 || !strings.Contains(got, goneID+" (removed)  shardId-000  after 5") {
		t.Errorf("of a mapping that is gone: got %d\n%s", code, got)
	}
	if code, got, _ := command(t, "position", "list", file, "--mapping", "f"); code != 0 || strings.Contains(got, "g ←") || !strings.Contains(got, "clicks") || !strings.Contains(got, "views") {
		t.Errorf("of one function: got %d\n%s", code, got)
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

func TestPositionListJSON(t *testing.T) {
	file, _ := streamsIn(t, someRows())
	code, text, _ := command(t, "position", "list", file, "--json", "--mapping", clicksID)
	var got position.Document
	if err := json.Unmarshal([]byte(text), &got); code != 0 || err != nil {
		t.Fatalf("got %d, %v\n%s", code, err, text)
	}
	want := position.Document{EventSourceMappings: []position.MappingPositions{{
		UUID: clicksID, FunctionName: "f", EventSourceArn: "arn:aws:kinesis:us-east-1:000000000000:stream/clicks",
		StartingPosition: "TRIM_HORIZON", Origin: "File", Stream: "2026-03-04", FirstSeen: &seenAt,
		Shards: []position.ShardPosition{
			{ShardId: "shardId-000", Position: "16", Drained: true},
			{
				ShardId: "shardId-001", Position: "17", Lanes: []string{"18", ""},
				Owed:   []position.PendingRun{{RequestId: "a", First: "18", Last: "19", Tries: 1}, {RequestId: "b", First: "20", Last: "22", Lane: 1, Tries: 3}},
				Window: &position.OpenWindow{Start: seenAt, StateBytes: 12, Final: true, Tries: 2, RequestId: "w"},
			},
		},
	}}}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got\n%s\nwant\n%+v", text, want)
	}
	if strings.Contains(text, "secret") {
		t.Errorf("it tells a function's state: %s", text)
	}
}

func TestPositionListOfNothing(t *testing.T) {
	file, data := streamsIn(t, nil)
	for _, made := range []bool{false, true} {
		if code, got, stderr := command(t, "position", "list", file); code != 0 || got != "there are no positions yet\n" || stderr != "" {
			t.Errorf("got %d %q %q", code, got, stderr)
		}
		if code, got, _ := command(t, "position", "list", file, "--json"); code != 0 || !strings.Contains(got, `"Shards": []`) {
			t.Errorf("got %d\n%s", code, got)
		}
		if _, err := os.Stat(wiring.StorePath(data)); err == nil || !made && !absent(data) {
			t.Errorf("%s or the file in it was made", data)
		}
		if err := os.MkdirAll(data, 0o700); err != nil {
			t.Fatal(err)
		}
	}
}

func TestPositionSet(t *testing.T) {
	at := time.Date(2026, 2, 3, 4, 5, 6, 789e6, time.UTC)
	for _, c := range []struct {
		args string
		key  esm.Key
		want esm.Checkpoint
		says string
	}{
		{"--mapping " + clicksID + " --shard shardId-001 --after 12", row(clicksID, "shardId-001"), esm.Checkpoint{Position: "12"},
			"shard shardId-001 of f ← clicks: was after 17, is after 12; discarded: 2 pending runs, the open window of 2026-05-06T07:08:09Z"},
		{"--mapping " + clicksID + " --shard shardId-000 --after 0012/3", row(clicksID, "shardId-000"), esm.Checkpoint{Position: "0012/3"},
			"was after 16, is after 0012/3; discarded: that it was drained"},
		{"--mapping " + clicksID + " --shard shardId-000 --trim-horizon", row(clicksID, "shardId-000"), esm.Checkpoint{}, "was after 16, is oldest"},
		{"--mapping " + clicksID + " --shard shardId-000 --at-timestamp 2026-02-03T06:05:06.789123+02:00", row(clicksID, "shardId-000"), esm.Checkpoint{Since: at},
			"is from 2026-02-03T04:05:06.789Z"},
		{"--mapping " + clicksID + " --shard shardId-000 --at-timestamp 1770091506.789", row(clicksID, "shardId-000"), esm.Checkpoint{Since: at}, "is from 2026-02-03T04:05:06.789Z"},
		{"--mapping g:live --shard shardId-001 --after 12", row(latestID, "shardId-001"), esm.Checkpoint{Position: "12", Since: seenAt}, "was after 17, is after 12"},
		{"--mapping g:live --shard shardId-001 --trim-horizon", row(latestID, "shardId-001"), esm.Checkpoint{}, "is oldest"},
		{"--mapping g:live --shard shardId-001 --at-timestamp 1770091506.789", row(latestID, "shardId-001"), esm.Checkpoint{Since: at}, "is from"},
		{"--mapping " + timedID + " --shard shardId-000 --trim-horizon", row(timedID, "shardId-000"), esm.Checkpoint{Since: oldestTime}, "was from 2026-01-02T03:04:05Z, is oldest"},
		{"--mapping arn:aws:kinesis:us-east-1:000000000000:stream/views --shard shardId-009 --after 3 --force", row(timedID, "shardId-009"), esm.Checkpoint{Position: "3"},
			"no checkpoint of shard shardId-009 is known"},
		{"--mapping " + cartsID + " --shard shardId-01 --after 000001 --force", row(cartsID, "shardId-01"), esm.Checkpoint{Position: "000001"}, "was not begun, is after 000001"},
	} {
		file, data := streamsIn(t, someRows())
		before := rowsOf(t, data, c.key.Mapping)
		args := append([]string{"position", "set", file}, strings.Fields(c.args)...)
		code, stdout, stderr := command(t, append(args, "--dry-run")...)
		if said := stdout + stderr; code != 0 || !strings.Contains(said, c.says) || !strings.Contains(stdout, "dry run: shard ") {
			t.Errorf("%s --dry-run: got %d\n%s\nwant %q", c.args, code, said, c.says)
		}
		if got := rowsOf(t, data, c.key.Mapping); !reflect.DeepEqual(got, before) {
			t.Errorf("%s --dry-run: changed %v to %v", c.args, before, got)
		}
		if code, stdout, stderr = command(t, args...); code != 0 || !strings.Contains(stderr, c.says) || stdout != "" {
			t.Errorf("%s: got %d\n%s%s\nwant %q", c.args, code, stdout, stderr, c.says)
		}
		before[c.key.Shard] = c.want
		if got := rowsOf(t, data, c.key.Mapping); !reflect.DeepEqual(got, before) {
			t.Errorf("%s: got %+v\nwant %+v", c.args, got, before)
		}
	}
}

func TestPositionSetToNow(t *testing.T) {
	file, data := streamsIn(t, someRows())
	begin := time.Now().Add(-time.Millisecond)
	if code, _, stderr := command(t, "position", "set", file, "--mapping", clicksID, "--shard", "shardId-001", "--latest"); code != 0 {
		t.Fatalf("got %d: %s", code, stderr)
	}
	got := rowsOf(t, data, clicksID)["shardId-001"]
	if got.Since.Before(begin) || got.Since.After(time.Now()) || !reflect.DeepEqual(got, esm.Checkpoint{Since: got.Since}) {
		t.Errorf("got %+v", got)
	}
}

// Before the first run there is neither a DataDir nor anything in it.
func TestPositionSetBeforeTheFirstRun(t *testing.T) {
	file, data := streamsIn(t, nil)
	set := []string{"position", "set", file, "--mapping", clicksID, "--shard", "shardId-001", "--after", "12", "--force"}
	if code, stdout, _ := command(t, append(set, "--dry-run")...); code != 0 || !absent(data) {
		t.Errorf("a dry run: got %d\n%s", code, stdout)
	}
	if code, _, stderr := command(t, set...); code != 0 || !strings.Contains(stderr, "was not begun, is after 12") {
		t.Errorf("got %d\n%s", code, stderr)
	}
	want := map[string]esm.Checkpoint{"shardId-001": {Position: "12"}}
	if got := rowsOf(t, data, clicksID); !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, want %+v", got, want)
	}
	if info, err := os.Stat(data); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("the DataDir: %v, %v", info.Mode(), err)
	}
	// The DataDir is free again.
	if code, _, stderr := command(t, "position", "reset", file, "--mapping", clicksID, "--shard", "shardId-001"); code != 0 {
		t.Errorf("got %d\n%s", code, stderr)
	}
	if got := rowsOf(t, data, clicksID); len(got) > 0 {
		t.Errorf("a shard of a mapping that never ran is reset to %+v, want nothing", got)
	}
}

func TestPositionReset(t *testing.T) {
	all := map[string]esm.Checkpoint(nil)
	for _, c := range []struct {
		args, mapping string
		shard         string // that changes; empty for all
		want          esm.Checkpoint
		says          string
	}{
		{"--mapping " + clicksID, clicksID, "", esm.Checkpoint{}, "f ← clicks starts over at TRIM_HORIZON"},
		{"--mapping " + clicksID, clicksID, "", esm.Checkpoint{}, "shard shardId-001 of f ← clicks: was after 17, is forgotten; discarded: 2 pending runs"},
		{"--mapping g:live", latestID, "", esm.Checkpoint{}, "g:live ← clicks starts over at LATEST"},
		{"--mapping " + goneID, goneID, "", esm.Checkpoint{}, goneID + " (removed) has no positions any more"},
		{"--mapping " + cartsID, cartsID, "", esm.Checkpoint{}, "g ← carts has no positions"},
		{"--mapping " + clicksID + " --shard shardId-001", clicksID, "shardId-001", esm.Checkpoint{}, "was after 17, is oldest"},
		{"--mapping " + timedID + " --shard shardId-000", timedID, "shardId-000", esm.Checkpoint{}, "is from 2026-01-02T03:04:05Z; discarded: that it was drained"},
		{"--mapping g:live --shard shardId-000", latestID, "shardId-000", esm.Checkpoint{Since: seenAt, Drained: true}, "is from 2026-05-06T07:08:09Z"},
		{"--mapping g:live --shard shardId-001", latestID, "shardId-001", esm.Checkpoint{Since: seenAt}, "was after 17, is from 2026-05-06T07:08:09Z"},
		{"--mapping g:live --shard shardId-002", latestID, "shardId-002", esm.Checkpoint{}, "was after 18, is oldest"},
	} {
		file, data := streamsIn(t, someRows())
		before := rowsOf(t, data, c.mapping)
		args := append([]string{"position", "reset", file}, strings.Fields(c.args)...)
		if code, stdout, stderr := command(t, append(args, "--dry-run")...); code != 0 || !strings.Contains(stdout, c.says) || stderr != "" {
			t.Errorf("%s --dry-run: got %d\n%s%s\nwant %q", c.args, code, stdout, stderr, c.says)
		}
		if got := rowsOf(t, data, c.mapping); !reflect.DeepEqual(got, before) {
			t.Errorf("%s --dry-run: changed %v to %v", c.args, before, got)
		}
		if code, stdout, stderr := command(t, args...); code != 0 || !strings.Contains(stderr, c.says) || stdout != "" {
			t.Errorf("%s: got %d\n%s%s\nwant %q", c.args, code, stdout, stderr, c.says)
		}
		want := before
		if want[c.shard] = c.want; c.shard == "" {
			want = all
		}
		if got := rowsOf(t, data, c.mapping); !reflect.DeepEqual(got, want) && len(got)+len(want) > 0 {
			t.Errorf("%s: got %+v\nwant %+v", c.args, got, want)
		}
	}
}

func TestPositionWrongUse(t *testing.T) {
	file, data := streamsIn(t, someRows())
	shard := " --mapping " + clicksID + " --shard shardId-001"
	for args, says := range map[string]string{
		"walk":                  "unknown command \"walk\" for \"esm position\"",
		"list":                  "accepts 1 arg(s), received 0",
		"list FILE --loud":      "unknown flag: --loud (see esm position list --help)",
		"list absent.yaml":      "absent.yaml",
		"list FILE --mapping":   "flag needs an argument",
		"list FILE --mapping h": "--mapping h: no stream mapping has this name; there are " + clicksID + " (f ← clicks), ",
		"list FILE --mapping arn:aws:sqs:us-east-1:000000000000:orders": "its source is a queue, which has no positions",
		"set FILE":                     "--mapping is missing",
		"reset FILE":                   "--mapping is missing",
		"reset FILE --mapping f":       "--mapping f: 2 mappings have this name: give the UUID of one of them: " + clicksID + " (f ← clicks), " + timedID,
		"reset FILE --mapping f --dry": "unknown flag: --dry",
		"reset FILE --mapping " + clicksID + " --shard=":                  "--shard is empty",
		"reset FILE --mapping " + clicksID + " --shard shardId-7":         "has no position in f ← clicks; these have one: shardId-000, shardId-001",
		"reset FILE --mapping " + cartsID + " --shard shardId-7":          "no shard of g ← carts has a position",
		"reset FILE --mapping " + goneID + " --shard shardId-000":         "this mapping was removed: reset it without --shard",
		"set FILE --mapping " + clicksID + " --after 1":                   `--shard "" is not the ID of a shard`,
		"set FILE --mapping " + clicksID + " --shard a/b --after 1":       `--shard "a/b" is not the ID of a shard`,
		"set FILE --mapping " + goneID + " --shard shardId-000 --after 1": "this mapping was removed: its positions can only be forgotten",
		"set FILE" + shard: "give exactly one of --after, --at-timestamp, --trim-horizon and --latest",
		"set FILE" + shard + " --latest --trim-horizon":                              "give exactly one of",
		"set FILE" + shard + " --after=":                                             "give exactly one of",
		"set FILE" + shard + " --after x":                                            `--after "x" is not a sequence number: give digits, with /n`,
		"set FILE" + shard + " --after -1":                                           `--after "-1" is not a sequence number`,
		"set FILE" + shard + " --after 1/":                                           `--after "1/" is not a sequence number`,
		"set FILE --mapping " + cartsID + " --shard s --after 1/2":                   `--after "1/2" is not a sequence number: give digits`,
		"set FILE" + shard + " --after " + strings.Repeat("1", 130):                  "is not a sequence number",
		"set FILE" + shard + " --at-timestamp yesterday":                             `--at-timestamp "yesterday" is neither a time such as 2026-`,
		"set FILE" + shard + " --at-timestamp NaN":                                   "is neither",
		"set FILE" + shard + " --at-timestamp -1":                                    "is neither",
		"set FILE" + shard + " --at-timestamp 1770091506789":                         "is neither",
		"set FILE" + shard + " --at-timestamp 2999-01-01T00:00:00Z":                  "is in the future",
		"set FILE" + shard + " --latest --data-dir=" + data + "/x --mapping=" + "hh": "--mapping hh",
	} {
		words := strings.Fields(strings.ReplaceAll(args, "FILE", file))
		code, stdout, stderr := command(t, append([]string{"position"}, words...)...)
		if code != exitUsage || !strings.Contains(stderr, says) || stdout != "" {
			t.Errorf("%s: got %d %q\n%s\nwant %d, %q", args, code, stdout, stderr, exitUsage, says)
		}
	}
	for k, want := range someRows() {
		if got := rowsOf(t, data, k.Mapping)[k.Shard]; !reflect.DeepEqual(got, want) {
			t.Errorf("%v: got %+v, want %+v", k, got, want)
		}
	}
}

// A position of a shard that does not exist would be reported as lost at the next start.
func TestPositionSetRefusesUnknownShards(t *testing.T) {
	file, data := streamsIn(t, someRows())
	for _, shard := range []string{"shardId-002", "7", "shardId-00"} {
		code, _, stderr := command(t, "position", "set", file, "--mapping", clicksID, "--shard", shard, "--after", "12")
		want := "--shard " + shard + ": no such shard; f ← clicks has shardId-000, shardId-001"
		if code != exitUsage || !strings.Contains(stderr, want) || !strings.Contains(stderr, "--force") {
			t.Errorf("%s: got %d %q, want %d %q", shard, code, stderr, exitUsage, want)
		}
	}
	if got := rowsOf(t, data, clicksID); len(got) != 3 {
		t.Errorf("stored are %+v", got)
	}
}

// The short names are those that the lines of a running engine show.
func TestPositionTakesShortShardNames(t *testing.T) {
	file, data := streamsIn(t, someRows())
	if code, _, stderr := command(t, "position", "set", file, "--mapping", clicksID, "--shard", "1", "--after", "12"); code != 0 {
		t.Fatalf("set: got %d %q", code, stderr)
	}
	if got := rowsOf(t, data, clicksID)["shardId-001"].Position; got != "12" {
		t.Errorf("set: the position is %q", got)
	}
	if code, _, stderr := command(t, "position", "reset", file, "--mapping", clicksID, "--shard", "0"); code != 0 {
		t.Fatalf("reset: got %d %q", code, stderr)
	}
	if got := rowsOf(t, data, clicksID)["shardId-000"]; got.Position != "" || got.Drained {
		t.Errorf("reset: got %+v", got)
	}
}

// A time that is kept of a LATEST mapping which never ran would be taken for when it was first seen.
func TestPositionSetATimeBeforeTheFirstRunOfLatest(t *testing.T) {
	file, data := streamsIn(t, nil)
	set := []string{"position", "set", file, "--mapping", latestID, "--shard", "shardId-001", "--force"}
	for _, to := range []string{"--latest", "--at-timestamp=1770091506"} {
		if code, _, stderr := command(t, append(set, to)...); code != exitUsage || !strings.Contains(stderr, "begins at LATEST and was never started") || !absent(data) {
			t.Errorf("%s: got %d\n%s", to, code, stderr)
		}
	}
	if code, _, stderr := command(t, append(set, "--trim-horizon")...); code != 0 {
		t.Errorf("got %d\n%s", code, stderr)
	}
}

// positionCommands are all of them, with arguments that would go well.
func positionCommands(file string) map[string][]string {
	return map[string][]string{
		"list":  {"position", "list", file},
		"set":   {"position", "set", file, "--mapping", clicksID, "--shard", "shardId-001", "--after", "12", "--force"},
		"reset": {"position", "reset", file, "--mapping", clicksID},
	}
}

func TestPositionWhileAnEngineRuns(t *testing.T) {
	file, data := streamsIn(t, someRows())
	engine, err := datadir.Open(data)
	if err != nil {
		t.Fatal(err)
	}
	defer engine.Close()
	for name, args := range positionCommands(file) {
		code, _, stderr := command(t, args...)
		if want := fmt.Sprintf("esm: data directory %s: in use by process %d: stop that engine", data, os.Getpid()); code != exitFailed || !strings.Contains(stderr, want) {
			t.Errorf("%s: got %d %q, want %d %q", name, code, stderr, exitFailed, want)
		}
		elsewhere := filepath.Join(t.TempDir(), "other")
		if code, _, stderr := command(t, append(args, "--data-dir", elsewhere)...); code != 0 {
			t.Errorf("%s in another DataDir: got %d %q", name, code, stderr)
		}
	}
}

func TestPositionOfAFileThatIsNone(t *testing.T) {
	file, data := streamsIn(t, nil)
	for text, says := range map[string]string{
		"":                             "not a checkpoint file of esm, and left alone",
		"SQLite format 3\x00":          "not a checkpoint file of esm, and left alone",
		strings.Repeat("\x00", 32<<10): "not a checkpoint file of esm, and left alone",
	} {
		write(t, wiring.StorePath(data), text)
		for name, args := range positionCommands(file) {
			code, stdout, stderr := command(t, args...)
			if code != exitFailed || !strings.Contains(stderr, says) || !strings.Contains(stderr, wiring.StorePath(data)) || stdout != "" {
				t.Errorf("%s: got %d %q, want %d %q", name, code, stderr, exitFailed, says)
			}
			if got := read(t, wiring.StorePath(data)); got != text {
				t.Errorf("%s: the file was written to", name)
			}
		}
	}
}

func TestPositionOfADamagedFile(t *testing.T) {
	file, data := streamsIn(t, someRows())
	text := strings.ReplaceAll(read(t, wiring.StorePath(data)), "shardId-001", "shardId-0\x00!")
	write(t, wiring.StorePath(data), text)
	for name, args := range positionCommands(file) {
		code, stdout, stderr := command(t, args...)
		if code != exitFailed || !strings.Contains(stderr, "the checkpoint file is damaged, and left alone") || !strings.Contains(stderr, wiring.StorePath(data)) || stdout != "" {
			t.Errorf("%s: got %d %q %q", name, code, stdout, stderr)
		}
	}
}

func TestPositionCompletion(t *testing.T) {
	file, _ := streamsIn(t, nil)
	for args, want := range map[string]string{
		"position|list|":                          "yaml\nyml\njson\n:8\n",
		"position|set|" + file + "|":              ":4\n",
		"position|set|" + file + "|--shard|":      ":4\n",
		"position|set|" + file + "|--after|":      ":4\n",
		"position|reset|" + file + "|--data-dir|": ":16\n",
		"position|reset|absent.yaml|--mapping|":   ":4\n",
		"position|list|" + file + "|--mapping|": clicksID + "\tf ← clicks\n" + cartsID + "\tg ← carts\n" +
			latestID + "\tg:live ← clicks\n" + timedID + "\tf ← views\n:4\n",
	} {
		code, stdout, _ := command(t, append([]string{"__complete"}, strings.Split(args, "|")...)...)
		if code != 0 || stdout != want {
			t.Errorf("%s: got %d %q, want %q", args, code, stdout, want)
		}
	}
}

// Where the engine reads a shard of each kind of mapping when it was moved, or reset.
func TestPositionIsWhereTheEngineReads(t *testing.T) {
	at := seenAt.Add(time.Hour)
	shards := []esm.Shard{{ID: "shardId-000", Closed: true}, {ID: "shardId-001", Parents: []string{"shardId-000"}}}
	begun := esm.Checkpoint{Position: "20", Since: seenAt}
	for _, c := range []struct {
		start string
		args  string // of the command that moves shardId-001
		want  esm.From
	}{
		{config.TrimHorizon, "set --trim-horizon", esm.From{}},
		{config.TrimHorizon, "set --after 7", esm.From{After: "7"}},
		{config.TrimHorizon, "set --at-timestamp 2026-05-06T08:08:09Z", esm.From{At: at}},
		{config.TrimHorizon, "reset", esm.From{}},
		{config.Latest, "set --trim-horizon", esm.From{}},
		{config.Latest, "set --after 7", esm.From{After: "7"}},
		{config.Latest, "set --at-timestamp 2026-05-06T08:08:09Z", esm.From{At: at}},
		{config.Latest, "reset", esm.From{At: seenAt}},
		{config.AtTimestamp, "set --trim-horizon", esm.From{At: oldestTime}},
		{config.AtTimestamp, "set --at-timestamp 2026-05-06T08:08:09Z", esm.From{At: at}},
		{config.AtTimestamp, "reset", esm.From{At: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)}},
	} {
		mapping := map[string]string{config.TrimHorizon: clicksID, config.Latest: latestID, config.AtTimestamp: timedID}[c.start]
		first := begun
		if c.start != config.Latest {
			first.Since = time.Time{}
		}
		file, data := streamsIn(t, map[esm.Key]esm.Checkpoint{
			row(mapping, ""):            {Position: "identity", Since: seenAt},
			row(mapping, "shardId-000"): {Since: first.Since, Drained: true},
			row(mapping, "shardId-001"): first,
		})
		words := strings.Fields(c.args)
		args := append([]string{"position", words[0], file, "--mapping", mapping, "--shard", "shardId-001"}, words[1:]...)
		if code, _, stderr := command(t, args...); code != 0 {
			t.Fatalf("%s of %s: got %d %s", c.args, c.start, code, stderr)
		}
		rules := policy.Shards{Start: c.start, At: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)}
		plan := rules.Plan(shards, rowsOf(t, data, mapping), nil)
		if want := []policy.Opening{{Shard: "shardId-001", From: c.want}}; !reflect.DeepEqual(plan.Read, want) {
			t.Errorf("%s of %s: read is %+v, want %+v", c.args, c.start, plan.Read, want)
		}
	}
}

// A shard that is moved before the first run keeps its place when the mapping is first seen.
func TestPositionSetBeforeFirstStart(t *testing.T) {
	for to, want := range map[string]esm.From{"--trim-horizon": {}, "--after=7": {After: "7"}} {
		file, data := streamsIn(t, nil)
		if code, _, stderr := command(t, "position", "set", file, "--mapping", latestID, "--shard", "shardId-001", "--force", to); code != 0 {
			t.Fatalf("%s: got %d %s", to, code, stderr)
		}
		rules, rows := policy.Shards{Start: config.Latest}, rowsOf(t, data, latestID)
		listed := []esm.Shard{{ID: "shardId-001"}, {ID: "shardId-002"}}
		maps.Copy(rows, rules.InitialCheckpoints(listed, rows, seenAt))
		plan := rules.Plan(listed, rows, nil)
		openings := []policy.Opening{{Shard: "shardId-001", From: want}, {Shard: "shardId-002", From: esm.From{At: seenAt}}}
		if !reflect.DeepEqual(plan.Read, openings) {
			t.Errorf("%s: read is %+v, want %+v", to, plan.Read, openings)
		}
	}
}
