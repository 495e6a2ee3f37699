package kinesis

import (
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/esm-run/esm/localstack/embedded/wire"
)

// A Server is the Kinesis Data Streams of one account in one Region. The zero Server is ready and empty. Its methods may be
// called concurrently. It must not be copied.
type Server struct {
	// Account owns the streams and is part of their ARNs.
	Account wire.Account

	mu      sync.RWMutex // guards the rest; no stream is locked under it
	streams map[string]*stream
	last    moment
}

// ServeHTTP answers one request whose X-Amz-Target begins with Kinesis_20131202. A SubscribeToShard takes up to five
// minutes, and ends when the request's context does.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if strings.Contains(r.Header.Get("Content-Type"), "cbor") {
		api.Fail(w, wire.SerializationError("The embedded Kinesis speaks JSON, and this request is CBOR. "+
			"The Java SDK speaks JSON when AWS_CBOR_DISABLE=true is set."))
		return
	}
	api.Serve(s, w, r)
}

func (s *Server) account() string { return s.Account.OrDefault().ID }

func (s *Server) arn(name string) string { return s.Account.ARN("kinesis", "stream/"+name) }

// A moment is the time at which shards were created. No two moments of a server are equal, and both fields of a later one
// are greater.
type moment struct {
	at    millis
	epoch int64 // seconds since 1970, or somewhat later; part of sequence numbers
}

func (s *Server) moment() moment {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	s.last = moment{at: max(toMillis(now), s.last.at+1), epoch: max(now.Unix(), s.last.epoch+1)}
	return s.last
}

// A ref names a stream in a request: by its name, its ARN or both.
type ref struct{ StreamName, StreamARN string }

func (r ref) stream() ref { return r }

// name returns the name of the stream, which need not exist.
func (s *Server) name(r ref) (string, error) {
	if r.StreamARN == "" && r.StreamName == "" {
		return "", invalid("Either StreamName or StreamARN must be provided.")
	}
	if r.StreamARN == "" {
		return r.StreamName, nil
	}
	_, name, ok := strings.Cut(r.StreamARN, ":stream/")
	if !ok || !strings.HasPrefix(r.StreamARN, "arn:") || strings.Count(r.StreamARN, ":") != 5 || !validName(name) {
		return "", invalid("StreamARN %s is not the ARN of a stream.", r.StreamARN)
	}
	if r.StreamName != "" && r.StreamName != name {
		return "", invalid("StreamName %s and StreamARN %s do not match.", r.StreamName, r.StreamARN)
	}
	if r.StreamARN != s.arn(name) {
		return "", noStream(name, strings.Split(r.StreamARN, ":")[4])
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
	return nil, noStream(name, s.account())
}

// all returns the streams in the order of their names.
func (s *Server) all() []*stream {
	s.mu.RLock()
	defer s.mu.RUnlock()
	streams := make([]*stream, 0, len(s.streams))
	for _, name := range slices.Sorted(maps.Keys(s.streams)) {
		streams = append(streams, s.streams[name])
	}
	return streams
}

// validName reports whether a stream or a consumer may have that name.
func validName(name string) bool {
	for _, c := range []byte(name) {
		letter := 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'
		if !letter && (c < '0' || c > '9') && c != '_' && c != '.' && c != '-' {
			return false
		}
	}
	return len(name) >= 1 && len(name) <= 128
}
