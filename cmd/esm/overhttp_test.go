package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/esm-run/esm/cmd/esm/position"
	"github.com/esm-run/esm/cmd/esm/wiring"

	"github.com/esm-run/esm"
	"github.com/esm-run/esm/cmd/esm/configfile"
	"github.com/esm-run/esm/config"
	"github.com/esm-run/esm/mappings"
)

// still is a runner with which nothing runs.
type still struct{}

func (still) Run(config.Mapping) (<-chan struct{}, error) { return over(), nil }
func (still) Stop(string) <-chan struct{}                 { return over() }

func over() <-chan struct{} {
	c := make(chan struct{})
	close(c)
	return c
}

// overHTTP is an engine of the file in which mappings change, and which is killed before it forgets the positions of those
// that are deleted.
func overHTTP(t *testing.T, file, data string, change func(*mappings.Register)) {
	t.Helper()
	loaded, report := configfile.Load(file, configfile.Overrides{})
	if report.Err() != nil {
		t.Fatal(report)
	}
	db := openDB(t, data)
	defer db.Close()
	r, _, err := mappings.Open(t.Context(), mappings.Config{
		File: loaded.Mappings, Store: db, Runner: still{}, Now: time.Now,
		Check:                func(context.Context, config.Mapping, *config.Mapping) error { return nil },
		Forget:               func(context.Context, string) error { return errors.New("killed") },
		FunctionArn:          func(m config.Mapping) string { return wiring.FunctionARN(loaded, m) },
		LastProcessingResult: func(string) string { return "" },
		Retrying:             func(config.Mapping, error) {},
	})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	change(r)
}

// The streams and tables of mappings over HTTP.
const (
	ordersARN = "arn:aws:kinesis:us-east-1:000000000000:stream/orders"
	cartsARN  = "arn:aws:dynamodb:us-east-1:000000000000:table/carts/stream/2026-03-04T05:06:07.000"
	viewsARN  = "arn:aws:kinesis:us-east-1:000000000000:stream/views"
)

// changedOverHTTP makes a mapping of a stream and one of a queue, changes that of carts and deletes that of views.
func changedOverHTTP(t *testing.T, file, data string, toQueue string) (made string) {
	t.Helper()
	overHTTP(t, file, data, func(r *mappings.Register) {
		to := &config.DestinationConfig{OnFailure: config.OnFailure{Destination: toQueue}}
		m, err := r.Create(t.Context(), config.Mapping{
			FunctionName: "f:made", EventSourceArn: ordersARN, StartingPosition: config.AtTimestamp, StartingPositionTimestamp: seenAt, DestinationConfig: to,
		})
		if err != nil {
			t.Fatal(err)
		}
		made = m.UUID
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
		if _, err := r.Delete(t.Context(), timedID); err != nil {
			t.Fatal(err)
		}
	})
	return made
}

// positionsOverHTTP are streamsFile with someRows and another mapping's, after HTTP has changed mappings.
func positionsOverHTTP(t *testing.T) (file, data, made string) {
	t.Helper()
	file, data = streamsIn(t, someRows())
	made = changedOverHTTP(t, file, data, nowQueue)
	db := openDB(t, data)
	defer db.Close()
	for shard, cp := range map[string]esm.Checkpoint{"": {Position: "orders", Since: seenAt}, "shardId-000": {Position: "31"}, "shardId-001": {}} {
		if _, err := db.Save(t.Context(), row(made, shard), cp); err != nil {
			t.Fatal(err)
		}
	}
	return file, data, made
}

