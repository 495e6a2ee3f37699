package logging

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/esm-run/esm/trace"
)

// numbered returns an entry that names a number of pollers.
func numbered(n int) entry { return entry{event: trace.Scaled{Pollers: n}} }

// formats returns a function that formats entries into rounds of numbers; a message is its text.
func formats(rounds *[]string) func([]entry) {
	return func(entries []entry) {
		var round []string
		for _, e := range entries {
			if e.message != nil {
				round = append(round, e.message.text)
				continue
			}
			round = append(round, fmt.Sprint(e.event.(trace.Scaled).Pollers))
		}
		*rounds = append(*rounds, strings.Join(round, " "))
	}
}

// The first entry is formatted at once, what follows within some milliseconds in one round.
func TestQueueFormatsInRounds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var rounds []string
		q := newQueue(formats(&rounds))
		q.add(numbered(1))
		synctest.Wait()
		q.add(numbered(2))
		q.add(numbered(3))
		synctest.Wait()
		if want := []string{"1"}; !slices.Equal(rounds, want) {
			t.Errorf("at once: %q, want %q", rounds, want)
		}
		time.Sleep(formatEvery)
		synctest.Wait()
		q.add(numbered(4))
		q.flush()
		q.add(numbered(5))
		q.close()
		if want := []string{"1", "2 3", "4", "5"}; !slices.Equal(rounds, want) {
			t.Errorf("in the end: %q, want %q", rounds, want)
		}
	})
}

func TestQueueDropsWhatIsTooMuch(t *testing.T) {
	var rounds []string
	q := &queue{format: formats(&rounds), wake: make(chan struct{}, 1)} // nothing formats
	for n := range maxQueued + 3 {
		q.add(numbered(n))
	}
	q.flush()
	if got := rounds[0]; !strings.HasSuffix(got, fmt.Sprintf("%d 3 log entries were lost here: too many at once", maxQueued-1)) {
		t.Errorf("the end is %q", got[len(got)-60:])
	}
	q.add(numbered(1))
	if q.flush(); rounds[1] != "1" {
		t.Errorf("then %q, want 1", rounds[1])
	}
}
