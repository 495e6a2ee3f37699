package code

import (
	"context"
	"fmt"
	"io"
	"os"
)

// source is an archive or a directory. The nodes of its tree can be opened until Close.
type source struct {
	path  string
	isDir bool
	tree  tree

	// digest returns the SHA-256 of the content, which it reads.
	digest func(context.Context) (string, error)

	io.Closer
}

// Check reports what [Store] would refuse in a zip archive or a directory by itself: an *Invalid, or an error of the file
// system. It reads the list of entries, not their content.
func Check(path string) error {
	s, err := open(path, lambdaLimits)
	if err != nil {
		return err
	}
	return s.Close()
}

// open opens a zip archive or a directory, and checks it.
func open(path string, l limits) (*source, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	var s *source
	switch {
	case info.IsDir():
		s, err = openDir(path)
	case info.Mode().IsRegular():
		s, err = openArchive(path, l)
	default:
		return nil, &Invalid{path, "", "is neither a directory nor a zip archive"}
	}
	if err != nil {
		return nil, err
	}
	s.path, s.isDir = path, info.IsDir()
	return s, nil
}

func openDir(path string) (*source, error) {
	root, err := os.OpenRoot(path)
	if err != nil {
		return nil, err
	}
	t, err := readDir(path, root)
	if err != nil {
		root.Close()
		return nil, err
	}
	return &source{tree: t, digest: func(ctx context.Context) (string, error) { return Digest(ctx, path) }, Closer: root}, nil
}

func openArchive(path string, l limits) (*source, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err != nil {
		f.Close()
		return nil, err
	}
	t, err := readZip(path, f, info.Size(), l)
	if err != nil {
		f.Close()
		return nil, err
	}
	return &source{tree: t, Closer: f, digest: func(ctx context.Context) (string, error) {
		return digest(ctx, io.NewSectionReader(f, 0, info.Size()+1)) // sees that it has grown
	}}, nil
}

// changed returns an error if the content of s is not what it was.
func (s *source) changed(ctx context.Context, digest string) error {
	now, err := s.digest(ctx)
	if err == nil && now != digest {
		err = fmt.Errorf("%s changed while it was read: start again when it is complete", s.path)
	}
	return err
}
