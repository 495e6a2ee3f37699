package code

import (
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// fuzzLimits keep each case small.
var fuzzLimits = limits{bytes: 64 << 10, entries: 100, steps: 10_000, list: 1 << 20}

// FuzzArchive unpacks any bytes.
func FuzzArchive(f *testing.F) {
	link := fs.ModeSymlink | 0o777
	for _, data := range [][]byte{
		zipped(f, entry{"app.py", "code", 0}, entry{"d/", "", 0}, entry{"d/x", "x", 0o755}, entry{"l", "d/x", link}),
		zipped(f, entry{"../x", "", 0}), zipped(f, entry{"a", "/etc", link}, entry{"a/x", "", 0}),
	} {
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) { unpackInJail(t, data) })
}

// FuzzEntries unpacks archives with any names, modes and contents: lines of a name, a letter and a content.
func FuzzEntries(f *testing.F) {
	for _, list := range []string{
		"a f 1\nb/c x 2\nd/ d \nl l b/c", "l l ..\nl/x f 1", "d/l l ../..\nx f 1", "d/e l ..\nl l d/e/../x", "a l b\nb l a", "a f 1\na l /",
		"../x f 1", "/x f 1", "d/../x f 1", "./a f 1\na/ d ", "a p 1", "a/b/c l ../../..", "A l .\na f 1",
	} {
		f.Add(list)
	}
	modes := map[string]fs.FileMode{"f": 0o644, "x": 0o755, "d": fs.ModeDir | 0o755, "l": fs.ModeSymlink | 0o777, "p": fs.ModeNamedPipe | 0o644, "0": fs.ModeDir}
	f.Fuzz(func(t *testing.T, list string) {
		var entries []entry
		for line := range strings.Lines(list) {
			parts := strings.SplitN(strings.TrimSuffix(line, "\n"), " ", 3)
			if len(parts) != 3 || len(parts[0]) > 1000 || modes[parts[1]] == 0 {
				return
			}
			if strings.HasSuffix(parts[0], "/") {
				parts[2] = "" // the writer takes no content
			}
			entries = append(entries, entry{parts[0], parts[2], modes[parts[1]]})
		}
		unpackInJail(t, zipped(t, entries...))
	})
}

// unpackInJail unpacks an archive, refused or not, and checks that nothing outside of its directory is touched, and that
// nothing in it leads out.
func unpackInJail(t *testing.T, data []byte) {
	all, err := readZip("app.zip", bytes.NewReader(data), int64(len(data)), fuzzLimits)
	if err != nil {
		return
	}
	jail, err := filepath.EvalSymlinks(t.TempDir())
	must(t, err)
	dir := filepath.Join(jail, "outer", "inner")
	must(t, os.MkdirAll(dir, 0o755))
	defer func() { must(t, remove(dir)) }()
	root, err := os.OpenRoot(dir)
	must(t, err)
	defer root.Close()
	written := all.write(t.Context(), root, &progress{})
	for path, want := range map[string]string{jail: "outer", filepath.Join(jail, "outer"): "inner"} {
		if got, err := os.ReadDir(path); err != nil || len(got) != 1 || got[0].Name() != want {
			t.Fatalf("%s holds %v (%v)", path, got, err)
		}
	}
	found, bytes := 0, int64(0)
	must(t, filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || path == dir {
			return nil // a mode that does not let this user in
		}
		found++
		switch d.Type() {
		case 0:
			info, err := d.Info()
			must(t, err)
			bytes += info.Size()
		case fs.ModeDir:
		case fs.ModeSymlink:
			if to, err := filepath.EvalSymlinks(path); err == nil && to != dir && !strings.HasPrefix(to, dir+"/") && written == nil {
				t.Errorf("%s leads to %s", path, to)
			}
		default:
			t.Errorf("%s is a %v", path, d.Type())
		}
		return nil
	}))
	if found > fuzzLimits.entries || bytes > fuzzLimits.bytes {
		t.Errorf("%d entries and %d bytes", found, bytes)
	}
	if written == nil && found != len(all) && os.Getuid() == 0 {
		t.Errorf("%d entries, want %d", found, len(all))
	}
}