func TestPositionListOverHTTP(t *testing.T) {
	file, data, made := positionsOverHTTP(t)
	before := documentsOf(t, data)
	for args, want := range map[string]string{
		"": `MAPPING SHARD POSITION DRAINED PENDING RUNS WINDOW
f ← clicks shardId-000 after 16 yes - -
f ← clicks shardId-001 after 17 - 1 try, 18 to 19 from 2026-05-06T07:08:09Z, final invocation pending, 2 tries
3 tries, 20 to 22
f:new ← carts (changed over HTTP) - not begun - - -
g:live ← clicks shardId-000 from 2026-05-06T07:08:09Z yes - -
g:live ← clicks shardId-001 after 17 yes - -
g:live ← clicks shardId-002 after 18 - - -
f:made ← orders (made over HTTP) shardId-000 after 31 - - -
f:made ← orders (made over HTTP) shardId-001 from 2026-05-06T07:08:09Z - - -
` + timedID + ` (removed) shardId-000 at its StartingPosition yes - -
` + goneID + ` (removed) shardId-000 after 5 - - -
`,
		"--mapping f:made": `MAPPING SHARD POSITION DRAINED PENDING RUNS WINDOW
f:made ← orders (made over HTTP) shardId-000 after 31 - - -
f:made ← orders (made over HTTP) shardId-001 from 2026-05-06T07:08:09Z - - -
`,
		"--mapping " + timedID: `MAPPING SHARD POSITION DRAINED PENDING RUNS WINDOW
` + timedID + ` (removed) shardId-000 at its StartingPosition yes - -
`,
	} {
		code, got, stderr := command(t, append([]string{"position", "list", file}, strings.Fields(args)...)...)
		if code != 0 || squeezed(got) != squeezed(want) {
			t.Errorf("%s: got %d\n%s%s\nwant\n%s", args, code, got, stderr, want)
		}
	}
	_, text, _ := command(t, "position", "list", file, "--json")
	var got position.Document
	if err := json.Unmarshal([]byte(text), &got); err != nil {
		t.Fatal(err)
	}
	var listed []string
	for _, m := range got.EventSourceMappings {
		listed = append(listed, fmt.Sprintf("%s %s %v %s %d", m.UUID, m.Origin, m.Changed, m.FunctionName+m.EventSourceArn, len(m.Shards)))
	}
	clicks := "arn:aws:kinesis:us-east-1:000000000000:stream/clicks"
	want := []string{
		clicksID + " File false f" + clicks + " 2", cartsID + " File true f:new" + cartsARN + " 0", latestID + " File false g:live" + clicks + " 3",
		made + " HTTP false f:made" + ordersARN + " 2", timedID + "  false  1", goneID + "  false  1",
	}
	if !slices.Equal(listed, want) {
		t.Errorf("got  %q\nwant %q", listed, want)
	}
	if after := documentsOf(t, data); !maps.Equal(after, before) {
		t.Errorf("what is kept of the mappings has changed from %v to %v", before, after)
	}
}

// documentsOf is what is kept of mappings in a DataDir.
func documentsOf(t *testing.T, data string) map[string]string {
	t.Helper()
	db := openDB(t, data)
	defer db.Close()
	kept, err := db.Documents(t.Context(), "mappings")
	if err != nil || len(kept) == 0 {
		t.Fatalf("kept is %v, %v", kept, err)
	}
	texts := map[string]string{}
	for id, text := range kept {
		texts[id] = string(text)
	}
	return texts
}

