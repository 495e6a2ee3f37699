package checkpoint

import (
	"fmt"

	"github.com/esm-run/esm"
)

// maxName is how long a mapping's or a shard's name may be, in bytes: AWS's are shorter than 130.
const maxName = 1024

func checkKey(k esm.Key) error {
	if n := max(len(k.Mapping), len(k.Shard)); n > maxName {
		return fmt.Errorf("a key of %d bytes, more than %d", n, maxName)
	}
	return nil
}

// name is s as a bbolt key, which must not be empty.
func name(s string) []byte { return append([]byte{'/'}, s...) }

// named is what name made a key of.
func named(key []byte) string { return string(key[1:]) }

// keptVersion is the version of what is kept: zero when that is nothing.
func keptVersion(value []byte) (uint64, error) {
	if value == nil {
		return 0, nil
	}
	return versionOf(value)
}
