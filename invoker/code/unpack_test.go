package code

import (
	"archive/zip"
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/esm-run/esm/trace"
)

func TestUnpack(t *testing.T) {
	s := newStore(t)
	path := archive(t,
		entry{"app.py", "code", 0}, entry{"bin/", "", 0}, entry{"bin/run", "#!", 0o755}, entry{"deep/er/x", "x", 0o775},
		entry{"./dot", "d", 0o666}, entry{"suid", "s", fs.ModeSetuid | 0o4755}, entry{"empty/", "", fs.ModeDir | 0o750},
		entry{"lib.so", "lib.so.1", fs.ModeSymlink | 0o777}, entry{"lib.so.1", "lib", 0},
		entry{"deep/up", "../bin/run", fs.ModeSymlink | 0o777}, entry{"deep/gone", "not/here", fs.ModeSymlink | 0o777},
		entry{"deep/dir", "er", fs.ModeSymlink | 0o777}, entry{"via", "deep/dir/../up", fs.ModeSymlink | 0o777})
	dir, err := s.Unpack(t.Context(), path)
	must(t, err)
	want := strings.TrimLeft(`
app.py -r--r--r-- code
bin dr-xr-xr-x
bin/run -r-xr-xr-x #!
deep dr-xr-xr-x
deep/dir -> er
deep/er dr-xr-xr-x
deep/er/x -r-xr-xr-x x
deep/gone -> not/here
deep/up -> ../bin/run
dot -r--r--r-- d
empty dr-xr-x---
lib.so -> lib.so.1
lib.so.1 -r--r--r-- lib
suid -r-xr-xr-x s
via -> deep/dir/../up
`, "\n")
	if got := content(t, dir); got != want {
		t.Errorf("got\n%s, want\n%s", got, want)
	}
	info, err := os.Stat(dir)
	must(t, err)
	if info.Mode() != fs.ModeDir|0o555 {
		t.Errorf("the directory has the mode %v", info.Mode())
	}
	again, err := (&Store{Dir: s.Dir}).Unpack(t.Context(), path)
	now, err2 := os.Stat(dir)
	must(t, errors.Join(err, err2))
	if again != dir || !os.SameFile(info, now) {
		t.Errorf("got %s for the second call, want %s as it was", again, dir)
	}
	other, err := s.Unpack(t.Context(), archive(t, entry{"app.py", "other", 0}))
	must(t, err)
	if other == dir {
		t.Error("another archive has the same directory")
	}
}

// Times are kept: Python compares that of a source file with its byte code's.
func TestUnpackKeepsTimes(t *testing.T) {
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	at := time.Date(2024, 5, 6, 7, 8, 10, 0, time.UTC)
	_, err := w.CreateHeader(&zip.FileHeader{Name: "d/x", Modified: at})
	must(t, errors.Join(err, w.Close()))
	dir, err := newStore(t).Unpack(t.Context(), file(t, b.Bytes()))
	must(t, err)
	info, err := os.Stat(filepath.Join(dir, "d/x"))
	must(t, err)
	if !info.ModTime().Equal(at) {
		t.Errorf("got %v, want %v", info.ModTime(), at)
	}
}

