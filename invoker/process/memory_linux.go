package process

import (
	"bytes"
	"os"
	"path/filepath"
	"strconv"
)

// peakMemory returns the most memory that pid and its living descendants have used, in MB: the sum of their peaks (VmHWM),
// which counts shared pages more than once. It reads some files for each process.
func peakMemory(pid int) int { return peakKB(pid, map[int]bool{}) >> 10 }

func peakKB(pid int, seen map[int]bool) int {
	if seen[pid] {
		return 0
	}
	seen[pid] = true
	dir := filepath.Join("/proc", strconv.Itoa(pid))
	sum := highWater(filepath.Join(dir, "status"))
	threads, _ := os.ReadDir(filepath.Join(dir, "task")) // a process that has ended has none
	for _, t := range threads {
		children, _ := os.ReadFile(filepath.Join(dir, "task", t.Name(), "children"))
		for _, word := range bytes.Fields(children) {
			if child, err := strconv.Atoi(string(word)); err == nil {
				sum += peakKB(child, seen)
			}
		}
	}
	return sum
}

func highWater(path string) int {
	status, _ := os.ReadFile(path)
	_, rest, _ := bytes.Cut(status, []byte("VmHWM:"))
	number, _, _ := bytes.Cut(bytes.TrimSpace(rest), []byte(" "))
	kb, _ := strconv.Atoi(string(number)) // a process that has ended has no such line
	return kb
}
