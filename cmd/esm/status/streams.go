package status

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/esm-run/esm/cmd/esm/logging"
	"github.com/esm-run/esm/cmd/esm/observe"
)

// maxShards is the number of failing or blocked shards shown for each mapping.
const maxShards = 10

// writeStreams writes a table of streams, with the failing and blocked shards below each.
func writeStreams(w io.Writer, streams []observe.MappingStatus, now time.Time) {
	if len(streams) == 0 {
		return
	}
	// Lines in between would end the columns, so the table is formatted first.
	var rows bytes.Buffer
	table := columns(&rows, "STREAM\tFUNCTION\tSTATE\tSHARDS\tAGE\tIN FLIGHT\tPOLLED\tSETTLED\tDROPPED\tLAST RESULT")
	for _, m := range streams {
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\t%d\t%d\t%d\t%d\t%s\n", m.SourceName(), m.Function, stateOf(m), shardCounts(m), rough(m.IteratorAge),
			m.InFlight, m.Polled, m.Settled, m.Dropped, orDash(m.LastResult))
	}
	table.Flush()
	header, body, _ := strings.Cut(rows.String(), "\n")
	fmt.Fprintf(w, "\n%s\n", header)
	for i, row := range strings.SplitAfter(body, "\n")[:len(streams)] {
		fmt.Fprint(w, row)
		writeShards(w, streams[i], now)
	}
}

// shardCounts formats the number of shards that are read, and how many of them are blocked.
func shardCounts(m observe.MappingStatus) string {
	if m.ShardsBlocked == 0 {
		return fmt.Sprint(m.ShardsReading)
	}
	return fmt.Sprintf("%d (%d blocked)", m.ShardsReading, m.ShardsBlocked)
}

func writeShards(w io.Writer, m observe.MappingStatus, now time.Time) {
	shown, all := 0, 0
	for _, s := range m.Shards {
		if s.LastError == nil {
			continue
		}
		if all++; shown < maxShards {
			shown++
			fmt.Fprintf(w, "  %s  %s: %s\n", s.ShardId, problem(s, now), logging.OneLine(s.LastError.Text, 80))
		}
	}
	if more := max(all, m.ShardsBlocked+m.ShardsFailing) - shown; more > 0 && shown == maxShards {
		fmt.Fprintf(w, "  and %d more\n", more)
	}
	if all == 0 && m.LastError != nil {
		fmt.Fprintf(w, "  last error %s\n", note(m.LastError, 80))
	}
	if m.Undelivered > 0 {
		fmt.Fprintf(w, "  undelivered notices: %d (esm undelivered list)\n", m.Undelivered)
	}
	if m.LastLost != nil {
		fmt.Fprintf(w, "  records may be missing or repeated: %s\n", note(m.LastLost, 160))
	}
}

// problem describes what is wrong with a shard, and for how long.
func problem(s observe.ShardStatus, now time.Time) string {
	if s.BlockedSince.IsZero() {
		return "cannot be read"
	}
	tries := "1 try"
	if s.Tries != 1 {
		tries = fmt.Sprintf("%d tries", s.Tries)
	}
	return fmt.Sprintf("blocked for %s, %s", rough(now.Sub(s.BlockedSince)), tries)
}

// rough formats a duration for people, less exact the longer it is.
func rough(d time.Duration) string {
	switch {
	case d >= 48*time.Hour:
		return fmt.Sprintf("%dd", d/(24*time.Hour))
	case d >= time.Hour:
		return fmt.Sprintf("%dh%02dm", d/time.Hour, d%time.Hour/time.Minute)
	case d >= time.Minute:
		return fmt.Sprintf("%dm%02ds", d/time.Minute, d%time.Minute/time.Second)
	}
	return fmt.Sprintf("%ds", max(d, 0)/time.Second)
}
