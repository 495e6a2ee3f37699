package main

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/esm-run/esm"
	"github.com/esm-run/esm/config"
)

// goal is where `esm position set` moves a shard: one of its members is given.
type goal struct {
	after       string // a sequence number, as AWS has it, or a position as `esm position list` shows it
	timestamp   string
	trimHorizon bool
	latest      bool
}

// oldest is the Since of a shard that is read from its oldest record although its mapping begins at a timestamp: no
// stream has anything older.
var oldest = time.Unix(1, 0).UTC()

// check says what is wrong with a goal for shards of m, as far as it shows without the stream.
func (g goal) check(m config.Mapping, now time.Time) error {
	given := 0
	for _, is := range []bool{g.after != "", g.timestamp != "", g.trimHorizon, g.latest} {
		if is {
			given++
		}
	}
	if given != 1 {
		return errors.New("give one of --after, --at-timestamp, --trim-horizon and --latest")
	}
	if g.after != "" {
		if wrong := m.Source().CheckPosition(g.after); wrong != "" {
			return fmt.Errorf("--after %q %s", g.after, wrong)
		}
		return nil
	}
	if g.timestamp == "" {
		return nil
	}
	at, err := parseMoment(g.timestamp)
	if err == nil && at.After(now) {
		err = fmt.Errorf("%q lies in the future: --latest means what arrives from now on", g.timestamp)
	}
	if err != nil {
		return fmt.Errorf("--at-timestamp %w", err)
	}
	return nil
}

// lastSecond is the end of the year 9999.
const lastSecond = 253402300799

// parseMoment reads a time as RFC 3339 has it, or seconds since 1970. A stream knows milliseconds.
func parseMoment(text string) (time.Time, error) {
	if at, err := time.Parse(time.RFC3339, text); err == nil {
		return at.UTC().Truncate(time.Millisecond), nil
	}
	seconds, err := strconv.ParseFloat(text, 64)
	if err != nil || !(seconds >= 0 && seconds <= lastSecond) {
		return time.Time{}, fmt.Errorf("%q is neither a time such as 2026-03-04T05:06:07Z nor a number of seconds since 1970", text)
	}
	return time.UnixMilli(int64(math.Round(seconds * 1000))).UTC(), nil
}

// from is what is kept of a shard of m that is moved from old to a goal which is checked. It owes nothing and has
// settled nothing.
func (g goal) from(old esm.Checkpoint, m config.Mapping, now time.Time) esm.Checkpoint {
	next := esm.Checkpoint{Version: old.Version}
	switch {
	case g.after != "":
		next.Position = g.after
		next.Since = old.Since // where the engine begins again if the shard does not know the number
	case g.latest:
		next.Since = now.UTC().Truncate(time.Millisecond)
	case g.timestamp != "":
		next.Since, _ = parseMoment(g.timestamp)
	case m.StartingPosition == config.AtTimestamp:
		next.Since = oldest
	}
	return next
}

// timed says that the goal is a time rather than a record.
func (g goal) timed() bool { return g.latest || g.timestamp != "" }

// positionTitle says for people where a shard of m is read on.
func positionTitle(cp esm.Checkpoint, m config.Mapping) string {
	begins := cp.Since
	if begins.IsZero() && m.StartingPosition == config.AtTimestamp {
		begins = m.StartingPositionTimestamp
	}
	switch {
	case cp.Position != "":
		return "after " + cp.Position
	case begins.IsZero() && m.StartingPosition == "": // nobody knows it any more
		return "at its StartingPosition"
	case begins.IsZero(), begins.Equal(oldest):
		return "oldest"
	}
	return "from " + begins.UTC().Format(time.RFC3339Nano)
}

// burden says what is given up when a shard is moved, besides its position.
func burden(cp esm.Checkpoint) string {
	var parts []string
	if cp.Drained {
		parts = append(parts, "that it was drained")
	}
	if n := len(cp.Owed); n > 0 {
		parts = append(parts, plural(n, "owed run"))
	}
	if cp.Window != nil {
		parts = append(parts, "the open window of "+cp.Window.Start.UTC().Format(time.RFC3339))
	}
	if len(parts) == 0 {
		return ""
	}
	return "; forgotten: " + strings.Join(parts, ", ")
}

func plural(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return strconv.Itoa(n) + " " + what + "s"
}
