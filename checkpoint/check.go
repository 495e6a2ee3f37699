package checkpoint

import (
	"bytes"
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
// recurses without end or counts to billions, in a goroutine where none of that can be caught. So checkNumbers runs first.
func check(tx *bolt.Tx, path string) error {
	if err := checkNumbers(tx, path, nil); err != nil {
		return err
	}
	return checkTree(tx)
}

// checkTree is bbolt's own check.
func checkTree(tx *bolt.Tx, options ...bolt.CheckOption) (first error) {
	for err := range tx.Check(options...) { // to the end: its goroutine must not outlive tx
		if first == nil {
			first = err
		}
	}
	return first
}

// checkNumbers returns an error, or panics, if a page, key or value is not within the file, if a page is reached twice, or
// if one in use is listed as free. It does not read the leaf pages of the bucket with the name unread, if that is not nil.
func checkNumbers(tx *bolt.Tx, path string, unread []byte) error {
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
	size, pageSize := uint64(tx.Size()), uint64(tx.DB().Info().PageSize)
	w := walker{area{f, 0, size}, pageSize, make([]bool, size/pageSize), unread}
	w.tree(uint64(tx.Cursor().Bucket().RootPage()))
	w.freelist(uint64(tx.ID()) % 2) // transactions write the two meta pages in turn
	return nil
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

// walker walks over the pages in use.
type walker struct {
	area
	pageSize uint64
	seen     []bool // by page
	unread   []byte // the name of a bucket whose leaf pages are not read
}

// visit panics unless page id exists and is visited for the first time.
func (w *walker) visit(id uint64) {
	switch {
	case id < 2 || id >= uint64(len(w.seen)):
		panic(fmt.Sprintf("there is no page %d", id))
	case w.seen[id]:
		panic(fmt.Sprintf("page %d is used twice", id))
	}
	w.seen[id] = true
}

// page visits page id and the pages that continue it, and returns all of them.
func (w *walker) page(id uint64) area {
	w.visit(id)
	more := uint64(binary.NativeEndian.Uint32(w.read(id*w.pageSize+12, 4)))
	page := w.cut(id*w.pageSize, (1+more)*w.pageSize)
	for i := range more {
		w.visit(id + 1 + i)
	}
	return page
}

// freelist expects that no free page was visited.
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
	for ids := page.read(at, count*8); len(ids) > 0; ids = ids[8:] {
		w.visit(binary.NativeEndian.Uint64(ids))
	}
}

func (w *walker) tree(id uint64) {
	page := w.page(id)
	switch flags, count := page.header(); {
	case flags == branchPage && count > 0:
		page.children(count, w.tree)
	case flags == leafPage:
		w.leaf(page)
	default:
		panic(fmt.Sprintf("page %d is neither a branch nor a leaf", id))
	}
}

// children calls each with the children of a branch page.
func (a area) children(count uint64, each func(id uint64)) {
	a.elements(count, func(e []byte, at uint64) {
		a.cut(at+number32(e, 0), number32(e, 4))
		each(binary.NativeEndian.Uint64(e[8:]))
	})
}

func (w *walker) leaf(page area) {
	_, count := page.header()
	page.elements(count, func(e []byte, at uint64) {
		key := number32(e, 8)
		both := page.cut(at+number32(e, 4), key+number32(e, 12))
		if number32(e, 0)&bucketFlag != 0 {
			w.bucket(both.read(0, key), both.cut(key, both.size-key))
		}
	})
}

// bucket walks over a bucket, whose value points to its root or, if it is small, holds its only page.
func (w *walker) bucket(name []byte, value area) {
	root := value.number(0)
	switch {
	case root != 0 && w.unread != nil && bytes.Equal(name, w.unread):
		w.branches(root, w.height(root))
		return
	case root != 0:
		w.tree(root)
		return
	}
	page := value.cut(bucketHeader, max(value.size, bucketHeader)-bucketHeader)
	if flags, _ := page.header(); flags != leafPage {
		panic("a small bucket is not a leaf")
	}
	w.leaf(page)
}

// maxHeight is more than any tree has: one of this height fills more pages than a file can have.
const maxHeight = 64

// height returns how many branch pages are above each leaf page of a tree.
func (w *walker) height(root uint64) int {
	for id, height := root, 0; height < maxHeight; height++ {
		page := w.cut(id*w.pageSize, w.pageSize)
		flags, count := page.header()
		if flags != branchPage || count == 0 {
			return height
		}
		id = binary.NativeEndian.Uint64(page.read(pageHeader+8, 8))
	}
	panic(fmt.Sprintf("the tree at page %d has no leaves", root))
}

// branches walks over the branch pages of a tree.
func (w *walker) branches(id uint64, height int) {
	if height == 0 {
		w.visit(id)
		return
	}
	page := w.page(id)
	flags, count := page.header()
	if flags != branchPage || count == 0 {
		panic(fmt.Sprintf("page %d is not a branch", id))
	}
	page.children(count, func(child uint64) { w.branches(child, height-1) })
}

func number32(b []byte, at int) uint64 { return uint64(binary.NativeEndian.Uint32(b[at:])) }
