package sourcetest

import (
	"fmt"
	"hash/fnv"
	"sort"
	"time"

	"github.com/esm-run/esm"
	"github.com/esm-run/esm/config"
)

// shard is one shard of a Stream. It is guarded by the stream's lock.
type shard struct {
	id      string
	parents []string
	hashes  []span
	listed  time.Time // when List first shows it

	closed   bool
	closedAt time.Time
	gone     bool

	recs    []esm.Record // all records ever put
	trimmed int          // how many of them are trimmed
}

// span is a range of hashes, both ends included.
type span struct{ low, high uint32 }

func evenly(i, n int) span {
	edge := func(i int) uint64 { return uint64(i) << 32 / uint64(n) }
	return span{uint32(edge(i)), uint32(edge(i+1) - 1)}
}

func hash(key string) uint32 {
	h := fnv.New32a()
	_, _ = h.Write([]byte(key)) // never fails
	x := h.Sum32()
	x = (x ^ x>>16) * 0x45d9f3b // FNV's high bits hardly differ between short keys
	return x ^ x>>16
}

func (sh *shard) takes(hash uint32) bool {
	for _, s := range sh.hashes {
		if s.low <= hash && hash <= s.high {
			return true
		}
	}
	return false
}

// halves splits the hashes of sh in two.
func (sh *shard) halves() (left, right []span) {
	for _, s := range sh.hashes {
		middle := s.low + (s.high-s.low)/2
		left = append(left, span{s.low, middle})
		if middle < s.high {
			right = append(right, span{middle + 1, s.high})
		}
	}
	return left, right
}

func (sh *shard) close(now time.Time) { sh.closed, sh.closedAt = true, now }

// trim drops the records that arrived before a time, and the shard itself if it was closed before.
func (sh *shard) trim(before time.Time) {
	for sh.trimmed < len(sh.recs) && sh.recs[sh.trimmed].Arrived.Before(before) {
		sh.trimmed++
	}
	if sh.closed && sh.closedAt.Before(before) {
		sh.gone = true
	}
}

// seek returns the index of the first record to be read. At a trimmed position that is the oldest record if the stream is
// forgiving, and an error otherwise.
func (sh *shard) seek(from esm.From, forgiving bool) (int, error) {
	if from.After == "" {
		return sh.since(from.At), nil
	}
	n := len(sh.recs)
	if n == 0 || config.ComparePositions(from.After, sh.recs[0].Receipt) < 0 || config.ComparePositions(sh.recs[n-1].Receipt, from.After) < 0 {
		return 0, esm.ErrForeign
	}
	next := sort.Search(n, func(i int) bool { return config.ComparePositions(from.After, sh.recs[i].Receipt) < 0 })
	if next > sh.trimmed {
		return next, nil
	}
	if !forgiving && sh.trimmed > 0 {
		return 0, esm.ErrTrimmed
	}
	return sh.trimmed, nil
}

func (sh *shard) since(at time.Time) int {
	next := sh.trimmed
	for next < len(sh.recs) && sh.recs[next].Arrived.Before(at) {
		next++
	}
	return next
}

// sequence returns the n-th sequence number, from 0. The first three have 21 digits, later ones 22.
func sequence(n int) string {
	const lastShort = 999_999_999 // the end of the largest number of 21 digits
	if n < 3 {
		return fmt.Sprintf("999999999999%d", lastShort-2+n)
	}
	return fmt.Sprintf("1%021d", n-3)
}
