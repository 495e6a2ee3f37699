package kinesis

import (
	"encoding/base64"
	"encoding/binary"
	"hash/crc32"
)

// What callers hand back although it means nothing to them.
const (
	sealedIterator = 1 + iota
	sealedToken
)

// seal makes an opaque text of something. The kinds of texts cannot be taken for each other.
func seal(kind uint64, payload []byte) string {
	b := binary.BigEndian.AppendUint64(nil, kind)
	b = append(b, payload...)
	b = binary.BigEndian.AppendUint32(b, crc32.ChecksumIEEE(b))
	return base64.StdEncoding.EncodeToString(b)
}

// unseal is what was sealed, unless text is something else.
func unseal(kind uint64, text string) (payload []byte, ok bool) {
	b, err := base64.StdEncoding.Strict().DecodeString(text)
	if err != nil || len(b) < 12 {
		return nil, false
	}
	sealed, sum := b[:len(b)-4], binary.BigEndian.Uint32(b[len(b)-4:])
	if binary.BigEndian.Uint64(sealed) != kind || crc32.ChecksumIEEE(sealed) != sum {
		return nil, false
	}
	return sealed[8:], true
}
