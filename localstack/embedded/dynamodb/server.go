package dynamodb

import (
	"cmp"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/esm-run/esm/localstack/embedded/wire"
)

// A Server is the DynamoDB of one account in one Region. The zero Server is ready and empty. All methods may be called side
// by side. It must not be copied.
type Server struct {
	// Region is part of ARNs and of the records of streams; empty is us-east-1. The Region that a request was signed for
	// does not matter.
	Region string
	// AccountID owns the tables and is part of their ARNs; empty is 000000000000.
	AccountID string
	// Shards is how many shards a stream begins with; 0 is 1. Items are dealt among them by their keys.
	Shards int

	mu      sync.Mutex // guards the rest
	tables  map[string]*table
	streams []*stream // oldest first
	last    sequence
}

func (s *Server) region() string { return cmp.Or(s.Region, "us-east-1") }

func (s *Server) arn(table string) string {
	return "arn:aws:dynamodb:" + s.region() + ":" + cmp.Or(s.AccountID, "000000000000") + ":table/" + table
}

// ServeHTTP answers one request to DynamoDB or to DynamoDB Streams. It does not block.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if strings.HasPrefix(r.Header.Get("X-Amz-Target"), streamOperations.Target) {
		streamOperations.Serve(s, w, r)
		return
	}
	tableOperations.Serve(s, w, r)
}

// RollOver closes every open shard of a table's stream and gives each a child, as DynamoDB does every few hours. It is an
// error if there is no such table or its stream is not enabled.
func (s *Server) RollOver(table string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	t := s.tables[table]
	if t == nil || !t.streams() {
		return fmt.Errorf("dynamodb: roll over: %s is no table whose stream is enabled", table)
	}
	s.rollOver(t.stream, time.Now())
	return nil
}

// at makes an operation of what is done under the lock at a time. Items that have expired by then are gone.
func at[In, Out any](perform func(s *Server, now time.Time, in In) (Out, error)) wire.Operation[*Server] {
	return wire.Call(func(s *Server, _ *http.Request, in In) (Out, error) {
		s.mu.Lock()
		defer s.mu.Unlock()
		now := time.Now()
		s.expire(now)
		return perform(s, now, in)
	})
}
