package code

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// killed holds the directory of a Store and an archive, for the process that TestUnpackIsKilled kills.
const killed = "ESM_TEST_UNPACK"

// TestUnpackIsKilled kills a process while it unpacks, at several points. What it leaves is not used, and removed.
func TestUnpackIsKilled(t *testing.T) {
	if args := os.Getenv(killed); args != "" {
		dir, path, _ := strings.Cut(args, "|")
		_, err := (&Store{Dir: dir}).Unpack(t.Context(), path)
		must(t, err)
		return
	}
	path := archive(t, numbered(600, "d/%d", strings.Repeat("content", 10), 0)...)
	cut := 0
	for _, files := range []int{0, 1, 100, 400} {
		s := newStore(t)
		cmd := exec.Command(os.Args[0], "-test.run=^TestUnpackIsKilled$")
		cmd.Env = append(os.Environ(), killed+"="+s.Dir+"|"+path)
		must(t, cmd.Start())
		for start := time.Now(); unpacked(t, s.Dir) < files; {
			if time.Since(start) > time.Minute {
				t.Fatal("the process does not unpack")
			}
		}
		must(t, cmd.Process.Kill())
		if cmd.Wait() != nil {
			cut++
		}
		dir, err := s.Unpack(t.Context(), path)
		must(t, err)
		all, err := os.ReadDir(filepath.Join(dir, "d"))
		must(t, errors.Join(err, s.Prune()))
		left, err := os.ReadDir(s.Dir)
		if err != nil || len(all) != 600 || len(left) != 1 {
			t.Errorf("%d files after a kill at %d; %v is left (%v)", len(all), files, left, err)
		}
	}
	if cut == 0 {
		t.Error("every process had ended before it was killed")
	}
}

// unpacked returns the number of files that are written below dir, or more once they have their final name.
func unpacked(t *testing.T, dir string) int {
	t.Helper()
	if done, err := filepath.Glob(filepath.Join(dir, "[0-9a-f]*")); err != nil || len(done) > 0 {
		return 1 << 20
	}
	found, err := filepath.Glob(filepath.Join(dir, unfinished+"*", "d", "*"))
	must(t, err)
	return len(found)
}
