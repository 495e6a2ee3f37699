package status

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/esm-run/esm/cmd/esm/httpserver"
	"github.com/esm-run/esm/cmd/esm/observe"
)

// streamStatus is that of a stream with these shards.
func streamStatus(shards ...observe.ShardStatus) observe.MappingStatus {
	m := observe.MappingStatus{
		Mapping: observe.Mapping{Source: "arn:aws:kinesis:us-east-1:000000000000:stream/clicks", Function: "count", Stream: true},
		State:   "Enabled", Polling: true, InFlight: 1, LastResult: "FunctionError", Polled: 1000,
		StreamStatus: &observe.StreamStatus{
			ShardsListed: 4, ShardsReading: len(shards), IteratorAge: 754 * time.Second, Settled: 980, Dropped: 8, Shards: shards,
		},
	}
	for _, s := range shards {
		if !s.BlockedSince.IsZero() {
			m.ShardsBlocked++
		} else if s.LastError != nil {
			m.ShardsFailing++
		}
	}
	return m
}

// stuckShard has been blocked for three minutes and twelve seconds.
func stuckShard(n, tries int, text string) observe.ShardStatus {
	return observe.ShardStatus{
		ShardId: fmt.Sprintf("shardId-%012d", n), State: "Blocked", BlockedSince: statusTime.Add(-192 * time.Second), Tries: tries,
		LastError: &observe.Note{Time: statusTime, Text: text},
	}
}

func tableOf(t *testing.T, mappings ...observe.MappingStatus) string {
	t.Helper()
	var out strings.Builder
	s := httpserver.Status{Version: "v1", Started: statusTime, Ready: true, Status: observe.Status{Mappings: mappings}}
	if err := Write(&out, s, statusTime); err != nil {
		t.Fatal(err)
	}
	_, table, _ := strings.Cut(out.String(), "\n")
	table, _, _ = strings.Cut(table, "\nFUNCTION ")
	return table
}

func TestStatusOfStreams(t *testing.T) {
	reads := observe.ShardStatus{ShardId: "shardId-000000000009", State: "Reading"}
	fails := observe.ShardStatus{ShardId: "shardId-000000000003", State: "Failing", LastError: &observe.Note{Time: statusTime, Text: "no route\nto host"}}
	other := streamStatus(reads)
	other.Source, other.Function, other.Failing, other.IteratorAge = "arn:aws:dynamodb:us-east-1:000000000000:table/carts/stream/2026-03-01T09:10:11.345", "index", true, 0
	other.LastError = &observe.Note{Time: statusTime, Text: "Unhandled: boom"}
	other.LastLost = &observe.Note{Time: statusTime, Text: "shardId-1: the position is older than what the stream keeps"}
	other.Undelivered = 2
	got := tableOf(t, streamStatus(stuckShard(1, 7, "FunctionError: boom"), stuckShard(2, 1, "FunctionTimeout"), fails, reads), other)
	want := `
STREAM  FUNCTION  STATE              SHARDS         AGE     IN FLIGHT  POLLED  SETTLED  DROPPED  LAST RESULT
clicks  count     Enabled            4 (2 blocked)  12m34s  1          1000    980      8        FunctionError
  shardId-000000000001  blocked for 3m12s, 7 tries: FunctionError: boom
  shardId-000000000002  blocked for 3m12s, 1 try: FunctionTimeout
  shardId-000000000003  cannot be read: no route to host
carts   index     Enabled (failing)  1              0s      1          1000    980      8        FunctionError
  last error 03:04:05 Unhandled: boom
  undelivered notices: 2 (esm undelivered list)
  records may be missing or repeated: 03:04:05 shardId-1: the position is older than what the stream keeps
`
	if got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestStatusOfQueuesAndStreams(t *testing.T) {
	got := tableOf(t, someStatus.Mappings[1], streamStatus())
	if strings.Count(got, "SOURCE ") != 1 || strings.Count(got, "STREAM ") != 1 || strings.Index(got, "others ") > strings.Index(got, "clicks ") {
		t.Errorf("got %s", got)
	}
	if got := tableOf(t); strings.Contains(got, "SOURCE ") || strings.Contains(got, "STREAM ") {
		t.Errorf("without mappings: %s", got)
	}
}

func TestStatusOfManyBlockedShards(t *testing.T) {
	var shards []observe.ShardStatus
	for n := range 1000 {
		shards = append(shards, stuckShard(n, 2, strings.Repeat("é", 500)))
	}
	m := streamStatus(shards...)
	m.ShardsReading, m.ShardsBlocked, m.MoreShards = 10000, 9999, 9000
	got := tableOf(t, m)
	if n := strings.Count(got, "shardId-"); n != maxShards || !strings.HasSuffix(got, "\n  and 9989 more\n") {
		t.Errorf("got %s", got)
	}
	for line := range strings.Lines(got) {
		if n := len([]rune(line)); n > 150 {
			t.Errorf("%d characters: %s", n, line)
		}
	}
}

func TestRough(t *testing.T) {
	for d, want := range map[time.Duration]string{
		-time.Second: "0s", 0: "0s", 1999 * time.Millisecond: "1s", 192 * time.Second: "3m12s", time.Hour + 5*time.Minute: "1h05m",
		47*time.Hour + 59*time.Minute: "47h59m", 50 * time.Hour: "2d",
	} {
		if got := rough(d); got != want {
			t.Errorf("%v: got %s, want %s", d, got, want)
		}
	}
}
