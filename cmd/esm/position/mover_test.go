package position

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/esm-run/esm"
	"github.com/esm-run/esm/checkpoint/checkpointtest"
	"github.com/esm-run/esm/cmd/esm/datadir"
	"github.com/esm-run/esm/cmd/esm/usage"
	"github.com/esm-run/esm/config"
	"github.com/esm-run/esm/engine/policy"
	"github.com/esm-run/esm/mappings"
)

var (
	seenAt  = time.Date(2026, 5, 6, 7, 8, 9, 0, time.UTC)
	startAt = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC) // the StartingPositionTimestamp of timed
	now     = time.Date(2026, 6, 7, 8, 9, 10, 0, time.UTC)
)

func inFile(m config.Mapping) datadir.Mapping {
	return datadir.Mapping{Mapping: m, Origin: mappings.OriginFile}
}

// Mappings of each kind, and one that was removed.
var (
	clicks = inFile(config.Mapping{
		UUID: "clicks", FunctionName: "f", EventSourceArn: "arn:aws:kinesis:us-east-1:000000000000:stream/clicks", StartingPosition: config.TrimHorizon,
	})
	latest = inFile(config.Mapping{
		UUID: "latest", FunctionName: "g:live", EventSourceArn: "arn:aws:kinesis:us-east-1:000000000000:stream/clicks", StartingPosition: config.Latest,
	})
	timed = inFile(config.Mapping{
		UUID: "timed", FunctionName: "f", EventSourceArn: "arn:aws:kinesis:us-east-1:000000000000:stream/views",
		StartingPosition: config.AtTimestamp, StartingPositionTimestamp: startAt,
	})
	carts = inFile(config.Mapping{
		UUID: "carts", FunctionName: "g", EventSourceArn: "arn:aws:dynamodb:us-east-1:000000000000:table/carts", StartingPosition: config.TrimHorizon,
	})
	gone = datadir.RemovedMapping("gone")
)

// checkpointsOf returns the checkpoints of a mapping under test. Of carts there are none.
func checkpointsOf(m datadir.Mapping) map[string]esm.Checkpoint {
	return map[string]map[string]esm.Checkpoint{
		"clicks": {"": {Position: "2026-03-04", Since: seenAt}, "shardId-000": {Position: "16", Drained: true}, "shardId-001": full},
		"latest": {
			"": {Position: "2026-03-04", Since: seenAt}, "shardId-000": {Since: seenAt, Drained: true},
			"shardId-001": {Since: seenAt, Position: "17", Drained: true},
			"shardId-002": {Position: "18", Owed: []esm.Owed{{ID: "a", First: "19", Last: "19", Tries: 1}}},
		},
		"timed": {"": {Position: "views", Since: seenAt}, "shardId-000": {Drained: true}},
		"gone":  {"": {Position: "gone", Since: seenAt}, "shardId-000": {Position: "5"}},
	}[m.UUID]
}

// rig is a Mover with a store in memory.
type rig struct {
	*Mover
	t     *testing.T
	lines strings.Builder // of Info and Warn
}

func newRig(t *testing.T, m datadir.Mapping, checkpoints map[string]esm.Checkpoint) *rig {
	t.Helper()
	r := &rig{t: t}
	line := func(format string, args ...any) { fmt.Fprintf(&r.lines, format+"\n", args...) }
	store := &datadir.Store{Store: &checkpointtest.Memory{}}
	r.Mover = &Mover{Now: now, Info: line, Warn: line, Shards: listShards, store: store, mapping: m}
	for shard, cp := range checkpoints {
		if _, err := store.Save(t.Context(), esm.Key{Mapping: m.UUID, Shard: shard}, cp); err != nil {
			t.Fatal(err)
		}
	}
	var err error
	if r.shards, err = store.All(t.Context(), m.UUID); err != nil {
		t.Fatal(err)
	}
	return r
}

// listShards lists the shards of the stream clicks; the others cannot be listed.
func listShards(_ context.Context, m config.Mapping) ([]string, error) {
	if m.UUID != "clicks" {
		return nil, errors.New("no route to host")
	}
	return []string{"shardId-000", "shardId-001", "shardId-005"}, nil
}

