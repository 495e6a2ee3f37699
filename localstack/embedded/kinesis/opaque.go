package kinesis

import (
	"encoding/base64"
	"encoding/binary"
	"hash/crc32"
)

// The kinds of opaque texts, which clients pass back unread.
const (
	opaqueIterator = 1 + iota
	opaqueToken
)

// encodeOpaque returns an opaque text with a kind and a checksum.
func encodeOpaque(kind uint64, payload []byte) string {
	b := binary.BigEndian.AppendUint64(nil, kind)
	b = append(b, payload...)
	b = binary.BigEndian.AppendUint32(b, crc32.ChecksumIEEE(b))
	return base64.StdEncoding.EncodeToString(b)
}

// decodeOpaque returns the payload of a text of that kind.
func decodeOpaque(kind uint64, text string) (payload []byte, ok bool) {
	b, err := base64.StdEncoding.Strict().DecodeString(text)
	if err != nil || len(b) < 12 {
		return nil, false
	}
	checked, sum := b[:len(b)-4], binary.BigEndian.Uint32(b[len(b)-4:])
	if binary.BigEndian.Uint64(checked) != kind || crc32.ChecksumIEEE(checked) != sum {
		return nil, false
	}
	return checked[8:], true
}
