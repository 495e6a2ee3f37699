package code

import (
	"archive/tar"
	"context"
	"io"
	"io/fs"
	"os"
)

// Tar writes the content of a directory to w as a tar archive, such as one that a Docker daemon unpacks in a volume: sorted,
// with modes, times and links as they are, and owned by root. It leaves out what is neither a file, a directory nor a link.
// It ends early when ctx does.
func Tar(ctx context.Context, w io.Writer, dir string) error {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer root.Close()
	t, err := readDir(dir, root)
	if err != nil {
		return err
	}
	to := tar.NewWriter(w)
	for _, name := range t.names() {
		if err := t[name].tar(ctx, to, name); err != nil {
			return entryError(dir, name, err)
		}
	}
	return to.Close()
}

func (n node) tar(ctx context.Context, to *tar.Writer, name string) error {
	header := &tar.Header{Name: name, Mode: int64(n.mode.Perm()), ModTime: n.modified, Size: n.size, Linkname: n.target}
	switch n.mode.Type() {
	case 0:
		header.Typeflag = tar.TypeReg
	case fs.ModeDir:
		header.Typeflag, header.Name = tar.TypeDir, name+"/"
	case fs.ModeSymlink:
		header.Typeflag = tar.TypeSymlink
	default:
		return nil
	}
	if err := to.WriteHeader(header); err != nil || n.open == nil {
		return err
	}
	r, err := n.open()
	if err != nil {
		return err
	}
	defer r.Close()
	_, err = io.Copy(to, io.LimitReader(&meter{ctx: ctx, r: r}, n.size))
	return err
}
