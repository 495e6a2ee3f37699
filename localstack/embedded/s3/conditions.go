package s3

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
)

// checkConditions checks the conditions of a request on the current object, which may be nil. Conditions on times are not
// implemented.
func (c call) checkConditions(o *object) error {
	for _, name := range []string{"If-Modified-Since", "If-Unmodified-Since", "If-Range"} {
		if c.Header.Get(name) != "" {
			return notImplemented("The condition " + name)
		}
	}
	failed := errorf(http.StatusPreconditionFailed, "PreconditionFailed", "At least one of the pre-conditions you specified did not hold")
	if want := c.Header.Get("If-Match"); want != "" && (o == nil || !o.matches(want)) {
		return failed
	}
	unwanted := c.Header.Get("If-None-Match")
	if unwanted == "" || o == nil || !o.matches(unwanted) {
		return nil
	}
	if c.Method == http.MethodGet || c.Method == http.MethodHead {
		return errorf(http.StatusNotModified, "NotModified", "Not Modified")
	}
	return failed
}

// matches reports whether o has that ETag, with or without its quotes. A star matches any.
func (o *object) matches(etag string) bool {
	return etag == "*" || strings.Trim(etag, `"`) == strings.Trim(o.etag, `"`)
}

// A span is a part of an object.
type span struct {
	begin, end int
	requested  bool // false is the whole object, because the request has no valid Range
}

func (p span) String() string { return fmt.Sprintf("bytes %d-%d", p.begin, p.end-1) }

// parseRange parses the header Range for an object of that size. As on S3 (and by RFC 9110), a Range that is not
// understood or has several parts is ignored.
func parseRange(text string, size int) (span, error) {
	whole := span{end: size}
	text, ok := strings.CutPrefix(text, "bytes=")
	from, to, both := strings.Cut(text, "-")
	if !ok || !both {
		return whole, nil
	}
	begin, err := strconv.ParseUint(from, 10, 62)
	if err != nil && from != "" {
		return whole, nil
	}
	last, err := strconv.ParseUint(to, 10, 62)
	switch {
	case err != nil && (to != "" || from == ""):
		return whole, nil
	case from == "": // the last bytes
		begin, last = uint64(size)-min(last, uint64(size)), uint64(size)-1
	case to == "":
		last = uint64(size) - 1
	case last < begin:
		return whole, nil
	}
	if begin >= uint64(size) {
		return whole, errorf(http.StatusRequestedRangeNotSatisfiable, "InvalidRange", "The requested range is not satisfiable")
	}
	return span{int(begin), int(min(last+1, uint64(size))), true}, nil
}
