package checkpointtest

import (
	"os"
	"syscall"
	"testing"
)

// MountSmallDisk makes a directory that exists a file system of a megabyte until the end of t. That takes root: without it
// t is skipped, or fails if the variable CI is "true", where nothing may be skipped.
func MountSmallDisk(t testing.TB, dir string) {
	t.Helper()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=1m,mode=700"); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatalf("a small file system cannot be mounted: %v", err)
		}
		t.Skipf("a small file system takes root: %v", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, syscall.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
}
