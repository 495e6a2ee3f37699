package s3

import (
	"cmp"
	"context"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/esm-run/esm/localstack/embedded/relay"
	"github.com/esm-run/esm/localstack/embedded/wire"
)

// A Server is the S3 of one account in one Region. The zero Server is ready and empty. Its methods may be called
// concurrently. It must not be copied.
type Server struct {
	// Account owns the buckets, which are in its Region.
	Account wire.Account
	// Targets are the queues, topics and functions that buckets notify, in the goroutine of the request that changes an object.
	Targets relay.Targets
	// Bus puts an event onto the default event bus, in the same way. Nil drops the events for EventBridge.
	Bus func(ctx context.Context, e relay.Event, trace string) error

	mu       sync.RWMutex // guards the rest; not held while a body is read or written, or an event delivered
	buckets  map[string]*bucket
	uploads  map[string]*upload // by ID
	sequence uint64             // of the last change
}

// The server's lock guards a bucket.
type bucket struct {
	created      time.Time
	objects      map[string]*object
	notification notification // replaced as a whole
}

// An object does not change: a put replaces it.
type object struct {
	body     []byte
	header   http.Header // the headers that it keeps
	checksum http.Header
	etag     string // with its quotes
	modified time.Time
}

// bucketNamed finds a bucket. The lock is held.
func (s *Server) bucketNamed(name string) (*bucket, error) {
	if b := s.buckets[name]; b != nil {
		return b, nil
	}
	return nil, errorf(http.StatusNotFound, "NoSuchBucket", "The specified bucket does not exist")
}

// A call is a request and what it is about.
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

// operation returns the operation that the request selects.
func (c call) operation() (operation, error) {
	at := route{c.Method, c.level()}
	op, ok := operations[at]
	name := c.otherOperation()
	if other, supported := namedOperations[name]; supported && other.route == at {
		op, ok, name = other.operation, true, ""
	}
	if name != "" || !ok {
		return op, notImplemented(cmp.Or(name, c.query.Get("x-id"), c.Method+" of "+c.level().String()))
	}
	for name := range c.query {
		if !slices.Contains(op.parameters, name) && name != "x-id" && !signing(name) {
			return op, notImplemented(op.name + " with the parameter " + name)
		}
	}
	if !utf8.ValidString(c.key) {
		return op, errorf(http.StatusBadRequest, "InvalidURI", "Couldn't parse the specified URI.")
	}
	if len(c.key) > 1024 {
		return op, errorf(http.StatusBadRequest, "KeyTooLongError", "Your key is too long")
	}
	return op, nil
}

// signing reports whether a parameter belongs to a presigned URL.
func signing(parameter string) bool {
	return strings.HasPrefix(parameter, "X-Amz-") || slices.Contains([]string{"AWSAccessKeyId", "Signature", "Expires"}, parameter)
}
