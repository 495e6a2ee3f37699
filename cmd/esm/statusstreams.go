package main

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/esm-run/esm/cmd/esm/logging"
	"github.com/esm-run/esm/cmd/esm/observe"
)

// mostTroubles is how many shards in trouble are shown of each mapping.
const mostTroubles = 10

// writeStreams writes a table of streams, below each of them what it is in trouble with.
func writeStreams(w io.Writer, streams []observe.MappingStatus, now time.Time) {
	if len(streams) == 0 {
		return
	}
	// What comes in between would end the columns, so these are made first.
	var rows bytes.Buffer
	table := columns(&rows, "STREAM\tFUNCTION\tSTATE\tSHARDS\tAGE\tIN FLIGHT\tPOLLED\tSETTLED\tDROPPED\tLAST RESULT")
	for _, m := range streams {
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\t%d\t%d\t%d\t%d\t%s\n", m.SourceName(), m.Function, stateOf(m), shardCounts(m), ago(m.IteratorAge),
			m.InFlight, m.Polled, m.Settled, m.Dropped, orDash(m.LastResult))
	}
	table.Flush()
	header, body, _ := strings.Cut(rows.String(), "\n")
	fmt.Fprintf(w, "\n%s\n", header)
	for i, row := range strings.SplitAfter(body, "\n")[:len(streams)] {
		fmt.Fprint(w, row)
		writeTroubles(w, streams[i], now)
	}
}

// shardCounts is how many shards are read, and how many of them are blocked.
func shardCounts(m observe.MappingStatus) string {
	if m.ShardsBlocked == 0 {
		return fmt.Sprint(m.ShardsReading)
	}
	return fmt.Sprintf("%d (%d blocked)", m.ShardsReading, m.ShardsBlocked)
}

func writeTroubles(w io.Writer, m observe.MappingStatus, now time.Time) {
	shown, all := 0, 0
	for _, s := range m.Shards {
		if s.LastError == nil {
			continue
		}
		if all++; shown < mostTroubles {
			shown++
			fmt.Fprintf(w, "  %s  %s: %s\n", s.ShardId, troubleOf(s, now), logging.OneLine(s.LastError.Text, 80))
		}
	}
	if more := max(all, m.ShardsBlocked+m.ShardsFailing) - shown; more > 0 && shown == mostTroubles {
		fmt.Fprintf(w, "  and %d more\n", more)
	}
	if all == 0 && m.LastError != nil {
		fmt.Fprintf(w, "  last error %s\n", note(m.LastError, 80))
	}
	if m.Undelivered > 0 {
		fmt.Fprintf(w, "  notices that the destination did not take: %d (esm undelivered list)\n", m.Undelivered)
	}
	if m.LastLost != nil {
		fmt.Fprintf(w, "  records may be missing or come again: %s\n", note(m.LastLost, 160))
	}
}

// troubleOf says what is wrong with a shard, and for how long.
func troubleOf(s observe.ShardStatus, now time.Time) string {
	if s.BlockedSince.IsZero() {
		return "cannot be read"
	}
	tries := "1 try"
	if s.Tries != 1 {
		tries = fmt.Sprintf("%d tries", s.Tries)
	}
	return fmt.Sprintf("blocked for %s, %s", ago(now.Sub(s.BlockedSince)), tries)
}

// ago is a duration for people: a day is about as exact as they want to know it after weeks, a second after minutes.
func ago(d time.Duration) string {
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
