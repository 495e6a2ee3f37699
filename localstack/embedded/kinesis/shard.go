package kinesis

import (
	"fmt"
	"slices"
	"sort"
)

// A shard is one shard of a stream. It is guarded by the stream's lock.
type shard struct {
	index    int // in the stream
	keys     span
	parents  []*shard
	children []*shard
	made     moment
	closed   millis // 0 while it is open

	recs    []record      // those that are kept, oldest first; none is ever changed
	next    int64         // the index that the next record gets
	changed chan struct{} // closed when something happens to the shard; nil when nobody waits
	meter   meter
}

// A record is one that was put.
type record struct {
	arrived millis
	size    int    // bytes of data and partition key
	text    []byte // an element of the Records of a GetRecords
}

func (sh *shard) id() string { return shardID(sh.index) }

func shardID(index int) string { return fmt.Sprintf("shardId-%012d", index) }

func (sh *shard) open() bool { return sh.closed == 0 }

func (sh *shard) number(index int64) number {
	return number{epoch: sh.made.epoch, shard: sh.index, index: index}
}

// oldest is the index of the oldest record that is kept, or of the next one.
func (sh *shard) oldest() int64 { return sh.next - int64(len(sh.recs)) }

// put adds a record and returns its sequence number.
func (sh *shard) put(now millis, e *entry) string {
	number := sh.number(sh.next).String()
	sh.recs = append(sh.recs, record{now, e.size(), e.encode(number, now)})
	sh.next++
	sh.wake()
	return number
}

// close ends the shard, whose keys go to children.
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

// news is closed when something happens to the shard.
func (sh *shard) news() <-chan struct{} {
	if sh.changed == nil {
		sh.changed = make(chan struct{})
	}
	return sh.changed
}

// trim drops what arrived before a time.
func (sh *shard) trim(before millis) {
	n := sort.Search(len(sh.recs), func(i int) bool { return sh.recs[i].arrived >= before })
	sh.recs = sh.recs[n:]
}

// expired reports whether the shard is no longer listed: it was closed before a time.
func (sh *shard) expired(before millis) bool { return !sh.open() && sh.closed < before }

// at is the index of the first record that arrived at a time or later, or of the next one.
func (sh *shard) at(when millis) int64 {
	n := sort.Search(len(sh.recs), func(i int) bool { return sh.recs[i].arrived >= when })
	return sh.oldest() + int64(n)
}

// A page is what one read of a shard brings.
type page struct {
	recs     []record
	next     int64    // where the next read goes on
	behind   millis   // the next record has waited so long; 0 when there is none
	end      bool     // nothing comes behind recs: the shard is closed
	children []*shard // when it is the end
}

// read reads from an index on: records up to limit and up to so many bytes, but one at least if there is one. What was
// trimmed is skipped.
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

func (p page) size() (bytes int) {
	for i := range p.recs {
		bytes += p.recs[i].size
	}
	return bytes
}
