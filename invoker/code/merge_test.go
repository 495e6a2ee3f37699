package code

import (
	"archive/tar"
	"bytes"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/esm-run/esm/config"
)

func TestMerge(t *testing.T) {
	s := newStore(t)
	first := directory(t, map[string]string{
		"python/a.py": "first", "python/pkg/one.py": "1", "was/dir/x": "x", "file": "f", "lib": "-> lib64", "lib64/l.so": "64",
	})
	second := archive(t, entry{"python/a.py", "second", 0o755}, entry{"python/pkg/two.py", "2", 0}, entry{"was", "file now", 0},
		entry{"file/x", "directory now", 0}, entry{"lib/m.so", "m", 0})
	dir, err := s.Merge(t.Context(), first, second)
	must(t, err)
	want := strings.TrimLeft(`
file dr-xr-xr-x
file/x -r--r--r-- directory now
lib dr-xr-xr-x
lib/m.so -r--r--r-- m
lib64 dr-xr-xr-x
lib64/l.so -r--r--r-- 64
python dr-xr-xr-x
python/a.py -r-xr-xr-x second
python/pkg dr-xr-xr-x
python/pkg/one.py -r--r--r-- 1
python/pkg/two.py -r--r--r-- 2
was -r--r--r-- file now
`, "\n")
	if got := content(t, dir); got != want {
		t.Errorf("got\n%s, want\n%s", got, want)
	}
	if again, err := s.Merge(t.Context(), first, second); again != dir || err != nil {
		t.Errorf("got %s (%v) for the second call, want %s", again, err, dir)
	}
	if other, err := s.Merge(t.Context(), second, first); other == dir || err != nil {
		t.Errorf("got %s (%v) for another order", other, err)
	}
}

// A change in a layer's directory makes another merged one, even if size and time stay the same. Times alone do not.
func TestMergeFollowsContent(t *testing.T) {
	s := newStore(t)
	a, b := directory(t, map[string]string{"x": "1", "y": "-> x"}), directory(t, map[string]string{"z": "3"})
	merge := func() string {
		t.Helper()
		dir, err := s.Merge(t.Context(), a, b)
		must(t, err)
		return dir
	}
	seen := []string{merge()}
	x := filepath.Join(a, "x")
	info, err := os.Stat(x)
	must(t, err)
	for name, change := range map[string]func() error{
		"content": func() error { return os.WriteFile(x, []byte("2"), 0o644) },
		"mode":    func() error { return os.Chmod(x, 0o755) },
		"name":    func() error { return os.Rename(filepath.Join(b, "z"), filepath.Join(b, "zz")) },
		"link": func() error {
			return errors.Join(os.Remove(filepath.Join(a, "y")), os.Symlink("./x", filepath.Join(a, "y")))
		},
		"added": func() error { return os.Mkdir(filepath.Join(a, "d"), 0o755) },
	} {
		must(t, errors.Join(change(), os.Chtimes(x, info.ModTime(), info.ModTime())))
		dir := merge()
		if slices.Contains(seen, dir) {
			t.Errorf("after a change of %s the directory is the same", name)
		}
		seen = append(seen, dir)
	}
	must(t, os.Chtimes(x, info.ModTime().AddDate(1, 0, 0), info.ModTime().AddDate(1, 0, 0)))
	if last := seen[len(seen)-1]; merge() != last {
		t.Error("after a change of a time the directory is another")
	}
}

func TestMergeOfOne(t *testing.T) {
	s := newStore(t)
	layer := directory(t, map[string]string{"x": "1"})
	if dir, err := s.Merge(t.Context(), layer); dir != layer || err != nil {
		t.Errorf("got %s, %v; want the directory itself", dir, err)
	}
	dir, err := s.Merge(t.Context(), archive(t, entry{"x", "1", 0}))
	must(t, err)
	if got := content(t, dir); got != "x -r--r--r-- 1\n" {
		t.Errorf("got %s", got)
	}
}

func TestMergeRefuses(t *testing.T) {
	link := fs.ModeSymlink | 0o777
	plain := directory(t, map[string]string{"x": "1"})
	for name, tt := range map[string]struct {
		layers []string
		want   string
	}{
		"a bad archive":              {[]string{plain, file(t, []byte("x"))}, "is not a zip archive"},
		"a link out of a directory":  {[]string{plain, directory(t, map[string]string{"l": "-> /etc/passwd"})}, `entry "l" is a link to "/etc/passwd"`},
		"a link that another bends":  {[]string{archive(t, entry{"l", "d/e/../../x", link}, entry{"d/e/x", "", 0}), archive(t, entry{"d/e", "..", link})}, `entry "l" is a link to "d/e/../../x"`},
		"a layer that is not there":  {[]string{plain, filepath.Join(plain, "none")}, "no such file"},
		"what is no file":            {[]string{plain, os.DevNull}, "is neither a directory nor a zip archive"},
		"more than 250 MB, together": {[]string{large(t, 130), large(t, 130)}, "makes code and layers 260.0 MB large, unzipped and together"},
	} {
		if dir, err := newStore(t).Merge(t.Context(), tt.layers...); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: got %s, %v; want %s", name, dir, err, tt.want)
		}
	}
}

