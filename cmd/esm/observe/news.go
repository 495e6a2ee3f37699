package observe

import (
	"time"

	"github.com/esm-run/esm/trace"
)

// news decides which events are reported, for reporters that only format them: many pollers and shards have the same trouble
// hundreds of times. Kind distinguishes the lines of which too many about shards are held back. The zero value is ready. It
// belongs to one goroutine.
type news[Kind comparable] struct {
	now      time.Time // of the last event
	troubles troubles
	warnings repeats // about mappings
	waits    repeats // about mappings
	starts   repeats // about functions
	rules    repeats // about rules with a schedule
	pulls    repeats // about images and archives
	texts    repeats // of warnings, by function
	stores   repeats // about the store of asynchronous events, by function
	bursts   bursts[Kind]
}

// finding is what news has to say about an event.
type finding[Kind comparable] struct {
	fresh bool // the event is no repetition

	mapping   string          // whose source answers with this event, or empty
	recovered bool            // all of it answers again
	more      []backlog[Kind] // lines about the mapping that were held back and are to be counted now
}

// of takes an event that happened at a time. A suspicious answer of a function is fresh again after a time.
func (n *news[Kind]) of(at time.Time, e trace.Event, again time.Duration) finding[Kind] {
	n.now = at
	switch e := e.(type) {
	case trace.Received:
		if e.Err == nil {
			return n.answered(e.Mapping, e.Shard)
		}
	case trace.Listed:
		return n.answered(e.Mapping, "")
	case trace.Drained:
		return n.answered(e.Mapping, e.Shard)
	case trace.Reading:
		if e.Shard == "" {
			n.troubles.forget(e.Mapping)
		}
	case trace.Failing:
		return finding[Kind]{fresh: n.troubles.news(at, e)}
	case trace.Slowed:
		return finding[Kind]{fresh: n.warnings.news(at, e.Mapping, e.Err.Error(), onlyOnce)}
	case trace.Scheduled:
		return finding[Kind]{fresh: e.Err == nil || n.rules.news(at, e.Rule, kind(e.Err), everyMinute)}
	case trace.EventsFailing:
		return finding[Kind]{fresh: n.stores.news(at, e.Function, kind(e.Err), everyMinute)}
	case trace.Pulling:
		return finding[Kind]{fresh: n.pulls.news(at, e.Image, "", progressEvery)}
	case trace.Unpacking:
		return finding[Kind]{fresh: n.pulls.news(at, e.Path, "", progressEvery)}
	case trace.Warning:
		return finding[Kind]{fresh: n.texts.news(at, e.Function, e.Text, everyMinute)}
	case trace.Started:
		return finding[Kind]{fresh: n.started(e)}
	case trace.Invoked:
		return finding[Kind]{fresh: n.invoked(e, again)}
	}
	return finding[Kind]{fresh: true}
}

// line reports whether a line about a shard may be written, and how many of its kind were held back before it: their number is
// to be written first.
func (n *news[Kind]) line(mapping string, kind Kind) (ok bool, before int) {
	return n.bursts.allow(n.now, mapping, kind)
}

func (n *news[Kind]) answered(mapping, shard string) finding[Kind] {
	return finding[Kind]{
		fresh: true, mapping: mapping,
		recovered: n.troubles.answered(n.now, mapping, shard), more: n.bursts.rest(n.now, mapping),
	}
}

func (n *news[Kind]) started(e trace.Started) bool {
	if e.Err == nil {
		n.starts.over(n.now, e.Function)
		return true
	}
	return n.starts.news(n.now, e.Function, kind(e.Err), everyMinute)
}

// invoked reports whether the result of a batch is fresh. That a batch could not run is so at the first try of each batch of
// a queue. The shards of a stream share one report a minute for each reason, since every one of them waits until it can run.
func (n *news[Kind]) invoked(e trace.Invoked, again time.Duration) bool {
	switch {
	case e.Verdict == trace.Done:
		return e.Detail != "" && n.warnings.news(n.now, e.Mapping, e.Detail, again)
	case e.Verdict != trace.NotRun:
		return true
	case e.Shard == "":
		return e.Tries == 1
	}
	return n.waits.news(n.now, e.Mapping, string(e.Reason), everyMinute)
}
