package stream

import (
	"slices"
	"strings"
	"time"

	"github.com/esm-run/esm"
	"github.com/esm-run/esm/config"
	"github.com/esm-run/esm/engine/enginetest"
	"github.com/esm-run/esm/trace"
)

func (x *trial) check() {
	x.Helper()
	x.checkAllSettled()
	x.checkRuns()
	x.checkOrder()
	x.checkPositions()
	x.checkWindows()
	for _, n := range x.notices {
		most := 1 + x.retries
		if n.Condition == esm.RecordAgeExceeded {
			most++
		}
		if n.Invokes > most || n.RequestID == "" || n.ID == "" || n.Stream.Size == 0 && !n.Stream.Window.Final {
			x.Errorf("notice %+v", n)
		}
	}
}

// handled returns how often each record was handled.
func (x *trial) handled() map[string]int {
	good := map[string]int{}
	for _, c := range x.calls {
		for _, text := range c.texts[:c.good] {
			good[text]++
		}
	}
	return good
}

// checkAllSettled checks that each record was handled, given up or filtered out, and handled once unless the engine was
// killed.
func (x *trial) checkAllSettled() {
	over := map[string]bool{}
	for _, e := range enginetest.Events[trace.Dropped](x.Rig) {
		for _, rec := range e.Records {
			over[rec.Receipt] = true
		}
	}
	for _, e := range enginetest.Events[trace.Filtered](x.Rig) {
		for _, rec := range e.Records {
			over[rec.Receipt] = true
		}
	}
	good := x.handled()
	for text, rec := range x.put {
		if good[text] == 0 && !over[rec.Receipt] {
			x.Errorf("record %s is not handled, given up or filtered out", text)
		}
		if good[text] > 1 && !x.kills {
			x.Errorf("record %s was handled %d times", text, good[text])
		}
	}
}

// checkRuns checks that an ID comes with the same records each time, is not tried too often, and never too late.
func (x *trial) checkRuns() {
	of, failures := map[string]string{}, map[string]int{}
	for _, c := range x.calls {
		texts := strings.Join(c.texts, " ")
		if was, known := of[c.id]; known && was != texts {
			x.Errorf("run %s is of %s and then of %s", c.id, was, texts)
		}
		of[c.id] = texts
		if c.failed {
			failures[c.id]++
		}
		if age := x.feed.Rules.MaxAge; age > 0 && len(c.texts) > 0 && c.at.Sub(x.put[c.texts[0]].Arrived) >= age {
			x.Errorf("record %s was %v old when it was invoked", c.texts[0], c.at.Sub(x.put[c.texts[0]].Arrived))
		}
	}
	for id, n := range failures {
		if n > 1+x.retries {
			x.Errorf("run %s of %s failed %d times with %d retries", id, of[id], n, x.retries)
		}
	}
}

// checkOrder checks that the records of each key were handled in their order, apart from repetitions.
func (x *trial) checkOrder() {
	seen, last := map[string]bool{}, map[string]string{}
	for _, c := range x.calls {
		for _, text := range c.texts {
			if seen[text] {
				continue
			}
			seen[text] = true
			rec := x.put[text]
			for _, with := range rec.with {
				if config.ComparePositions(last[with], rec.Receipt) > 0 {
					x.Errorf("%s: %s came after %s", with, rec.Receipt, last[with])
				}
				last[with] = rec.Receipt
			}
		}
	}
}

// checkPositions checks that every shard is at its end without pending runs.
func (x *trial) checkPositions() {
	for i, shard := range x.stream.Shards() {
		cp, recs := x.checkpoint(i), x.stream.Records(shard)
		if cp.Version != 0 && len(recs) > 0 && cp.Position != recs[len(recs)-1].Receipt || len(cp.Owed) > 0 {
			x.Errorf("shard %s: %+v", shard, cp)
		}
	}
}

// checkWindows checks that a record that was handled is in the final state of its own window, once, and in no other.
func (x *trial) checkWindows() {
	if x.feed.Tumbling.Length == 0 {
		return
	}
	in := map[string]bool{}
	for start, states := range x.finals {
		for _, state := range states {
			texts := strings.Fields(state)
			for _, text := range texts {
				in[text] = true
				if own := x.feed.Tumbling.Start(x.put[text].Arrived).Format(time.RFC3339); own != start {
					x.Errorf("record %s of window %s is in that of %s", text, own, start)
				}
			}
			slices.Sort(texts)
			if len(slices.Compact(slices.Clone(texts))) != len(texts) {
				x.Errorf("window %s has a record twice: %s", start, state)
			}
		}
	}
	gaveUp := slices.ContainsFunc(x.notices, func(n esm.Notice) bool {
		return n.Stream.Size == 0 || n.Condition == esm.RetryAttemptsExhausted
	})
	for text := range x.handled() {
		if !in[text] && !gaveUp {
			x.Errorf("record %s is in no window", text)
		}
	}
}
