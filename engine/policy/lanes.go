package policy

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
	h := fnv(fnvOffset, key)
	h ^= h >> 33
	h *= 0xff51afd7ed558ccd
	h ^= h >> 33
	h *= 0xc4ceb9fe1a85ec53
	h ^= h >> 33
	return int(h % uint64(lanes))
}

const fnvOffset uint64 = 14695981039346656037

// fnv goes on with the 64-bit FNV-1a hash h.
func fnv(h uint64, text string) uint64 {
	for i := range len(text) {
		h ^= uint64(text[i])
		h *= 1099511628211
	}
	return h
}
