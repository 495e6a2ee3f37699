package s3

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
)

// allowed checks the conditions of a request on the object that is there, which may be nil. Those on times are not
// implemented.
func (c call) allowed(o *object) error {
	for _, name := range []string{"If-Modified-Since", "If-Unmodified-Since", "If-Range"} {
		if c.Header.Get(name) != "" {
			return notImplemented("The condition " + name)
		}
	}
	if want := c.Header.Get("If-Match"); want != "" && (o == nil || !o.is(want)) {
		return refuse(http.StatusPreconditionFailed, "PreconditionFailed", "At least one of the pre-conditions you specified did not hold")
	}
	unwanted := c.Header.Get("If-None-Match")
	if unwanted == "" || o == nil || !o.is(unwanted) {
		return nil
	}
	if c.Method == http.MethodGet || c.Method == http.MethodHead {
		return refuse(http.StatusNotModified, "NotModified", "Not Modified")
	}
	return refuse(http.StatusPreconditionFailed, "PreconditionFailed", "At least one of the pre-conditions you specified did not hold")
}

// is says whether o has that ETag, with or without its quotes. A star is any.
func (o *object) is(etag string) bool {
	return etag == "*" || strings.Trim(etag, `"`) == strings.Trim(o.etag, `"`)
}

// A span is the part of an object that is to be shown.
type span struct {
	begin, end int
	asked      bool // or else it is the whole object because nobody asked for less
}

func (p span) String() string { return fmt.Sprintf("bytes %d-%d", p.begin, p.end-1) }

// readRange reads the header Range for an object of that size. One that is not understood, or has several parts, is not
// there, as RFC 9110 has it and S3 does.
func readRange(text string, size int) (span, error) {
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
	case from == "": // so many from the end
		begin, last = uint64(size)-min(last, uint64(size)), uint64(size)-1
	case to == "":
		last = uint64(size) - 1
	case last < begin:
		return whole, nil
	}
	if begin >= uint64(size) {
		return whole, refuse(http.StatusRequestedRangeNotSatisfiable, "InvalidRange", "The requested range is not satisfiable")
	}
	return span{int(begin), int(min(last+1, uint64(size))), true}, nil
}
