package checkpoint

import "fmt"

// maxName is the longest name of a mapping, shard, notice or document in bytes. AWS's names are shorter than 130.
const maxName = 1024

func checkNames(names ...string) error {
	for _, name := range names {
		if len(name) > maxName {
			return fmt.Errorf("a name of %d bytes is longer than %d", len(name), maxName)
		}
	}
	return nil
}

// toKey turns a name into a bbolt key, which must not be empty.
func toKey(name string) []byte { return append([]byte{'/'}, name...) }

// fromKey is the inverse of toKey.
func fromKey(key []byte) string { return string(key[1:]) }
