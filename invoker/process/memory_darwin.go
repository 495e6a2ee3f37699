package process

// peakMemory returns 0: without the system's libraries it is unknown.
func peakMemory(int) int { return 0 }