// stored returns the stored checkpoints without their versions.
func (r *rig) stored() map[string]esm.Checkpoint {
	r.t.Helper()
	stored, err := r.store.All(r.t.Context(), r.mapping.UUID)
	if err != nil {
		r.t.Fatal(err)
	}
	for shard, cp := range stored {
		cp.Version = 0
		stored[shard] = cp
	}
	return stored
}

// move is a call of a method of Mover.
type move func(context.Context, *Mover) error

func set(shard string, to Target) move {
	return func(ctx context.Context, m *Mover) error { return m.Set(ctx, shard, to, false) }
}

func force(shard string, to Target) move {
	return func(ctx context.Context, m *Mover) error { return m.Set(ctx, shard, to, true) }
}

func reset(shard string) move {
	return func(ctx context.Context, m *Mover) error { return m.ResetShard(ctx, shard) }
}

// check makes a move, after a dry run that must only report the same.
func (r *rig) check(move move, want string) {
	r.t.Helper()
	before := r.stored()
	var dryRun strings.Builder
	r.DryRun = &dryRun
	err := move(r.t.Context(), r.Mover)
	if err != nil || strings.ReplaceAll(dryRun.String(), "dry run: ", "") != want || dryRun.String() == want || !reflect.DeepEqual(r.stored(), before) {
		r.t.Errorf("a dry run: got %v, %+v\n%s\nwant %s", err, r.stored(), &dryRun, want)
	}
	r.DryRun = nil
	if err := move(r.t.Context(), r.Mover); err != nil || !strings.HasSuffix(r.lines.String(), want) {
		r.t.Errorf("got %v\n%s\nwant %s", err, &r.lines, want)
	}
}

// A move stores the new checkpoint and reports it, the engine reads where the report says, and a dry run only reports.
func TestMoveShard(t *testing.T) {
	at := time.Date(2026, 2, 3, 4, 5, 6, 789e6, time.UTC)
	const atText = "from 2026-02-03T04:05:06.789Z"
	const drained = "; discarded: that it was drained"
	for _, c := range []struct {
		mapping       datadir.Mapping
		move          move
		shard         string
		want          esm.Checkpoint
		was, is, rest string
	}{
		{clicks, set("shardId-001", Target{After: "12"}), "shardId-001", esm.Checkpoint{Position: "12"},
			"after 17", "after 12", drained + ", 2 pending runs, the open window of 2026-05-06T07:08:09Z"},
		{clicks, set("shardId-000", Target{After: "0012/3"}), "shardId-000", esm.Checkpoint{Position: "0012/3"}, "after 16", "after 0012/3", drained},
		{clicks, set("0", Target{TrimHorizon: true}), "shardId-000", esm.Checkpoint{}, "after 16", "oldest", drained},
		{clicks, set("shardId-000", Target{Timestamp: "2026-02-03T06:05:06.789123+02:00"}), "shardId-000", esm.Checkpoint{Since: at}, "after 16", atText, drained},
		{clicks, set("shardId-000", Target{Timestamp: "1770091506.789"}), "shardId-000", esm.Checkpoint{Since: at}, "after 16", atText, drained},
		{clicks, set("shardId-000", Target{Latest: true}), "shardId-000", esm.Checkpoint{Since: now}, "after 16", "from 2026-06-07T08:09:10Z", drained},
		{clicks, set("5", Target{After: "12"}), "shardId-005", esm.Checkpoint{Position: "12"}, "not begun", "after 12", ""},
		{latest, set("shardId-001", Target{After: "12"}), "shardId-001", esm.Checkpoint{Position: "12", Since: seenAt}, "after 17", "after 12", drained},
		{latest, set("shardId-001", Target{TrimHorizon: true}), "shardId-001", esm.Checkpoint{}, "after 17", "oldest", drained},
		{latest, set("shardId-001", Target{Timestamp: "1770091506.789"}), "shardId-001", esm.Checkpoint{Since: at}, "after 17", atText, drained},
		{timed, set("shardId-000", Target{TrimHorizon: true}), "shardId-000", esm.Checkpoint{Since: epochStart}, "from 2026-01-02T03:04:05Z", "oldest", drained},
		{timed, set("shardId-000", Target{Timestamp: "1770091506.789"}), "shardId-000", esm.Checkpoint{Since: at}, "from 2026-01-02T03:04:05Z", atText, drained},
		{timed, force("shardId-009", Target{After: "3"}), "shardId-009", esm.Checkpoint{Position: "3"}, "not begun", "after 3", ""},
		{carts, force("shardId-01", Target{After: "000001"}), "shardId-01", esm.Checkpoint{Position: "000001"}, "not begun", "after 000001", ""},

		{clicks, reset("1"), "shardId-001", esm.Checkpoint{}, "after 17", "oldest", drained + ", 2 pending runs, the open window of 2026-05-06T07:08:09Z"},
		{timed, reset("shardId-000"), "shardId-000", esm.Checkpoint{}, "from 2026-01-02T03:04:05Z", "from 2026-01-02T03:04:05Z", drained},
		{latest, reset("shardId-000"), "shardId-000", esm.Checkpoint{Since: seenAt, Drained: true}, "from 2026-05-06T07:08:09Z", "from 2026-05-06T07:08:09Z", drained},
		{latest, reset("shardId-001"), "shardId-001", esm.Checkpoint{Since: seenAt}, "after 17", "from 2026-05-06T07:08:09Z", drained},
		{latest, reset("shardId-002"), "shardId-002", esm.Checkpoint{}, "after 18", "oldest", "; discarded: 1 pending run"},
	} {
		r := newRig(t, c.mapping, checkpointsOf(c.mapping))
		line := fmt.Sprintf("shard %s of %s: was %s, is %s%s\n", c.shard, c.mapping.Title(), c.was, c.is, c.rest)
		want := r.stored()
		r.check(c.move, line)
		if warned := strings.Contains(r.lines.String(), "no checkpoint of shard "+c.shard+" is known"); warned != (c.was == "not begun" && c.shard != "shardId-005") {
			t.Errorf("%s: warned is %v", line, warned)
		}
		want[c.shard] = c.want
		if got := r.stored(); !reflect.DeepEqual(got, want) {
			t.Errorf("%s: got %+v\nwant %+v", line, got, want)
		}
		if got := readsFrom(c.mapping.Mapping, c.shard, r.stored()); !c.want.Drained && got != c.is {
			t.Errorf("%s: the engine reads %s", line, got)
		}
	}
}