func TestUnpackRefuses(t *testing.T) {
	link := fs.ModeSymlink | 0o777
	loop := []entry{{"app.py", "", 0}}
	for i := range maxLinks + 2 {
		loop = append(loop, entry{fmt.Sprint("l", i), fmt.Sprint("l", i+1), link})
	}
	good := zipped(t, entry{"app.py", strings.Repeat("code ", 100), 0})
	for _, tt := range []struct {
		name string
		data []byte
		want string // in the error, after the archive's path
	}{
		{"up", zipped(t, entry{"a/../../x", "", 0}), `: entry "a/../../x" leaves the directory: build`},
		{"up inside", zipped(t, entry{"a/../x", "", 0}), `: entry "a/../x" leaves the directory: build`},
		{"absolute", zipped(t, entry{"/etc/x", "", 0}), `: entry "/etc/x" has an absolute path: build`},
		{"backslash", zipped(t, entry{`a\x`, "", 0}), `: entry "a\\x" has a backslash in its name: build`},
		{"zero", zipped(t, entry{"a\x00", "", 0}), `: entry "a\x00" has a zero byte in its name: build`},
		{"long", zipped(t, entry{strings.Repeat("a/", 3000), "", 0}), ` has a name of more than 4096 bytes: build`},
		{"twice", zipped(t, entry{"a", "1", 0}, entry{"./a", "2", 0}), `: entry "a" is there twice: build`},
		{"file and directory", zipped(t, entry{"a", "", 0}, entry{"a/x", "", 0}), `: entry "a" is there twice: build`},
		{"directory and file", zipped(t, entry{"a/x", "", 0}, entry{"a", "", 0}), `: entry "a" is there twice: build`},
		{"through a link", zipped(t, entry{"a", "/etc", link}, entry{"a/x", "", 0}), `: entry "a" is there twice: build`},
		{"over a link", zipped(t, entry{"a", "/etc/passwd", link}, entry{"a", "", 0}), `: entry "a" is there twice: build`},
		{"link to the root", zipped(t, entry{"a", "/etc", link}), `: entry "a" is a link to "/etc", which leaves the directory: link to`},
		{"link up", zipped(t, entry{"d/a", "../../x", link}), `: entry "d/a" is a link to "../../x", which leaves`},
		{"link up later", zipped(t, entry{"d/a", "x/../../../y", link}), `: entry "d/a" is a link to`},
		{"link by a link", zipped(t, entry{"d/e/top", "../..", link}, entry{"a", "d/e/top/../x", link}), `: entry "a" is a link to "d/e/top/../x", which`},
		{"too many links", zipped(t, loop...), `is a link to`},
		{"a link to itself", zipped(t, entry{"a", "a", link}), `: entry "a" is a link to "a", which`},
		{"link without target", zipped(t, entry{"a", "", link}), `: entry "a" is a link without a usable target: link to`},
		{"long link", zipped(t, entry{"a", strings.Repeat("x", 5000), link}), `: entry "a" is a link without a usable target: link to`},
		{"device", zipped(t, entry{"a", "", fs.ModeDevice | 0o644}), `: entry "a" is neither a file, a directory nor a symbolic link (Drw-r--r--): leave it out`},
		{"pipe", zipped(t, entry{"a", "", fs.ModeNamedPipe | 0o644}), `: entry "a" is neither a file, a directory nor a symbolic link (prw-r--r--): leave it out`},
		{"socket", zipped(t, entry{"a", "", fs.ModeSocket | 0o644}), `: entry "a" is neither`},
		{"two types", zipped(t, entry{"a/", "", link}), `: entry "a/" is neither`},
		{"encrypted", flags(good, 1), `: entry "app.py" is encrypted: build the archive without a password`},
		{"method", method(good, 12), `: entry "app.py" is compressed by method 12: build the archive with the usual one, deflate`},
		{"wrong sum", changed(good, 14, "\x01"), `: entry "app.py" is damaged (zip: checksum error): build or copy the archive again`},
		{"cut", good[:len(good)-30], ` is not a zip archive, or is incomplete (zip: not a valid zip file): build or copy it again`},
		{"text", []byte("hello"), ` is not a zip archive, or is incomplete`},
		{"nothing", nil, ` is not a zip archive, or is incomplete`},
		{"no entry", zipped(t), ` is empty: build it again`},
		{"declared bomb", declared(good, 300<<20), ` has 250.0 MB or more unzipped, which is Lambda's limit for code and layers together: leave out`},
		{"huge", declared(good, 1<<31), `: entry "app.py" is 2048.0 MB large, above Lambda's limit of 250.0 MB`},
		{"larger than declared", declared(good, 10), `: entry "app.py" is damaged`},
		{"smaller than declared", declared(good, 5000), `: entry "app.py" is damaged`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := newStore(t)
			path := file(t, tt.data)
			dir, err := s.Unpack(t.Context(), path)
			if _, ok := errors.AsType[*Invalid](err); !ok || !strings.Contains(err.Error(), path) || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %s, %v; want %s", dir, err, tt.want)
			}
			if left, _ := os.ReadDir(s.Dir); len(left) > 0 {
				t.Errorf("%v is left", left)
			}
		})
	}
}

// directoryAt returns the offset of the list of entries in an archive without a comment.
func directoryAt(data []byte) int {
	return int(binary.LittleEndian.Uint32(data[len(data)-6:]))
}

// changed returns an archive with text at an offset in the list of entries: that of the only entry.
func changed(data []byte, offset int, text string) []byte {
	data = bytes.Clone(data)
	copy(data[directoryAt(data)+offset+2:], text)
	return data
}

func flags(data []byte, flags byte) []byte   { return changed(data, 6, string(flags)) }
func method(data []byte, method byte) []byte { return changed(data, 8, string(method)) }

// declared returns an archive whose entry says that it has a size.
func declared(data []byte, size uint32) []byte {
	return changed(data, 22, string(binary.LittleEndian.AppendUint32(nil, size)))
}

func TestUnpackRefusesManyEntries(t *testing.T) {
	l := limits{bytes: 1000, entries: 10, steps: 100, list: 1 << 20}
	for name, tt := range map[string]struct {
		entries []entry
		want    string
	}{
		"files":       {numbered(11, "%d", "", 0), "has 11 entries, above 10"},
		"directories": {[]entry{{strings.Repeat("a/", 11) + "x", "", 0}}, "files and directories, above 10"},
		"bytes":       {numbered(10, "%d", strings.Repeat("x", 100), 0), "has 0.0 MB or more unzipped"},
		"links":       {numbered(10, "%d", strings.Repeat("x/", 20), fs.ModeSymlink|0o777), "is a link to"},
	} {
		data := zipped(t, tt.entries...)
		_, err := readZip("app.zip", bytes.NewReader(data), int64(len(data)), l)
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: got %v, want %s", name, err, tt.want)
		}
	}
	data := zipped(t, numbered(9, "%d", strings.Repeat("x", 100), 0)...)
	if _, err := readZip("app.zip", bytes.NewReader(data), int64(len(data)), l); err != nil {
		t.Errorf("below every limit: %v", err)
	}
}

