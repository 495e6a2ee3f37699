package policy

// Lane returns the lane, from 0 to lanes-1, that processes the records with this key one after another under a
// parallelization factor. A key has the same lane in every process and in every version of this engine, because
// checkpoints hold a position for each lane.
//
// The lane is the key's 64-bit FNV-1a hash, finalized because FNV's low bits hardly depend on the order of the bytes,
// modulo lanes. AWS does not publish its own function.
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

// fnv adds text to the 64-bit FNV-1a hash h.
func fnv(h uint64, text string) uint64 {
	for i := range len(text) {
		h ^= uint64(text[i])
		h *= 1099511628211
	}
	return h
}