func TestPositionSetAndResetOverHTTP(t *testing.T) {
	for _, c := range []struct {
		args, shard string
		want        *esm.Checkpoint // nil is nothing
		says        string
	}{
		{"set --mapping f:made --shard shardId-000 --after 12", "shardId-000", &esm.Checkpoint{Position: "12"},
			"shard shardId-000 of f:made ← orders (made over HTTP): was after 31, is after 12"},
		{"set --mapping MADE --shard shardId-000 --trim-horizon", "shardId-000", &esm.Checkpoint{Since: oldestTime}, "was after 31, is oldest"},
		{"set --mapping " + ordersARN + " --shard shardId-002 --after 3 --force", "shardId-002", &esm.Checkpoint{Position: "3"}, "no checkpoint of shard shardId-002 is known"},
		{"set --mapping f:new --shard s --after 3 --force", "s", &esm.Checkpoint{Position: "3"}, "shard s of f:new ← carts (changed over HTTP): was"},
		{"set --mapping " + cartsARN + " --shard s --after 3 --force", "s", &esm.Checkpoint{Position: "3"}, "was not begun, is after 3"},
		{"set --mapping g --shard shardId-000 --after 3 --force", "shardId-000", &esm.Checkpoint{Position: "3", Since: seenAt}, "shard shardId-000 of g:live ← clicks: was"},
		{"reset --mapping f:made --shard shardId-000", "shardId-000", &esm.Checkpoint{}, "was after 31, is from 2026-05-06T07:08:09Z"},
		{"reset --mapping f:made", "shardId-000", nil, "f:made ← orders (made over HTTP) starts over at AT_TIMESTAMP"},
		{"reset --mapping " + timedID, "shardId-000", nil, timedID + " (removed) has no positions any more"},
	} {
		file, data, made := positionsOverHTTP(t)
		id := map[string]string{"f:made": made, "MADE": made, ordersARN: made, "f:new": cartsID, cartsARN: cartsID, "g": latestID, timedID: timedID}
		words := strings.Fields(c.args)
		mapping, before := id[words[2]], documentsOf(t, data)
		words = slices.Concat([]string{"position", words[0], file, "--mapping", strings.ReplaceAll(words[2], "MADE", made)}, words[3:])
		if code, _, stderr := command(t, words...); code != 0 || !strings.Contains(stderr, c.says) {
			t.Errorf("%s: got %d\n%s\nwant %q", c.args, code, stderr, c.says)
		}
		got, ok := rowsOf(t, data, mapping)[c.shard]
		if ok != (c.want != nil) || ok && !reflect.DeepEqual(got, *c.want) {
			t.Errorf("%s: got %+v, want %+v", c.args, got, c.want)
		}
		if after := documentsOf(t, data); !maps.Equal(after, before) {
			t.Errorf("%s: what is kept of the mappings has changed from %v to %v", c.args, before, after)
		}
	}
}

func TestPositionWrongUseOverHTTP(t *testing.T) {
	file, _, made := positionsOverHTTP(t)
	for args, says := range map[string]string{
		"list FILE --mapping f:q":                                          "--mapping f:q: its source is a queue, which has no positions",
		"list FILE --mapping " + viewsARN:                                  "no stream mapping has this name; there are " + clicksID + " (f ← clicks), " + cartsID + " (f:new ← carts (changed over HTTP)), ",
		"reset FILE --mapping f":                                           "--mapping f: 3 mappings have this name: give the UUID of one of them: ",
		"reset FILE --mapping f:made:more":                                 made + " (f:made ← orders (made over HTTP))",
		"set FILE --mapping " + timedID + " --shard shardId-000 --after 1": "--mapping " + timedID + ": this mapping was removed",
		"reset FILE --mapping " + timedID + " --shard shardId-000":         "--mapping " + timedID + ": this mapping was removed",
		"set FILE --mapping f:made --shard s --after x":                    `--after "x" is not a sequence number: give digits, with /n`,
		"set FILE --mapping f:new --shard s --after 1/2":                   `--after "1/2" is not a sequence number: give digits`,
	} {
		words := strings.Fields(strings.ReplaceAll(args, "FILE", file))
		code, stdout, stderr := command(t, append([]string{"position"}, words...)...)
		if code != exitUsage || !strings.Contains(stderr, says) || stdout != "" {
			t.Errorf("%s: got %d %q\n%s\nwant %d, %q", args, code, stdout, stderr, exitUsage, says)
		}
	}
}

