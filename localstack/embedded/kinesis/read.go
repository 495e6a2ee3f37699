package kinesis

import (
	"bufio"
	"encoding/json"
	"net/http"
	"strconv"

	"github.com/google/uuid"

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

// getRecords is GetRecords. Records were encoded when they were put, so that nothing is left to do but to write them.
func (s *Server) getRecords(w http.ResponseWriter, _ *http.Request, body []byte) error {
	var in readInput
	if err := wire.Decode(body, &in); err != nil {
		return err
	}
	limit, err := between(in.Limit, "limit", 1, maxRead, maxRead)
	if err != nil {
		return err
	}
	it, ok := parseIterator(in.ShardIterator)
	if !ok {
		return invalid("Invalid ShardIterator.")
	}
	now := now()
	if err := it.fresh(now); err != nil {
		return err
	}
	p, err := s.read(it, in.StreamARN, limit, now)
	if err != nil {
		return err
	}
	it.issued, it.next = now, p.next
	writePage(w, p, it)
	return nil
}

// read reads where an iterator is.
func (s *Server) read(it iterator, arn string, limit int, now millis) (page, error) {
	st, err := s.find(ref{it.stream, arn})
	if err != nil {
		return page{}, err
	}
	if st.made.at != it.made {
		return page{}, invalid("Invalid ShardIterator.")
	}
	st.mu.Lock()
	defer st.mu.Unlock()
	sh := st.shard(it.shard, now)
	if sh == nil {
		return page{}, st.noShard(it.shard)
	}
	if s.Throttle && !sh.meter.admits(now) {
		return page{}, wire.Refuse("ProvisionedThroughputExceededException", "Rate exceeded for shard %s in stream %s under account %s.",
			sh.id(), st.name, st.account)
	}
	p := sh.read(it.next, limit, maxReadBytes, now)
	sh.meter.add(p.size())
	return p, nil
}

// A meter counts what is read of a shard.
type meter struct {
	second millis // the one that is counted
	calls  int
	bytes  int // more than a second's fill the next ones
}

const (
	readsPerSecond = 5
	bytesPerSecond = 2 << 20
)

func (m *meter) admits(now millis) bool {
	if passed := int(now/1000 - m.second); passed > 0 {
		m.calls, m.bytes = 0, max(0, m.bytes-min(passed, 10)*bytesPerSecond)
	}
	m.second = now / 1000
	return m.calls < readsPerSecond && m.bytes < bytesPerSecond
}

func (m *meter) add(bytes int) {
	m.calls++
	m.bytes += bytes
}

// writePage answers a GetRecords.
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
	w.Header().Set("Content-Type", "application/x-amz-json-"+version)
	w.Header().Set("X-Amzn-Requestid", uuid.NewString())
	w.Header().Set("Content-Length", strconv.Itoa(length))
	out := bufio.NewWriterSize(w, min(length, 64<<10))
	out.Write(head) // a client that is gone cannot be told
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
		children[i] = childJSON{sh.id(), sh.parentIDs(), rangeOf(sh.keys)}
	}
	b, _ := json.Marshal(children) // texts always encode
	return b
}
