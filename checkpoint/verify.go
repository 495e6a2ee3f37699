package checkpoint

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
)

// What is known here of bbolt's file format, version 2: enough to walk over all pages without trusting a number in them.
// bbolt itself trusts them, and ends the process, or never ends, on pages that point astray.
const (
	boltMagic   = 0xED0CDAED
	pageHeader  = 16 // id 8, flags 2, count 2, overflow 4
	element     = 16 // on a branch: position 4, key size 4, page 8; on a leaf: flags 4, position 4, key size 4, value size 4
	subBucket   = 16 // root page 8, sequence 8
	metaRoot    = pageHeader + 16
	metaFree    = pageHeader + 32
	metaEnd     = pageHeader + 40
	metaTx      = pageHeader + 48
	branchPage  = 0x01
	leafPage    = 0x02
	freePage    = 0x10
	bucketFlag  = 0x01
	noFreelist  = ^uint64(0)
	manyIDs     = 0xFFFF // a freelist of that count or more has it in its first 8 bytes
	maxReadPage = 1 << 16
)

// pages is a file that is being verified.
type pages struct {
	file io.ReaderAt
	size uint64 // of a page
	end  uint64 // all pages in use are below
	used map[uint64]bool
}

// verify walks over the pages of transaction tx, and returns what is wrong with them.
func verify(path string, pageSize, tx int) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	meta, err := metaOf(f, pageSize, tx)
	if err != nil {
		return err
	}
	p := pages{f, uint64(pageSize), number64(meta, metaEnd), map[uint64]bool{}}
	info, err := f.Stat()
	if err != nil {
		return err
	}
	if have, want := uint64(info.Size())/p.size, p.end; have < want {
		return fmt.Errorf("it ends after %d of %d pages", have, want)
	}
	if err := p.walk(number64(meta, metaRoot)); err != nil {
		return err
	}
	return p.freelist(number64(meta, metaFree))
}

// metaOf is that of the two first pages which belongs to tx.
func metaOf(f io.ReaderAt, pageSize, tx int) ([]byte, error) {
	meta := make([]byte, metaTx+8)
	for page := range int64(2) {
		if _, err := f.ReadAt(meta, page*int64(pageSize)); err != nil {
			return nil, err
		}
		if number64(meta, metaTx) == uint64(tx) {
			return meta, nil
		}
	}
	return nil, errors.New("its first pages changed while they were read")
}

func number64(b []byte, at int) uint64 { return binary.NativeEndian.Uint64(b[at:]) }
func number32(b []byte, at int) uint64 { return uint64(binary.NativeEndian.Uint32(b[at:])) }
func number16(b []byte, at int) uint64 { return uint64(binary.NativeEndian.Uint16(b[at:])) }

// body is what lies on a page, the header included, or within a value that holds a page.
type body struct {
	file  io.ReaderAt
	start int64
	size  uint64
	head  []byte // its beginning, or all of it
}

// read returns n bytes.
func (b body) read(at, n uint64) ([]byte, error) {
	switch {
	case at > b.size || n > b.size-at:
		return nil, errors.New("points beyond its end")
	case at+n <= uint64(len(b.head)):
		return b.head[at : at+n], nil
	}
	part := make([]byte, n)
	_, err := b.file.ReadAt(part, b.start+int64(at))
	return part, err
}

func (b body) flags() uint64 { return number16(b.head, 8) }
func (b body) count() uint64 { return number16(b.head, 10) }

