package checkpoint

import (
	"encoding/binary"
	"fmt"
	"io"
	"os"

	bolt "go.etcd.io/bbolt"
)

// The parts of bbolt's file format, version 2, that check needs.
const (
	boltMagic    = 0xED0CDAED
	pageHeader   = 16              // id 8, flags 2, count 2, overflow 4
	metaFreelist = pageHeader + 32 // the page of the list of free pages
	element      = 16              // of a branch: key position 4, key size 4, page 8
	branchPage   = 0x01
)

// check reports whether the file behind tx is damaged. bbolt's own check finds most damage, but it runs in a goroutine of
// its own, where a read of unmapped memory or an endless recursion kills the process. So check first walks the file by
// itself, under [guarded], and refuses what bbolt would not survive: keys outside of the file, pages that are reached
// twice, and overflow counts of billions.
func check(tx *bolt.Tx, path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	if have, want := info.Size(), tx.Size(); have < want {
		return fmt.Errorf("it has %d of %d bytes", have, want)
	}
	w := walker{file: f, size: uint64(tx.Size()), pageSize: uint64(tx.DB().Info().PageSize), seen: map[uint64]bool{}}
	if err := w.freelist(uint64(tx.ID())); err != nil {
		return err
	}
	if err := w.bucket(tx.Cursor().Bucket()); err != nil {
		return err
	}
	var first error
	for err := range tx.Check() { // to the end, or its goroutine would outlive tx
		if first == nil {
			first = err
		}
	}
	return first
}

// walker reads the header of every page and every key.
type walker struct {
	file           io.ReaderAt
	size, pageSize uint64
	seen           map[uint64]bool // branches, and roots of buckets
	touched        byte            // keeps the compiler from removing the reads of touch
}

// freelist checks the list of free pages, to which the meta page of transaction tx points.
func (w *walker) freelist(tx uint64) error {
	b, err := w.read(tx%2, metaFreelist, 8)
	if err != nil {
		return err
	}
	const none = ^uint64(0)
	if id := binary.NativeEndian.Uint64(b); id != none {
		_, _, err = w.page(id)
	}
	return err
}

func (w *walker) bucket(b *bolt.Bucket) error {
	if root := uint64(b.RootPage()); root != 0 { // otherwise b lies within a value of its parent
		if err := w.tree(root, true); err != nil {
			return err
		}
	}
	return b.ForEach(func(key, value []byte) error {
		w.touch(key)
		w.touch(value)
		if value == nil {
			return w.bucket(b.Bucket(key))
		}
		return nil
	})
}

// tree walks all pages of a bucket's tree from page id. A page that is reached twice may belong to a cycle.
func (w *walker) tree(id uint64, root bool) error {
	branch, count, err := w.page(id)
	if err != nil {
		return err
	}
	if branch || root {
		if w.seen[id] {
			return fmt.Errorf("page %d is used twice", id)
		}
		w.seen[id] = true
	}
	if !branch {
		return nil
	}
	if count == 0 {
		return fmt.Errorf("page %d is an empty branch", id)
	}
	elements, err := w.read(id, pageHeader, count*element)
	if err != nil {
		return err
	}
	for at := uint64(0); at < count*element; at += element {
		e := elements[at:]
		position, size := binary.NativeEndian.Uint32(e), binary.NativeEndian.Uint32(e[4:])
		if end := id*w.pageSize + pageHeader + at + uint64(position) + uint64(size); end > w.size {
			return fmt.Errorf("page %d has a key beyond the end of the file", id)
		}
		if err := w.tree(binary.NativeEndian.Uint64(e[8:]), false); err != nil {
			return err
		}
	}
	return nil
}

// page reads the header of page id.
func (w *walker) page(id uint64) (branch bool, count uint64, err error) {
	header, err := w.read(id, 0, pageHeader)
	if err != nil {
		return false, 0, err
	}
	if last := id + uint64(binary.NativeEndian.Uint32(header[12:])); last >= w.size/w.pageSize {
		return false, 0, fmt.Errorf("page %d continues beyond the end of the file", id)
	}
	return binary.NativeEndian.Uint16(header[8:]) == branchPage, uint64(binary.NativeEndian.Uint16(header[10:])), nil
}

func (w *walker) read(page, at, n uint64) ([]byte, error) {
	b := make([]byte, n)
	if _, err := w.file.ReadAt(b, int64(page*w.pageSize+at)); err != nil {
		return nil, fmt.Errorf("page %d: %w", page, err)
	}
	return b, nil
}

// touch reads the ends of b. It faults unless all of b is mapped.
func (w *walker) touch(b []byte) {
	if len(b) > 0 {
		w.touched |= b[0] | b[len(b)-1]
	}
}
