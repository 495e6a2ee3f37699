package kinesis

import (
	"cmp"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/esm-run/esm/config"
	"github.com/esm-run/esm/localstack/embedded/wire"
)

// A Server is the Kinesis Data Streams of one account in one Region. The zero Server is ready and empty. Requests may be
// served side by side. It must not be copied.
type Server struct {
	// Region is part of ARNs; empty is us-east-1. The Region that a request was signed for does not matter.
	Region string
	// AccountID owns the streams and is part of their ARNs; empty is 000000000000.
	AccountID string
	// Throttle limits reading: five GetRecords a second and 2 MB a second for each shard, as on AWS.
	Throttle bool

	mu      sync.RWMutex // guards the rest; no stream is locked under it
	streams map[string]*stream
	last    moment
}

// ServeHTTP answers one request whose X-Amz-Target begins with Kinesis_20131202. A SubscribeToShard takes up to five
// minutes, and ends when the request's context does.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if strings.Contains(r.Header.Get("Content-Type"), "cbor") {
		api.Fail(w, wire.Unreadable("The embedded Kinesis speaks JSON, and this request is CBOR. "+
			"The Java SDK speaks JSON when AWS_CBOR_DISABLE=true is set."))
		return
	}
	api.Serve(s, w, r)
}

func (s *Server) region() string  { return cmp.Or(s.Region, "us-east-1") }
func (s *Server) account() string { return cmp.Or(s.AccountID, "000000000000") }

func (s *Server) arn(name string) string {
	return "arn:aws:kinesis:" + s.region() + ":" + s.account() + ":stream/" + name
}

// A moment is when shards were made. No two moments of a server are the same, and later ones are greater in both ways.
type moment struct {
	at    millis
	epoch int64 // about the second; it is part of sequence numbers
}

func (s *Server) moment() moment {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	s.last = moment{at: max(toMillis(now), s.last.at+1), epoch: max(now.Unix(), s.last.epoch+1)}
	return s.last
}

// A ref is how requests name a stream: by its name, its ARN or both.
type ref struct{ StreamName, StreamARN string }

// name is the name of the stream, which need not exist.
func (s *Server) name(r ref) (string, error) {
	if r.StreamARN == "" && r.StreamName == "" {
		return "", invalid("Either StreamName or StreamARN must be provided.")
	}
	if r.StreamARN == "" {
		return r.StreamName, nil
	}
	a, err := config.ParseARN(r.StreamARN)
	name, ok := strings.CutPrefix(a.Resource, "stream/")
	if err != nil || !ok || a.Service != "kinesis" || !validName(name) {
		return "", invalid("StreamARN %s is not the ARN of a stream.", r.StreamARN)
	}
	if r.StreamName != "" && r.StreamName != name {
		return "", invalid("StreamName %s and StreamARN %s do not match.", r.StreamName, r.StreamARN)
	}
	if r.StreamARN != s.arn(name) {
		return "", s.noStream(name, a.Account)
	}
	return name, nil
}

// find returns the stream that a request names.
func (s *Server) find(r ref) (*stream, error) {
	name, err := s.name(r)
	if err != nil {
		return nil, err
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	if st := s.streams[name]; st != nil {
		return st, nil
	}
	return nil, s.noStream(name, s.account())
}

func (s *Server) noStream(name, account string) error {
	return missing("Stream %s under account %s not found.", name, account)
}

// validName reports whether a stream or a consumer may be called so.
func validName(name string) bool {
	for _, c := range []byte(name) {
		letter := 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'
		if !letter && (c < '0' || c > '9') && c != '_' && c != '.' && c != '-' {
			return false
		}
	}
	return len(name) >= 1 && len(name) <= 128
}