// claim reads page id, which nothing else may point to.
func (p *pages) claim(id uint64) (body, error) {
	if id < 2 || id >= p.end {
		return body{}, fmt.Errorf("page %d is outside of 2 to %d", id, p.end-1)
	}
	header := make([]byte, pageHeader)
	start := int64(id * p.size)
	if _, err := p.file.ReadAt(header, start); err != nil {
		return body{}, err
	}
	run := 1 + number32(header, 12)
	if number64(header, 0) != id || run > p.end-id {
		return body{}, fmt.Errorf("page %d is not what was written there", id)
	}
	for i := range run {
		if p.used[id+i] {
			return body{}, fmt.Errorf("page %d is in use twice", id+i)
		}
		p.used[id+i] = true
	}
	head := make([]byte, min(run*p.size, maxReadPage))
	_, err := p.file.ReadAt(head, start)
	return body{p.file, start, run * p.size, head}, err
}

// walk verifies page id and all below it.
func (p *pages) walk(id uint64) error {
	b, err := p.claim(id)
	if err != nil {
		return err
	}
	switch b.flags() {
	case branchPage:
		err = p.branch(b)
	case leafPage:
		err = p.leaf(b)
	default:
		err = errors.New("neither branch nor leaf")
	}
	if err != nil {
		return fmt.Errorf("page %d: %w", id, err)
	}
	return nil
}

func (p *pages) branch(b body) error {
	if b.count() == 0 {
		return errors.New("an empty branch")
	}
	var last []byte
	for i := range b.count() {
		at := pageHeader + i*element
		e, err := b.read(at, element)
		if err != nil {
			return err
		}
		key, err := b.read(at+number32(e, 0), number32(e, 4))
		if err != nil {
			return err
		}
		if i > 0 && bytes.Compare(last, key) >= 0 {
			return errors.New("keys out of order")
		}
		last = key
		if err := p.walk(number64(e, 8)); err != nil {
			return err
		}
	}
	return nil
}

func (p *pages) leaf(b body) error {
	var last []byte
	for i := range b.count() {
		at := pageHeader + i*element
		e, err := b.read(at, element)
		if err != nil {
			return err
		}
		start, keySize, valueSize := at+number32(e, 4), number32(e, 8), number32(e, 12)
		key, err := b.read(start, keySize)
		if err != nil {
			return err
		}
		if start+keySize+valueSize > b.size {
			return errors.New("points beyond its end")
		}
		if i > 0 && bytes.Compare(last, key) >= 0 {
			return errors.New("keys out of order")
		}
		last = key
		if number32(e, 0)&bucketFlag == 0 {
			continue
		}
		value, err := b.read(start+keySize, valueSize)
		if err != nil {
			return err
		}
		if err := p.bucket(value); err != nil {
			return err
		}
	}
	return nil
}

// bucket verifies a bucket: on pages of its own, or small and within the value.
func (p *pages) bucket(value []byte) error {
	if len(value) < subBucket {
		return errors.New("a bucket without a root")
	}
	if root := number64(value, 0); root != 0 {
		return p.walk(root)
	}
	inline := body{size: uint64(len(value) - subBucket), head: value[subBucket:]}
	if inline.size < pageHeader || inline.flags() != leafPage {
		return errors.New("a small bucket that is no leaf")
	}
	return p.leaf(inline)
}

// freelist verifies that what counts as free is not in use.
func (p *pages) freelist(id uint64) error {
	if id == noFreelist {
		return nil
	}
	b, err := p.claim(id)
	if err != nil {
		return err
	}
	at, count := uint64(pageHeader), b.count()
	if b.flags() != freePage {
		return fmt.Errorf("page %d: no list of free pages", id)
	}
	if count == manyIDs {
		first, err := b.read(at, 8)
		if err != nil {
			return err
		}
		at, count = at+8, number64(first, 0)
	}
	if count > p.end {
		return fmt.Errorf("page %d: %d pages of %d are free", id, count, p.end)
	}
	ids, err := b.read(at, count*8)
	if err != nil {
		return fmt.Errorf("page %d: %w", id, err)
	}
	for i := range int(count) {
		free := number64(ids, i*8)
		if free < 2 || free >= p.end || p.used[free] {
			return fmt.Errorf("page %d is free and in use", free)
		}
		p.used[free] = true
	}
	return nil
}
