package kinesis

import (
	"fmt"
	"slices"
	"sort"
)

// A shard is one shard of a stream, whose lock guards it.
type shard struct {
	index    int // in the stream
	keys     span
	parents  []*shard
	children []*shard
	created  moment
	closed   millis // 0 while it is open

	recs    []record      // the records that are kept, oldest first
	next    int64         // the index of the next record
	changed chan struct{} // closed at the next change; nil if nobody waits for it
}

// A record is one that was put. It does not change.
type record struct {
	arrived millis
	size    int    // bytes of data and partition key
	text    []byte // an element of the Records of a GetRecords
}

func (sh *shard) id() string { return shardID(sh.index) }

func shardID(index int) string { return fmt.Sprintf("shardId-%012d", index) }

func (sh *shard) open() bool { return sh.closed == 0 }

func (sh *shard) number(index int64) number {
	return number{epoch: sh.created.epoch, shard: sh.index, index: index}
}

// oldest returns the index of the oldest record that is kept, or of the next record if there is none.
func (sh *shard) oldest() int64 { return sh.next - int64(len(sh.recs)) }

// put appends a record and returns its sequence number.
func (sh *shard) put(now millis, e *entry) string {
	number := sh.number(sh.next).String()
	sh.recs = append(sh.recs, record{now, e.size(), e.encode(number, now)})
	sh.next++
	sh.wake()
	return number
}

// close closes the shard, whose keys its children have.
func (sh *shard) close(now millis, children ...*shard) {
	sh.closed, sh.children = now, append(sh.children, children...)
	sh.wake()
}

func (sh *shard) wake() {
	if sh.changed != nil {
		close(sh.changed)
		sh.changed = nil
	}
}

// nextChange returns a channel that is closed at the next change.
func (sh *shard) nextChange() <-chan struct{} {
	if sh.changed == nil {
		sh.changed = make(chan struct{})
	}
	return sh.changed
}

// trim drops the records that arrived before a time.
func (sh *shard) trim(before millis) {
	n := sort.Search(len(sh.recs), func(i int) bool { return sh.recs[i].arrived >= before })
	sh.recs = sh.recs[n:]
}

// expired reports whether the shard was closed before a time, and is no longer listed.
func (sh *shard) expired(before millis) bool { return !sh.open() && sh.closed < before }

// at returns the index of the first record that arrived at a time or later, or of the next record if there is none.
func (sh *shard) at(when millis) int64 {
	n := sort.Search(len(sh.recs), func(i int) bool { return sh.recs[i].arrived >= when })
	return sh.oldest() + int64(n)
}

// A page is the result of one read of a shard.
type page struct {
	recs     []record
	next     int64    // the index to continue at
	behind   millis   // the age of the next record; 0 if there is none
	end      bool     // the shard is closed, and recs are its last records
	children []*shard // at the end
}

// read returns records from an index on: at most limit, and at most that many bytes but at least one record. It skips records
// that were trimmed.
func (sh *shard) read(from int64, limit, bytes int, now millis) page {
	from = min(max(from, sh.oldest()), sh.next)
	recs := sh.recs[from-sh.oldest():]
	n := 0
	for n < min(limit, len(recs)) {
		if bytes -= recs[n].size; bytes < 0 && n > 0 {
			break
		}
		n++
	}
	p := page{recs: recs[:n], next: from + int64(n)}
	switch {
	case n < len(recs):
		p.behind = max(1, now-recs[n].arrived)
	case !sh.open():
		p.end, p.children = true, slices.Clone(sh.children)
	}
	return p
}
