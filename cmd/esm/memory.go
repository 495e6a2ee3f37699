package main

import "os"

// heapReserve is how much the heap may grow, at least, before the garbage collector runs.
const heapReserve = 32 << 20

// reserveHeap returns memory that is never touched, so that the system does not provide it. While it is reachable the garbage
// collector, which runs when the heap has doubled, does not run after every few megabytes: that takes a tenth of the CPU time
// of a busy engine. It returns nil if the environment configures the collector.
func reserveHeap() []byte {
	if os.Getenv("GOGC") != "" || os.Getenv("GOMEMLIMIT") != "" {
		return nil
	}
	return make([]byte, heapReserve)
}
