package code

import (
	"archive/zip"
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"strings"
)

// readZip returns the content of a zip archive of a size, at a path for errors. The nodes read from r.
func readZip(from string, r io.ReaderAt, size int64, l limits) (tree, error) {
	if size > maxArchive {
		return nil, &Invalid{from, "", fmt.Sprintf("is %s large, more than any archive below Lambda's limit of %s unzipped: %s",
			megabytes(size), megabytes(l.bytes), smaller)}
	}
	budget := &listReader{ReaderAt: r, left: l.list}
	archive, err := zip.NewReader(budget, size)
	switch {
	case errors.Is(err, errLongList):
		return nil, &Invalid{from, "", "has too many entries: " + smaller}
	case err != nil && !errors.Is(err, zip.ErrInsecurePath): // such paths are refused below, by name
		return nil, notZip(from, err)
	case len(archive.File) > l.entries:
		return nil, &Invalid{from, "", fmt.Sprintf("has %d entries, above %d: %s", len(archive.File), l.entries, smaller)}
	}
	budget.opened = true
	t := tree{}
	for _, f := range archive.File {
		if err := t.addEntry(from, f); err != nil {
			return nil, err
		}
		if len(t) > l.entries {
			break // check refuses it
		}
	}
	if len(t) == 0 {
		return nil, &Invalid{from, "", "is empty: build it again"}
	}
	return t, t.check(l)
}

// listReader bounds what opening an archive reads: its list of entries.
type listReader struct {
	io.ReaderAt
	left   int
	opened bool
}

var errLongList = errors.New("the list of entries is too long")

func (r *listReader) ReadAt(p []byte, off int64) (int, error) {
	if !r.opened {
		if r.left -= len(p); r.left < 0 {
			return 0, errLongList
		}
	}
	return r.ReaderAt.ReadAt(p, off)
}

// addEntry adds an entry of an archive to t, and the directories above it.
func (t tree) addEntry(from string, f *zip.File) error {
	if problem := cmp.Or(badName(f.Name), badForm(f)); problem != "" {
		return &Invalid{from, f.Name, problem}
	}
	name := path.Clean(f.Name)
	if name == "." {
		return nil
	}
	n := node{source: from, mode: f.Mode(), modified: f.Modified, open: f.Open}
	switch n.mode.Type() {
	case 0:
		n.size = int64(f.UncompressedSize64)
	case fs.ModeSymlink:
		var err error
		if n.target, err = readTarget(f); err != nil {
			return entryError(from, f.Name, err)
		}
	}
	for dir := path.Dir(name); dir != "."; dir = path.Dir(dir) {
		above, ok := t[dir]
		if ok && !above.mode.IsDir() {
			return twice(from, dir)
		}
		if ok {
			break // and so are those above it
		}
		t[dir] = node{source: from, mode: fs.ModeDir | 0o755}
	}
	if was, ok := t[name]; ok && !(was.mode.IsDir() && n.mode.IsDir()) {
		return twice(from, name)
	}
	t[name] = n
	return nil
}

func twice(from, name string) error {
	return &Invalid{from, name, "is there twice: build the archive again from an empty one"}
}

// badName returns what is wrong with the name of an entry, with the remedy, or an empty string.
func badName(name string) string {
	const again = ": build the archive inside of the directory that it holds"
	switch {
	case name == "":
		return "has no name" + again
	case strings.Contains(name, `\`):
		return "has a backslash in its name: build the archive with a tool that separates directories by /"
	case strings.Contains(name, "\x00"):
		return "has a zero byte in its name" + again
	case len(name) > maxName:
		return fmt.Sprintf("has a name of more than %d bytes", maxName) + again
	case strings.HasPrefix(name, "/"):
		return "has an absolute path" + again
	}
	for element := range strings.SplitSeq(name, "/") {
		if element == ".." {
			return "leaves the directory" + again
		}
	}
	return ""
}

// badForm returns what is wrong with the form in which an entry is stored, with the remedy, or an empty string.
func badForm(f *zip.File) string {
	switch {
	case f.Flags&1 != 0:
		return "is encrypted: build the archive without a password"
	case f.Method != zip.Store && f.Method != zip.Deflate:
		return fmt.Sprintf("is compressed by method %d: build the archive with the usual one, deflate", f.Method)
	case f.UncompressedSize64 > maxArchive && f.Mode().IsRegular():
		return fmt.Sprintf("is %s large, above Lambda's limit of %s for code and layers together: %s",
			megabytes(int64(min(f.UncompressedSize64, 1<<62))), megabytes(MaxBytes), smaller)
	}
	switch f.Mode().Type() {
	case 0, fs.ModeDir, fs.ModeSymlink:
		return ""
	}
	return "is neither a file, a directory nor a symbolic link (" + f.Mode().String() + "): leave it out"
}

// readTarget returns the target of a link, which is the content of its entry.
func readTarget(f *zip.File) (string, error) {
	r, err := f.Open()
	if err != nil {
		return "", err
	}
	defer r.Close()
	target, err := io.ReadAll(io.LimitReader(r, maxName))
	switch {
	case err != nil:
		return "", err
	case len(target) == 0 || len(target) == maxName || strings.Contains(string(target), "\x00"):
		return "", &Invalid{Reason: "is a link without a usable target: link to a file in the archive"}
	}
	return string(target), nil
}
