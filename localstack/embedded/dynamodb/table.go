package dynamodb

import (
	"strings"
	"time"
)

// A table holds items by their keys.
type table struct {
	name, arn, id string
	created       time.Time
	schema        schema
	settings      settings
	items         map[string]item // by schema.path
	bytes         int
	stream        *stream // the latest one, or nil

	ttlAttribute string    // holds the time at which an item expires; empty if time to live is disabled
	nextExpiry   time.Time // no item expires before; zero if none expires
}

// streams reports whether changes are recorded.
func (t *table) streams() bool { return t.stream != nil && !t.stream.isClosed() }

// table returns the table with that name or ARN, or nil.
func (s *Server) table(name string) *table {
	if strings.HasPrefix(name, "arn:") {
		_, name, _ = strings.Cut(name, ":table/")
	}
	return s.tables[name]
}

// dataTable returns the table whose items a request concerns.
func (s *Server) dataTable(name string) (*table, error) {
	if name == "" {
		return nil, constraint("null", "tableName", "not be null")
	}
	if t := s.table(name); t != nil {
		return t, nil
	}
	return nil, notFound("")
}

// apply makes a change, and records it if it is not empty.
func (s *Server) apply(t *table, c change, now time.Time) {
	if c.old != nil {
		t.bytes -= c.old.size()
	}
	if c.new == nil {
		delete(t.items, c.path)
	} else {
		t.items[c.path] = c.new
		t.bytes += c.new.size()
		t.noteExpiry(c.new)
	}
	if t.streams() && !c.isEmpty() {
		s.record(t.stream, c, now)
	}
}
