package s3

import (
	"cmp"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode/utf8"
)

// A Server is an S3 for one account in one Region. The zero Server is ready and empty. All methods may be called side by
// side. It must not be copied.
type Server struct {
	// Region is where buckets are; empty is us-east-1.
	Region string
	// AccountID owns the buckets; empty is 000000000000.
	AccountID string

	mu      sync.RWMutex // guards the rest; it is not held while a body is read or written
	buckets map[string]*bucket
}

// A bucket belongs to its server's lock.
type bucket struct {
	made    time.Time
	objects map[string]*object
}

// An object does not change: putting another one replaces it.
type object struct {
	body     []byte
	header   http.Header // what is shown of it besides the rest, checksums aside
	checksum http.Header
	etag     string // with its quotes
	modified time.Time
}

func (s *Server) region() string { return cmp.Or(s.Region, "us-east-1") }

// bucketNamed finds a bucket. The caller has the lock.
func (s *Server) bucketNamed(name string) (*bucket, error) {
	if b := s.buckets[name]; b != nil {
		return b, nil
	}
	return nil, refuse(http.StatusNotFound, "NoSuchBucket", "The specified bucket does not exist")
}

// A call is a request, taken apart.
type call struct {
	*http.Request
	w           http.ResponseWriter
	bucket, key string // each may be empty
	query       url.Values
}

// ServeHTTP answers one request.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c := call{Request: r, w: w, query: r.URL.Query()}
	c.bucket, c.key, _ = strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	identify(w)
	op, err := c.operation()
	if err == nil {
		err = op.run(s, c)
	}
	if err != nil {
		c.fail(err)
	}
}

// operation is what the request asks for.
func (c call) operation() (operation, error) {
	op, ok := operations[place{c.Method, c.level()}]
	if name := c.elsewhere(); name != "" || !ok {
		return op, notImplemented(cmp.Or(name, c.query.Get("x-id"), c.Method+" of "+c.level().String()))
	}
	for name := range c.query {
		if !slices.Contains(op.parameters, name) && name != "x-id" && !signing(name) {
			return op, notImplemented(op.name + " with the parameter " + name)
		}
	}
	if !utf8.ValidString(c.key) {
		return op, refuse(http.StatusBadRequest, "InvalidURI", "Couldn't parse the specified URI.")
	}
	if len(c.key) > 1024 {
		return op, refuse(http.StatusBadRequest, "KeyTooLongError", "Your key is too long")
	}
	return op, nil
}

// signing says whether a parameter is one of a presigned URL.
func signing(parameter string) bool { return strings.HasPrefix(parameter, "X-Amz-") }