// readsFrom says where an engine begins to read a shard, when the stream has the shards with checkpoints.
func readsFrom(m config.Mapping, shard string, checkpoints map[string]esm.Checkpoint) string {
	var listed []esm.Shard
	for _, id := range shardIDs(checkpoints) {
		listed = append(listed, esm.Shard{ID: id})
	}
	rules := policy.Shards{Start: m.StartingPosition, At: m.StartingPositionTimestamp}
	for _, opening := range rules.Plan(listed, checkpoints, nil).Read {
		switch from := opening.From; {
		case opening.Shard != shard:
		case from.After != "":
			return "after " + from.After
		case from.At.IsZero(), from.At.Equal(epochStart):
			return "oldest"
		default:
			return "from " + from.At.Format(time.RFC3339Nano)
		}
	}
	return "nothing"
}

func TestReset(t *testing.T) {
	for _, c := range []struct {
		mapping datadir.Mapping
		want    string
	}{
		{clicks, "shard shardId-000 of f ← clicks: was after 16, is forgotten; discarded: that it was drained\n" +
			"shard shardId-001 of f ← clicks: was after 17, is forgotten; discarded: that it was drained, 2 pending runs, the open window of 2026-05-06T07:08:09Z\n" +
			"f ← clicks starts over at TRIM_HORIZON\n"},
		{gone, "shard shardId-000 of gone (removed): was after 5, is forgotten\ngone (removed) has no positions any more\n"},
		{carts, "g ← carts has no positions: it begins at its StartingPosition\n"},
	} {
		r := newRig(t, c.mapping, checkpointsOf(c.mapping))
		r.check(func(ctx context.Context, m *Mover) error { return m.Reset(ctx) }, c.want)
		if got := r.stored(); len(got) > 0 {
			t.Errorf("%s: got %+v", c.want, got)
		}
	}
}

