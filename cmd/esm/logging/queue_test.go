package logging

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/esm-run/esm/trace"
)

// numbered returns an entry that names a number of pollers.
func numbered(n int) entry { return entry{event: trace.Scaled{Pollers: n}} }

// rounds records what is formatted, one text a round; a message is its text.
type rounds struct {
	mu    sync.Mutex
	texts []string
}

func (r *rounds) format(entries []entry) {
	var texts []string
	for _, e := range entries {
		if e.message != nil {
			texts = append(texts, e.message.text)
			continue
		}
		texts = append(texts, fmt.Sprint(e.event.(trace.Scaled).Pollers))
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.texts = append(r.texts, strings.Join(texts, " "))
}

func (r *rounds) want(t *testing.T, want ...string) {
	t.Helper()
	r.mu.Lock()
	defer r.mu.Unlock()
	if !slices.Equal(r.texts, want) {
		t.Errorf("formatted %q, want %q", r.texts, want)
	}
}

// The first entry is formatted at once, what follows within some milliseconds in one round.
func TestQueueFormatsInRounds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var r rounds
		q := newQueue(r.format)
		q.add(numbered(1))
		synctest.Wait()
		q.add(numbered(2))
		q.add(numbered(3))
		synctest.Wait()
		r.want(t, "1")
		time.Sleep(formatEvery)
		synctest.Wait()
		q.add(numbered(4))
		q.flush()
		q.add(numbered(5))
		q.close()
		r.want(t, "1", "2 3", "4", "5")
	})
}

func TestQueueDropsWhatIsTooMuch(t *testing.T) {
	var r rounds
	q := &queue{format: r.format, wake: make(chan struct{}, 1)} // nothing formats
	for n := range maxQueued + 3 {
		q.add(numbered(n))
	}
	q.flush()
	if got := r.texts[0]; !strings.HasSuffix(got, fmt.Sprintf("%d 3 log entries were lost here: too many at once", maxQueued-1)) {
		t.Errorf("the end is %q", got[len(got)-60:])
	}
	q.add(numbered(1))
	if q.flush(); r.texts[1] != "1" {
		t.Errorf("then %q, want 1", r.texts[1])
	}
}
