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
func Open(path string) (*DB, error) { return open(path, checkpointFile.steps) }

func open(path string, steps []step) (*DB, error) {
	k := checkpointFile
	k.steps = steps
	f, err := k.open(path)
	if err != nil {
		return nil, err
	}
	d := &DB{file: f, versions: map[esm.Key]uint64{}}
	f.committed = func(err error) {
		if err != nil {
			clear(d.versions)
		}
	}
	return d, nil
}

// open opens the file of this kind at path, as [Open] does.
func (k kind) open(path string) (*file, error) {
	db, err := k.openBolt(path)
	if err != nil {
		return nil, fmt.Errorf("checkpoint: %s: %w", path, err)
	}
	return &file{kind: k, path: path, bolt: db}, nil
}

func (k kind) openBolt(path string) (*bolt.DB, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, err
	}
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		if err := k.create(path); err != nil {
			return nil, fmt.Errorf("create: %w", err)
		}
	}
	if err := k.examine(path); err != nil {
		return nil, err
	}
	db, err := k.lock(path, false)
	if err != nil {
		return nil, err
	}
	if err := k.upgradeFile(db); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return db, nil
}

// create makes a complete file beside path and then links it to its name: a process that dies halfway leaves no partial
// file, and an empty file is never one of this package.
func (k kind) create(path string) error {
	dir := filepath.Dir(path)
	f, err := os.CreateTemp(dir, filepath.Base(path)+".new-*")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	if err := f.Close(); err != nil {
		return err
	}
	db, err := k.lock(f.Name(), false)
	if err != nil {
		return err
	}
	err = db.Update(k.layOut)
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

// examine checks a file before anything may write to it.
func (k kind) examine(path string) error {
	info, err := os.Stat(path)
	switch {
	case err != nil:
		return err
	case !info.Mode().IsRegular():
		return fmt.Errorf("%w (not a regular file)", k.foreign)
	case info.Size() == 0:
		return fmt.Errorf("%w (it is empty)", k.foreign)
	}
	db, err := k.lock(path, true)
	if err != nil {
		return err
	}
	err = k.guarded(func() error {
		return db.View(func(tx *bolt.Tx) error {
			if err := k.check(tx, path); err != nil {
				return fmt.Errorf("%w (%w)", k.damaged, err)
			}
			_, err := k.readSchema(tx)
			return err
		})
	})
	return errors.Join(err, db.Close())
}

// lock opens a file with bbolt, which locks it: shared with other readers if readOnly is set.
func (k kind) lock(path string, readOnly bool) (db *bolt.DB, err error) {
	err = k.guarded(func() (err error) {
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
		return nil, fmt.Errorf("%w (%w)", k.damaged, err)
	}
	return nil, fmt.Errorf("%w (%w)", k.foreign, err)
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

func (k kind) upgradeFile(db *bolt.DB) error {
	return k.guarded(func() error {
		var schema int
		err := db.View(func(tx *bolt.Tx) (err error) {
			schema, err = k.readSchema(tx)
			return err
		})
		if err != nil || schema == k.newest() {
			return err
		}
		return db.Update(k.upgrade)
	})
}
