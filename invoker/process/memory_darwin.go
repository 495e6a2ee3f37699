package process

// peakMemory is not known here without linking against the system's libraries.
func peakMemory(int) int { return 0 }