// What would be forgotten at the next start is not moved.
func TestPositionOfAMappingThatBeginsAnew(t *testing.T) {
	file, data, _ := positionsOverHTTP(t)
	write(t, file, strings.Replace(read(t, file), "AT_TIMESTAMP", "AT_TIMESTAMP, BatchSize: 7", 1))
	for _, args := range []string{"set --shard shardId-000 --after 1", "reset --shard shardId-000"} {
		words := strings.Fields(args)
		code, _, stderr := command(t, append([]string{"position", words[0], file, "--mapping", timedID}, words[1:]...)...)
		if code != exitUsage || !strings.Contains(stderr, "its positions are forgotten when the engine starts: start it once first") {
			t.Errorf("%s: got %d\n%s", args, code, stderr)
		}
	}
	if code, _, stderr := command(t, "position", "reset", file, "--mapping", timedID); code != 0 || len(rowsOf(t, data, timedID)) > 0 {
		t.Errorf("got %d\n%s", code, stderr)
	}
}

// The file may have come to name what HTTP had made, and HTTP's change counts only until the text in the file changes.
func TestPositionWhenTheFileHasChangedSince(t *testing.T) {
	file, _, made := positionsOverHTTP(t)
	write(t, file, strings.Replace(read(t, file), cartsID, cartsID+", BatchSize: 7", 1)+`  - {FunctionName: "f:made", EventSourceArn: "`+ordersARN+`", StartingPosition: LATEST}`+"\n")
	_, got, stderr := command(t, "position", "list", file)
	for _, want := range []string{"g ← carts - not begun", "f:made ← orders - not begun", made + " (removed) shardId-000 after 31"} {
		if !strings.Contains(squeezed(got), want) {
			t.Errorf("got\n%s%s\nwant %q", got, stderr, want)
		}
	}
}

// noticesOverHTTP are notices of mappings that were made, changed and deleted over HTTP.
func noticesOverHTTP(t *testing.T) (file, data string) {
	t.Helper()
	kept := notices()
	file, data = noticesIn(t, []esm.UndeliveredNotice{})
	kept[0].Notice.Mapping = changedOverHTTP(t, file, data, nowQueue)
	kept[1].Notice.Mapping, kept[2].Notice.Mapping = cartsID, timedID
	db := openDB(t, data)
	defer db.Close()
	for _, u := range kept {
		if err := db.Keep(t.Context(), u.Notice, u.Destination, u.Reason); err != nil {
			t.Fatal(err)
		}
	}
	return file, data
}

func TestUndeliveredOverHTTP(t *testing.T) {
	file, data := noticesOverHTTP(t)
	_, got, stderr := command(t, "undelivered", "list", file)
	for _, want := range []string{
		" f:made ← orders (made over HTTP) shardId-000 ", " f:new ← carts (changed over HTTP) shardId-000 ",
		" " + timedID + " (removed) shardId-000 ",
	} {
		if !strings.Contains(squeezed(got), want) {
			t.Errorf("got\n%s%s\nwant %q", got, stderr, want)
		}
	}
	q := newQueues(t)
	code, stdout, stderr := command(t, "undelivered", "resend", file, "--endpoint", q.url)
	if code != 0 || q.count() != "now 2, old 1" || len(keptIn(t, data)) != 0 {
		t.Errorf("got %d, %s\n%s%s", code, q.count(), stdout, stderr)
	}
}

// What a later release has written of mappings is not guessed at. Notices can be dropped all the same.
func TestCommandsOnMappingsOfALaterRelease(t *testing.T) {
	file, data := noticesIn(t, notices())
	db := openDB(t, data)
	if err := errors.Join(db.Write(t.Context(), "mappings", map[string][]byte{goneID: []byte(`{"Colour":"red"}`)}), db.Close()); err != nil {
		t.Fatal(err)
	}
	for _, args := range append(slices.Collect(maps.Values(positionCommands(file))), undeliveredCommands(file)[:2]...) {
		code, _, stderr := command(t, args...)
		if code != exitFailed || !strings.Contains(stderr, "mapping "+goneID+": not written by this release") {
			t.Errorf("%s: got %d %s", args[:2], code, stderr)
		}
	}
	if code, _, stderr := command(t, undeliveredCommands(file)[2]...); code != 0 {
		t.Errorf("got %d %s", code, stderr)
	}
}