// The list of entries is not read into memory if it is too long.
func TestUnpackRefusesLongList(t *testing.T) {
	data, l := zipped(t, numbered(100, "%d/"+strings.Repeat("n", 3000), "", 0)...), lambdaLimits
	if _, err := readZip("app.zip", bytes.NewReader(data), int64(len(data)), l); err != nil {
		t.Fatal(err)
	}
	l.list = 100_000
	_, err := readZip("app.zip", bytes.NewReader(data), int64(len(data)), l)
	if err == nil || !strings.Contains(err.Error(), "app.zip has too many entries: leave out") {
		t.Errorf("got %v", err)
	}
	if _, err = readZip("app.zip", bytes.NewReader(data), maxArchive+1, l); err == nil || !strings.Contains(err.Error(), "more than any archive") {
		t.Errorf("got %v", err)
	}
}

func numbered(n int, name, content string, mode fs.FileMode) (all []entry) {
	for i := range n {
		all = append(all, entry{fmt.Sprintf(name, i), content, mode})
	}
	return all
}

func TestUnpackConcurrently(t *testing.T) {
	s := newStore(t)
	path := archive(t, numbered(200, "d/%d", "content", 0)...)
	var all sync.WaitGroup
	var mu sync.Mutex
	dirs := map[string]bool{}
	for i := range 8 {
		by := s
		if i%2 == 0 {
			by = &Store{Dir: s.Dir}
		}
		all.Go(func() {
			dir, err := by.Unpack(t.Context(), path)
			mu.Lock()
			defer mu.Unlock()
			dirs[dir] = true
			if files, list := os.ReadDir(filepath.Join(dir, "d")); err != nil || list != nil || len(files) != 200 {
				t.Errorf("%d files, %v, %v", len(files), err, list)
			}
		})
	}
	all.Wait()
	if left, err := os.ReadDir(s.Dir); err != nil || len(left) != 1 || len(dirs) != 1 {
		t.Errorf("%v is left (%v), the calls have returned %v", left, err, dirs)
	}
}

func TestUnpackEndsWithContext(t *testing.T) {
	s := newStore(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := s.Unpack(ctx, archive(t, entry{"a", "x", 0})); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

// An archive that is written to while it is read is not kept under the name of what it was.
func TestUnpackSeesChanges(t *testing.T) {
	s := newStore(t)
	path := archive(t, entry{"a", "1", 0})
	source, err := open(path, lambdaLimits)
	must(t, err)
	defer source.Close()
	before, err := source.digest(t.Context())
	must(t, err)
	f, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
	must(t, err)
	_, err = f.WriteString("more")
	must(t, errors.Join(err, f.Close()))
	_, err = s.keep(t.Context(), before, source.tree, func() error { return source.changed(t.Context(), before) })
	if err == nil || !strings.Contains(err.Error(), path+" changed while it was read") {
		t.Errorf("got %v", err)
	}
	if left, _ := os.ReadDir(s.Dir); len(left) > 0 {
		t.Errorf("%v is left", left)
	}
}

func TestUnreadableFilesAreReported(t *testing.T) {
	var said []string
	s := newStore(t)
	s.Warn = func(format string, args ...any) { said = append(said, fmt.Sprintf(format, args...)) }
	path := archive(t, entry{"b", "", 0o600}, entry{"a", "", 0o640}, entry{"c", "", 0o644})
	_, err := s.Unpack(t.Context(), path)
	must(t, err)
	want := path + ": a has the mode -rw-r-----, so that a handler on Lambda, or in a container, cannot read it (2 such in all): "
	if len(said) != 1 || !strings.HasPrefix(said[0], want) {
		t.Errorf("got %q, want %q", said, want)
	}
}

func TestProgress(t *testing.T) {
	var got []trace.Unpacking
	at := time.Unix(100, 0)
	p := &progress{path: "app.zip", total: 90, last: at, trace: func(e trace.Event) { got = append(got, e.(trace.Unpacking)) }}
	p.add(10, at.Add(quiet-1))
	p.end(at.Add(quiet - 1))
	if len(got) > 0 {
		t.Errorf("got %v within a second", got)
	}
	p.add(20, at.Add(quiet))
	p.add(20, at.Add(2*quiet-1))
	p.add(20, at.Add(2*quiet))
	p.add(20, at.Add(2*quiet+1))
	p.end(at.Add(2*quiet + 2))
	if want := fmt.Sprint([]trace.Unpacking{{Path: "app.zip", Done: 30, Total: 90}, {Path: "app.zip", Done: 70, Total: 90}, {Path: "app.zip", Done: 90, Total: 90}}); fmt.Sprint(got) != want {
		t.Errorf("got %v, want %s", got, want)
	}
}
