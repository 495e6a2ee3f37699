package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/esm-run/esm"
	"github.com/esm-run/esm/cmd/esm/position"
	"github.com/esm-run/esm/cmd/esm/wiring"
	"github.com/esm-run/esm/config"
	"github.com/esm-run/esm/engine/policy"
)

// oldestTime is where a shard begins that is read from its oldest record in a mapping that begins at a timestamp.
var oldestTime = time.Unix(1, 0).UTC()

// positionCommand runs `esm position`. FILE stands for the mappings file, MADE for the mapping that was created over HTTP.
func (s stored) positionCommand(t *testing.T, args string) (code int, stdout, stderr string) {
	t.Helper()
	args = strings.NewReplacer("FILE", s.file, "MADE", s.made).Replace(args)
	return command(t, append([]string{"position"}, strings.Fields(args)...)...)
}

func TestPositionList(t *testing.T) {
	s := storedPositions(t)
	before := s.documents(t)
	const made = `f:made ← orders (created over HTTP) shardId-000 after 31 yes - -
f:made ← orders (created over HTTP) shardId-001 from 2026-05-06T07:08:09Z - - -
`
	const header = "MAPPING SHARD POSITION DRAINED PENDING RUNS WINDOW\n"
	for args, want := range map[string]string{
		"list FILE": header + `f ← clicks shardId-000 after 16 yes - -
f ← clicks shardId-001 after 17 - 1 try, 18 to 19 from 2026-05-06T07:08:09Z, final invocation pending, 2 tries
3 tries, 20 to 22
f:new ← carts (changed over HTTP) - not begun - - -
g:live ← clicks shardId-000 from 2026-05-06T07:08:09Z yes - -
g:live ← clicks shardId-001 after 17 yes - -
g:live ← clicks shardId-002 after 18 - - -
` + made + viewsID + ` (removed) shardId-000 at its StartingPosition yes - -
` + goneID + ` (removed) shardId-000 after 5 - - -
`,
		"list FILE --mapping f:made":    header + made,
		"list FILE --mapping " + goneID: header + goneID + " (removed) shardId-000 after 5 - - -\n",
	} {
		if code, got, stderr := s.positionCommand(t, args); code != 0 || squeezed(got) != squeezed(want) {
			t.Errorf("%s: got %d\n%s%s\nwant\n%s", args, code, got, stderr, want)
		}
	}
	if after := s.documents(t); !maps.Equal(after, before) {
		t.Errorf("what is stored about mappings has changed from %v to %v", before, after)
	}
}

func TestPositionListJSON(t *testing.T) {
	s := storedPositions(t)
	_, text, _ := s.positionCommand(t, "list FILE --json")
	var got position.Document
	if err := json.Unmarshal([]byte(text), &got); err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	want := position.MappingPositions{
		UUID: clicksID, FunctionName: "f", EventSourceArn: "arn:aws:kinesis:us-east-1:000000000000:stream/clicks",
		StartingPosition: "TRIM_HORIZON", Origin: "File", Stream: "2026-03-04", FirstSeen: &seenAt,
		Shards: []position.ShardPosition{
			{ShardId: "shardId-000", Position: "16", Drained: true},
			{
				ShardId: "shardId-001", Position: "17", Lanes: []string{"18", ""},
				PendingRuns: []position.PendingRun{{RequestId: "a", First: "18", Last: "19", Tries: 1}, {RequestId: "b", First: "20", Last: "22", Lane: 1, Tries: 3}},
				Window:      &position.OpenWindow{Start: seenAt, StateBytes: 12, Final: true, Tries: 2, RequestId: "w"},
			},
		},
	}
	if !reflect.DeepEqual(got.EventSourceMappings[0], want) {
		t.Errorf("got\n%s\nwant\n%+v", text, want)
	}
	var listed []string
	for _, m := range got.EventSourceMappings {
		listed = append(listed, fmt.Sprint(m.UUID, " ", m.Origin, " ", m.Changed, " ", len(m.Shards)))
	}
	if want := []string{
		clicksID + " File false 2", cartsID + " File true 0", latestID + " File false 3", s.made + " HTTP false 2", viewsID + "  false 1", goneID + "  false 1",
	}; !slices.Equal(listed, want) {
		t.Errorf("got  %q\nwant %q", listed, want)
	}
	if strings.Contains(text, "secret") {
		t.Errorf("it shows a function's state: %s", text)
	}
}

