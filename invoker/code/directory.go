package code

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"io/fs"
	"os"
)

// readDir returns the content of a directory, at a path for errors. The nodes read from root. No link is followed.
func readDir(from string, root *os.Root) (tree, error) {
	t := tree{}
	err := fs.WalkDir(root.FS(), ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || name == "." {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		n := node{source: from, mode: info.Mode(), modified: info.ModTime()}
		switch info.Mode().Type() {
		case 0:
			n.size = info.Size()
			n.open = func() (io.ReadCloser, error) { return root.Open(name) }
		case fs.ModeSymlink:
			n.target, err = root.Readlink(name)
		}
		t[name] = n
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("%s: %w", from, err)
	}
	return t, nil
}

// Digest returns the SHA-256 of a directory's content in hexadecimal digits: names, modes, links and the bytes of files, but
// not their times, which a checkout changes. It reads every file. Calls may be concurrent.
func Digest(ctx context.Context, dir string) (string, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return "", err
	}
	defer root.Close()
	t, err := readDir(dir, root)
	if err != nil {
		return "", err
	}
	return t.digest(ctx)
}

func (t tree) digest(ctx context.Context) (string, error) {
	h := sha256.New()
	for _, name := range t.names() {
		n := t[name]
		content := ""
		if n.open != nil {
			sum, err := n.digest(ctx)
			if err != nil {
				return "", fmt.Errorf("%s: %w", n.source, err)
			}
			content = sum
		}
		fmt.Fprintf(h, "%q %o %q %s\n", name, n.mode, n.target, content)
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

// digest returns the SHA-256 of a file.
func (n node) digest(ctx context.Context) (string, error) {
	r, err := n.open()
	if err != nil {
		return "", err
	}
	defer r.Close()
	return digest(ctx, r)
}

func digest(ctx context.Context, r io.Reader) (string, error) {
	h := sha256.New()
	if _, err := io.Copy(h, &meter{ctx: ctx, r: r}); err != nil {
		return "", err
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}
