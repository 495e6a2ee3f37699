package kinesis

import (
	"bytes"
	"crypto/md5" // aggregated records end with it
	"unicode/utf8"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/kinesis/types"
	"google.golang.org/protobuf/encoding/protowire"

	"github.com/esm-run/esm/config"
)

// magic begins an aggregated record of the Kinesis Producer Library (its AGGREGATION format: a Protocol Buffers message
// between these bytes and the MD5 of the message).
var magic = []byte{0xf3, 0x89, 0x9a, 0xc2}

// aggregate is the content of an aggregated record.
type aggregate struct {
	keys, hashes []string // tables, by index
	records      []inner
}

// inner is one record of an aggregate.
type inner struct {
	key, hash int // indices; hash is -1 if the producer gave none
	data      []byte
}

// parseAggregate parses the data of a record. ok is false if it is not a valid aggregate: then it is an ordinary record.
func parseAggregate(data []byte) (a aggregate, ok bool) {
	if len(data) < len(magic)+md5.Size || !bytes.HasPrefix(data, magic) {
		return aggregate{}, false
	}
	message, sum := data[len(magic):len(data)-md5.Size], data[len(data)-md5.Size:]
	if want := md5.Sum(message); !bytes.Equal(sum, want[:]) {
		return aggregate{}, false
	}
	sound := eachField(message, func(number protowire.Number, _ uint64, text []byte) bool {
		switch {
		case number == 1 && text != nil && utf8.Valid(text):
			a.keys = append(a.keys, string(text))
		case number == 2 && text != nil && isNumber(text):
			a.hashes = append(a.hashes, string(text))
		case number == 3 && text != nil:
			r, sound := parseInner(text)
			a.records = append(a.records, r)
			return sound
		default:
			return number > 3
		}
		return true
	})
	return a, sound && len(a.records) > 0 && a.indicesValid()
}

func parseInner(message []byte) (inner, bool) {
	r := inner{key: -1, hash: -1}
	const most = 1 << 30 // so that an index is an int anywhere
	sound := eachField(message, func(number protowire.Number, value uint64, text []byte) bool {
		switch {
		case number == 1 && text == nil && value < most:
			r.key = int(value)
		case number == 2 && text == nil && value < most:
			r.hash = int(value)
		case number == 3 && text != nil:
			r.data = text
		default:
			return number > 3 // 4 is tags, which are not used
		}
		return true
	})
	return r, sound && r.data != nil
}

func (a aggregate) indicesValid() bool {
	for _, r := range a.records {
		if r.key < 0 || r.key >= len(a.keys) || r.hash >= len(a.hashes) {
			return false
		}
	}
	return true
}

// eachField calls show for the fields of a message, and reports whether all are valid. text is nil for numbers, fixed
// values and groups.
func eachField(message []byte, show func(number protowire.Number, value uint64, text []byte) bool) bool {
	for len(message) > 0 {
		number, kind, n := protowire.ConsumeTag(message)
		if n < 0 {
			return false
		}
		message = message[n:]
		var value uint64
		var text []byte
		switch kind {
		case protowire.VarintType:
			value, n = protowire.ConsumeVarint(message)
		case protowire.BytesType:
			text, n = protowire.ConsumeBytes(message)
		default:
			n = protowire.ConsumeFieldValue(number, kind, message)
		}
		if n < 0 || kind != protowire.VarintType && kind != protowire.BytesType && number <= 3 || !show(number, value, text) {
			return false
		}
		message = message[n:]
	}
	return true
}

// hashes is a shard's range of hash keys, both ends included.
type hashes struct{ low, high string }

func hashesOf(r *types.HashKeyRange) hashes {
	if r == nil {
		return hashes{}
	}
	return hashes{low: aws.ToString(r.StartingHashKey), high: aws.ToString(r.EndingHashKey)}
}

// holds reports whether all records of a belong to the shard by the hash keys that their producer gave them. Otherwise
// Lambda drops the whole aggregate.
func (h hashes) holds(a aggregate) bool {
	for _, r := range a.records {
		if r.hash < 0 {
			continue
		}
		key := a.hashes[r.hash] // hash keys are decimals too
		if config.ComparePositions(key, h.low) < 0 || config.ComparePositions(h.high, key) < 0 {
			return false
		}
	}
	return true
}
