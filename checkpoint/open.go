package checkpoint

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	bolt "go.etcd.io/bbolt"
	bolterrors "go.etcd.io/bbolt/errors"

	"github.com/esm-run/esm"
)

// lockTimeout is how long Open waits for another process to release the file.
const lockTimeout = time.Second

// Open opens the store in the file at path. It creates the file and its directory if they are missing, readable by the
// user alone, and upgrades a file of an older release. The file is locked until [DB.Close] or the end of the process.
//
// The errors [ErrInUse], [ErrForeign], [ErrDamaged] and [ErrNewer] leave the file unchanged.
func Open(path string) (*DB, error) { return open(path, upgrades) }

func open(path string, steps []step) (*DB, error) {
	db, err := openFile(path, steps)
	if err != nil {
		return nil, fmt.Errorf("checkpoint: %s: %w", path, err)
	}
	return &DB{path: path, bolt: db, versions: map[esm.Key]uint64{}}, nil
}

func openFile(path string, steps []step) (*bolt.DB, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, err
	}
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		if err := create(path, 1+len(steps)); err != nil {
			return nil, fmt.Errorf("create: %w", err)
		}
	}
	if err := examine(path, steps); err != nil {
		return nil, err
	}
	db, err := openBolt(path, false)
	if err != nil {
		return nil, err
	}
	if err := upgradeFile(db, steps); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return db, nil
}

// create makes a complete file beside path and then links it to its name: a process that dies halfway leaves no partial
// file, and an empty file is never one of this package.
func create(path string, schema int) error {
	dir := filepath.Dir(path)
	f, err := os.CreateTemp(dir, filepath.Base(path)+".new-*")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	if err := f.Close(); err != nil {
		return err
	}
	db, err := openBolt(f.Name(), false)
	if err != nil {
		return err
	}
	err = db.Update(func(tx *bolt.Tx) error { return layOut(tx, schema) })
	if err := errors.Join(err, db.Close()); err != nil {
		return err
	}
	if err := os.Link(f.Name(), path); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return syncDir(dir)
}

func syncDir(path string) error {
	dir, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}

// examine checks a whole file before anything may write to it.
func examine(path string, steps []step) error {
	info, err := os.Stat(path)
	switch {
	case err != nil:
		return err
	case !info.Mode().IsRegular():
		return fmt.Errorf("%w (not a regular file)", ErrForeign)
	case info.Size() == 0:
		return fmt.Errorf("%w (it is empty)", ErrForeign)
	}
	db, err := openBolt(path, true)
	if err != nil {
		return err
	}
	err = guarded(func() error {
		return db.View(func(tx *bolt.Tx) error {
			if err := check(tx, path); err != nil {
				return fmt.Errorf("%w (%w)", ErrDamaged, err)
			}
			_, err := readSchema(tx, steps)
			return err
		})
	})
	return errors.Join(err, db.Close())
}

func openBolt(path string, readOnly bool) (db *bolt.DB, err error) {
	err = guarded(func() (err error) {
		db, err = bolt.Open(path, 0o600, &bolt.Options{
			ReadOnly:     readOnly,
			Timeout:      lockTimeout,
			FreelistType: bolt.FreelistMapType, // the default is slow after many notices were dropped
			NoStatistics: true,
		})
		return err
	})
	switch {
	case err == nil:
		return db, nil
	case errors.Is(err, bolterrors.ErrTimeout):
		return nil, ErrInUse
	case errors.As(err, new(*fs.PathError)) || errors.Is(err, ErrDamaged):
		return nil, err
	case isBolt(path):
		return nil, fmt.Errorf("%w (%w)", ErrDamaged, err)
	}
	return nil, fmt.Errorf("%w (%w)", ErrForeign, err)
}

// isBolt reports whether a file has bbolt's magic number on its first page.
func isBolt(path string) bool {
	f, err := os.Open(path)
	if err != nil {
		return false
	}
	defer f.Close()
	page := make([]byte, pageHeader+4)
	_, err = f.ReadAt(page, 0)
	return err == nil && binary.NativeEndian.Uint32(page[pageHeader:]) == boltMagic
}

func upgradeFile(db *bolt.DB, steps []step) error {
	return guarded(func() error {
		var schema int
		err := db.View(func(tx *bolt.Tx) (err error) {
			schema, err = readSchema(tx, steps)
			return err
		})
		if err != nil || schema == 1+len(steps) {
			return err
		}
		return db.Update(func(tx *bolt.Tx) error { return upgrade(tx, steps) })
	})
}
