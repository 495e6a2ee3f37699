package checkpoint

import (
	"encoding/binary"
	"errors"
	"hash/crc32"
	"time"

	"github.com/esm-run/esm"
)

// A stored value is its fields one behind the other, its version, and a checksum of both and of what it is kept under.
// Which fields there are is said once, for both directions, so that reading cannot differ from writing. Whoever changes
// the fields makes a new schema (schema.go).
const (
	versionSize  = 8
	checksumSize = 4
	tailSize     = versionSize + checksumSize
)

var (
	castagnoli = crc32.MakeTable(crc32.Castagnoli)
	errValue   = errors.New("a stored value is not what was written")
)

// packed is a value that lacks its version.
type packed struct {
	fields []byte
	sum    uint32 // of them and of the key
}

func pack(k esm.Key, fields func(*wire)) packed {
	w := wire{buf: make([]byte, 0, 128)}
	fields(&w)
	return packed{w.buf, sumUnder(k, w.buf)}
}

// sumUnder is the checksum of fields that are kept under k.
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

// versionOf is the version of a sealed value.
func versionOf(value []byte) (uint64, error) {
	if len(value) < tailSize {
		return 0, errValue
	}
	return binary.BigEndian.Uint64(value[len(value)-tailSize:]), nil
}

// unpack reads a sealed value and returns its version.
func unpack(value []byte, k esm.Key, fields func(*wire)) (version uint64, err error) {
	if version, err = versionOf(value); err != nil {
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

// wire moves fields into buf or, reading, out of it. What cannot be read leaves its field zero and sets bad. Writing
// leaves the fields alone: others may read them meanwhile.
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

// size is how many elements follow, each of at least one byte.
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

// bytes does not tell none from nil: both are nil when read.
func (w *wire) bytes(b *[]byte) {
	s := string(*b)
	w.text(&s)
	if w.reading && s != "" {
		*b = []byte(s)
	}
}

// moment keeps a time to the nanosecond, as UTC.
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

// list does not tell none from nil either.
func list[T any](w *wire, elements *[]T, each func(*T)) {
	size := w.size(len(*elements))
	if w.reading && size > 0 {
		*elements = make([]T, size)
	}
	for i := range *elements {
		each(&(*elements)[i])
	}
}

// optional moves what p points to, if it points to anything.
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
