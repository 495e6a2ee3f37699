package code

import (
	"os"

	"golang.org/x/sys/unix"
)

// flush asks the system to write everything to the disk. It does not wait for the disk's own cache.
func flush(*os.Root) error {
	unix.Sync()
	return nil
}
