package kinesis

import (
	"bufio"
	"encoding/json"
	"net/http"
	"strconv"

	"github.com/esm-run/esm/localstack/embedded/wire"
)

const (
	maxRead      = 10_000   // records of a GetRecords
	maxReadBytes = 10 << 20 // its bytes of data and keys
)

type readInput struct {
	ShardIterator string
	Limit         *int
	StreamARN     string
}

// getRecords performs GetRecords. It only writes the records, which were encoded when they were put.
func (s *Server) getRecords(w http.ResponseWriter, _ *http.Request, body []byte) error {
	var in readInput
	if err := wire.Decode(body, &in); err != nil {
		return err
	}
	limit, err := limitOf(in.Limit, "limit", maxRead, maxRead)
	if err != nil {
		return err
	}
	it, ok := parseIterator(in.ShardIterator)
	if !ok {
		return invalid("Invalid ShardIterator.")
	}
	now := now()
	if err := it.checkAge(now); err != nil {
		return err
	}
	p, err := s.read(it, in.StreamARN, limit, now)
	if err != nil {
		return err
	}
	it.Issued, it.Next = now, p.next
	writePage(w, p, it)
	return nil
}

// read returns the page at an iterator.
func (s *Server) read(it iterator, arn string, limit int, now millis) (page, error) {
	st, err := s.find(ref{it.Stream, arn})
	if err != nil {
		return page{}, err
	}
	if st.created.at != it.Created {
		return page{}, invalid("Invalid ShardIterator.")
	}
	st.mu.Lock()
	defer st.mu.Unlock()
	sh := st.shard(it.Shard, now)
	if sh == nil {
		return page{}, st.noShard(it.Shard)
	}
	return sh.read(it.Next, limit, maxReadBytes, now), nil
}

// writePage writes the response to a GetRecords.
func writePage(w http.ResponseWriter, p page, next iterator) {
	head := []byte(`{"Records":[`)
	tail := append(strconv.AppendInt([]byte(`],"MillisBehindLatest":`), int64(p.behind), 10), `,"NextShardIterator":`...)
	if p.end {
		tail = append(append(tail, `null,"ChildShards":`...), encodeChildren(p.children)...)
	} else {
		tail = append(append(append(tail, '"'), next.String()...), '"')
	}
	tail = append(tail, '}')
	length := len(head) + len(tail) + max(0, len(p.recs)-1)
	for i := range p.recs {
		length += len(p.recs[i].text)
	}
	wire.SetHeaders(w.Header(), version)
	w.Header().Set("Content-Length", strconv.Itoa(length))
	out := bufio.NewWriterSize(w, min(length, 64<<10))
	out.Write(head) // an error means that the client is gone
	for i := range p.recs {
		if i > 0 {
			out.WriteByte(',')
		}
		out.Write(p.recs[i].text)
	}
	out.Write(tail)
	out.Flush()
}

type childJSON struct {
	ShardId      string
	ParentShards []string
	HashKeyRange hashRange
}

func encodeChildren(shards []*shard) []byte {
	children := make([]childJSON, len(shards))
	for i, sh := range shards {
		children[i] = childJSON{ShardId: sh.id(), HashKeyRange: rangeOf(sh.keys)}
		for _, parent := range sh.parents {
			children[i].ParentShards = append(children[i].ParentShards, parent.id())
		}
	}
	b, _ := json.Marshal(children) // strings always encode
	return b
}
