package position

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

// Target is where a shard is moved to. Exactly one member is set.
type Target struct {
	After       string // the position of a record: a sequence number
	Timestamp   string // RFC 3339, or seconds since 1970
	TrimHorizon bool   // the oldest record
	Latest      bool   // records that arrive from now on
}

// epochStart is the Since of a shard that is read from its oldest record although its mapping begins at a timestamp: no
// stream has an older record.
var epochStart = time.Unix(1, 0).UTC()

// check returns what is wrong with a target for shards of m, as far as that can be known without the stream.
func (t Target) check(m config.Mapping, now time.Time) error {
	given := 0
	for _, set := range []bool{t.After != "", t.Timestamp != "", t.TrimHorizon, t.Latest} {
		if set {
			given++
		}
	}
	switch {
	case given != 1:
		return errors.New("give exactly one of --after, --at-timestamp, --trim-horizon and --latest")
	case t.After != "":
		if wrong := m.Source().CheckPosition(t.After); wrong != "" {
			return fmt.Errorf("--after %q %s", t.After, wrong)
		}
	case t.Timestamp != "":
		at, err := parseTime(t.Timestamp)
		if err == nil && at.After(now) {
			err = fmt.Errorf("%q is in the future: --latest means what arrives from now on", t.Timestamp)
		}
		if err != nil {
			return fmt.Errorf("--at-timestamp %w", err)
		}
	}
	return nil
}

// maxSeconds is the last second of the year 9999.
const maxSeconds = 253402300799

// parseTime parses RFC 3339, or seconds since 1970, and truncates to milliseconds, the resolution of a stream.
func parseTime(text string) (time.Time, error) {
	if at, err := time.Parse(time.RFC3339, text); err == nil {
		return at.UTC().Truncate(time.Millisecond), nil
	}
	seconds, err := strconv.ParseFloat(text, 64)
	if err != nil || !(seconds >= 0 && seconds <= maxSeconds) {
		return time.Time{}, fmt.Errorf("%q is neither a time such as 2026-03-04T05:06:07Z nor a number of seconds since 1970", text)
	}
	return time.UnixMilli(int64(math.Round(seconds * 1000))).UTC(), nil
}

// checkpoint returns the checkpoint of a shard of m that is moved from old to a valid target: nothing is settled or being
// retried.
func (t Target) checkpoint(old esm.Checkpoint, m config.Mapping, now time.Time) esm.Checkpoint {
	next := esm.Checkpoint{Version: old.Version}
	switch {
	case t.After != "":
		next.Position = t.After
		next.Since = old.Since // where the engine restarts if the shard does not know the position
	case t.Latest:
		next.Since = now.UTC().Truncate(time.Millisecond)
	case t.Timestamp != "":
		next.Since, _ = parseTime(t.Timestamp)
	case m.StartingPosition == config.AtTimestamp:
		next.Since = epochStart
	}
	return next
}

// isTime reports whether the target is a time rather than a record.
func (t Target) isTime() bool { return t.Latest || t.Timestamp != "" }

// describe says for people where a shard of m is read on.
func describe(cp esm.Checkpoint, m config.Mapping) string {
	since := cp.Since
	if since.IsZero() && m.StartingPosition == config.AtTimestamp {
		since = m.StartingPositionTimestamp
	}
	switch {
	case cp.Position != "":
		return "after " + cp.Position
	case since.IsZero() && m.StartingPosition == "": // of a removed mapping
		return "at its StartingPosition"
	case since.IsZero(), since.Equal(epochStart):
		return "oldest"
	}
	return "from " + since.UTC().Format(time.RFC3339Nano)
}

// discarded says what is lost when a shard is moved, besides its position, with a leading separator.
func discarded(cp esm.Checkpoint) string {
	var parts []string
	if cp.Drained {
		parts = append(parts, "that it was drained")
	}
	switch n := len(cp.Owed); {
	case n == 1:
		parts = append(parts, "1 pending run")
	case n > 1:
		parts = append(parts, fmt.Sprintf("%d pending runs", n))
	}
	if cp.Window != nil {
		parts = append(parts, "the open window of "+cp.Window.Start.UTC().Format(time.RFC3339))
	}
	if len(parts) == 0 {
		return ""
	}
	return "; discarded: " + strings.Join(parts, ", ")
}
