package dynamodb

import (
	"fmt"
	"hash/fnv"
	"slices"
	"strconv"
	"time"
)

// retention is how long records, closed shards and disabled streams are kept (AWS: "Change data capture for DynamoDB
// Streams").
const retention = 24 * time.Hour

// A sequence is a sequence number. It numbers all events in the streams of a server, from 1.
type sequence uint64

// String returns the number as clients see it, which has 21 digits or more.
func (n sequence) String() string { return fmt.Sprintf("%d%020d", uint64(n), uint64(n)) }

// parseSequence parses what String returned.
func parseSequence(text string) (sequence, bool) {
	if len(text) <= 20 {
		return 0, false
	}
	n, err := strconv.ParseUint(text[:len(text)-20], 10, 64)
	return sequence(n), err == nil && sequence(n).String() == text
}

// A stream records the changes of a table's items from when it is enabled until it is disabled.
type stream struct {
	arn, label string
	table      string
	view       string // NEW_IMAGE and so on
	schema     schema
	created    time.Time
	closed     time.Time         // when it was disabled; zero before
	open       []*shard          // by the hash of keys
	shards     []*shard          // those that are kept, oldest first
	named      map[string]*shard // the same, by ID
}

// A shard is the part of a stream that concerns some of the items for some of the time.
type shard struct {
	id, parent string
	first      sequence  // before its first record
	end        sequence  // behind its last record, once it is closed
	closed     time.Time // zero while it is open
	records    []record
	trimmed    sequence // the last record that is no longer kept, or 0
}

// A record is one change of an item.
type record struct {
	number   sequence
	created  time.Time
	keys     item
	old, new item // nil if there was no item before, or is none after
	expired  bool // by time to live, not by a client
}

// A change replaces, adds or removes an item of a table.
type change struct {
	path     string
	old, new item
	expired  bool
}

// isEmpty reports whether the change changes nothing.
func (c change) isEmpty() bool { return (c.old == nil) == (c.new == nil) && c.old.equal(c.new) }

// next returns the next sequence number.
func (s *Server) next() sequence {
	s.last++
	return s.last
}

// enable gives a table a new stream, whose label none of its earlier streams has.
func (s *Server) enable(t *table, view string, now time.Time) {
	const label = "2006-01-02T15:04:05.000"
	st := &stream{table: t.name, view: view, schema: t.schema, created: now, named: make(map[string]*shard)}
	for at := now.UTC(); st.arn == "" || s.streamAt(st.arn) != nil; at = at.Add(time.Millisecond) {
		st.label = at.Format(label)
		st.arn = t.arn + "/stream/" + st.label
	}
	for range max(1, s.Shards) {
		st.open = append(st.open, s.newShard(st, "", now))
	}
	s.streams = append(s.streams, st)
	t.stream = st
}

func (s *Server) newShard(st *stream, parent string, now time.Time) *shard {
	sh := &shard{parent: parent, first: s.next()}
	sum := fnv.New32a()
	fmt.Fprint(sum, st.arn, sh.first)
	sh.id = fmt.Sprintf("shardId-%020d-%08x", now.UnixMilli(), sum.Sum32())
	st.shards, st.named[sh.id] = append(st.shards, sh), sh
	return sh
}

// disable closes a table's stream, if it is enabled.
func (s *Server) disable(t *table, now time.Time) {
	if !t.streams() {
		return
	}
	for _, sh := range t.stream.open {
		sh.end, sh.closed = s.next(), now
	}
	t.stream.open, t.stream.closed = nil, now
}

// rollOver closes the open shards of a stream and gives each a child.
func (s *Server) rollOver(st *stream, now time.Time) {
	for i, sh := range st.open {
		sh.end, sh.closed = s.next(), now
		st.open[i] = s.newShard(st, sh.id, now)
	}
}

// record appends a change to a stream.
func (s *Server) record(st *stream, c change, now time.Time) {
	sum := fnv.New32a()
	sum.Write([]byte(c.path))
	sh := st.open[int(sum.Sum32()%uint32(len(st.open)))]
	r := record{number: s.next(), created: now, old: c.old, new: c.new, expired: c.expired}
	if c.new != nil {
		r.keys = st.schema.keysOf(c.new)
	} else {
		r.keys = st.schema.keysOf(c.old)
	}
	sh.trim(now)
	sh.records = append(sh.records, r)
}

// eventName returns the kind of change.
func (r *record) eventName() string {
	switch {
	case r.old == nil:
		return "INSERT"
	case r.new == nil:
		return "REMOVE"
	}
	return "MODIFY"
}

// trim drops the records that are no longer kept.
func (sh *shard) trim(now time.Time) {
	n := 0
	for n < len(sh.records) && now.Sub(sh.records[n].created) >= retention {
		sh.trimmed = sh.records[n].number
		n++
	}
	if n > 0 {
		sh.records = slices.Clone(sh.records[n:])
	}
}

func (sh *shard) isClosed() bool             { return !sh.closed.IsZero() }
func (sh *shard) expired(now time.Time) bool { return sh.isClosed() && now.Sub(sh.closed) >= retention }

func (st *stream) isClosed() bool { return !st.closed.IsZero() }
func (st *stream) expired(now time.Time) bool {
	return st.isClosed() && now.Sub(st.closed) >= retention
}

// shard returns a shard that is kept.
func (st *stream) shard(id string, now time.Time) (*shard, error) {
	sh := st.named[id]
	if sh == nil || sh.expired(now) {
		return nil, notFound(": Shard: %s in Stream: %s not found", id, st.arn)
	}
	sh.trim(now)
	return sh, nil
}

// forget drops the shards that have expired.
func (st *stream) forget(now time.Time) {
	st.shards = slices.DeleteFunc(st.shards, func(sh *shard) bool {
		if sh.expired(now) {
			delete(st.named, sh.id)
		}
		return sh.expired(now)
	})
}

// streamAt returns the stream with that ARN, or nil.
func (s *Server) streamAt(arn string) *stream {
	for _, st := range s.streams {
		if st.arn == arn {
			return st
		}
	}
	return nil
}

// stream returns a stream that is kept.
func (s *Server) stream(arn string, now time.Time) (*stream, error) {
	st := s.streamAt(arn)
	if st == nil || st.expired(now) {
		return nil, notFound(": Stream: %s not found", arn)
	}
	return st, nil
}
