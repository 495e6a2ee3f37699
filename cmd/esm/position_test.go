package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/esm-run/esm"
	"github.com/esm-run/esm/checkpoint"
	"github.com/esm-run/esm/cmd/esm/wiring"
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

var seenAt = time.Date(2026, 5, 6, 7, 8, 9, 0, time.UTC)

// streamsIn writes streamsFile into a new directory, and names the DataDir beside it.
func streamsIn(t *testing.T) (file, data string) {
	t.Helper()
	dir := t.TempDir()
	file = filepath.Join(dir, "mappings.yaml")
	write(t, file, streamsFile)
	return file, filepath.Join(dir, ".esm")
}

// openDB opens the store of a DataDir until the test closes it.
func openDB(t *testing.T, data string) *checkpoint.DB {
	t.Helper()
	db, err := checkpoint.Open(wiring.StorePath(data))
	if err != nil {
		t.Fatal(err)
	}
	return db
}

// save stores the position of a shard of each mapping, by UUID.
func save(t *testing.T, data string, positions map[string]string) {
	t.Helper()
	db := openDB(t, data)
	defer db.Close()
	for mapping, position := range positions {
		for shard, cp := range map[string]esm.Checkpoint{"": {Position: "stream", Since: seenAt}, "shardId-000": {Position: position}} {
			if _, err := db.Save(t.Context(), esm.Key{Mapping: mapping, Shard: shard}, cp); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// Nothing is created where nothing is kept.
func TestPositionAndUndeliveredOfNothing(t *testing.T) {
	file, data := streamsIn(t)
	for _, exists := range []bool{false, true} {
		for args, want := range map[string]string{
			"position list FILE":           "there are no positions yet\n",
			"position list FILE --json":    `"Shards": []`,
			"undelivered list FILE":        "there are no undelivered notices\n",
			"undelivered list FILE --json": "",
			"undelivered resend FILE":      "there are no undelivered notices\n",
			"undelivered drop FILE --all":  "dropped notices: 0\n",
		} {
			code, got, stderr := command(t, strings.Fields(strings.ReplaceAll(args, "FILE", file))...)
			if code != 0 || !says(got, want) || stderr != "" || !absent(wiring.StorePath(data)) || !exists && !absent(data) {
				t.Errorf("%s: got %d %q %q, want %q", args, code, got, stderr, want)
			}
		}
		if err := os.MkdirAll(data, 0o700); err != nil {
			t.Fatal(err)
		}
	}
}

// The commands move one shard, from before the first run, when there is no DataDir.
func TestPositionSetAndReset(t *testing.T) {
	file, data := streamsIn(t)
	shard := "--mapping " + clicksID + " --shard shardId-001"
	for _, c := range []struct{ args, says string }{
		{"set FILE " + shard + " --after 12 --force", "was not begun, is after 12"},
		{"set FILE --mapping " + clicksID + " --shard 1 --at-timestamp 1770091506", "was after 12, is from 2026-02-03T04:05:06Z"},
		{"set FILE " + shard + " --trim-horizon", "was from 2026-02-03T04:05:06Z, is oldest"},
		{"set FILE " + shard + " --latest", "was oldest, is from 20"},
		{"reset FILE " + shard, "is forgotten"},
		{"reset FILE --mapping " + clicksID, "f ← clicks has no positions: it begins at its StartingPosition"},
	} {
		args := append([]string{"position"}, strings.Fields(strings.ReplaceAll(c.args, "FILE", file))...)
		before := absent(data)
		code, stdout, stderr := command(t, append(args, "--dry-run")...)
		if code != 0 || !strings.Contains(stdout, "dry run: ") || !strings.Contains(stdout, c.says) || absent(data) != before {
			t.Errorf("%s --dry-run: got %d\n%s%s\nwant %q", c.args, code, stdout, stderr, c.says)
		}
		if code, stdout, stderr := command(t, args...); code != 0 || !strings.Contains(stderr, c.says) || stdout != "" {
			t.Errorf("%s: got %d\n%s%s\nwant %q", c.args, code, stdout, stderr, c.says)
		}
	}
}

func TestPositionAndUndeliveredWrongUse(t *testing.T) {
	file, data := streamsIn(t)
	keep(t, data, clicksID)
	shard := " --mapping " + clicksID + " --shard shardId-001"
	for args, says := range map[string]string{
		"position walk":                                                     `unknown command "walk" for "esm position"`,
		"position list":                                                     "accepts 1 arg(s), received 0",
		"position list FILE --loud":                                         "unknown flag: --loud (see esm position list --help)",
		"position list absent.yaml":                                         "absent.yaml",
		"position list FILE --mapping":                                      "flag needs an argument",
		"position list FILE --mapping h":                                    "--mapping h: no stream mapping has this name; there are " + clicksID + " (f ← clicks), ",
		"position set FILE":                                                 "--mapping is missing",
		"position reset FILE":                                               "--mapping is missing",
		"position reset FILE --mapping f":                                   "--mapping f: 2 mappings have this name",
		"position reset FILE --mapping f --dry":                             "unknown flag: --dry",
		"position reset FILE --mapping " + clicksID + " --shard=":           "--shard is empty",
		"position set FILE --mapping " + clicksID + " --after 1":            `--shard "" is not the ID of a shard`,
		"position set FILE" + shard + " --after=":                           "give exactly one of",
		"position set FILE" + shard + " --after 1":                          "the stream could not be listed",
		"position set FILE --latest --mapping=hh --data-dir=" + data + "/x": "--mapping hh",

		"undelivered walk":                       `unknown command "walk" for "esm undelivered"`,
		"undelivered list":                       "accepts 1 arg(s), received 0",
		"undelivered list FILE one":              "accepts 1 arg(s), received 2",
		"undelivered list FILE --payload":        "--payload goes with --json (see esm undelivered list --help)",
		"undelivered list absent.yaml":           "absent.yaml",
		"undelivered resend":                     "requires at least 1 arg(s)",
		"undelivered resend FILE one --all":      "give IDs or --all, not both",
		"undelivered resend FILE one four":       "there is no undelivered notice four",
		"undelivered resend FILE --endpoint x:y": "--endpoint",
		"undelivered list FILE --function a.b":   "--function a.b is neither a function's name",
		"undelivered resend FILE one --function": "flag needs an argument",
		"undelivered drop FILE --function f one": "--function goes neither with IDs nor with --all",
		"undelivered drop FILE":                  "select notices: give their IDs, --function or --all (see esm undelivered drop --help)",
		"undelivered drop FILE one --all":        "give IDs or --all, not both",
		"undelivered drop FILE one four":         "there is no undelivered notice four",
		"undelivered drop FILE --every":          "unknown flag: --every",
	} {
		code, stdout, stderr := command(t, strings.Fields(strings.ReplaceAll(args, "FILE", file))...)
		if code != exitUsage || !strings.Contains(stderr, says) || stdout != "" {
			t.Errorf("%s: got %d %q\n%s\nwant %d, %q", args, code, stdout, stderr, exitUsage, says)
		}
	}
	if got := keptIn(t, data); got != "one" {
		t.Errorf("kept are %q", got)
	}
}

func TestPositionAndUndeliveredCompletion(t *testing.T) {
	file, _ := streamsIn(t)
	for args, want := range map[string]string{
		"position|list|":                          "yaml\nyml\njson\n:8\n",
		"position|set|" + file + "|":              ":4\n",
		"position|set|" + file + "|--shard|":      ":4\n",
		"position|set|" + file + "|--after|":      ":4\n",
		"position|reset|" + file + "|--data-dir|": ":16\n",
		"position|reset|absent.yaml|--mapping|":   ":4\n",
		"position|list|" + file + "|--mapping|": clicksID + "\tf ← clicks\n" + cartsID + "\tg ← carts\n" +
			latestID + "\tg:live ← clicks\n" + timedID + "\tf ← views\n:4\n",
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