func TestPositionListOfNothing(t *testing.T) {
	s := newStored(t)
	for _, made := range []bool{false, true} {
		if code, got, stderr := s.positionCommand(t, "list FILE"); code != 0 || got != "there are no positions yet\n" || stderr != "" {
			t.Errorf("got %d %q %q", code, got, stderr)
		}
		if code, got, _ := s.positionCommand(t, "list FILE --json"); code != 0 || !strings.Contains(got, `"Shards": []`) {
			t.Errorf("got %d\n%s", code, got)
		}
		if _, err := os.Stat(wiring.StorePath(s.data)); err == nil || !made && !absent(s.data) {
			t.Errorf("%s or the file in it was created", s.data)
		}
		if err := os.MkdirAll(s.data, 0o700); err != nil {
			t.Fatal(err)
		}
	}
}

func TestPositionSetAndReset(t *testing.T) {
	at := time.Date(2026, 2, 3, 4, 5, 6, 789e6, time.UTC)
	nothing := &esm.Checkpoint{Position: "nothing"}
	for _, c := range []struct {
		args           string
		mapping, shard string // that change; without a shard all of the mapping's are forgotten
		want           *esm.Checkpoint
		says           string
	}{
		{"set FILE --mapping " + clicksID + " --shard shardId-001 --after 12", clicksID, "shardId-001", &esm.Checkpoint{Position: "12"},
			"shard shardId-001 of f ← clicks: was after 17, is after 12; discarded: 2 pending runs, the open window of 2026-05-06T07:08:09Z"},
		{"set FILE --mapping " + clicksID + " --shard shardId-000 --after 0012/3", clicksID, "shardId-000", &esm.Checkpoint{Position: "0012/3"},
			"was after 16, is after 0012/3; discarded: that it was drained"},
		{"set FILE --mapping " + clicksID + " --shard 0 --trim-horizon", clicksID, "shardId-000", &esm.Checkpoint{}, "was after 16, is oldest"}, // the short name of logs
		{"set FILE --mapping " + clicksID + " --shard shardId-000 --at-timestamp 2026-02-03T06:05:06.789123+02:00", clicksID, "shardId-000", &esm.Checkpoint{Since: at},
			"is from 2026-02-03T04:05:06.789Z"},
		{"set FILE --mapping " + clicksID + " --shard shardId-000 --at-timestamp 1770091506.789", clicksID, "shardId-000", &esm.Checkpoint{Since: at}, "is from 2026-02-03T04:05:06.789Z"},
		{"set FILE --mapping g:live --shard shardId-001 --after 12", latestID, "shardId-001", &esm.Checkpoint{Position: "12", Since: seenAt}, "was after 17, is after 12"},
		{"set FILE --mapping g --shard shardId-001 --trim-horizon", latestID, "shardId-001", &esm.Checkpoint{}, "shard shardId-001 of g:live ← clicks: was after 17, is oldest"},
		{"set FILE --mapping g:live --shard shardId-001 --at-timestamp 1770091506.789", latestID, "shardId-001", &esm.Checkpoint{Since: at}, "is from"},
		{"set FILE --mapping f:made --shard shardId-000 --trim-horizon", "MADE", "shardId-000", &esm.Checkpoint{Since: oldestTime},
			"shard shardId-000 of f:made ← orders (created over HTTP): was after 31, is oldest"},
		{"set FILE --mapping " + ordersARN + " --shard shardId-009 --after 3 --force", "MADE", "shardId-009", &esm.Checkpoint{Position: "3"},
			"no checkpoint of shard shardId-009 is known"},
		{"set FILE --mapping " + cartsARN + " --shard s --after 000001 --force", cartsID, "s", &esm.Checkpoint{Position: "000001"},
			"shard s of f:new ← carts (changed over HTTP): was not begun, is after 000001"},

		{"reset FILE --mapping " + clicksID, clicksID, "", nothing, "f ← clicks starts over at TRIM_HORIZON"},
		{"reset FILE --mapping " + clicksID, clicksID, "", nothing, "shard shardId-001 of f ← clicks: was after 17, is forgotten; discarded: 2 pending runs"},
		{"reset FILE --mapping g:live", latestID, "", nothing, "g:live ← clicks starts over at LATEST"},
		{"reset FILE --mapping f:made", "MADE", "", nothing, "f:made ← orders (created over HTTP) starts over at AT_TIMESTAMP"},
		{"reset FILE --mapping " + goneID, goneID, "", nothing, goneID + " (removed) has no positions any more"},
		{"reset FILE --mapping " + viewsID, viewsID, "", nothing, viewsID + " (removed) has no positions any more"},
		{"reset FILE --mapping " + cartsID, cartsID, "", nothing, "f:new ← carts (changed over HTTP) has no positions"},
		{"reset FILE --mapping " + clicksID + " --shard shardId-001", clicksID, "shardId-001", &esm.Checkpoint{}, "was after 17, is oldest"},
		{"reset FILE --mapping " + clicksID + " --shard 0", clicksID, "shardId-000", &esm.Checkpoint{}, "was after 16, is oldest"},
		{"reset FILE --mapping MADE --shard shardId-000", "MADE", "shardId-000", &esm.Checkpoint{}, "is from 2026-05-06T07:08:09Z; discarded: that it was drained"},
		{"reset FILE --mapping g:live --shard shardId-000", latestID, "shardId-000", &esm.Checkpoint{Since: seenAt, Drained: true}, "is from 2026-05-06T07:08:09Z"},
		{"reset FILE --mapping g:live --shard shardId-001", latestID, "shardId-001", &esm.Checkpoint{Since: seenAt}, "was after 17, is from 2026-05-06T07:08:09Z"},
		{"reset FILE --mapping g:live --shard shardId-002", latestID, "shardId-002", &esm.Checkpoint{}, "was after 18, is oldest"},
	} {
		s := storedPositions(t)
		mapping := strings.Replace(c.mapping, "MADE", s.made, 1)
		rows, documents := s.rows(t, mapping), s.documents(t)
		code, stdout, stderr := s.positionCommand(t, c.args+" --dry-run")
		if said := stdout + stderr; code != 0 || !strings.Contains(said, c.says) || !strings.Contains(stdout, "dry run: ") {
			t.Errorf("%s --dry-run: got %d\n%s\nwant %q", c.args, code, said, c.says)
		}
		if got := s.rows(t, mapping); !reflect.DeepEqual(got, rows) {
			t.Errorf("%s --dry-run: changed %v to %v", c.args, rows, got)
		}
		if code, stdout, stderr = s.positionCommand(t, c.args); code != 0 || !strings.Contains(stderr, c.says) || stdout != "" {
			t.Errorf("%s: got %d\n%s%s\nwant %q", c.args, code, stdout, stderr, c.says)
		}
		if rows[c.shard] = *c.want; c.want == nothing {
			clear(rows)
		}
		if got := s.rows(t, mapping); !reflect.DeepEqual(got, rows) && len(got)+len(rows) > 0 {
			t.Errorf("%s: got %+v\nwant %+v", c.args, got, rows)
		}
		if after := s.documents(t); !maps.Equal(after, documents) {
			t.Errorf("%s: what is stored about mappings has changed from %v to %v", c.args, documents, after)
		}
	}
}

