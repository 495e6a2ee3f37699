package dynamodb

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/esm-run/esm/localstack/embedded/wire"
)

// A Server is the DynamoDB of one account in one Region. The zero Server is ready and empty. Its methods may be called
// concurrently. It must not be copied.
type Server struct {
	// Account owns the tables and is part of their ARNs. Its Region is part of the records of streams.
	Account wire.Account
	// Shards is the number of shards that a new stream has; 0 is 1. Items are assigned to shards by their keys.
	Shards int

	mu      sync.Mutex // guards the rest
	tables  map[string]*table
	streams []*stream // oldest first
	last    sequence
}

// ServeHTTP answers one request to DynamoDB or to DynamoDB Streams. It does not block.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if strings.HasPrefix(r.Header.Get("X-Amz-Target"), streamsAPI.Target) {
		streamsAPI.Serve(s, w, r)
		return
	}
	tablesAPI.Serve(s, w, r)
}

// RollOver closes every open shard of a table's stream and gives each a child, as DynamoDB does every few hours. It returns
// an error if the table does not exist or its stream is not enabled.
func (s *Server) RollOver(table string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	t := s.tables[table]
	if t == nil || !t.streams() {
		return fmt.Errorf("dynamodb: roll over: no table %s with an enabled stream", table)
	}
	s.rollOver(t.stream, time.Now())
	return nil
}
