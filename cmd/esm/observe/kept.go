package observe

import (
	"cmp"
	"context"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/esm-run/esm/trace"
)

// Bounds of what is kept. Beyond them the oldest lines of a function are dropped: of the one that wrote, or if all functions
// together are too many, of the one that has the most.
const (
	keptOfFunction = 2 << 20  // bytes
	keptInAll      = 32 << 20 // bytes
	keptLineCost   = 128      // bytes that each line counts for, besides its text and request ID
)

// followEvery is the shortest time between two batches of lines for a reader that follows.
const followEvery = 20 * time.Millisecond

// Kept keeps the last lines that handlers wrote, with the platform's lines about them, in bounded memory. Writers never wait
// for readers. All methods may be called concurrently.
type Kept struct {
	bytes atomic.Int64
	ended chan struct{}
	end   sync.Once

	mu        sync.RWMutex
	functions map[string]*keptLines
	followers map[chan struct{}]bool // each holds a value when there are new lines
}

// NewKept returns a Kept without lines.
func NewKept() *Kept {
	return &Kept{ended: make(chan struct{}), functions: map[string]*keptLines{}, followers: map[chan struct{}]bool{}}
}

// LogSelection selects lines. Its zero value selects all that are kept.
type LogSelection struct {
	Function  string    // empty means all
	RequestID string    // empty means all, those too that were written outside of an invocation
	Since     time.Time // when the first line was written
	Tail      int       // only so many of the last lines; 0 means all
	Follow    bool      // and all that are written from now on, until the reader leaves
}

// LogLine is one line, as JSON.
type LogLine struct {
	Time      time.Time `json:"time"`
	Function  string    `json:"function"`
	RequestID string    `json:"requestId,omitempty"`
	Line      string    `json:"line"`
	Platform  bool      `json:"platform,omitempty"` // written by the platform, such as START, END and REPORT

	// Dropped is the number of lines of the function before this time that are not kept any more. Then Line is empty.
	Dropped int `json:"dropped,omitempty"`
}

// Trace keeps the line of an Output. It is a [trace.Func].
func (k *Kept) Trace(e trace.Event) {
	out, ok := e.(trace.Output)
	if !ok {
		return
	}
	added := k.lines(out.Function).add(out)
	for all := k.bytes.Add(int64(added)); all > keptInAll; {
		all = k.bytes.Add(-int64(k.largest().shrink()))
	}
	k.mu.RLock()
	defer k.mu.RUnlock()
	for wake := range k.followers {
		select {
		case wake <- struct{}{}:
		default:
		}
	}
}

// End makes readers that follow read what is left and return. Lines may still be added.
func (k *Kept) End() { k.end.Do(func() { close(k.ended) }) }

// Read calls write with the selected lines, in the order of their times, until there are no more, or if it follows, until ctx
// or the Kept ends. The first error of write ends it. What write is given is its own.
func (k *Kept) Read(ctx context.Context, s LogSelection, write func([]LogLine) error) error {
	wake := make(chan struct{}, 1)
	if s.Follow {
		k.follow(wake)
		defer k.leave(wake)
	}
	r := reader{LogSelection: s, at: map[*keptLines]uint64{}}
	for last := false; ; {
		var rest <-chan time.Time
		if batch := r.next(k); len(batch) > 0 {
			if err := write(batch); err != nil {
				return err
			}
			rest = time.After(followEvery)
		}
		if last || !s.Follow {
			return nil
		}
		if last = k.wait(ctx, rest, wake); ctx.Err() != nil {
			return nil
		}
	}
}

// wait waits for rest, unless it is nil, and then for new lines. It reports whether the Kept has ended.
func (k *Kept) wait(ctx context.Context, rest <-chan time.Time, wake <-chan struct{}) (ended bool) {
	lines := wake
	if rest != nil {
		lines = nil
	}
	for {
		select {
		case <-rest:
			rest, lines = nil, wake
		case <-lines:
			return false
		case <-k.ended:
			return true
		case <-ctx.Done():
			return false
		}
	}
}

func (k *Kept) follow(wake chan struct{}) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.followers[wake] = true
}

func (k *Kept) leave(wake chan struct{}) {
	k.mu.Lock()
	defer k.mu.Unlock()
	delete(k.followers, wake)
}