func TestPositionSetToNow(t *testing.T) {
	s := storedPositions(t)
	begin := time.Now().Add(-time.Millisecond)
	if code, _, stderr := s.positionCommand(t, "set FILE --mapping "+clicksID+" --shard shardId-001 --latest"); code != 0 {
		t.Fatalf("got %d: %s", code, stderr)
	}
	got := s.rows(t, clicksID)["shardId-001"]
	if got.Since.Before(begin) || got.Since.After(time.Now()) || !reflect.DeepEqual(got, esm.Checkpoint{Since: got.Since}) {
		t.Errorf("got %+v", got)
	}
}

// Before the first run there is neither a DataDir nor anything in it.
func TestPositionSetBeforeTheFirstRun(t *testing.T) {
	s := newStored(t)
	set := "set FILE --shard shardId-001 --force --mapping "
	if code, stdout, _ := s.positionCommand(t, set+clicksID+" --after 12 --dry-run"); code != 0 || !absent(s.data) {
		t.Errorf("a dry run: got %d\n%s", code, stdout)
	}
	for _, to := range []string{" --latest", " --at-timestamp=1770091506"} { // would be taken for when the mapping was first seen
		if code, _, stderr := s.positionCommand(t, set+latestID+to); code != exitUsage || !strings.Contains(stderr, "begins at LATEST and was never started") || !absent(s.data) {
			t.Errorf("%s of LATEST: got %d\n%s", to, code, stderr)
		}
	}
	if code, _, stderr := s.positionCommand(t, set+clicksID+" --after 12"); code != 0 || !strings.Contains(stderr, "was not begun, is after 12") {
		t.Errorf("got %d\n%s", code, stderr)
	}
	if got, want := s.rows(t, clicksID), map[string]esm.Checkpoint{"shardId-001": {Position: "12"}}; !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, want %+v", got, want)
	}
	if info, err := os.Stat(s.data); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("the DataDir: %v, %v", info.Mode(), err)
	}
	// The DataDir is free again.
	if code, _, stderr := s.positionCommand(t, "reset FILE --mapping "+clicksID+" --shard shardId-001"); code != 0 {
		t.Errorf("got %d\n%s", code, stderr)
	}
	if got := s.rows(t, clicksID); len(got) > 0 {
		t.Errorf("a shard of a mapping that never ran is reset to %+v, want nothing", got)
	}
}

