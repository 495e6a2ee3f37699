package checkpoint

import (
	"encoding/binary"
	"errors"
	"hash/crc32"
	"time"

	"github.com/esm-run/esm"
)

// A stored value is its fields in order, its version, and a checksum of both and of its key. The fields are listed once
// for reading and writing (fields.go). A change to them needs a new schema (schema.go).
const (
	versionSize  = 8
	checksumSize = 4
	tailSize     = versionSize + checksumSize
)

var (
	castagnoli = crc32.MakeTable(crc32.Castagnoli)
	errValue   = errors.New("a stored value differs from what was written")
)

// packed is a value without its version.
type packed struct {
	fields []byte
	sum    uint32 // of fields and key
}

func pack(k esm.Key, fields func(*wire)) packed {
	w := wire{buf: make([]byte, 0, 128)}
	fields(&w)
	return packed{w.buf, sumUnder(k, w.buf)}
}

// sumUnder returns the checksum of fields stored under k.
func sumUnder(k esm.Key, fields []byte) uint32 {
	key := make([]byte, 0, 128) // stays on the stack
	key = append(append(append(key, k.Mapping...), '/'), k.Shard...)
	return crc32.Update(crc32.Checksum(fields, castagnoli), castagnoli, key)
}

// seal completes the value.
func (p packed) seal(version uint64) []byte {
	value := binary.BigEndian.AppendUint64(p.fields, version)
	return binary.BigEndian.AppendUint32(value, crc32.Update(p.sum, castagnoli, value[len(p.fields):]))
}

// storedVersion returns the version of a sealed value, and 0 of none.
func storedVersion(value []byte) (uint64, error) {
	if value == nil {
		return 0, nil
	}
	if len(value) < tailSize {
		return 0, errValue
	}
	return binary.BigEndian.Uint64(value[len(value)-tailSize:]), nil
}

// unpack reads a sealed value and returns its version.
func unpack(value []byte, k esm.Key, fields func(*wire)) (version uint64, err error) {
	if value == nil {
		return 0, errValue
	}
	if version, err = storedVersion(value); err != nil {
		return 0, err
	}
	end, tail := len(value)-tailSize, len(value)-checksumSize
	sum := crc32.Update(sumUnder(k, value[:end]), castagnoli, value[end:tail])
	if sum != binary.BigEndian.Uint32(value[tail:]) {
		return 0, errValue
	}
	w := wire{buf: value[:end], reading: true}
	if fields(&w); w.bad || len(w.buf) > 0 {
		return 0, errValue
	}
	return version, nil
}

func packCheckpoint(cp esm.Checkpoint, k esm.Key) packed {
	return pack(k, func(w *wire) { w.checkpoint(&cp) })
}

func unpackCheckpoint(value []byte, k esm.Key) (cp esm.Checkpoint, err error) {
	cp.Version, err = unpack(value, k, func(w *wire) { w.checkpoint(&cp) })
	return cp, err
}

// wire appends fields to buf or, if reading is set, takes them from buf. A field that cannot be read stays zero and sets
// bad. Writing does not touch the fields: others may read them meanwhile.
type wire struct {
	buf          []byte
	reading, bad bool
}

func (w *wire) count(n *uint64) {
	if !w.reading {
		w.buf = binary.AppendUvarint(w.buf, *n)
		return
	}
	value, size := binary.Uvarint(w.buf)
	if size <= 0 {
		w.bad, w.buf = true, nil
		return
	}
	*n, w.buf = value, w.buf[size:]
}

func (w *wire) number(n *int64) {
	zigzag := uint64(*n)<<1 ^ uint64(*n>>63)
	w.count(&zigzag)
	if w.reading {
		*n = int64(zigzag>>1) ^ -int64(zigzag&1)
	}
}

func (w *wire) int(n *int) {
	wide := int64(*n)
	w.number(&wide)
	if w.reading {
		*n = int(wide)
	}
}

func (w *wire) flag(b *bool) {
	var n uint64
	if *b {
		n = 1
	}
	w.count(&n)
	if w.reading {
		*b, w.bad = n == 1, w.bad || n > 1
	}
}

// size moves the number of elements that follow, each of at least one byte.
func (w *wire) size(n int) int {
	size := uint64(n)
	w.count(&size)
	if w.reading && size > uint64(len(w.buf)) {
		w.bad, w.buf = true, nil
		return 0
	}
	return int(size)
}

func (w *wire) text(s *string) {
	size := w.size(len(*s))
	if !w.reading {
		w.buf = append(w.buf, *s...)
		return
	}
	*s, w.buf = string(w.buf[:size]), w.buf[size:]
}

// bytes reads an empty slice as nil.
func (w *wire) bytes(b *[]byte) {
	s := string(*b)
	w.text(&s)
	if w.reading && s != "" {
		*b = []byte(s)
	}
}

// moment moves a time in UTC, exact to the nanosecond.
func (w *wire) moment(t *time.Time) {
	set := !t.IsZero()
	w.flag(&set)
	if !set {
		return
	}
	seconds, nanos := t.Unix(), t.Nanosecond()
	w.number(&seconds)
	w.int(&nanos)
	if w.reading {
		*t = time.Unix(seconds, int64(nanos)).UTC()
	}
}

// list reads an empty list as nil.
func list[T any](w *wire, elements *[]T, each func(*T)) {
	size := w.size(len(*elements))
	if w.reading && size > 0 {
		*elements = make([]T, size)
	}
	for i := range *elements {
		each(&(*elements)[i])
	}
}

// optional moves the value that *p points to, if any.
func optional[T any](w *wire, p **T, each func(*T)) {
	set := *p != nil
	w.flag(&set)
	if !set {
		return
	}
	if w.reading {
		*p = new(T)
	}
	each(*p)
}
