package engine

import (
	"encoding/base64"
	"slices"
	"strings"
	"time"

	"github.com/esm-run/esm"
	"github.com/esm-run/esm/engine/policy"
	"github.com/esm-run/esm/trace"
)

func base64Of(text string) string { return base64.StdEncoding.EncodeToString([]byte(text)) }

func (w *wild) check() {
	w.Helper()
	w.checkAllSettled()
	w.checkRuns()
	w.checkOrder()
	w.checkPositions()
	w.checkWindows()
	for _, n := range w.notices {
		most := 1 + w.retries
		if n.Condition == esm.RecordAgeExceeded {
			most++
		}
		if n.Invokes > most || n.RequestID == "" || n.ID == "" || n.Stream.Size == 0 && !n.Stream.Window.Final {
			w.Errorf("notice %+v", n)
		}
	}
}

// checkAllSettled checks that each record was handled, given up or not wanted, and handled once unless the engine was
// killed.
func (w *wild) checkAllSettled() {
	over := map[string]bool{}
	for _, e := range toldBy[trace.Dropped](w.river) {
		for _, rec := range e.Records {
			over[rec.Receipt] = true
		}
	}
	for _, e := range toldBy[trace.Filtered](w.river) {
		for _, rec := range e.Records {
			over[rec.Receipt] = true
		}
	}
	good := w.handled()
	for text, rec := range w.put {
		if good[text] == 0 && !over[rec.Receipt] {
			w.Errorf("record %s is neither handled nor given up nor unwanted", text)
		}
		if good[text] > 1 && !w.killed {
			w.Errorf("record %s was handled %d times", text, good[text])
		}
	}
}

func (w *wild) handled() map[string]int {
	good := map[string]int{}
	for _, c := range w.calls {
		for _, text := range c.texts[:c.good] {
			good[text]++
		}
	}
	return good
}

// checkRuns checks that an ID comes with the same records each time, is not tried too often, and never too late.
func (w *wild) checkRuns() {
	of, failures := map[string]string{}, map[string]int{}
	for _, c := range w.calls {
		texts := strings.Join(c.texts, " ")
		if was, known := of[c.id]; known && was != texts {
			w.Errorf("run %s is of %s and then of %s", c.id, was, texts)
		}
		of[c.id] = texts
		if c.failed {
			failures[c.id]++
		}
		if age := w.feed.Rules.MaxAge; age > 0 && len(c.texts) > 0 && c.at.Sub(w.put[c.texts[0]].Arrived) >= age {
			w.Errorf("record %s was %v old when it was invoked", c.texts[0], c.at.Sub(w.put[c.texts[0]].Arrived))
		}
	}
	for id, n := range failures {
		if n > 1+w.retries {
			w.Errorf("run %s of %s failed %d times with %d retries", id, of[id], n, w.retries)
		}
	}
}

// checkOrder checks that the records of each key came in their order, once repeats are taken out.
func (w *wild) checkOrder() {
	seen, last := map[string]bool{}, map[string]string{}
	for _, c := range w.calls {
		for _, text := range c.texts {
			rec := w.put[text]
			for _, with := range rec.with {
				if !seen[text] && policy.Compare(last[with], rec.Receipt) > 0 {
					w.Errorf("%s: %s came after %s", with, rec.Receipt, last[with])
				}
				if !seen[text] {
					last[with] = rec.Receipt
				}
			}
			seen[text] = true
		}
	}
}

// checkPositions checks that every shard has come to its end and owes nothing.
func (w *wild) checkPositions() {
	all, err := w.store.All(w.Context(), "m")
	if err != nil {
		w.Fatal(err)
	}
	for _, shard := range w.stream.Shards() {
		cp, known := all[shard]
		if recs := w.stream.Records(shard); known && len(recs) > 0 && cp.Position != recs[len(recs)-1].Receipt || len(cp.Owed) > 0 {
			w.Errorf("shard %s: %+v", shard, cp)
		}
	}
}

// checkWindows checks that a record which was handled is in the final state of its own window, and in no other, once.
func (w *wild) checkWindows() {
	if w.feed.Tumbling.Length == 0 {
		return
	}
	in := map[string]bool{}
	for start, states := range w.finals {
		for _, state := range states {
			texts := strings.Fields(state)
			for _, text := range texts {
				in[text] = true
				if own := w.feed.Tumbling.Start(w.put[text].Arrived).Format(time.RFC3339); own != start {
					w.Errorf("record %s of window %s is in that of %s", text, own, start)
				}
			}
			slices.Sort(texts)
			if len(slices.Compact(slices.Clone(texts))) != len(texts) {
				w.Errorf("window %s has a record twice: %s", start, state)
			}
		}
	}
	for text := range w.handled() {
		if !in[text] && !w.gaveUpAWindow() {
			w.Errorf("record %s is in no window", text)
		}
	}
}

func (w *wild) gaveUpAWindow() bool {
	return slices.ContainsFunc(w.notices, func(n esm.Notice) bool { return n.Stream.Size == 0 || n.Condition == esm.RetryAttemptsExhausted })
}