// A shard that is moved before the first start keeps its place when the engine first sees the mapping. Reset forgets it.
func TestMoveBeforeFirstStart(t *testing.T) {
	for _, to := range []Target{{TrimHorizon: true}, {After: "7"}} {
		r := newRig(t, latest, nil)
		if err := r.Set(t.Context(), "shardId-001", to, true); err != nil {
			t.Fatal(err)
		}
		checkpoints := r.stored()
		listed := []esm.Shard{{ID: "shardId-001"}, {ID: "shardId-002"}}
		maps.Copy(checkpoints, policy.Shards{Start: config.Latest}.InitialCheckpoints(listed, checkpoints, seenAt))
		for shard, want := range map[string]string{
			"shardId-001": map[bool]string{true: "oldest", false: "after 7"}[to.TrimHorizon],
			"shardId-002": "from 2026-05-06T07:08:09Z",
		} {
			if got := readsFrom(latest.Mapping, shard, checkpoints); got != want {
				t.Errorf("%+v: %s is read %s, want %s", to, shard, got, want)
			}
		}
		again := newRig(t, latest, r.stored())
		if err := again.ResetShard(t.Context(), "shardId-001"); err != nil || len(again.stored()) > 0 {
			t.Errorf("%+v: reset to %+v, %v", to, again.stored(), err)
		}
	}
}

func TestRefusedMoves(t *testing.T) {
	restarts := timed
	restarts.Restarts = true
	neverStarted := latest
	neverStarted.UUID = "new"
	after := func(position string) move { return set("shardId-001", Target{After: position}) }
	at := func(timestamp string) move { return set("shardId-001", Target{Timestamp: timestamp}) }
	for _, c := range []struct {
		mapping datadir.Mapping
		move    move
		want    string
	}{
		{gone, set("shardId-000", Target{After: "1"}), "--mapping gone: this mapping was removed: its positions can only be forgotten"},
		{gone, reset("shardId-000"), "--mapping gone: this mapping was removed: reset it without --shard"},
		{restarts, set("shardId-000", Target{After: "1"}), "its positions are forgotten when the engine starts: start it once first"},
		{restarts, reset("shardId-000"), "its positions are forgotten when the engine starts: start it once first"},

		{clicks, set("", Target{After: "1"}), `--shard "" is not the ID of a shard`},
		{clicks, set("a/b", Target{After: "1"}), `--shard "a/b" is not the ID of a shard`},
		{clicks, set("shardId-00", Target{After: "1"}), "--shard shardId-00: no such shard; f ← clicks has shardId-000, shardId-001, shardId-005: use --force"},
		{clicks, set("7", Target{After: "1"}), "--shard 7: no such shard; f ← clicks has"},
		{timed, set("7", Target{After: "1"}), "no such shard; f ← views has shardId-000 (the stream could not be listed: no route to host): use --force"},
		{carts, set("7", Target{After: "1"}), "no shard of g ← carts is known (the stream could not be listed: no route to host): start the engine once"},
		{clicks, reset(""), "--shard is empty"},
		{clicks, reset("shardId-7"), "has no position in f ← clicks; these have one: shardId-000, shardId-001"},
		{carts, reset("shardId-7"), "no shard of g ← carts has a position"},

		{clicks, set("shardId-001", Target{}), "give exactly one of --after, --at-timestamp, --trim-horizon and --latest"},
		{clicks, set("shardId-001", Target{Latest: true, TrimHorizon: true}), "give exactly one of"},
		{clicks, after("x"), `--after "x" is not a sequence number: give digits, with /n`},
		{clicks, after("-1"), `--after "-1" is not a sequence number`},
		{clicks, after("1/"), `--after "1/" is not a sequence number`},
		{clicks, after(strings.Repeat("1", 130)), "is not a sequence number"},
		{carts, after("1/2"), `--after "1/2" is not a sequence number: give digits`},
		{clicks, at("yesterday"), `--at-timestamp "yesterday" is neither a time such as 2026-`},
		{clicks, at("NaN"), "is neither"},
		{clicks, at("-1"), "is neither"},
		{clicks, at("1770091506789"), "is neither"},
		{clicks, at("2999-01-01T00:00:00Z"), "is in the future"},

		// The engine would take the time of one shard for when it first saw the mapping.
		{neverStarted, force("shardId-001", Target{Latest: true}), "begins at LATEST and was never started"},
		{neverStarted, force("shardId-001", Target{Timestamp: "1770091506"}), "begins at LATEST and was never started"},
	} {
		r := newRig(t, c.mapping, checkpointsOf(c.mapping))
		before := r.stored()
		err := c.move(t.Context(), r.Mover)
		if _, wrongUse := errors.AsType[usage.Error](err); !wrongUse || !strings.Contains(err.Error(), c.want) || !reflect.DeepEqual(r.stored(), before) {
			t.Errorf("got %v, %+v, want %s", err, r.stored(), c.want)
		}
	}
}