func TestPositionWrongUse(t *testing.T) {
	s := storedPositions(t)
	shard := " --mapping " + clicksID + " --shard shardId-001"
	for args, says := range map[string]string{
		"walk":                             "unknown command \"walk\" for \"esm position\"",
		"list":                             "accepts 1 arg(s), received 0",
		"list FILE --loud":                 "unknown flag: --loud (see esm position list --help)",
		"list absent.yaml":                 "absent.yaml",
		"list FILE --mapping":              "flag needs an argument",
		"list FILE --mapping h":            "--mapping h: no stream mapping has this name; there are " + clicksID + " (f ← clicks), " + cartsID + " (f:new ← carts (changed over HTTP)), ",
		"list FILE --mapping " + viewsARN:  "no stream mapping has this name",
		"list FILE --mapping f:q":          "its source is a queue, which has no positions",
		"set FILE":                         "--mapping is missing",
		"reset FILE":                       "--mapping is missing",
		"reset FILE --mapping f":           "--mapping f: 3 mappings have this name: give the UUID of one of them: " + clicksID + " (f ← clicks), ",
		"reset FILE --mapping f:made:more": s.made + " (f:made ← orders (created over HTTP))",
		"reset FILE --mapping f --dry":     "unknown flag: --dry",
		"reset FILE --mapping " + clicksID + " --shard=":                  "--shard is empty",
		"reset FILE --mapping " + clicksID + " --shard shardId-7":         "has no position in f ← clicks; these have one: shardId-000, shardId-001",
		"reset FILE --mapping " + cartsID + " --shard shardId-7":          "no shard of f:new ← carts (changed over HTTP) has a position",
		"reset FILE --mapping " + goneID + " --shard shardId-000":         "this mapping was removed: reset it without --shard",
		"reset FILE --mapping " + viewsID + " --shard shardId-000":        "--mapping " + viewsID + ": this mapping was removed",
		"set FILE --mapping " + clicksID + " --after 1":                   `--shard "" is not the ID of a shard`,
		"set FILE --mapping " + clicksID + " --shard a/b --after 1":       `--shard "a/b" is not the ID of a shard`,
		"set FILE --mapping " + goneID + " --shard shardId-000 --after 1": "this mapping was removed: its positions can only be forgotten",
		"set FILE" + shard: "give exactly one of --after, --at-timestamp, --trim-horizon and --latest",
		"set FILE" + shard + " --latest --trim-horizon":                                "give exactly one of",
		"set FILE" + shard + " --after=":                                               "give exactly one of",
		"set FILE" + shard + " --after x":                                              `--after "x" is not a sequence number: give digits, with /n`,
		"set FILE" + shard + " --after -1":                                             `--after "-1" is not a sequence number`,
		"set FILE" + shard + " --after 1/":                                             `--after "1/" is not a sequence number`,
		"set FILE --mapping " + cartsID + " --shard s --after 1/2":                     `--after "1/2" is not a sequence number: give digits`,
		"set FILE" + shard + " --after " + strings.Repeat("1", 130):                    "is not a sequence number",
		"set FILE" + shard + " --at-timestamp yesterday":                               `--at-timestamp "yesterday" is neither a time such as 2026-`,
		"set FILE" + shard + " --at-timestamp NaN":                                     "is neither",
		"set FILE" + shard + " --at-timestamp -1":                                      "is neither",
		"set FILE" + shard + " --at-timestamp 1770091506789":                           "is neither",
		"set FILE" + shard + " --at-timestamp 2999-01-01T00:00:00Z":                    "is in the future",
		"set FILE" + shard + " --latest --data-dir=" + s.data + "/x --mapping=" + "hh": "--mapping hh",
		// A position of a shard that does not exist would be reported as lost at the next start.
		"set FILE --after 12 --mapping " + clicksID + " --shard shardId-002": "--shard shardId-002: no such shard; f ← clicks has shardId-000, shardId-001",
		"set FILE --after 12 --mapping " + clicksID + " --shard 7":           "use --force to set it anyway",
		"set FILE --after 12 --mapping " + clicksID + " --shard shardId-00":  "--shard shardId-00: no such shard; f ← clicks has",
	} {
		code, stdout, stderr := s.positionCommand(t, args)
		if code != exitUsage || !strings.Contains(stderr, says) || stdout != "" {
			t.Errorf("%s: got %d %q\n%s\nwant %d, %q", args, code, stdout, stderr, exitUsage, says)
		}
	}
	other := storedPositions(t)
	for _, mapping := range []string{clicksID, cartsID, latestID, viewsID, goneID} {
		if got, want := s.rows(t, mapping), other.rows(t, mapping); !reflect.DeepEqual(got, want) {
			t.Errorf("%s: got %+v, want %+v", mapping, got, want)
		}
	}
}

