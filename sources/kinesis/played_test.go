package kinesis

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"github.com/esm-run/esm"
	"github.com/esm-run/esm/sources/sourcetest"
)

// played is a service whose one stream is a stream in memory. Its iterators say what they mean: they are JSON.
type played struct {
	memory *sourcetest.Stream
}

type playedIterator struct {
	Shard, After string
	At, Made     time.Time
	Life         string
}

func newPlayed(cfg sourcetest.StreamConfig) *played {
	cfg.Forgiving = true
	cfg.Pace = time.Nanosecond // the client has its own
	return &played{memory: sourcetest.NewStream(cfg)}
}

func (p *played) service() *service {
	return &service{answers: map[string]func(call) *answer{
		"DescribeStreamSummary": p.describe,
		"ListShards":            p.list,
		"GetShardIterator":      p.iterate,
		"GetRecords":            p.get,
	}}
}

func failed(err error) *answer {
	switch {
	case errors.Is(err, esm.ErrNoStream), errors.Is(err, esm.ErrNoShard):
		return refusal(http.StatusBadRequest, "ResourceNotFoundException")
	case errors.Is(err, esm.ErrForeign):
		return refusal(http.StatusBadRequest, "InvalidArgumentException")
	}
	return nil
}

func (p *played) describe(c call) *answer {
	listing, err := p.memory.List(c.ctx)
	if err != nil {
		return failed(err)
	}
	life, _ := time.ParseDuration(strings.TrimPrefix(listing.Identity, "life-") + "s")
	return ok(map[string]any{"StreamDescriptionSummary": map[string]any{
		"StreamName": "orders", "StreamARN": c.in["StreamARN"], "StreamStatus": "ACTIVE", "OpenShardCount": 1,
		"StreamCreationTimestamp": 1772600000 + life.Seconds(), "RetentionPeriodHours": 24, "EnhancedMonitoring": []any{},
	}})
}

// list answers a page of two shards at a time.
func (p *played) list(c call) *answer {
	listing, err := p.memory.List(c.ctx)
	if err != nil {
		return failed(err)
	}
	if c.in["NextToken"] != nil && c.in["StreamARN"] != nil {
		return refusal(http.StatusBadRequest, "InvalidArgumentException")
	}
	page := 0
	_, _ = fmt.Sscan(c.text("NextToken"), &page)
	out := map[string]any{}
	var shards []any
	for i := 2 * page; i < min(2*page+2, len(listing.Shards)); i++ {
		shards = append(shards, onTheWire(listing.Shards[i]))
	}
	out["Shards"] = shards
	if 2*page+2 < len(listing.Shards) {
		out["NextToken"] = fmt.Sprint(page + 1)
	}
	return ok(out)
}

func onTheWire(s esm.Shard) map[string]any {
	numbers := map[string]any{"StartingSequenceNumber": "49660123456789012345678901234567890123456789012345678914"}
	if s.Closed {
		numbers["EndingSequenceNumber"] = "9223372036854775807"
	}
	out := map[string]any{
		"ShardId": s.ID, "SequenceNumberRange": numbers,
		"HashKeyRange": map[string]any{"StartingHashKey": "0", "EndingHashKey": "340282366920938463463374607431768211455"},
	}
	for i, member := range []string{"ParentShardId", "AdjacentParentShardId"} {
		if i < len(s.Parents) {
			out[member] = s.Parents[i]
		}
	}
	return out
}

func (p *played) iterate(c call) *answer {
	from, known := p.from(c.text("ShardId"), c.in["ShardIteratorType"], c.in["StartingSequenceNumber"], c.in["Timestamp"])
	if !known {
		return refusal(http.StatusBadRequest, "InvalidArgumentException")
	}
	it := playedIterator{Shard: c.text("ShardId"), After: from.After, At: from.At, Made: time.Now()}
	if listing, err := p.memory.List(c.ctx); err == nil {
		it.Life = listing.Identity
	}
	r, err := p.memory.Open(c.ctx, it.Shard, from)
	if err != nil {
		return failed(err)
	}
	r.Close()
	return ok(map[string]any{"ShardIterator": it.String()})
}

