package api

import (
	"cmp"
	"encoding/base64"
	"maps"
	"slices"
)

// maxListed is the most elements that one answer lists, whatever MaxItems says (AWS: API reference of ListFunctions and others).
const maxListed = 50

// page returns the keys of the page of all that a request asks for, in their order, and the marker of the next page, which is
// empty after the last one. MaxItems is at most most. A marker stays valid when its element is removed. Broken are further
// violations of the request.
func page[T any](c *call, all map[string]T, most int, broken violations) (keys []string, next string, err error) {
	query := c.URL.Query()
	size, err := pageSize(query, maxListed, most, &broken)
	if err := cmp.Or(err, broken.err()); err != nil {
		return nil, "", err
	}
	after, err := base64.URLEncoding.DecodeString(query.Get("Marker"))
	if err != nil {
		return nil, "", invalidMarker()
	}
	keys = slices.DeleteFunc(slices.Sorted(maps.Keys(all)), func(key string) bool { return key <= string(after) })
	if len(keys) > size {
		keys = keys[:size]
		next = base64.URLEncoding.EncodeToString([]byte(keys[size-1]))
	}
	return keys, next, nil
}

func invalidMarker() error {
	return invalidParameter("Invalid Marker: give the NextMarker of an answer as it is.")
}
