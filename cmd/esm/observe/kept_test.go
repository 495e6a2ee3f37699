package observe

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/esm-run/esm/trace"
)

// keptAt is when the first line of a test is written.
var keptAt = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

// out returns a line that is written so many seconds later.
func out(function, id, line string, second int) trace.Output {
	return trace.Output{Function: function, ID: id, Line: line, Time: keptAt.Add(time.Duration(second) * time.Second)}
}

// textsOf returns lines as texts, with the number of dropped ones in place of a text.
func textsOf(lines []LogLine) (all []string) {
	for _, l := range lines {
		if l.Dropped > 0 {
			l.Line = fmt.Sprintf("(%d)", l.Dropped)
		}
		all = append(all, l.Function+" "+l.Line)
	}
	return all
}

func wantKept(t *testing.T, k *Kept, s LogSelection, want ...string) {
	t.Helper()
	var got []LogLine
	if err := k.Read(t.Context(), s, func(lines []LogLine) error { got = append(got, lines...); return nil }); err != nil {
		t.Error(err)
	}
	if texts := textsOf(got); !slices.Equal(texts, want) {
		t.Errorf("%+v: got %.200q, want %.200q", s, texts, want)
	}
}

func TestKeptLinesAreSelected(t *testing.T) {
	k := NewKept()
	wantKept(t, k, LogSelection{})
	tell(k.Trace, out("f", "1", "one", 1), out("g", "2", "two", 2), trace.Ran{Function: "f"}, out("f", "3", "four", 4), out("g", "", "three", 3))
	for _, c := range []struct {
		LogSelection
		want []string
	}{
		{LogSelection{}, []string{"f one", "g two", "g three", "f four"}},
		{LogSelection{Function: "g"}, []string{"g two", "g three"}},
		{LogSelection{RequestID: "2"}, []string{"g two"}},
		{LogSelection{Function: "f", RequestID: "2"}, nil},
		{LogSelection{Function: "h"}, nil},
		{LogSelection{Since: keptAt.Add(3 * time.Second)}, []string{"g three", "f four"}},
		{LogSelection{Tail: 2}, []string{"g three", "f four"}},
		{LogSelection{Tail: 1, Function: "g"}, []string{"g three"}},
		{LogSelection{Tail: 9}, []string{"f one", "g two", "g three", "f four"}},
	} {
		wantKept(t, k, c.LogSelection, c.want...)
	}
	var got []LogLine
	k.Trace(trace.Output{Function: "h", ID: "5", Line: "START", Platform: true, Time: keptAt.Local()})
	_ = k.Read(t.Context(), LogSelection{Function: "h"}, func(lines []LogLine) error { got = lines; return nil })
	if want := (LogLine{Time: keptAt, Function: "h", RequestID: "5", Line: "START", Platform: true}); len(got) != 1 || got[0] != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

// Each function keeps its last two megabytes, whatever others write.
func TestKeptLinesAreBounded(t *testing.T) {
	k := NewKept()
	k.Trace(out("quiet", "", "still here", 0))
	const size, lines = 1000, 10_000
	for n := range lines {
		k.Trace(out("loud", "", fmt.Sprintf("%*d", size, n), n))
	}
	kept := keptOfFunction / (size + keptLineCost)
	var got []LogLine
	_ = k.Read(t.Context(), LogSelection{Function: "loud"}, func(lines []LogLine) error { got = lines; return nil })
	if len(got) != kept+1 || got[0].Dropped != lines-kept || strings.TrimSpace(got[1].Line) != fmt.Sprint(lines-kept) {
		t.Errorf("got %d lines after %d that were dropped, want %d after %d", len(got)-1, got[0].Dropped, kept, lines-kept)
	}
	wantKept(t, k, LogSelection{Function: "loud", Tail: 1}, "loud "+fmt.Sprintf("%*d", size, lines-1))
	wantKept(t, k, LogSelection{Function: "loud", Since: keptAt.Add((lines - 1) * time.Second)}, "loud "+fmt.Sprintf("%*d", size, lines-1))
	wantKept(t, k, LogSelection{Function: "quiet"}, "quiet still here")
	if got := len(k.lines("loud").lines); got > 2*kept+1 {
		t.Errorf("%d lines are stored, want no more than twice those that are kept", got)
	}
	k.Trace(out("huge", "", strings.Repeat("x", keptOfFunction+1), 0))
	k.Trace(out("huge", "", "small", 1))
	wantKept(t, k, LogSelection{Function: "huge"}, "huge (1)", "huge small")
}

// All functions together keep at most 32 MiB; those that wrote little keep it.
func TestKeptLinesOfManyFunctionsAreBounded(t *testing.T) {
	k := NewKept()
	k.Trace(out("quiet", "", "still here", 0))
	line := strings.Repeat("x", 100<<10)
	for n := range 100 * 20 {
		k.Trace(out(fmt.Sprint("f", n%100), "", line, n))
	}
	sum := 0
	for _, l := range k.selected("") {
		sum += l.size()
	}
	if int64(sum) != k.bytes.Load() || sum > keptInAll || sum < keptInAll*3/4 {
		t.Errorf("%d bytes are kept and %d counted, want the same and nearly %d", sum, k.bytes.Load(), keptInAll)
	}
	wantKept(t, k, LogSelection{Function: "quiet"}, "quiet still here")
}

// follower reads what a selection follows, in a goroutine.
type follower struct {
	mu    sync.Mutex
	lines []LogLine
	ended chan error
}

func follow(ctx context.Context, k *Kept, s LogSelection, slow func()) *follower {
	f := &follower{ended: make(chan error, 1)}
	s.Follow = true
	go func() {
		f.ended <- k.Read(ctx, s, func(lines []LogLine) error {
			slow()
			f.mu.Lock()
			defer f.mu.Unlock()
			f.lines = append(f.lines, lines...)
			return nil
		})
	}()
	return f
}

func (f *follower) want(t *testing.T, want ...string) {
	t.Helper()
	synctest.Wait()
	f.mu.Lock()
	defer f.mu.Unlock()
	if got := textsOf(f.lines); !slices.Equal(got, want) {
		t.Errorf("got %.200q, want %.200q", got, want)
	}
}

func TestFollow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := NewKept()
		tell(k.Trace, out("f", "1", "one", 1), out("f", "1", "two", 2), out("g", "2", "three", 3))
		ctx, leave := context.WithCancel(t.Context())
		all, one := follow(ctx, k, LogSelection{}, func() {}), follow(t.Context(), k, LogSelection{Function: "f", Tail: 1}, func() {})
		all.want(t, "f one", "f two", "g three")
		one.want(t, "f two")
		time.Sleep(followEvery)
		k.Trace(out("h", "", "four", 4))
		all.want(t, "f one", "f two", "g three", "h four") // at once
		k.Trace(out("f", "", "five", 5))
		time.Sleep(followEvery - 1)
		all.want(t, "f one", "f two", "g three", "h four")
		time.Sleep(time.Nanosecond)
		all.want(t, "f one", "f two", "g three", "h four", "f five")
		leave()
		if err := <-all.ended; err != nil {
			t.Error(err)
		}
		time.Sleep(time.Hour)
		k.Trace(out("f", "", "six", 6))
		k.Trace(out("f", "", "seven", 7))
		k.End()
		if err := <-one.ended; err != nil {
			t.Error(err)
		}
		one.want(t, "f two", "f five", "f six", "f seven")
		wantKept(t, k, LogSelection{Follow: true, Tail: 1}, "f seven")
		if len(k.followers) > 0 {
			t.Errorf("%d followers are left", len(k.followers))
		}
	})
}