// from is where an iterator or a subscription of some kind begins.
func (p *played) from(shard string, kind, seq, at any) (esm.From, bool) {
	switch kind {
	case "TRIM_HORIZON":
		return esm.From{}, seq == nil && at == nil
	case "AT_TIMESTAMP":
		return esm.From{At: time.UnixMilli(int64(at.(float64)*1000 + 0.5))}, seq == nil
	case "AFTER_SEQUENCE_NUMBER":
		return esm.From{After: seq.(string)}, at == nil
	case "AT_SEQUENCE_NUMBER": // behind the one before it
		recs := p.memory.Records(shard)
		for i := range recs {
			if recs[i].Receipt == seq && i > 0 {
				return esm.From{After: recs[i-1].Receipt}, at == nil
			}
		}
		if len(recs) > 0 && recs[0].Receipt == seq {
			return esm.From{}, at == nil
		}
		return esm.From{After: seq.(string)}, at == nil // which is an error
	}
	return esm.From{}, false
}

func (it playedIterator) String() string {
	text, _ := json.Marshal(it)
	return string(text)
}

func (p *played) get(c call) *answer {
	var it playedIterator
	if err := json.Unmarshal([]byte(c.text("ShardIterator")), &it); err != nil {
		return refusal(http.StatusInternalServerError, "InternalFailure")
	}
	if time.Since(it.Made) >= 5*time.Minute {
		return refusal(http.StatusBadRequest, "ExpiredIteratorException")
	}
	if listing, err := p.memory.List(c.ctx); err != nil || listing.Identity != it.Life {
		return refusal(http.StatusBadRequest, "ResourceNotFoundException")
	}
	r, err := p.memory.Open(c.ctx, it.Shard, esm.From{After: it.After, At: it.At})
	if err != nil {
		return failed(err)
	}
	defer r.Close()
	recs, err := r.Read(c.ctx, int(c.in["Limit"].(float64)))
	if err != nil && err != io.EOF {
		return failed(err)
	}
	out := map[string]any{"Records": records(recs), "MillisBehindLatest": 0}
	if len(recs) > 0 {
		it.After = recs[len(recs)-1].Receipt
	}
	it.Made = time.Now()
	if _, more := r.Read(c.ctx, 1); more != io.EOF { // the last records come with the end
		out["NextShardIterator"] = it.String()
	}
	return ok(out)
}

func records(recs []esm.Record) []any {
	out := []any{}
	for _, r := range recs {
		var e events.KinesisEventRecord
		if err := json.Unmarshal(r.Event, &e); err != nil {
			panic(err) // the memory's events decode
		}
		out = append(out, map[string]any{
			"SequenceNumber": r.ID, "PartitionKey": r.Group, "Data": e.Kinesis.Data, "EncryptionType": "KMS",
			"ApproximateArrivalTimestamp": float64(r.Arrived.UnixMilli()) / 1000,
		})
	}
	return out
}

func TestSuiteOverTheWire(t *testing.T) {
	for name, cfg := range map[string]sourcetest.StreamConfig{
		"plain":           {},
		"with empty ones": {EmptyEvery: 3},
	} {
		t.Run(name, func(t *testing.T) {
			sourcetest.RunStream(t, synctest.Test, func(t *testing.T) sourcetest.StreamFixture {
				p := newPlayed(cfg)
				return fixture(p, p.service().of(t, streamARN))
			})
		})
	}
}

func fixture(p *played, s *Stream) sourcetest.StreamFixture {
	return sourcetest.StreamFixture{
		Stream:   s,
		Put:      func(key, data string) { p.memory.Put(key, data) },
		Reshard:  func(shard string) { p.memory.Split(shard) },
		Merge:    func(a, b string) { p.memory.Merge(a, b) },
		Trim:     func() { time.Sleep(time.Millisecond); p.memory.Trim(time.Now()) },
		Delete:   p.memory.Delete,
		Recreate: p.memory.Recreate,
	}
}