// large returns a directory with a sparse file of a number of megabytes.
func large(t *testing.T, megabytes int64) string {
	dir := directory(t, map[string]string{"large": ""})
	must(t, os.Truncate(filepath.Join(dir, "large"), megabytes<<20))
	return dir
}

func TestPrepare(t *testing.T) {
	s := newStore(t)
	dir, layer := directory(t, map[string]string{"app.py": "d"}), directory(t, map[string]string{"python/l.py": "l"})
	zipFile := archive(t, entry{"app.py", "z", 0})
	remote := config.Function{InvokeEndpoint: "http://localhost"}
	if got, err := s.Prepare(t.Context(), remote); err != nil || got.CodeUri != "" || len(got.Layers) > 0 {
		t.Errorf("a function elsewhere: got %+v, %v", got, err)
	}
	if got, err := s.Prepare(t.Context(), config.Function{CodeUri: dir}); err != nil || got.CodeUri != dir {
		t.Errorf("a directory: got %s, %v", got.CodeUri, err)
	}
	if _, err := os.Stat(s.Dir); err == nil {
		t.Error("a directory is made for no archive")
	}
	fn := config.Function{CodeUri: zipFile, Layers: []string{layer, archive(t, entry{"python/m.py", "m", 0})}}
	got, err := s.Prepare(t.Context(), fn)
	must(t, err)
	if len(got.Layers) != 1 || content(t, got.CodeUri) != "app.py -r--r--r-- z\n" ||
		content(t, got.Layers[0]) != "python dr-xr-xr-x\npython/l.py -r--r--r-- l\npython/m.py -r--r--r-- m\n" {
		t.Errorf("got %s and %v", got.CodeUri, got.Layers)
	}
	if len(fn.Layers) != 2 {
		t.Error("the function that was given has changed")
	}
	fn.Layers = []string{large(t, 250)}
	if _, err = s.Prepare(t.Context(), fn); err == nil || !strings.Contains(err.Error(), fn.Layers[0]+" makes code and layers 250.0 MB large") {
		t.Errorf("got %v", err)
	}
	if _, err = s.Prepare(t.Context(), config.Function{CodeUri: file(t, nil)}); err == nil {
		t.Error("a bad archive is taken")
	}
}

func TestPrune(t *testing.T) {
	s := newStore(t)
	must(t, s.Prune()) // of nothing
	kept, dropped := archive(t, entry{"d/kept", "", 0}), archive(t, entry{"d/dropped", "", 0})
	dir, err := s.Unpack(t.Context(), kept)
	must(t, err)
	_, err = s.Unpack(t.Context(), dropped)
	must(t, err)
	half := filepath.Join(s.Dir, unfinished+"123", "d")
	must(t, errors.Join(os.MkdirAll(half, 0o700), os.WriteFile(filepath.Join(half, "x"), nil, 0o400), os.Chmod(half, 0o500)))
	next := &Store{Dir: s.Dir}
	_, err = next.Unpack(t.Context(), kept)
	must(t, errors.Join(err, next.Prune()))
	left, err := os.ReadDir(s.Dir)
	if err != nil || len(left) != 1 || left[0].Name() != filepath.Base(dir) {
		t.Errorf("%v is left (%v), want %s", left, err, dir)
	}
	if got := content(t, dir); got != "d dr-xr-xr-x\nd/kept -r--r--r-- \n" {
		t.Errorf("what is used has become %s", got)
	}
}

func TestTar(t *testing.T) {
	dir := directory(t, map[string]string{"d/x": "content", "l": "-> d/x"})
	must(t, os.Chmod(filepath.Join(dir, "d/x"), 0o750))
	var b bytes.Buffer
	must(t, Tar(t.Context(), &b, dir))
	var got strings.Builder
	for r := tar.NewReader(&b); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		must(t, err)
		text, err := io.ReadAll(r)
		must(t, err)
		if h.Uid != 0 || h.Gid != 0 {
			t.Errorf("%s belongs to %d:%d", h.Name, h.Uid, h.Gid)
		}
		got.WriteString(h.Name + " " + h.FileInfo().Mode().String() + " " + h.Linkname + string(text) + "\n")
	}
	if want := "d/ drwxr-xr-x \nd/x -rwxr-x--- content\nl Lrwxrwxrwx d/x\n"; got.String() != want {
		t.Errorf("got\n%s, want\n%s", got.String(), want)
	}
}
