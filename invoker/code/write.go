package code

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"time"
)

// readOnly are the bits of a mode that are kept.
const readOnly = 0o555

// write makes t in root, which is empty. Links come last: nothing is written through one. At the end nobody may write into
// the directories.
func (t tree) write(ctx context.Context, root *os.Root, p *progress) error {
	names := t.names()
	for _, name := range names {
		if err := t.make(ctx, root, name, p); err != nil {
			return entryError(t[name].source, name, err)
		}
	}
	for _, name := range names {
		if n := t[name]; n.mode.Type() == fs.ModeSymlink {
			if err := root.Symlink(n.target, name); err != nil {
				return entryError(n.source, name, err)
			}
		}
	}
	for _, name := range names {
		if n := t[name]; n.mode.Type() == fs.ModeSymlink && !leadsInside(root, name) {
			return leaving(name, n)
		}
	}
	for _, name := range slices.Backward(names) {
		if n := t[name]; n.mode.IsDir() {
			if err := n.finish(root, name); err != nil {
				return entryError(n.source, name, err)
			}
		}
	}
	return root.Chmod(".", readOnly)
}

// make makes a directory, which can be written into, or a file.
func (t tree) make(ctx context.Context, root *os.Root, name string, p *progress) error {
	n := t[name]
	switch n.mode.Type() {
	case fs.ModeDir:
		return root.Mkdir(name, 0o700)
	case 0:
		if err := n.copy(ctx, root, name, p); err != nil {
			return err
		}
		return n.finish(root, name)
	}
	return ctx.Err()
}

func (n node) copy(ctx context.Context, root *os.Root, name string, p *progress) (err error) {
	r, err := n.open()
	if err != nil {
		return err
	}
	defer r.Close()
	f, err := root.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	written, err := io.Copy(f, io.LimitReader(&meter{ctx, r, p}, n.size+1))
	if err == nil && written != n.size {
		err = &Invalid{Reason: fmt.Sprintf("does not have the %d bytes that it says: build the archive again", n.size)}
	}
	return err
}

// finish gives a file or directory its mode and its time.
func (n node) finish(root *os.Root, name string) error {
	if n.modified.After(time.Unix(0, 0)) {
		if err := root.Chtimes(name, n.modified, n.modified); err != nil {
			return err
		}
	}
	return root.Chmod(name, n.mode.Perm()&readOnly)
}

// leadsInside reports whether following a link does not leave root. It is the second check of a link, by the file system
// itself: names that differ to a program can be the same to it, as on macOS.
func leadsInside(root *os.Root, link string) bool {
	_, err := root.Stat(link)
	return err == nil || errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR)
}

// remove deletes a directory made by write, or a part of one. It is no error if it does not exist.
func remove(dir string) error {
	_ = filepath.WalkDir(dir, func(path string, d fs.DirEntry, _ error) error {
		if d != nil && d.IsDir() {
			_ = os.Chmod(path, 0o700) // RemoveAll shows whether it worked
		}
		return nil
	})
	return os.RemoveAll(dir)
}
