package code

import (
	"fmt"
	"io"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"
	"time"
)

// tree describes the content of a directory, by slash-separated paths relative to it. Every parent of a node is a directory
// in the tree, except the directory itself, which is not in it.
type tree map[string]node

// node is a file, a directory or a link.
type node struct {
	source   string // the archive or directory that it comes from
	mode     fs.FileMode
	size     int64  // of a file
	target   string // of a link
	modified time.Time
	open     func() (io.ReadCloser, error) // of a file
}

// names returns the paths of t, parents before their children.
func (t tree) names() []string { return slices.Sorted(maps.Keys(t)) }

// bytes returns the size of all files together.
func (t tree) bytes() (sum int64) {
	for _, n := range t {
		sum += n.size
	}
	return sum
}

// overlay puts later over t. What is a directory in both is merged; anything else in later replaces what t has in its place,
// a whole directory too.
func (t tree) overlay(later tree) {
	var replaced []string
	for name, n := range later {
		if was, ok := t[name]; ok && was.mode.IsDir() && !n.mode.IsDir() {
			replaced = append(replaced, name)
		}
	}
	if len(replaced) > 0 {
		maps.DeleteFunc(t, func(name string, _ node) bool { return isBelow(name, replaced) })
	}
	maps.Copy(t, later)
}

// isBelow reports whether one of dirs is above name.
func isBelow(name string, dirs []string) bool {
	return slices.ContainsFunc(dirs, func(dir string) bool { return strings.HasPrefix(name, dir+"/") })
}

// check refuses what is too large, what is neither file, directory nor link, and links that leave the directory.
func (t tree) check(l limits) error {
	if len(t) > l.entries {
		return &Invalid{t.anySource(), "", fmt.Sprintf("has %d files and directories, above %d: %s", len(t), l.entries, smaller)}
	}
	var sum int64
	for name, n := range t {
		if n.size < 0 || n.size >= l.bytes-sum {
			return &Invalid{n.source, "", fmt.Sprintf("has %s or more unzipped, which is Lambda's limit for code and layers together: %s", megabytes(l.bytes), smaller)}
		}
		sum += n.size
		switch n.mode.Type() {
		case 0, fs.ModeDir, fs.ModeSymlink:
		default:
			return &Invalid{n.source, name, "is neither a file, a directory nor a symbolic link (" + n.mode.String() + "): leave it out"}
		}
	}
	steps := l.steps
	for name, n := range t {
		if n.mode.Type() == fs.ModeSymlink && t.leaves(name, &steps) {
			return leaving(name, n)
		}
	}
	return nil
}

// leaving is the error of a link that leaves its directory.
func leaving(name string, n node) error {
	return &Invalid{n.source, name, fmt.Sprintf("is a link to %q, which leaves the directory: "+
		"link to a file in it with a relative path, or put the file itself there", n.target)}
}

// leaves reports whether the link at name leads out of the directory, at any point on its way, or through too many links.
// What is missing on the way counts as a directory.
func (t tree) leaves(name string, steps *int) bool {
	at, way := path.Dir(name), []string{path.Base(name)}
	for links := 0; len(way) > 0; {
		if *steps--; *steps < 0 {
			return true
		}
		next := way[0]
		way = way[1:]
		switch next {
		case "", ".":
			continue
		case "..":
			if at == "." {
				return true
			}
			at = path.Dir(at)
			continue
		}
		to := path.Join(at, next)
		n, ok := t[to]
		if !ok || n.mode.Type() != fs.ModeSymlink {
			at = to
			continue
		}
		if links++; links > maxLinks || path.IsAbs(n.target) {
			return true
		}
		way = append(strings.Split(n.target, "/"), way...)
	}
	return false
}

// anySource returns where something in t comes from.
func (t tree) anySource() string {
	for _, n := range t {
		return n.source
	}
	return ""
}

// unreadable returns the names of what not everybody may read, sorted. Lambda keeps the modes and runs handlers as a user
// who owns no file.
func (t tree) unreadable() (names []string) {
	for name, n := range t {
		if n.mode.IsRegular() && n.mode&0o004 == 0 || n.mode.IsDir() && n.mode&0o005 != 0o005 {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}
