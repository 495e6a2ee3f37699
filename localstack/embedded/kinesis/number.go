package kinesis

import (
	"encoding/binary"
	"math/big"
)

// A number is a sequence number. It encodes the shard and the record.
type number struct {
	epoch int64 // of the shard's creation; children have a higher one than their parents
	shard int   // its index in the stream
	index int64 // of the record in the shard, from 1; 0 is the shard's start, lastIndex the end of a closed shard
}

const lastIndex = 1<<63 - 1

// String returns the number in decimal. As on AWS it has 186 bits: the version 2, the epoch, the record, the shard and the
// version again. It therefore has 56 digits, begins with 49, and grows with the records and with the generations of shards.
func (n number) String() string {
	var b [24]byte
	binary.BigEndian.PutUint64(b[0:], 2<<56|uint64(n.epoch)<<20|uint64(n.shard&15)<<16|uint64(n.index)>>48)
	binary.BigEndian.PutUint64(b[8:], uint64(n.index)<<16)
	binary.BigEndian.PutUint64(b[16:], uint64(n.shard)<<4|2)
	return new(big.Int).SetBytes(b[:]).String()
}

// parseNumber parses what String returned.
func parseNumber(text string) (n number, ok bool) {
	const digits = 58 // of 192 bits
	value, ok := new(big.Int), len(text) <= digits
	if ok {
		_, ok = value.SetString(text, 10)
	}
	if !ok || value.Sign() < 0 || value.BitLen() > 192 {
		return number{}, false
	}
	var b [24]byte
	value.FillBytes(b[:])
	high, middle, low := binary.BigEndian.Uint64(b[0:]), binary.BigEndian.Uint64(b[8:]), binary.BigEndian.Uint64(b[16:])
	n = number{
		epoch: int64(high >> 20 & (1<<36 - 1)),
		shard: int(low >> 4 & (1<<32 - 1)),
		index: int64(high<<48 | middle>>16),
	}
	return n, n.index >= 0 && n.String() == text
}