// What the next start would forget is not moved.
func TestPositionOfAMappingThatRestarts(t *testing.T) {
	s := storedPositions(t)
	write(t, s.file, strings.Replace(read(t, s.file), "AT_TIMESTAMP", "AT_TIMESTAMP, BatchSize: 7", 1))
	for _, args := range []string{"set FILE --shard shardId-000 --after 1 --mapping ", "reset FILE --shard shardId-000 --mapping "} {
		code, _, stderr := s.positionCommand(t, args+viewsID)
		if code != exitUsage || !strings.Contains(stderr, "its positions are forgotten when the engine starts: start it once first") {
			t.Errorf("%s: got %d\n%s", args, code, stderr)
		}
	}
	if code, _, stderr := s.positionCommand(t, "reset FILE --mapping "+viewsID); code != 0 || len(s.rows(t, viewsID)) > 0 {
		t.Errorf("got %d\n%s", code, stderr)
	}
}

// The file may have come to name what HTTP had created, and HTTP's change counts only until the text in the file changes.
func TestPositionWhenTheFileHasChanged(t *testing.T) {
	s := storedPositions(t)
	write(t, s.file, strings.Replace(read(t, s.file), cartsID, cartsID+", BatchSize: 7", 1)+
		`  - {FunctionName: "f:made", EventSourceArn: "`+ordersARN+`", StartingPosition: LATEST}`+"\n")
	_, got, stderr := s.positionCommand(t, "list FILE")
	for _, want := range []string{"g ← carts - not begun", "f:made ← orders - not begun", s.made + " (removed) shardId-000 after 31"} {
		if !strings.Contains(squeezed(got), want) {
			t.Errorf("got\n%s%s\nwant %q", got, stderr, want)
		}
	}
}

