package observe

import (
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/esm-run/esm"
	"github.com/esm-run/esm/trace"
)

// streamLife is what may be told of a shard, beside batches.
func streamLife() []trace.Event {
	drop := trace.Dropped{Mapping: uuid, Shard: one, Records: numbered(3, 5), Why: "RetryAttemptsExhausted", Tries: 2}
	old := trace.Dropped{Mapping: uuid, Shard: one, Records: numbered(6, 6), Why: "RecordAgeExceeded", Tries: 1}
	older := trace.Dropped{Mapping: uuid, Shard: one, Records: numbered(7, 8), Why: "RecordAgeExceeded", Tries: 2}
	window := trace.Dropped{Mapping: uuid, Shard: one, Why: "RetryAttemptsExhausted", Tries: 1}
	notice := trace.Notified{Mapping: uuid, Shard: one, Destination: "arn:d", Records: 3}
	kept := notice
	kept.Err = errRefused
	return []trace.Event{
		trace.Listed{Mapping: uuid, Shards: 4, Reading: 2},
		trace.Reading{Mapping: uuid, Shard: one},
		trace.Reading{Mapping: uuid, Shard: two, Position: "17"},
		trace.Received{Mapping: uuid, Shard: one, Records: numbered(1, 5)},
		trace.Filtered{Mapping: uuid, Shard: one, Records: numbered(1, 2)},
		drop, notice, old, older, window, kept,
		settled(one, numbered(3, 5)),
		trace.Reading{Mapping: uuid, Shard: two, Position: "17", Lost: esm.ErrTrimmed},
		trace.Reading{Mapping: uuid, Lost: errRefused},
		trace.Drained{Mapping: uuid, Shard: one},
	}
}

func TestLinesOfShards(t *testing.T) {
	partial := trace.Invoked{Mapping: uuid, Shard: two, Records: numbered(1, 4), Verdict: trace.Partial, Reason: "ItemFailures", Failed: []string{"3"}, Tries: 1}
	events := slices.Concat(streamLife(), try(one, trace.Done, 1, numbered(1, 4)), try(one, trace.Failed, 1, numbered(1, 4)), try(one, trace.Failed, 3, numbered(1, 4)), []trace.Event{
		partial, trace.Failing{Mapping: uuid, Shard: two, Err: errRefused},
	})
	check(t, streamLines(t, &Lines{Level: slog.LevelDebug}, events...), `
00:00:01 ▸ clicks → count  shard 1  read from its beginning
00:00:02 ▸ clicks → count  shard 2  read on after 17
00:00:04 ∅ clicks → count  shard 1  2 records dropped by the filter
00:00:05 ⊘ clicks → count  shard 1  3 records given up: RetryAttemptsExhausted after 2 tries (3 to 5)
00:00:06 ⚑ clicks → count  shard 1  notice of 3 records sent to arn:d
00:00:07 ⊘ clicks → count  shard 1  1 record given up: RecordAgeExceeded (6)
00:00:08 ⊘ clicks → count  shard 1  2 records given up: RecordAgeExceeded after 1 try (7 to 8)
00:00:09 ⊘ clicks → count  shard 1  a window's final invocation given up: RetryAttemptsExhausted after 1 try
00:00:10 ⚑ clicks → count  shard 1  notice of 3 records not taken by arn:d: connection refused; it is kept: esm undelivered list
00:00:12 ‼ clicks → count  shard 2  the position is older than what the stream keeps
00:00:13 ‼ clicks → count  connection refused
00:00:14 ■ clicks → count  shard 1  read to its end
00:00:16 ✓ clicks → count  shard 1  4 records  1s
00:00:18 ✗ clicks → count  shard 1  4 records  1s  FunctionError: boom 1
00:00:20 ✗ clicks → count  shard 1  4 records  1s  try 3  FunctionError: boom 3
00:00:21 ◐ clicks → count  shard 2  4 records  0s  1 reported as failed, going on from the first of them
00:00:22 … clicks → count  shard 2  connection refused; trying again
`)
}

// streamLines is what is written of events of the mapping clicks, one each second.
func streamLines(t *testing.T, l *Lines, events ...trace.Event) (written string) {
	t.Helper()
	synctest.Test(t, func(*testing.T) {
		var out strings.Builder
		l.W, l.Mappings = &out, NewRoster([]Mapping{clicks})
		for _, e := range events {
			l.Trace(e)
			time.Sleep(time.Second)
		}
		written = out.String()
	})
	return written
}

