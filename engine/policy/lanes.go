package policy

import "github.com/esm-run/esm"

// Lane is the lane, from 0 to lanes-1, in which records with this key are handled one after the other under a
// parallelization factor. A key has the same lane in every process and every version of this engine, because checkpoints
// tell how far each lane has come.
//
// It is the key's 64-bit FNV-1a hash, its bits stirred (FNV's low bits hardly depend on the order of the bytes), modulo
// lanes. AWS does not publish its own choice.
func Lane(key string, lanes int) int {
	if lanes <= 1 {
		return 0
	}
	const offset, prime = 14695981039346656037, 1099511628211
	h := uint64(offset)
	for i := range len(key) {
		h ^= uint64(key[i])
		h *= prime
	}
	h ^= h >> 33
	h *= 0xff51afd7ed558ccd
	h ^= h >> 33
	h *= 0xc4ceb9fe1a85ec53
	h ^= h >> 33
	return int(h % uint64(lanes))
}

// Deal parts recs by the lane of their Group, in order. There are always as many parts as lanes, at least one.
func Deal(recs []esm.Record, lanes int) [][]esm.Record {
	if lanes <= 1 {
		return [][]esm.Record{recs}
	}
	dealt := make([][]esm.Record, lanes)
	for _, rec := range recs {
		lane := Lane(rec.Group, lanes)
		dealt[lane] = append(dealt[lane], rec)
	}
	return dealt
}
