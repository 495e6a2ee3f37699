package code

import (
	"os"

	"golang.org/x/sys/unix"
)

// flush writes what was written in root to the disk, so that a directory that has its final name is complete after a power
// failure too. It writes the rest of the file system with it, which is faster than a flush for each file.
func flush(root *os.Root) error {
	f, err := root.Open(".")
	if err != nil {
		return err
	}
	defer f.Close()
	return unix.Syncfs(int(f.Fd()))
}
