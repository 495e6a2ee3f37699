package checkpoint

import (
	"encoding/binary"
	"fmt"
	"io"
	"os"

	bolt "go.etcd.io/bbolt"
)

// The parts of bbolt's file format, version 2, that check needs. All numbers are in the machine's byte order.
const (
	boltMagic    = 0xED0CDAED
	pageHeader   = 16              // id 8, flags 2, count 2, overflow 4
	metaFreelist = pageHeader + 32 // the page of the list of free pages
	noFreelist   = ^uint64(0)
	longFreelist = 0xFFFF // a list with this count or more has the count in its first 8 bytes
	element      = 16     // of a branch: key position 4, key size 4, page 8; of a leaf: flags 4, position 4, key size 4, value size 4
	bucketHeader = 16     // root page 8, sequence 8
	branchPage   = 0x01
	leafPage     = 0x02
	bucketFlag   = 0x01
)

// check returns an error, or panics, if the file behind tx is damaged.
//
// bbolt's own check finds most damage, but it trusts the numbers in the file: on some damage it reads unmapped memory,
// recurses without end or counts to billions, in a goroutine where none of that can be caught. So check first looks at the
// numbers: every page, key and value must lie within the file, and no page may be reached twice.
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
	w := walker{area{f, 0, uint64(tx.Size())}, uint64(tx.DB().Info().PageSize), map[uint64]bool{}}
	w.freelist(uint64(tx.ID()) % 2) // transactions write the two meta pages in turn
	w.tree(uint64(tx.Cursor().Bucket().RootPage()))
	var first error
	for err := range tx.Check() { // to the end: its goroutine must not outlive tx
		if first == nil {
			first = err
		}
	}
	return first
}

// area is a part of a file: pages that belong together, or a value. Its methods panic outside of it.
type area struct {
	file        io.ReaderAt
	start, size uint64
}

func (a area) cut(at, size uint64) area {
	if at > a.size || size > a.size-at {
		panic(fmt.Sprintf("bytes %d to %d exceed their page at %d", a.start+at, a.start+at+size, a.start))
	}
	return area{a.file, a.start + at, size}
}

func (a area) read(at, size uint64) []byte {
	part := a.cut(at, size)
	b := make([]byte, size)
	if _, err := a.file.ReadAt(b, int64(part.start)); err != nil {
		panic(err)
	}
	return b
}

func (a area) number(at uint64) uint64 { return binary.NativeEndian.Uint64(a.read(at, 8)) }

// header returns the flags and the count of a page.
func (a area) header() (flags, count uint64) {
	b := a.read(0, pageHeader)
	return uint64(binary.NativeEndian.Uint16(b[8:])), uint64(binary.NativeEndian.Uint16(b[10:]))
}

// elements calls each with the fields and the position of every element of a page.
func (a area) elements(count uint64, each func(e []byte, at uint64)) {
	all := a.read(pageHeader, count*element)
	for i := range count {
		each(all[i*element:], pageHeader+i*element)
	}
}

// walker walks over all pages in use.
type walker struct {
	area
	pageSize uint64
	seen     map[uint64]bool
}

// page returns page id with the pages that continue it.
func (w *walker) page(id uint64) area {
	if id < 2 || id >= w.size/w.pageSize {
		panic(fmt.Sprintf("there is no page %d", id))
	}
	more := binary.NativeEndian.Uint32(w.read(id*w.pageSize+12, 4))
	return w.cut(id*w.pageSize, (1+uint64(more))*w.pageSize)
}

func (w *walker) freelist(meta uint64) {
	id := w.number(meta*w.pageSize + metaFreelist)
	if id == noFreelist {
		return
	}
	page, at := w.page(id), uint64(pageHeader)
	_, count := page.header()
	if count == longFreelist {
		count, at = min(page.number(at), page.size), at+8
	}
	page.cut(at, count*8)
}

func (w *walker) tree(id uint64) {
	if w.seen[id] {
		panic(fmt.Sprintf("page %d is used twice", id))
	}
	w.seen[id] = true
	page := w.page(id)
	switch flags, count := page.header(); {
	case flags == branchPage && count > 0:
		page.elements(count, func(e []byte, at uint64) {
			page.cut(at+number32(e, 0), number32(e, 4))
			w.tree(binary.NativeEndian.Uint64(e[8:]))
		})
	case flags == leafPage:
		w.leaf(page)
	default:
		panic(fmt.Sprintf("page %d is neither a branch nor a leaf", id))
	}
}

func (w *walker) leaf(page area) {
	_, count := page.header()
	page.elements(count, func(e []byte, at uint64) {
		key := number32(e, 8)
		both := page.cut(at+number32(e, 4), key+number32(e, 12))
		if number32(e, 0)&bucketFlag != 0 {
			w.bucket(both.cut(key, both.size-key))
		}
	})
}

// bucket walks over a bucket, whose value points to its root or, if it is small, holds its only page.
func (w *walker) bucket(value area) {
	if root := value.number(0); root != 0 {
		w.tree(root)
		return
	}
	page := value.cut(bucketHeader, max(value.size, bucketHeader)-bucketHeader)
	if flags, _ := page.header(); flags != leafPage {
		panic("a small bucket is not a leaf")
	}
	w.leaf(page)
}

func number32(b []byte, at int) uint64 { return uint64(binary.NativeEndian.Uint32(b[at:])) }
