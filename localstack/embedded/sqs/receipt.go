package sqs

import (
	"encoding/base64"
	"encoding/binary"
)

// A receipt names one receive of a message. Its text is the receipt handle.
type receipt struct {
	queue   uint64 // queue.mark
	message uint64
	receive uint64 // the message's receives up to this one
}

const handlePrefix = "AQEB" // AWS's handles begin so

var handleEncoding = base64.StdEncoding.Strict()

// append appends the handle to text.
func (r receipt) append(text []byte) []byte {
	var raw [24]byte
	binary.BigEndian.PutUint64(raw[:], r.queue)
	binary.BigEndian.PutUint64(raw[8:], r.message)
	binary.BigEndian.PutUint64(raw[16:], r.receive)
	return handleEncoding.AppendEncode(append(text, handlePrefix...), raw[:])
}

// parseReceipt parses a handle.
func parseReceipt(handle string) (r receipt, ok bool) {
	var raw [24]byte
	if len(handle) != len(handlePrefix)+handleEncoding.EncodedLen(len(raw)) || handle[:len(handlePrefix)] != handlePrefix {
		return r, false
	}
	if n, err := handleEncoding.Decode(raw[:], []byte(handle[len(handlePrefix):])); err != nil || n != len(raw) {
		return r, false
	}
	return receipt{
		queue:   binary.BigEndian.Uint64(raw[:]),
		message: binary.BigEndian.Uint64(raw[8:]),
		receive: binary.BigEndian.Uint64(raw[16:]),
	}, true
}
