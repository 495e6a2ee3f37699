package kinesis

import (
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"hash/crc32"
)

// The kinds of opaque texts, which clients pass back unread.
const (
	opaqueIterator = 1 + iota
	opaqueToken
)

// encodeOpaque returns an opaque text of v, with a kind and a checksum.
func encodeOpaque(kind uint64, v any) string {
	payload, _ := json.Marshal(v) // strings and numbers always encode
	b := append(binary.BigEndian.AppendUint64(nil, kind), payload...)
	b = binary.BigEndian.AppendUint32(b, crc32.ChecksumIEEE(b))
	return base64.StdEncoding.EncodeToString(b)
}

// decodeOpaque decodes a text of that kind into v, and reports whether text is one.
func decodeOpaque(kind uint64, text string, v any) bool {
	b, err := base64.StdEncoding.Strict().DecodeString(text)
	if err != nil || len(b) < 12 {
		return false
	}
	checked, sum := b[:len(b)-4], binary.BigEndian.Uint32(b[len(b)-4:])
	return binary.BigEndian.Uint64(checked) == kind && crc32.ChecksumIEEE(checked) == sum && json.Unmarshal(checked[8:], v) == nil
}
