package kinesis

import (
	"bytes"
	"crypto/md5" // Kinesis uses it to select a record's shard
	"math/big"
)

// A hash is a hash key, a number of 128 bits.
type hash [16]byte

func hashOf(key string) hash { return md5.Sum([]byte(key)) }

func (h hash) String() string { return new(big.Int).SetBytes(h[:]).String() }

func (h hash) compare(other hash) int { return bytes.Compare(h[:], other[:]) }

// plus returns h + n modulo 2^128.
func (h hash) plus(n int64) hash {
	sum := new(big.Int).Add(new(big.Int).SetBytes(h[:]), big.NewInt(n))
	return hashFrom(sum.And(sum, greatest))
}

func hashFrom(n *big.Int) (h hash) {
	n.FillBytes(h[:])
	return h
}

var greatest = new(big.Int).Sub(new(big.Int).Lsh(big.NewInt(1), 128), big.NewInt(1))

// parseHash parses a decimal number without sign and leading zeros, as AWS does.
func parseHash(text string) (hash, bool) {
	const digits = 39 // of 128 bits
	n, ok := new(big.Int), len(text) <= digits
	if ok {
		_, ok = n.SetString(text, 10)
	}
	if !ok || n.Sign() < 0 || n.Cmp(greatest) > 0 || n.String() != text {
		return hash{}, false
	}
	return hashFrom(n), true
}

// edge returns the first hash key of the i-th of n shards that share the hash keys evenly.
func edge(i, n int) hash {
	each := new(big.Int).Div(new(big.Int).Lsh(big.NewInt(1), 128), big.NewInt(int64(n)))
	return hashFrom(each.Mul(each, big.NewInt(int64(i))))
}

// A span is a range of hash keys, both ends included.
type span struct{ low, high hash }

// evenly returns the i-th of n even spans. The last one takes the remainder.
func evenly(i, n int) span {
	if i == n-1 {
		return span{edge(i, n), hashFrom(greatest)}
	}
	return span{edge(i, n), edge(i+1, n).plus(-1)}
}
