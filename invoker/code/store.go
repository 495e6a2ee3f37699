package code

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/esm-run/esm/config"
	"github.com/esm-run/esm/trace"
)

// Store keeps unpacked archives and merged layers. Each is in a directory of Dir that is named by a hash of its content, so
// that it is made once. A directory gets that name when it is complete and on disk: what a killed program was making stays
// behind under another name, unused, until Prune.
//
// Methods may be called concurrently, Unpack and Merge by several processes too. Its fields are set before the first use.
type Store struct {
	Dir   string                           // belongs to the Store; created if needed
	Warn  func(format string, args ...any) // receives what works here and not on Lambda; nil discards it
	Trace trace.Func                       // receives Unpacking

	mu   sync.Mutex
	used map[string]bool // names in Dir that were returned
}

// Prepare returns fn with directories in place of archives: CodeUri is a directory, and Layers at most one, that of all
// layers together. What is there already is read, to recognize it, and not unpacked again. The error is an *Invalid if an
// archive or a layer is refused, also if code and layers together are too large; the code counts only as an archive, since a
// directory can hold more than is deployed.
func (s *Store) Prepare(ctx context.Context, fn config.Function) (config.Function, error) {
	var err error
	var size int64
	if info, stat := os.Stat(fn.CodeUri); stat == nil && !info.IsDir() {
		if fn.CodeUri, size, err = s.unpack(ctx, fn.CodeUri); err != nil {
			return fn, err
		}
	}
	if len(fn.Layers) == 0 {
		return fn, nil
	}
	opt, err := s.merge(ctx, size, fn.Layers)
	if err != nil {
		return fn, err
	}
	fn.Layers = []string{opt}
	return fn, nil
}

// Unpack returns the directory with the content of a zip archive. The error is an *Invalid if the archive is refused.
func (s *Store) Unpack(ctx context.Context, path string) (dir string, err error) {
	dir, _, err = s.unpack(ctx, path)
	return dir, err
}

// unpack is Unpack, and returns the size of all files.
func (s *Store) unpack(ctx context.Context, path string) (dir string, size int64, err error) {
	source, err := open(path, lambdaLimits)
	if err != nil {
		return "", 0, err
	}
	defer source.Close()
	if source.isDir {
		return "", 0, &Invalid{path, "", "is a directory and no zip archive"}
	}
	digest, err := source.digest(ctx)
	if err != nil {
		return "", 0, err
	}
	dir, err = s.keep(ctx, digest, source.tree, func() error { return source.changed(ctx, digest) })
	return dir, source.tree.bytes(), err
}

// Merge returns one directory with the content of layers, which are zip archives or directories, later ones over earlier.
// Of directories it returns a copy, under a hash of their content; a single directory is returned itself, so that changes
// in it show at once. The error is an *Invalid if a layer is refused.
func (s *Store) Merge(ctx context.Context, layers ...string) (dir string, err error) {
	return s.merge(ctx, 0, layers)
}

// merge is Merge beside size bytes of code.
func (s *Store) merge(ctx context.Context, size int64, layers []string) (string, error) {
	all, digests, id := tree{}, make([]string, len(layers)), sha256.New()
	sources := make([]*source, 0, len(layers))
	defer func() {
		for _, source := range sources {
			source.Close()
		}
	}()
	for i, layer := range layers {
		source, err := open(layer, lambdaLimits)
		if err != nil {
			return "", err
		}
		sources = append(sources, source)
		if size += source.tree.bytes(); size >= MaxBytes {
			return "", &Invalid{layer, "", fmt.Sprintf("makes code and layers %s large, unzipped and together, which Lambda limits to less than %s: %s",
				megabytes(size), megabytes(MaxBytes), smaller)}
		}
		if source.isDir && len(layers) == 1 {
			s.warn(source.tree)
			return layer, nil
		}
		if digests[i], err = source.digest(ctx); err != nil {
			return "", err
		}
		fmt.Fprintln(id, digests[i])
		all.overlay(source.tree)
	}
	if err := all.check(lambdaLimits); err != nil {
		return "", err
	}
	return s.keep(ctx, hex.EncodeToString(id.Sum(nil)), all, func() error {
		for i, source := range sources {
			if err := source.changed(ctx, digests[i]); err != nil {
				return err
			}
		}
		return nil
	})
}

// keep returns the directory called name, and makes it of t unless it is there. An error of unchanged means that t is not
// what the name says.
func (s *Store) keep(ctx context.Context, name string, t tree, unchanged func() error) (string, error) {
	s.warn(t)
	dir, err := filepath.Abs(filepath.Join(s.Dir, name))
	if err != nil {
		return "", err
	}
	if !isDir(dir) {
		if err := s.make(ctx, dir, t, unchanged); err != nil {
			return "", fmt.Errorf("unpack: %w", err)
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.used == nil {
		s.used = map[string]bool{}
	}
	s.used[name] = true
	return dir, nil
}

// unfinished begins the names of directories that are being made.
const unfinished = "new-"

func (s *Store) make(ctx context.Context, dir string, t tree, unchanged func() error) (err error) {
	if err := os.MkdirAll(filepath.Dir(dir), 0o700); err != nil {
		return err
	}
	temp, err := os.MkdirTemp(filepath.Dir(dir), unfinished)
	if err != nil {
		return err
	}
	defer func() {
		if isDir(temp) {
			err = errors.Join(err, remove(temp))
		}
	}()
	root, err := os.OpenRoot(temp)
	if err != nil {
		return err
	}
	defer root.Close()
	p := &progress{path: t.anySource(), total: t.bytes(), last: time.Now(), trace: s.Trace}
	if err := t.write(ctx, root, p); err != nil {
		return err
	}
	p.end(time.Now())
	if err := errors.Join(unchanged(), flush(root)); err != nil {
		return err
	}
	if err := os.Rename(temp, dir); err != nil && !isDir(dir) { // unless another caller was faster
		return err
	}
	return nil
}

// warn reports what Lambda's user could not read.
func (s *Store) warn(t tree) {
	names := t.unreadable()
	if len(names) == 0 || s.Warn == nil {
		return
	}
	n := t[names[0]]
	s.Warn("%s: %s has the mode %v, so that a handler on Lambda, or in a container, cannot read it (%d such in all): "+
		"make files readable for everybody (chmod -R a+rX) before they are zipped", n.source, names[0], n.mode, len(names))
}

// Prune removes every directory that neither Prepare, Unpack nor Merge has returned since the Store was made. No other
// process may use Dir meanwhile, and no handler of an earlier engine.
func (s *Store) Prune() error {
	entries, err := os.ReadDir(s.Dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, e := range entries {
		if !s.used[e.Name()] {
			err = errors.Join(err, remove(filepath.Join(s.Dir, e.Name())))
		}
	}
	if err != nil {
		return fmt.Errorf("remove unused code: %w", err)
	}
	return nil
}

func isDir(path string) bool {
	info, err := os.Lstat(path)
	return err == nil && info.IsDir()
}
