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

// streamLife is about all that may happen to a shard, except batches.
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
	check(t, linesOf(t, &Lines{Level: slog.LevelDebug}, clicks, events...), `
00:00:01 ▸ clicks → count  shard 1  reading from the beginning
00:00:02 ▸ clicks → count  shard 2  reading after 17
00:00:04 ∅ clicks → count  shard 1  2 records filtered out
00:00:05 ⊘ clicks → count  shard 1  gave up 3 records after 2 tries: RetryAttemptsExhausted (3 to 5)
00:00:06 ⚑ clicks → count  shard 1  notice of 3 records sent to arn:d
00:00:07 ⊘ clicks → count  shard 1  gave up 1 record: RecordAgeExceeded (6)
00:00:08 ⊘ clicks → count  shard 1  gave up 2 records after 1 try: RecordAgeExceeded (7 to 8)
00:00:09 ⊘ clicks → count  shard 1  gave up a window's final invocation after 1 try: RetryAttemptsExhausted
00:00:10 ⚑ clicks → count  shard 1  notice of 3 records not accepted by arn:d: connection refused; it is kept: see esm undelivered list
00:00:12 ‼ clicks → count  shard 2  the position is older than what the stream keeps
00:00:13 ‼ clicks → count  connection refused
00:00:14 ■ clicks → count  shard 1  read to its end
00:00:16 ✓ clicks → count  shard 1  4 records  1s
00:00:18 ✗ clicks → count  shard 1  4 records  1s  FunctionError: boom 1
00:00:20 ✗ clicks → count  shard 1  4 records  1s  try 3  FunctionError: boom 3
00:00:21 ◐ clicks → count  shard 2  4 records  0s  1 reported as failed, continuing with the first of them
00:00:22 … clicks → count  shard 2  connection refused; trying again
`)
}

func TestLogsOfShards(t *testing.T) {
	var got []string
	synctest.Test(t, func(t *testing.T) {
		var out strings.Builder
		l := shardLogs(&out, slog.LevelDebug)
		for _, e := range slices.Concat(streamLife(), try(two, trace.Failed, 2, numbered(1, 4)), []trace.Event{trace.Failing{Mapping: uuid, Shard: two, Err: errRefused}}) {
			report(l, e)
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
{"level":"WARN","msg":"gave up","shard":"1","records":3,"reason":"RetryAttemptsExhausted","tries":2,"first":"3","last":"5"}
{"level":"DEBUG","msg":"notice sent","shard":"1","records":3,"destination":"arn:d"}
{"level":"WARN","msg":"gave up","shard":"1","records":1,"reason":"RecordAgeExceeded","tries":1,"first":"6","last":"6"}
{"level":"WARN","msg":"gave up","shard":"1","records":2,"reason":"RecordAgeExceeded","tries":2,"first":"7","last":"8"}
{"level":"WARN","msg":"gave up","shard":"1","records":0,"reason":"RetryAttemptsExhausted","tries":1,"first":"","last":""}
{"level":"WARN","msg":"notice not accepted, kept as undelivered","shard":"1","records":3,"destination":"arn:d","error":"connection refused"}
{"level":"DEBUG","msg":"settled","shard":"1","records":3,"position":"5"}
{"level":"WARN","msg":"records may be missing or repeated","shard":"2","position":"17","error":"the position is older than what the stream keeps"}
{"level":"WARN","msg":"records may be missing or repeated","position":"","error":"connection refused"}
{"level":"INFO","msg":"drained","shard":"1"}
{"level":"DEBUG","msg":"invoking","shard":"2","requestId":"id-1","records":4}
{"level":"WARN","msg":"batch","shard":"2","requestId":"id-1","records":4,"outcome":"Failed","tookMs":1000,"tries":2,"reason":"FunctionError","failed":4,"detail":"boom 2"}
{"level":"WARN","msg":"trying again","shard":"2","error":"connection refused","waitMs":0}
`)
}

func shardLogs(w io.Writer, level slog.Level) *Logs {
	handler := slog.NewJSONHandler(w, &slog.HandlerOptions{Level: level, ReplaceAttr: withoutTime})
	return &Logs{Handler: handler, Mappings: described([]Mapping{clicks})}
}

func TestLinesAboutManyShardsAreLimited(t *testing.T) {
	const many = 2000
	for _, c := range []struct {
		name                     string
		event                    func(shard string) trace.Event
		lines, logs, more, atAll int
	}{
		{"failing batches", func(shard string) trace.Event { return try(shard, trace.Failed, 1, numbered(1, 1))[1] }, maxLines, maxLines, many - maxLines, maxLines + 1},
		{"batches that cannot run", func(shard string) trace.Event { return try(shard, trace.NotRun, 1, numbered(1, 1))[1] }, 1, 1, 0, 1},
		{"batches", func(shard string) trace.Event { return try(shard, trace.Done, 1, numbered(1, 1))[1] }, maxLines, many, many - maxLines, maxLines + 1},
		{"reads that fail", func(shard string) trace.Event {
			return trace.Failing{Mapping: uuid, Shard: shard, Err: fmt.Errorf("kinesis: read %s: %w", shard, errRefused)}
		}, 1, 1, 0, 2},
		{"lost positions", func(shard string) trace.Event {
			return trace.Reading{Mapping: uuid, Shard: shard, Lost: esm.ErrTrimmed}
		}, maxLines, maxLines, many - maxLines, maxLines + 1},
		{"records given up", func(shard string) trace.Event {
			return trace.Dropped{Mapping: uuid, Shard: shard, Records: numbered(1, 1)}
		}, maxLines, many, many - maxLines, maxLines + 1},
	} {
		synctest.Test(t, func(t *testing.T) {
			var lines, logs strings.Builder
			l := &Lines{W: &lines, Mappings: described([]Mapping{clicks})}
			structured := shardLogs(&logs, slog.LevelInfo)
			emit := func(e trace.Event) { report(l, e); report(structured, e) }
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
			if more := fmt.Sprintf("and %d more lines like this\n", c.more); c.more > 0 && !strings.HasSuffix(lines.String(), more) {
				t.Errorf("%s: %q does not follow", c.name, more)
			}
			if more := fmt.Sprintf(`"lines":%d}`, c.more); c.logs == maxLines && !strings.Contains(logs.String(), more) {
				t.Errorf("%s: %q does not follow", c.name, more)
			}
		})
	}
}

func TestTroubleEndsWhenAllShardsAnswer(t *testing.T) {
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
	check(t, linesOf(t, new(Lines), clicks, events...), `
00:00:00 … clicks → count  shard 1  connection refused; trying again
00:00:26 ● clicks → count  the source answers again
`)
}

func TestTroubleEndsWithItsShard(t *testing.T) {
	for name, end := range map[string]trace.Event{
		"drained":    trace.Drained{Mapping: uuid, Shard: one},
		"recreated":  trace.Reading{Mapping: uuid, Lost: errRefused},
		"read again": trace.Received{Mapping: uuid, Shard: one},
	} {
		synctest.Test(t, func(t *testing.T) {
			var out strings.Builder
			l := &Lines{W: &out, Mappings: described([]Mapping{clicks})}
			report(l, trace.Failing{Mapping: uuid, Shard: one, Err: errRefused}, end)
			time.Sleep(calm)
			report(l, trace.Received{Mapping: uuid, Shard: two})
			if !strings.HasSuffix(out.String(), "the source answers again\n") {
				t.Errorf("%s: it is not over:\n%s", name, out.String())
			}
		})
	}
}