// Where the engine reads a shard of each kind of mapping after it was moved, or reset.
func TestPositionIsWhereTheEngineReads(t *testing.T) {
	at := seenAt.Add(time.Hour)
	shards := []esm.Shard{{ID: "shardId-000", Closed: true}, {ID: "shardId-001", Parents: []string{"shardId-000"}}}
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
		mapping := map[string]string{config.TrimHorizon: clicksID, config.Latest: latestID, config.AtTimestamp: viewsID}[c.start]
		var since time.Time
		if c.start == config.Latest {
			since = seenAt
		}
		s := newStored(t)
		s.save(t, map[esm.Key]esm.Checkpoint{
			row(mapping, ""):            {Position: "identity", Since: seenAt},
			row(mapping, "shardId-000"): {Since: since, Drained: true},
			row(mapping, "shardId-001"): {Since: since, Position: "20"},
		})
		verb, to, _ := strings.Cut(c.args, " ")
		if code, _, stderr := s.positionCommand(t, verb+" FILE --mapping "+mapping+" --shard shardId-001 "+to); code != 0 {
			t.Fatalf("%s of %s: got %d %s", c.args, c.start, code, stderr)
		}
		rules := policy.Shards{Start: c.start, At: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)}
		plan := rules.Plan(shards, s.rows(t, mapping), nil)
		if want := []policy.Opening{{Shard: "shardId-001", From: c.want}}; !reflect.DeepEqual(plan.Read, want) {
			t.Errorf("%s of %s: read is %+v, want %+v", c.args, c.start, plan.Read, want)
		}
	}
}

// A shard that is moved before the first run keeps its place when the mapping is first seen.
func TestPositionSetBeforeTheFirstRunIsKept(t *testing.T) {
	for to, want := range map[string]esm.From{"--trim-horizon": {}, "--after=7": {After: "7"}} {
		s := newStored(t)
		if code, _, stderr := s.positionCommand(t, "set FILE --mapping "+latestID+" --shard shardId-001 --force "+to); code != 0 {
			t.Fatalf("%s: got %d %s", to, code, stderr)
		}
		rules, rows := policy.Shards{Start: config.Latest}, s.rows(t, latestID)
		listed := []esm.Shard{{ID: "shardId-001"}, {ID: "shardId-002"}}
		maps.Copy(rows, rules.InitialCheckpoints(listed, rows, seenAt))
		plan := rules.Plan(listed, rows, nil)
		openings := []policy.Opening{{Shard: "shardId-001", From: want}, {Shard: "shardId-002", From: esm.From{At: seenAt}}}
		if !reflect.DeepEqual(plan.Read, openings) {
			t.Errorf("%s: read is %+v, want %+v", to, plan.Read, openings)
		}
	}
}
