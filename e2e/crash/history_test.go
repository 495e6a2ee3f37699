package crash_test

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/esm-run/esm/e2e/rig"
)

// A history lists the invocations that several engines made, one after the other. Records are texts such as "k7/120", the
// 120th of a key. Those that end in "!" always fail.
type history struct {
	mu     sync.Mutex
	visits []visit
	engine int               // the current one; others are dead
	given  map[string]bool   // by text
	good   map[string]bool   // handled, by text
	texts  map[string]string // by sequence number
}

// A visit is one invocation.
type visit struct {
	engine int
	texts  []string
	good   int // how many of the first were handled
}

func newHistory() *history {
	return &history{given: map[string]bool{}, good: map[string]bool{}, texts: map[string]string{}}
}

func fails(text string) bool { return strings.HasSuffix(text, "!") }

// begin begins with the next engine: what a handler of an earlier one still asks is not noted. It returns the handler,
// which handles all records before the first that fails, and reports that one.
func (h *history) begin() (engine int, handler rig.Handler) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.engine++
	engine = h.engine
	return engine, func(c rig.Call) (string, error) {
		texts := c.Texts()
		bad := slices.IndexFunc(texts, fails)
		if bad < 0 {
			h.note(visit{engine, texts, len(texts)}, c)
			return rig.Succeed(c)
		}
		h.note(visit{engine, texts, bad}, c)
		return fmt.Sprintf(`{"batchItemFailures":[{"itemIdentifier":%q}]}`, c.Records[bad].ID), nil
	}
}

func (h *history) note(v visit, c rig.Call) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if v.engine != h.engine {
		return
	}
	h.visits = append(h.visits, v)
	for i, text := range v.texts {
		h.given[text] = true
		h.texts[c.Records[i].ID] = text
		if i < v.good {
			h.good[text] = true
		}
	}
}

// counts returns how many invocations an engine made, and how many records were given and handled by all.
func (h *history) counts(engine int) (invocations, given, handled int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for i := len(h.visits) - 1; i >= 0 && h.visits[i].engine == engine; i-- {
		invocations++
	}
	return invocations, len(h.given), len(h.good)
}

// handled returns how many records were handled.
func (h *history) handled() int {
	_, _, n := h.counts(0)
	return n
}

// text returns the record with a sequence number.
func (h *history) text(sequence string) string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.texts[sequence]
}

// checkOrder checks that all records that were put were given, and handled unless they always fail, and that each key's
// records came in order once repeats are taken out. No engine may invoke any more.
func (h *history) checkOrder(t *testing.T, put []string) {
	t.Helper()
	for _, text := range put {
		if !h.given[text] || h.good[text] == fails(text) {
			t.Errorf("record %s: given %v, handled %v", text, h.given[text], h.good[text])
		}
	}
	if len(h.given) != len(put) {
		t.Errorf("%d records were given, %d put", len(h.given), len(put))
	}
	given, handled := map[string]int{}, map[string]int{} // the next number of each key
	next := func(of map[string]int, what, text string) {
		key, n := rig.Place(text)
		if n > of[key] {
			t.Errorf("%s was %s before %s/%d", text, what, key, of[key])
		}
		of[key] = max(of[key], n+1)
	}
	for _, v := range h.visits {
		for i, text := range v.texts {
			next(given, "given", text)
			if i < v.good || len(v.texts) == 1 { // alone, a record that fails is done with
				next(handled, "handled", text)
			}
		}
	}
}

// checkRepeats checks that nothing comes again once it is settled. A record is when its key's next batch begins in the same
// engine: only what was in hand when the engine was killed may be repeated.
func (h *history) checkRepeats(t *testing.T) {
	t.Helper()
	type hand struct {
		engine int
		texts  []string
	}
	inHand := map[string]hand{} // by key: what was handled last
	settled := map[string]bool{}
	for n, v := range h.visits {
		for _, text := range v.texts {
			key, _ := rig.Place(text)
			if last := inHand[key]; last.engine == v.engine {
				for _, text := range last.texts {
					settled[text] = true
				}
			}
			delete(inHand, key)
		}
		for i, text := range v.texts {
			if settled[text] {
				t.Errorf("invocation %d, by engine %d, repeats %s, which is settled", n, v.engine, text)
			}
			if key, _ := rig.Place(text); i < v.good {
				inHand[key] = hand{v.engine, append(inHand[key].texts, text)}
			}
		}
	}
}

// checkTries checks that tries are counted on after a kill: a record that may be tried twice is, plus once for each engine
// that was killed before a try was counted.
func (h *history) checkTries(t *testing.T) {
	t.Helper()
	tries, engines := map[string]int{}, map[string]map[int]bool{}
	for _, v := range h.visits {
		if text := v.texts[0]; len(v.texts) == 1 && fails(text) {
			if engines[text] == nil {
				engines[text] = map[int]bool{}
			}
			tries[text]++
			engines[text][v.engine] = true
		}
	}
	for text, n := range tries {
		if most := 2 + len(engines[text]) - 1; n > most {
			t.Errorf("%s was tried %d times by %d engines, want at most %d", text, n, len(engines[text]), most)
		}
	}
}