func TestLogsOfShards(t *testing.T) {
	var got []string
	synctest.Test(t, func(t *testing.T) {
		var out strings.Builder
		l := shardLogs(&out, slog.LevelDebug)
		for _, e := range slices.Concat(streamLife(), try(two, trace.Failed, 2, numbered(1, 4)), []trace.Event{trace.Failing{Mapping: uuid, Shard: two, Err: errRefused}}) {
			l.Trace(e)
		}
		who := `,"mapping":"` + uuid + `","source":"` + clicks.Source + `","function":"count"`
		for line := range strings.Lines(out.String()) {
			if !strings.Contains(line, who) {
				t.Errorf("%s does not name the mapping", line)
			}
			got = append(got, strings.NewReplacer(who, "", one, "1", two, "2").Replace(line))
		}
	})
	check(t, strings.Join(got, ""), `
{"level":"DEBUG","msg":"listed","shards":4,"reading":2}
{"level":"DEBUG","msg":"reading","shard":"1","position":""}
{"level":"DEBUG","msg":"reading","shard":"2","position":"17"}
{"level":"DEBUG","msg":"received","shard":"1","records":5,"tookMs":0}
{"level":"DEBUG","msg":"filtered out","shard":"1","records":2}
{"level":"WARN","msg":"given up","shard":"1","records":3,"reason":"RetryAttemptsExhausted","tries":2,"first":"3","last":"5"}
{"level":"DEBUG","msg":"notice sent","shard":"1","records":3,"destination":"arn:d"}
{"level":"WARN","msg":"given up","shard":"1","records":1,"reason":"RecordAgeExceeded","tries":1,"first":"6","last":"6"}
{"level":"WARN","msg":"given up","shard":"1","records":2,"reason":"RecordAgeExceeded","tries":2,"first":"7","last":"8"}
{"level":"WARN","msg":"given up","shard":"1","records":0,"reason":"RetryAttemptsExhausted","tries":1,"first":"","last":""}
{"level":"WARN","msg":"notice not taken, and kept","shard":"1","records":3,"destination":"arn:d","error":"connection refused"}
{"level":"DEBUG","msg":"settled","shard":"1","records":3,"position":"5"}
{"level":"WARN","msg":"records may be missing or come again","shard":"2","position":"17","error":"the position is older than what the stream keeps"}
{"level":"WARN","msg":"records may be missing or come again","position":"","error":"connection refused"}
{"level":"INFO","msg":"drained","shard":"1"}
{"level":"DEBUG","msg":"invoking","shard":"2","requestId":"id-1","records":4}
{"level":"WARN","msg":"batch","shard":"2","requestId":"id-1","records":4,"outcome":"Failed","tookMs":1000,"tries":2,"reason":"FunctionError","failed":4,"detail":"boom 2"}
{"level":"WARN","msg":"trying again","shard":"2","error":"connection refused","waitMs":0}
`)
}

func shardLogs(w io.Writer, level slog.Level) *Logs {
	handler := slog.NewJSONHandler(w, &slog.HandlerOptions{Level: level, ReplaceAttr: withoutTime})
	return &Logs{Log: slog.New(handler), Mappings: NewRoster([]Mapping{clicks})}
}

// Thousands of shards whose function is down, or that cannot be read, say so in few lines.
func TestManyShardsInTroubleAreTerse(t *testing.T) {
	const many = 2000
	for _, c := range []struct {
		name                     string
		event                    func(shard string) trace.Event
		lines, logs, more, atAll int
	}{
		{"failing batches", func(shard string) trace.Event { return try(shard, trace.Failed, 1, numbered(1, 1))[1] }, mostLines, mostLines, many - mostLines, mostLines + 1},
		{"batches that cannot run", func(shard string) trace.Event { return try(shard, trace.NotRun, 1, numbered(1, 1))[1] }, 1, 1, 0, 1},
		{"batches", func(shard string) trace.Event { return try(shard, trace.Done, 1, numbered(1, 1))[1] }, mostLines, many, many - mostLines, mostLines + 1},
		{"reads that fail", func(shard string) trace.Event {
			return trace.Failing{Mapping: uuid, Shard: shard, Err: fmt.Errorf("kinesis: read %s: %w", shard, errRefused)}
		}, 1, 1, 0, 2},
		{"lost positions", func(shard string) trace.Event {
			return trace.Reading{Mapping: uuid, Shard: shard, Lost: esm.ErrTrimmed}
		}, mostLines, mostLines, many - mostLines, mostLines + 1},
		{"records given up", func(shard string) trace.Event {
			return trace.Dropped{Mapping: uuid, Shard: shard, Records: numbered(1, 1)}
		}, mostLines, many, many - mostLines, mostLines + 1},
	} {
		synctest.Test(t, func(t *testing.T) {
			var lines, logs strings.Builder
			l := &Lines{W: &lines, Mappings: NewRoster([]Mapping{clicks})}
			emit := Tee(l.Trace, shardLogs(&logs, slog.LevelInfo).Trace)
			for n := range many {
				emit(c.event(shardNumber(n)))
			}
			if got := strings.Count(lines.String(), "\n"); got != c.lines {
				t.Errorf("%s: %d lines for people, want %d", c.name, got, c.lines)
			}
			if got := strings.Count(logs.String(), "\n"); got != c.logs {
				t.Errorf("%s: %d lines for machines, want %d", c.name, got, c.logs)
			}
			time.Sleep(calm)
			for n := range many {
				emit(trace.Received{Mapping: uuid, Shard: shardNumber(n)})
			}
			if got := strings.Count(lines.String(), "\n"); got != c.atAll {
				t.Errorf("%s: %d lines for people in the end, want %d", c.name, got, c.atAll)
			}
			if more := fmt.Sprintf("and %d more such lines\n", c.more); c.more > 0 && !strings.HasSuffix(lines.String(), more) {
				t.Errorf("%s: %q does not follow", c.name, more)
			}
			if more := fmt.Sprintf(`"lines":%d}`, c.more); c.logs == mostLines && !strings.Contains(logs.String(), more) {
				t.Errorf("%s: %q does not follow", c.name, more)
			}
		})
	}
}

