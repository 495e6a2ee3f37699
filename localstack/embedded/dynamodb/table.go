package dynamodb

import (
	"strings"
	"time"
)

// A table is items by their keys.
type table struct {
	name, arn, id string
	created       time.Time
	schema        schema
	settings      settings
	items         map[string]item // by schema.path
	bytes         int
	stream        *stream // the latest; nil if there never was one

	lives string    // the attribute that says until when an item lives; empty if items live for ever
	due   time.Time // no item expires before; zero if none does
}

// streams tells whether changes are recorded.
func (t *table) streams() bool { return t.stream != nil && !t.stream.isClosed() }

// table finds the table that a request names, by its name or its ARN.
func (s *Server) table(name string) *table {
	if strings.HasPrefix(name, "arn:") {
		_, name, _ = strings.Cut(name, ":table/")
	}
	return s.tables[name]
}

// tableOf is the table whose items a request is about.
func (s *Server) tableOf(name string) (*table, error) {
	if name == "" {
		return nil, constraint("null", "tableName", "not be null")
	}
	t := s.table(name)
	if t == nil {
		return nil, notFound("")
	}
	return t, nil
}

// described is the table that a request itself is about.
func (s *Server) described(name string) (*table, error) {
	if t := s.table(name); t != nil {
		return t, nil
	}
	return nil, notFound(": Table: %s not found", name)
}

// apply does a change, and records it if it is one.
func (s *Server) apply(t *table, c change, now time.Time) {
	if c.old != nil {
		t.bytes -= c.old.size()
	}
	if c.new == nil {
		delete(t.items, c.path)
	} else {
		t.items[c.path] = c.new
		t.bytes += c.new.size()
		t.expects(c.new)
	}
	if t.streams() && !c.idle() {
		s.log(t.stream, c, now)
	}
}