func TestWrite(t *testing.T) {
	listed := []Positions{
		{clicks, checkpointsOf(clicks)}, {carts, nil}, {latest, checkpointsOf(latest)}, {timed, checkpointsOf(timed)}, {gone, checkpointsOf(gone)},
	}
	want := `MAPPING SHARD POSITION DRAINED PENDING RUNS WINDOW
f ← clicks shardId-000 after 16 yes - -
f ← clicks shardId-001 after 17 yes 1 try, 18 to 19 from 2026-05-06T07:08:09Z, final invocation pending, 2 tries
3 tries, 20 to 22
g ← carts - not begun - - -
g:live ← clicks shardId-000 from 2026-05-06T07:08:09Z yes - -
g:live ← clicks shardId-001 after 17 yes - -
g:live ← clicks shardId-002 after 18 - 1 try, 19 to 19 -
f ← views shardId-000 from 2026-01-02T03:04:05Z yes - -
gone (removed) shardId-000 after 5 - - -
`
	if got := written(t, WriteTable, listed); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	changed := carts
	changed.Changed = true
	wantJSON := `{ "EventSourceMappings": [ {
"UUID": "clicks", "Origin": "File", "FunctionName": "f", "EventSourceArn": "arn:aws:kinesis:us-east-1:000000000000:stream/clicks",
"StartingPosition": "TRIM_HORIZON", "Stream": "2026-03-04", "FirstSeen": "2026-05-06T07:08:09Z", "Shards": [
{ "ShardId": "shardId-000", "Position": "16", "Drained": true },
{ "ShardId": "shardId-001", "Position": "17", "Drained": true, "Lanes": [ "18", "" ], "PendingRuns": [
{ "RequestId": "a", "First": "18", "Last": "19", "Lane": 0, "Tries": 1 },
{ "RequestId": "b", "First": "20", "Last": "22", "Lane": 1, "Tries": 3 } ],
"Window": { "Start": "2026-05-06T07:08:09Z", "StateBytes": 12, "Final": true, "Terminated": false, "Tries": 2, "RequestId": "w" } } ] },
{ "UUID": "carts", "Origin": "File", "Changed": true, "FunctionName": "g", "EventSourceArn": "arn:aws:dynamodb:us-east-1:000000000000:table/carts",
"StartingPosition": "TRIM_HORIZON", "Shards": [] },
{ "UUID": "gone", "Stream": "gone", "FirstSeen": "2026-05-06T07:08:09Z", "Shards": [
{ "ShardId": "shardId-000", "Position": "5", "Drained": false } ] } ] }`
	if got := written(t, WriteJSON, []Positions{listed[0], {changed, nil}, listed[4]}); strings.Join(strings.Fields(got), " ") != strings.Join(strings.Fields(wantJSON), " ") {
		t.Errorf("got\n%s\nwant\n%s", got, wantJSON)
	}
	if got := written(t, WriteTable, []Positions{{carts, nil}}); got != "there are no positions yet\n" {
		t.Errorf("without positions: got %q", got)
	}
}

// written returns what write writes, with one space between the cells of a line.
func written(t *testing.T, write func(io.Writer, []Positions) error, listed []Positions) string {
	t.Helper()
	var all, squeezed strings.Builder
	if err := write(&all, listed); err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(all.String()) {
		fmt.Fprintln(&squeezed, strings.Join(strings.Fields(line), " "))
	}
	return squeezed.String()
}
