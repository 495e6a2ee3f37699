package code

import (
	"archive/zip"
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// entry is an entry of an archive in tests. A name that ends with / is a directory, an empty mode a file's or a directory's
// usual one.
type entry struct {
	name, content string
	mode          fs.FileMode
}

// zipped returns an archive.
func zipped(t testing.TB, entries ...entry) []byte {
	t.Helper()
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for _, e := range entries {
		h := &zip.FileHeader{Name: e.name, Method: zip.Deflate}
		switch {
		case e.mode != 0:
			h.SetMode(e.mode)
		case strings.HasSuffix(e.name, "/"):
			h.SetMode(fs.ModeDir | 0o755)
		default:
			h.SetMode(0o644)
		}
		to, err := w.CreateHeader(h)
		must(t, err)
		_, err = to.Write([]byte(e.content))
		if !strings.HasSuffix(e.name, "/") {
			must(t, err)
		}
	}
	must(t, w.Close())
	return b.Bytes()
}

// archive writes an archive to a file.
func archive(t testing.TB, entries ...entry) (path string) {
	t.Helper()
	return file(t, zipped(t, entries...))
}

func file(t testing.TB, data []byte) (path string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "app.zip")
	must(t, os.WriteFile(path, data, 0o600))
	return path
}

// directory writes files, by slash-separated paths. A text that begins with "-> " is the target of a link.
func directory(t testing.TB, files map[string]string) (dir string) {
	t.Helper()
	dir = t.TempDir()
	for name, text := range files {
		path := filepath.Join(dir, filepath.FromSlash(name))
		must(t, os.MkdirAll(filepath.Dir(path), 0o755))
		if target, ok := strings.CutPrefix(text, "-> "); ok {
			must(t, os.Symlink(target, path))
			continue
		}
		must(t, os.WriteFile(path, []byte(text), 0o644))
	}
	return dir
}

func newStore(t testing.TB) *Store {
	s := &Store{Dir: filepath.Join(t.TempDir(), "code"), Warn: t.Logf}
	t.Cleanup(func() { must(t, remove(s.Dir)) })
	return s
}

// content lists a directory: a line for each path, with its mode, and the text of a file or the target of a link.
func content(t testing.TB, dir string) string {
	t.Helper()
	var list strings.Builder
	must(t, filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || path == dir {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		name, _ := filepath.Rel(dir, path)
		text := ""
		switch info.Mode().Type() {
		case 0:
			data, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			text = " " + string(data)
		case fs.ModeSymlink:
			target, _ := os.Readlink(path)
			text = " -> " + target
			list.WriteString(name + text + "\n")
			return nil
		}
		list.WriteString(name + " " + info.Mode().String() + text + "\n")
		return nil
	}))
	return list.String()
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
