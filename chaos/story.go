package chaos

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"
)

// line is one line of a story.
type line struct {
	at    time.Time
	text  string
	about []string // records; none is all
}

// Story returns the timeline of a history as lines of text. With records it has only the lines that concern them. Times are
// relative to the first line.
func Story(h History, records ...string) string {
	lines := timeline(h, shorten(h))
	var b strings.Builder
	for _, l := range lines {
		if len(records) > 0 && len(l.about) > 0 && !slices.ContainsFunc(l.about, func(id string) bool { return slices.Contains(records, id) }) {
			continue
		}
		fmt.Fprintf(&b, "%10.3fs  %s\n", l.at.Sub(lines[0].at).Seconds(), l.text)
	}
	return b.String()
}

// shorten names the records by their places, and the invocations by the order in which they began: their IDs are random.
func shorten(h History) map[string]string {
	names := map[string]string{}
	for i, r := range h.Sent {
		names[r.ID] = fmt.Sprintf("r%d", i+1)
	}
	for _, c := range byBegin(h.Calls) {
		if names[c.ID] == "" {
			names[c.ID] = fmt.Sprintf("invocation %d", len(names)-len(h.Sent)+1)
		}
	}
	return names
}

func byBegin(calls []Call) []Call {
	calls = slices.Clone(calls)
	slices.SortStableFunc(calls, func(a, b Call) int {
		return cmp.Or(a.Began.Compare(b.Began), slices.Compare(a.Records, b.Records))
	})
	return calls
}

func timeline(h History, names map[string]string) (lines []line) {
	name := func(ids ...string) string {
		out := make([]string, len(ids))
		for i, id := range ids {
			out[i] = cmp.Or(names[id], id)
		}
		return strings.Join(out, " ")
	}
	add := func(at time.Time, about []string, format string, args ...any) {
		lines = append(lines, line{at, fmt.Sprintf(format, args...), about})
	}
	for _, r := range h.Sent {
		add(r.At, []string{r.ID}, "%s sent%s", name(r.ID), of(r))
	}
	for _, r := range h.Received {
		add(r.At, []string{r.ID}, "%s received", name(r.ID))
	}
	for _, c := range byBegin(h.Calls) {
		about := append(slices.Clone(c.Records), c.ID)
		add(c.Began, about, "%s begins: %s", name(c.ID), name(c.Records...))
		add(c.Ended, about, "%s ends: %s; succeeded: %s", name(c.ID), c.Answer, cmp.Or(name(c.Succeeded...), "none"))
	}
	for _, s := range h.Settled {
		add(s.At, []string{s.ID}, "%s deleted", name(s.ID))
	}
	for _, p := range h.Positions {
		add(p.At, []string{p.After}, "position of %s: after %s", p.Shard, name(p.After))
	}
	for _, g := range h.GivenUp {
		add(g.At, g.Records, "given up: %s", name(g.Records...))
	}
	for _, t := range h.Told {
		add(t.At, append(slices.Clone(t.Records), t.Event), "notice%s: %s", map[bool]string{true: " held"}[t.Held], cmp.Or(name(t.Records...), t.Event))
	}
	for _, e := range h.Accepted {
		add(e.At, []string{e.ID}, "event %s accepted", e.ID)
	}
	for _, e := range h.Ended {
		add(e.At, []string{e.ID}, "event %s ended, and owes %d notices", e.ID, e.Owed)
	}
	for _, f := range h.Injected {
		add(f.At, f.Records, "FAULT %s, %s: %s", f.Fault, f.Fault.Meaning(), cmp.Or(name(f.Records...), f.Target))
	}
	slices.SortStableFunc(lines, func(a, b line) int { return a.at.Compare(b.at) })
	return lines
}

// of describes where a record belongs.
func of(r Record) string {
	text := ""
	if r.Group != "" {
		text += " of group " + r.Group
	}
	if r.Shard != "" {
		text += " into " + r.Shard
	}
	if r.Unwanted {
		text += ", which no filter matches"
	}
	return text
}
