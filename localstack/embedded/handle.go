package embedded

import (
	"encoding/base64"
	"encoding/binary"
)

// A receipt says which receive of which message of which queue a caller means. Its text is the receipt handle.
type receipt struct {
	queue   uint64 // drawn when the queue was created
	message uint64
	receive uint64 // how many receives the message had, this one included
}

const receiptMark = "AQEB" // what AWS's handles begin with

func (r receipt) append(text []byte) []byte {
	var raw [24]byte
	binary.BigEndian.PutUint64(raw[:], r.queue)
	binary.BigEndian.PutUint64(raw[8:], r.message)
	binary.BigEndian.PutUint64(raw[16:], r.receive)
	return base64.StdEncoding.AppendEncode(append(text, receiptMark...), raw[:])
}

// readReceipt tells whether text can be a receipt handle at all.
func readReceipt(text string) (receipt, bool) {
	var raw [24]byte
	if len(text) != len(receiptMark)+base64.StdEncoding.EncodedLen(len(raw)) || text[:len(receiptMark)] != receiptMark {
		return receipt{}, false
	}
	if n, err := base64.StdEncoding.Strict().Decode(raw[:], []byte(text[len(receiptMark):])); err != nil || n != len(raw) {
		return receipt{}, false
	}
	return receipt{
		queue:   binary.BigEndian.Uint64(raw[:]),
		message: binary.BigEndian.Uint64(raw[8:]),
		receive: binary.BigEndian.Uint64(raw[16:]),
	}, true
}
