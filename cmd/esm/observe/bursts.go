package observe

import "time"

// Of the lines of one kind about the shards of one mapping, at most maxLines are written in burstTime. The rest is counted.
const (
	maxLines  = 20
	burstTime = time.Second
)

// bursts limits the lines of each mapping and kind. The zero value is ready. It belongs to one goroutine.
type bursts[Kind comparable] struct {
	suppressed int // lines that no one was told the number of
	all        map[string]map[Kind]*burst
}

// burst is about the lines of one mapping and kind since a time.
type burst struct {
	began      time.Time
	written    int
	suppressed int
}

// backlog is a number of suppressed lines of one kind.
type backlog[Kind comparable] struct {
	kind  Kind
	lines int
}

// allow reports whether a line may be written, and how many were suppressed before it, which is to be written first.
func (b *bursts[Kind]) allow(now time.Time, mapping string, kind Kind) (ok bool, before int) {
	x := b.all[mapping][kind]
	if x == nil {
		x = b.add(mapping, kind)
	}
	if now.Sub(x.began) >= burstTime {
		before = b.release(x)
		x.began, x.written = now, 0
	}
	if x.written == maxLines {
		x.suppressed++
		b.suppressed++
		return false, before
	}
	x.written++
	return true, before
}

// rest returns the numbers of a mapping's suppressed lines that are to be written now because no more lines came.
func (b *bursts[Kind]) rest(now time.Time, mapping string) (all []backlog[Kind]) {
	if b.suppressed == 0 {
		return nil
	}
	for kind, x := range b.all[mapping] {
		if x.suppressed > 0 && now.Sub(x.began) >= burstTime {
			all = append(all, backlog[Kind]{kind, b.release(x)})
		}
	}
	return all
}

func (b *bursts[Kind]) release(x *burst) (lines int) {
	lines, x.suppressed = x.suppressed, 0
	b.suppressed -= lines
	return lines
}

func (b *bursts[Kind]) add(mapping string, kind Kind) *burst {
	if b.all == nil {
		b.all = map[string]map[Kind]*burst{}
	}
	if b.all[mapping] == nil {
		b.all[mapping] = map[Kind]*burst{}
	}
	x := &burst{}
	b.all[mapping][kind] = x
	return x
}
