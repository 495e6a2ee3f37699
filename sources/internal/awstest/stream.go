package awstest

import (
	"encoding/json"
	"errors"
	"io"
	"math"
	"net/http"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"github.com/esm-run/esm"
	"github.com/esm-run/esm/sources/sourcetest"
)

// FirstShard is the shard that a stream in memory has at first.
const FirstShard = "shardId-000000000000"

// Polled is the part of a service that reads the shards of a stream in memory by iterators.
type Polled struct {
	Memory  *sourcetest.Stream
	Life    time.Duration                 // of iterators
	Most    int                           // records of one GetRecords
	Codes   map[error]string              // the service's names for the errors of the contract
	Records func(recs []esm.Record) []any // as the service sends them
}

// iterator says what it means: it is sent as JSON.
type iterator struct {
	Shard string
	From  esm.From
	Made  time.Time
	Of    string // the stream's identity
}

// Fail is the service's answer to an error of the stream in memory.
func (p *Polled) Fail(err error) *Answer {
	for kind, code := range p.Codes {
		if errors.Is(err, kind) {
			return Refusal(http.StatusBadRequest, code)
		}
	}
	return nil
}

// Iterator answers with an iterator.
func (p *Polled) Iterator(c Call, from esm.From) *Answer {
	it := iterator{Shard: c.Text("ShardId"), From: from, Made: time.Now()}
	if listing, err := p.Memory.List(c.Ctx); err == nil {
		it.Of = listing.Identity
	}
	r, err := p.Memory.Open(c.Ctx, it.Shard, from)
	if err != nil {
		return p.Fail(err)
	}
	r.Close()
	return OK(map[string]any{"ShardIterator": it.String()})
}

func (it iterator) String() string {
	text, _ := json.Marshal(it) // strings and times always encode
	return string(text)
}

// Get answers a GetRecords.
func (p *Polled) Get(c Call) *Answer {
	var it iterator
	limit, _ := c.In["Limit"].(float64)
	if err := json.Unmarshal([]byte(c.Text("ShardIterator")), &it); err != nil || limit < 1 || int(limit) > p.Most {
		return Refusal(http.StatusBadRequest, p.Codes[esm.ErrForeign])
	}
	if time.Since(it.Made) >= p.Life {
		return Refusal(http.StatusBadRequest, "ExpiredIteratorException")
	}
	if listing, err := p.Memory.List(c.Ctx); err != nil || listing.Identity != it.Of {
		return Refusal(http.StatusBadRequest, p.Codes[esm.ErrNoStream])
	}
	r, err := p.Memory.Open(c.Ctx, it.Shard, it.From)
	if err != nil {
		return p.Fail(err)
	}
	defer r.Close()
	recs, err := r.Read(c.Ctx, int(limit))
	if err != nil && err != io.EOF {
		return p.Fail(err)
	}
	out := map[string]any{"Records": p.Records(recs), "MillisBehindLatest": 0}
	if len(recs) > 0 {
		it.From.After = recs[len(recs)-1].Receipt
	}
	it.Made = time.Now()
	if _, more := r.Read(c.Ctx, 1); more != io.EOF { // the last records come with the end
		out["NextShardIterator"] = it.String()
	}
	return OK(out)
}

// DataOf returns what was put into a record of a stream in memory.
func DataOf(r esm.Record) []byte {
	var e events.KinesisEventRecord
	if err := json.Unmarshal(r.Event, &e); err != nil {
		panic(err) // the memory's events decode
	}
	return e.Kinesis.Data
}

// Rig is a stream in memory, a service that offers it, and the client's stream that reads it.
type Rig struct {
	*testing.T
	*Service
	Memory *sourcetest.Stream
	Stream esm.Stream
	Data   func(t testing.TB, r esm.Record) string // what was put
}

// Put puts records under one key.
func (r *Rig) Put(data ...string) {
	for _, d := range data {
		r.Memory.Put("key", d)
	}
}

// Open opens the first shard.
func (r *Rig) Open(from esm.From) esm.Reader {
	r.Helper()
	reader, err := r.Stream.Open(r.Context(), FirstShard, from)
	if err != nil {
		r.Fatal(err)
	}
	return reader
}

// Read makes one Read.
func (r *Rig) Read(reader esm.Reader, limit int) (data []string) {
	r.Helper()
	recs, err := reader.Read(r.Context(), limit)
	if err != nil {
		r.Fatal(err)
	}
	for _, rec := range recs {
		data = append(data, r.Data(r, rec))
	}
	return data
}

// Collect reads until there are n records, for a minute at the most.
func (r *Rig) Collect(reader esm.Reader, n int) []string {
	r.Helper()
	data, err := r.readUntil(reader, n)
	if err != nil {
		r.Fatal(err)
	}
	return data
}

// ReadAll reads until there is an error, for a minute at the most.
func (r *Rig) ReadAll(reader esm.Reader) ([]string, error) { return r.readUntil(reader, math.MaxInt) }

func (r *Rig) readUntil(reader esm.Reader, n int) (data []string, err error) {
	for start := time.Now(); len(data) < n && err == nil && time.Since(start) < time.Minute; {
		var recs []esm.Record
		recs, err = reader.Read(r.Context(), min(n-len(data), 1000))
		for _, rec := range recs {
			data = append(data, r.Data(r, rec))
		}
	}
	return data, err
}