// A reader that does not read delays nobody, and learns what it has missed.
func TestSlowFollowerMissesLines(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := NewKept()
		read := make(chan struct{})
		slow := follow(t.Context(), k, LogSelection{}, func() { <-read })
		synctest.Wait()
		k.Trace(out("f", "", "first", 0))
		synctest.Wait()
		began := time.Now()
		line := strings.Repeat("x", 1<<20)
		for n := range 10 {
			k.Trace(out("f", "", line, n))
		}
		k.Trace(out("f", "", "last", 10))
		if took := time.Since(began); took > 0 {
			t.Errorf("writing took %v", took)
		}
		close(read)
		time.Sleep(time.Second)
		slow.want(t, "f first", "f (9)", "f "+line, "f last")
		k.End()
		<-slow.ended
	})
}

func TestReadEndsWithTheErrorOfItsWriter(t *testing.T) {
	k := NewKept()
	k.Trace(out("f", "", "one", 1))
	gone := errors.New("gone")
	if err := k.Read(t.Context(), LogSelection{Follow: true}, func([]LogLine) error { return gone }); !errors.Is(err, gone) {
		t.Errorf("got %v, want %v", err, gone)
	}
}

// While many write, a reader sees each line once, in the order of its function.
func TestKeptConcurrently(t *testing.T) {
	k := NewKept()
	seen := map[string]int{}
	var reading, writing sync.WaitGroup
	reading.Go(func() {
		_ = k.Read(t.Context(), LogSelection{Follow: true}, func(lines []LogLine) error {
			for _, l := range lines {
				if want := fmt.Sprint(seen[l.Function]); l.Line != want {
					t.Errorf("%s: got %q, want %s", l.Function, l.Line, want)
				}
				seen[l.Function]++
			}
			return nil
		})
	})
	for f := range 4 {
		writing.Go(func() {
			for n := range 2000 {
				k.Trace(out(fmt.Sprint("f", f), "", fmt.Sprint(n), n))
			}
		})
	}
	writing.Wait()
	k.End()
	reading.Wait()
	if seen["f0"] != 2000 || seen["f3"] != 2000 {
		t.Errorf("got %v, want 2000 of each", seen)
	}
}

func BenchmarkKept(b *testing.B) {
	k := NewKept()
	line := out("f", "id", strings.Repeat("x", 80), 0)
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			k.Trace(line)
		}
	})
}
