package wire

import (
	"cmp"
	"slices"
)

// Page returns up to limit elements of all, which is sorted by key, beginning behind the element whose key is after. Last
// is the key of the page's last element if there are more, or empty. A limit of 0 returns an empty page and no last.
func Page[T any](all []T, after string, limit int, key func(T) string) (page []T, last string) {
	begin, found := slices.BinarySearchFunc(all, after, func(e T, after string) int { return cmp.Compare(key(e), after) })
	if found {
		begin++
	}
	page = all[begin:]
	if len(page) <= limit {
		return page, ""
	}
	if page = page[:limit]; limit > 0 {
		last = key(page[limit-1])
	}
	return page, last
}