// What many shards do well does not hide what one does not.
func TestFewFailuresAmongManyShardsAreTold(t *testing.T) {
	var events []trace.Event
	for n := range 1000 {
		events = append(events, try(shardNumber(n), trace.Done, 1, numbered(1, 1))[1])
	}
	var out strings.Builder
	synctest.Test(t, func(*testing.T) {
		l := &Lines{W: &out, Mappings: NewRoster([]Mapping{clicks})}
		tell(l.Trace, append(events, try(one, trace.Failed, 1, numbered(1, 1))...)...)
	})
	if !strings.Contains(out.String(), "✗ clicks → count  shard 1") {
		t.Errorf("the failure is not told in %d lines", strings.Count(out.String(), "\n"))
	}
}

func TestTroubleOfOneShardIsNotOverByAnother(t *testing.T) {
	down := trace.Failing{Mapping: uuid, Shard: one, Err: errRefused}
	var events []trace.Event
	events = append(events, down)
	for range 10 {
		events = append(events, trace.Received{Mapping: uuid, Shard: two}, trace.Listed{Mapping: uuid})
	}
	events = append(events, down, trace.Received{Mapping: uuid, Shard: one})
	for range 5 {
		events = append(events, trace.Received{Mapping: uuid, Shard: two})
	}
	check(t, streamLines(t, new(Lines), events...), `
00:00:00 … clicks → count  shard 1  connection refused; trying again
00:00:26 ● clicks → count  the source answers again
`)
}

func TestTroubleEndsWithItsShard(t *testing.T) {
	for name, end := range map[string]trace.Event{
		"drained":    trace.Drained{Mapping: uuid, Shard: one},
		"made anew":  trace.Reading{Mapping: uuid, Lost: errRefused},
		"read again": trace.Received{Mapping: uuid, Shard: one},
	} {
		synctest.Test(t, func(t *testing.T) {
			var out strings.Builder
			l := &Lines{W: &out, Mappings: NewRoster([]Mapping{clicks})}
			tell(l.Trace, trace.Failing{Mapping: uuid, Shard: one, Err: errRefused}, end)
			time.Sleep(calm)
			tell(l.Trace, trace.Received{Mapping: uuid, Shard: two})
			if !strings.HasSuffix(out.String(), "the source answers again\n") {
				t.Errorf("%s: it is not over:\n%s", name, out.String())
			}
		})
	}
}

func TestShortShard(t *testing.T) {
	for id, want := range map[string]string{
		"shardId-000000000000": "0", "shardId-000000000042": "42", "shardId-123456789012": "123456789012",
		"shardId-00000001772600700000-1a2b3c4d": "1a2b3c4d", "orders-0": "0", "a": "a",
		"shardId-": "0", "x-": "x-", strings.Repeat("é", 20): "…" + strings.Repeat("é", 12),
	} {
		if got := ShortShard(id); got != want {
			t.Errorf("%s: got %q, want %q", id, got, want)
		}
	}
}

func TestSourceNames(t *testing.T) {
	for arn, want := range map[string]string{
		"arn:aws:kinesis:us-east-1:000000000000:stream/clicks":                               "clicks",
		"arn:aws:kinesis:us-east-1:000000000000:stream/clicks/consumer/app:1580000000":       "clicks/app",
		"arn:aws:dynamodb:us-east-1:000000000000:table/carts/stream/2026-03-01T09:10:11.345": "carts",
		"arn:aws:dynamodb:us-east-1:000000000000:table/carts":                                "carts",
		"no ARN": "no ARN",
	} {
		if got := (Mapping{Source: arn, Stream: true}).SourceName(); got != want {
			t.Errorf("%s: got %q, want %q", arn, got, want)
		}
	}
}
