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

// decodeOpaque decodes into v, which is zero, and reports whether text is exactly what encodeOpaque returns for it.
func decodeOpaque(kind uint64, text string, v any) bool {
	b, err := base64.StdEncoding.DecodeString(text)
	return err == nil && len(b) >= 12 && json.Unmarshal(b[8:len(b)-4], v) == nil && encodeOpaque(kind, v) == text
}
