package localstack_test

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
)

// A chronicle is what a function was given in the lives of several engines, one after the other. Its records are texts
// such as "k7/120": the 120th of a key. Those that end in "!" are poison, which the function never handles.
type chronicle struct {
	mu     sync.Mutex
	visits []visit
	life   int             // of the engine that runs now; others are dead
	seen   map[string]bool // the texts that were given
	good   map[string]bool // those that were handled
	texts  map[string]string
}

// visit is one invocation.
type visit struct {
	life  int
	texts []string
	good  int // so many of the first were handled
}

func poisoned(text string) bool { return strings.HasSuffix(text, "!") }

func newChronicle() *chronicle {
	return &chronicle{seen: map[string]bool{}, good: map[string]bool{}, texts: map[string]string{}}
}

// begin starts the next life: what a handler of an earlier one still asks is not noted. It returns the function's answers
// in this life: all records before the first poison are handled, and it is reported.
func (c *chronicle) begin() (life int, answer func(event) (string, error)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.life++
	life = c.life
	return life, func(e event) (string, error) {
		k := kinesisOf(e)
		texts := k.texts()
		bad := slices.IndexFunc(texts, poisoned)
		good := bad
		if bad < 0 {
			good = len(texts)
		}
		c.note(visit{life, texts, good}, k)
		if bad < 0 {
			return "null", nil
		}
		return fmt.Sprintf(`{"batchItemFailures":[{"itemIdentifier":%q}]}`, k.Records[bad].Kinesis.SequenceNumber), nil
	}
}

func (c *chronicle) note(v visit, k kinesisEvent) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if v.life != c.life {
		return
	}
	c.visits = append(c.visits, v)
	for i, text := range v.texts {
		c.seen[text] = true
		c.texts[k.Records[i].Kinesis.SequenceNumber] = text
		if i < v.good {
			c.good[text] = true
		}
	}
}

// invocations is how many there were in a life.
func (c *chronicle) invocations(life int) (n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for i := len(c.visits) - 1; i >= 0 && c.visits[i].life == life; i-- {
		n++
	}
	return n
}

// handled is how many records were.
func (c *chronicle) handled() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.good)
}

// visited is how many records were given.
func (c *chronicle) visited() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.seen)
}

// text is the record with a sequence number.
func (c *chronicle) text(number string) string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.texts[number]
}

// place is a record's key, and its number among those of the key.
func place(text string) (key string, n int) {
	key, number, _ := strings.Cut(strings.TrimSuffix(text, "!"), "/")
	n, _ = strconv.Atoi(number)
	return key, n
}

// check checks all that holds whenever engines are killed, of records that were put. It is for the end: nobody invokes any
// more.
func (c *chronicle) check(t *testing.T, put []string) {
	t.Helper()
	c.checkAll(t, put)
	c.checkOrder(t)
	c.checkRepeats(t)
	c.checkTries(t)
}

// checkAll checks that all was handled that is no poison, and nothing else.
func (c *chronicle) checkAll(t *testing.T, put []string) {
	t.Helper()
	for _, text := range put {
		if !c.seen[text] || c.good[text] == poisoned(text) {
			t.Errorf("record %s: given %v, handled %v", text, c.seen[text], c.good[text])
		}
	}
	if len(c.seen) != len(put) {
		t.Errorf("%d records were given, %d put", len(c.seen), len(put))
	}
}

// checkOrder checks that once repeats are taken out, each key's records were given in order, and handled in order.
func (c *chronicle) checkOrder(t *testing.T) {
	t.Helper()
	given, handled := firsts{}, firsts{}
	for _, v := range c.visits {
		for i, text := range v.texts {
			given.note(t, "given", text)
			if i < v.good || len(v.texts) == 1 { // alone, a poison is done with
				handled.note(t, "handled", text)
			}
		}
	}
}

// firsts is the highest number of each key that was seen.
type firsts map[string]int

// note complains about a record that is new, and earlier than one that was seen.
func (f firsts) note(t *testing.T, what, text string) {
	t.Helper()
	key, n := place(text)
	last, known := f[key]
	if known && n > last+1 || !known && n > 0 {
		t.Errorf("%s was %s before those between %d and it", text, what, last)
	}
	f[key] = max(last, n)
}

// checkRepeats checks that nothing comes again once it is settled. A record is, when its key's next batch begins in the
// same life: only what was in hand when the engine was killed may be repeated.
func (c *chronicle) checkRepeats(t *testing.T) {
	t.Helper()
	type hand struct {
		life  int
		texts []string
	}
	inHand := map[string]hand{} // by key: what was handled last
	settled := map[string]bool{}
	for n, v := range c.visits {
		for _, text := range v.texts {
			key, _ := place(text)
			if h := inHand[key]; h.life == v.life {
				for _, text := range h.texts {
					settled[text] = true
				}
			}
			delete(inHand, key)
		}
		for i, text := range v.texts {
			if settled[text] {
				t.Errorf("invocation %d, in life %d, repeats %s, which is settled", n, v.life, text)
			}
			if key, _ := place(text); i < v.good {
				inHand[key] = hand{v.life, append(inHand[key].texts, text)}
			}
		}
	}
}

// checkTries checks that tries go on counting: a poison that may be tried twice is, plus once for each life that ended
// before a try was counted.
func (c *chronicle) checkTries(t *testing.T) {
	t.Helper()
	tries := map[string]map[int]int{} // by text and life
	for _, v := range c.visits {
		if len(v.texts) == 1 && poisoned(v.texts[0]) {
			if tries[v.texts[0]] == nil {
				tries[v.texts[0]] = map[int]int{}
			}
			tries[v.texts[0]][v.life]++
		}
	}
	for text, lives := range tries {
		total := 0
		for _, n := range lives {
			total += n
		}
		if most := 2 + len(lives) - 1; total > most {
			t.Errorf("%s was tried %d times in %d lives, want at most %d", text, total, len(lives), most)
		}
	}
}
