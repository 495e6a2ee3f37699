package stream_test

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/esm-run/esm/e2e/rig"
)

// counting returns a handler whose state counts the records of the window. It fails that many final invocations first.
func counting(failures int) rig.Handler {
	var mu sync.Mutex
	return func(c rig.Call) (string, error) {
		mu.Lock()
		defer mu.Unlock()
		if c.Window.Final && failures > 0 {
			failures--
			return rig.Fail(c)
		}
		var state struct{ N int }
		_ = json.Unmarshal([]byte(c.Window.State), &state)
		return fmt.Sprintf(`{"state":{"n":%d}}`, state.N+len(c.Records)), nil
	}
}

// putUntil puts records 1, 2, 3 and so on until the function has had that many final invocations. It returns the last.
func putUntil(t *testing.T, s rig.Source, f *rig.Function, finals int) (n int) {
	t.Helper()
	var last time.Time
	rig.Eventually(t, "windows have ended", func() bool {
		if time.Since(last) > 300*time.Millisecond {
			n++
			s.Put(strconv.Itoa(n))
			last = time.Now()
		}
		return len(rig.Finals(f.Calls())) >= finals
	})
	return n
}

// windowed are services whose times are fine enough for windows: DynamoDB Local's are whole minutes.
func windowed(t *testing.T, test func(t *testing.T, e *rig.Env, source func(string) rig.Source)) {
	rig.OnSources(t, func(t *testing.T, e *rig.Env, source func(string) rig.Source) {
		if e.Service == rig.DynamoDBLocal {
			t.Skip("its records have times of whole minutes")
		}
		test(t, e, source)
	})
}

// A window's state goes from one invocation to the next, the final one has it and no records, and the next window begins
// with none. Windows end when a later record comes, and at the end of their shard.
func TestTumblingWindows(t *testing.T) {
	windowed(t, func(t *testing.T, e *rig.Env, source func(string) rig.Source) {
		s, f := source("tumbling"), e.Function("f", counting(0))
		e.Run(f.On(s.StreamARN(), "TumblingWindowInSeconds: 3", rig.BatchSize(2)))
		n := putUntil(t, s, f, 2)
		f.Want(t, rig.Numbers(n)...)
		if _, table := s.(*rig.Table); !table || e.Service == rig.StandIn { // nothing ends the shards of LocalStack's tables
			finals := len(rig.Finals(f.Calls()))
			s.EndShard()
			rig.Eventually(t, "the end of the shard ends the window", func() bool { return len(rig.Finals(f.Calls())) > finals })
		}
		checkWindows(t, s, f.Calls(), 3*time.Second)
	})
}

// windowEvent is the whole of an event with a window but its records, in AWS's order.
var windowEvent = regexp.MustCompile(`^\{"Records":\[.*\],"shardId":"([^"]+)","eventSourceARN":"([^"]+)",` +
	`"window":\{"start":"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ","end":"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ"\},"state":\{("n":\d+)?\},` +
	`"isFinalInvokeForWindow":(true|false),"isWindowTerminatedEarly":false\}$`)

// checkWindows follows the states of a shard's windows through all invocations.
func checkWindows(t *testing.T, s rig.Source, calls []rig.Call, length time.Duration) {
	t.Helper()
	stored := s.Stored()
	var last, window time.Time // the beginnings of the last window that has ended, and of the current one
	n := 0                     // records of the current window so far
	for _, c := range calls {
		w := c.Window
		if parts := windowEvent.FindSubmatch(c.Event); parts == nil || w.Source != s.StreamARN() || w.Shard != stored["1"].Shard {
			t.Fatalf("event %s", c.Event)
		}
		if window.IsZero() {
			window, n = w.Start, 0
		}
		want := `{}`
		if n > 0 {
			want = fmt.Sprintf(`{"n":%d}`, n)
		}
		if w.State != want || !w.Start.Equal(window) || !w.Start.After(last) || w.End.Sub(w.Start) != length || w.Start.Unix()%int64(length.Seconds()) != 0 {
			t.Errorf("window %+v, want one from %v after %v with state %s", w, window, last, want)
		}
		for _, text := range c.Texts() {
			if at := stored[text].Arrived; at.Before(w.Start) || !at.Before(w.End) {
				t.Errorf("record %s of %v is in window %+v", text, at, w)
			}
		}
		if n += len(c.Records); w.Final {
			if len(c.Records) > 0 || n == 0 {
				t.Errorf("final event %s", c.Event)
			}
			last, window = window, time.Time{}
		}
	}
}

// A final invocation that fails is made again, then its window is given up. The notice names no records.
func TestFinalInvocationIsGivenUp(t *testing.T) {
	windowed(t, func(t *testing.T, e *rig.Env, source func(string) rig.Source) {
		s, dlq, f := source("final"), e.Queue("final", nil), e.Function("f", counting(2))
		e.Run(f.On(s.StreamARN(), "TumblingWindowInSeconds: 2", rig.Retries(1), rig.OnFailure(dlq.ARN)))
		putUntil(t, s, f, 3)
		calls := f.Calls()
		finals := rig.Finals(calls)
		if finals[0].RequestID != finals[1].RequestID || string(finals[0].Event) != string(finals[1].Event) || finals[2].RequestID == finals[0].RequestID {
			t.Errorf("the final invocations %s %s, %s %s, %s %s",
				finals[0].RequestID, finals[0].Event, finals[1].RequestID, finals[1].Event, finals[2].RequestID, finals[2].Event)
		}
		rig.Notice{Tries: 2, Fault: "Unhandled"}.CheckWindow(t, dlq.TakeNotices(1)[0], s, f, finals[0])
		at := slices.IndexFunc(calls, func(c rig.Call) bool { return c.At.Equal(finals[1].At) })
		if next := calls[at+1].Window; next.State != "{}" {
			t.Errorf("the next window begins with %s", next.State)
		}
	})
}

// A state of more than a megabyte ends its window early. What is left of the interval begins without one.
func TestLargeStateEndsWindowEarly(t *testing.T) {
	t.Parallel()
	e := rig.New(t)
	s := e.Stream("state", 1)
	s.Put("1", "2")
	large := `"` + strings.Repeat("x", 1_048_638) + `"`
	f := e.Function("f", rig.Script(rig.Answer(`{"state":`+large+`}`), rig.Answer(`{"state":{}}`)))
	e.Run(f.On(s.ARN, "TumblingWindowInSeconds: 900", rig.BatchSize(1)))
	f.Want(t, "1", "2")
	want := []rig.Window{{State: "{}"}, {State: large, Final: true, Early: true}, {State: "{}"}}
	for i, c := range f.Calls() {
		if w := c.Window; w.State != want[i].State || w.Final != want[i].Final || w.Early != want[i].Early {
			t.Errorf("invocation %d has %s, a state of %d bytes, %v and %v", i+1, c.Span(), len(w.State), w.Final, w.Early)
		}
	}
}