// lines returns the lines of a function.
func (k *Kept) lines(function string) *keptLines {
	k.mu.RLock()
	l := k.functions[function]
	k.mu.RUnlock()
	if l != nil {
		return l
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.functions[function] == nil {
		k.functions[function] = &keptLines{function: function}
	}
	return k.functions[function]
}

// selected returns the lines of all functions, or of the one that is named.
func (k *Kept) selected(function string) (all []*keptLines) {
	k.mu.RLock()
	defer k.mu.RUnlock()
	for name, l := range k.functions {
		if function == "" || function == name {
			all = append(all, l)
		}
	}
	return all
}

// largest returns the lines of the function that has the most bytes.
func (k *Kept) largest() *keptLines {
	return slices.MaxFunc(k.selected(""), func(a, b *keptLines) int { return cmp.Compare(a.size(), b.size()) })
}

// reader is one call of Read.
type reader struct {
	LogSelection
	at    map[*keptLines]uint64 // the number of the next line
	begun bool
}

// next returns the selected lines that were added since the last call.
func (r *reader) next(k *Kept) (batch []LogLine) {
	for _, l := range k.selected(r.Function) {
		lines, dropped := r.read(l)
		if dropped > 0 && (r.begun || r.Tail == 0) {
			lines = slices.Insert(lines, 0, LogLine{Time: lines[0].Time, Function: l.function, Dropped: dropped})
		}
		batch = append(batch, lines...)
	}
	batch = slices.DeleteFunc(batch, func(l LogLine) bool { return !r.selects(l) })
	slices.SortStableFunc(batch, func(a, b LogLine) int { return a.Time.Compare(b.Time) })
	if r.Tail > 0 && !r.begun {
		batch = batch[max(0, len(batch)-r.Tail):]
	}
	r.begun = true
	return batch
}

// read returns the lines of a function that were added since the last call, and how many were dropped before them.
func (r *reader) read(l *keptLines) (lines []LogLine, dropped int) {
	outputs, number := l.from(r.at[l])
	if len(outputs) == 0 {
		return nil, 0
	}
	dropped = int(number - r.at[l])
	r.at[l] = number + uint64(len(outputs))
	for _, out := range outputs {
		lines = append(lines, LogLine{
			Time: out.Time.UTC(), Function: out.Function, RequestID: out.ID, Line: out.Line, Platform: out.Platform,
		})
	}
	return lines, dropped
}

// selects reports whether a line is selected. That lines were dropped concerns those who want lines from before.
func (r *reader) selects(l LogLine) bool {
	if l.Dropped > 0 {
		return l.Time.After(r.Since)
	}
	return !l.Time.Before(r.Since) && (r.RequestID == "" || l.RequestID == r.RequestID)
}

// keptLines are the last lines of one function.
type keptLines struct {
	function string

	mu    sync.Mutex
	lines []trace.Output
	head  int    // the index of the first line; those before it are empty
	first uint64 // its number, counted from 0 since the start
	bytes int
}

func costOf(out trace.Output) int { return len(out.Line) + len(out.ID) + keptLineCost }

// add adds a line and returns how many more bytes that makes. It copies nothing of the line.
func (l *keptLines) add(out trace.Output) (more int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	before := l.bytes
	l.lines = append(l.lines, out)
	l.bytes += costOf(out)
	l.drop(keptOfFunction)
	return l.bytes - before
}

// shrink drops an eighth of the lines and returns how many bytes that makes.
func (l *keptLines) shrink() (fewer int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	before := l.bytes
	l.drop(before - before/8 - 1)
	return before - l.bytes
}

// drop drops lines until at most so many bytes are left. The caller holds mu.
func (l *keptLines) drop(most int) {
	for l.bytes > most && l.head < len(l.lines) {
		l.bytes -= costOf(l.lines[l.head])
		l.lines[l.head] = trace.Output{}
		l.head++
		l.first++
	}
	if l.head > len(l.lines)/2 {
		n := copy(l.lines, l.lines[l.head:])
		clear(l.lines[n:])
		l.lines, l.head = l.lines[:n], 0
	}
}

// from returns the lines from a number on, or from the first that is kept, and the number of the first of them.
func (l *keptLines) from(number uint64) ([]trace.Output, uint64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	number = max(number, l.first)
	return slices.Clone(l.lines[l.head+int(number-l.first):]), number
}

func (l *keptLines) size() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.bytes
}
