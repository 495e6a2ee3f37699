package datadir

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestDataDirIsLocked(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a", "b")
	first, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("created with %v, %v, want mode 0700", info.Mode(), err)
	}
	_, err = Open(path)
	if want := fmt.Sprint("in use by process ", os.Getpid()); err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), path) {
		t.Errorf("the second Open: %v, want %q and the path", err, want)
	}
	if err := first.Close(); err != nil {
		t.Error(err)
	}
	again, err := Open(path)
	if err != nil {
		t.Fatalf("after Close: %v", err)
	}
	again.Close()
}

// The process id of an earlier owner, which may be longer, is overwritten.
func TestOwner(t *testing.T) {
	path := t.TempDir()
	lock := filepath.Join(path, "lock")
	if err := os.WriteFile(lock, []byte("4294967296\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	d, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	if got, _ := os.ReadFile(lock); string(got) != fmt.Sprintln(os.Getpid()) {
		t.Errorf("the owner is %q", got)
	}
	if _, err := d.lock.Seek(0, 0); err != nil || owner(d.lock) != fmt.Sprint(os.Getpid()) {
		t.Errorf("the owner is not this process, %v", err)
	}
	if err := d.lock.Truncate(0); err != nil || owner(d.lock) != "unknown" {
		t.Errorf("an owner that has not written its number yet is named, %v", err)
	}
}

func TestInvalidDataDir(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{file, filepath.Join(file, "below")} {
		if _, err := Open(path); err == nil || !strings.Contains(err.Error(), "data directory "+path) {
			t.Errorf("%s: got %v, want an error that names it", path, err)
		}
	}
}
