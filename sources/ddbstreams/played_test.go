package ddbstreams

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
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
	page   int // shards on a page of a listing
}

type playedIterator struct {
	Shard, After string
	Made         time.Time
}

func newPlayed(cfg sourcetest.StreamConfig) *played {
	cfg.Pace = time.Nanosecond // the client has its own
	return &played{memory: sourcetest.NewStream(cfg), page: 2}
}

func (p *played) service() *service {
	return &service{answers: map[string]func(call) *answer{
		"DescribeStream":   p.describe,
		"GetShardIterator": p.iterate,
		"GetRecords":       p.get,
	}}
}

func failed(err error) *answer {
	switch {
	case errors.Is(err, esm.ErrNoStream), errors.Is(err, esm.ErrNoShard):
		return refusal(http.StatusBadRequest, "ResourceNotFoundException")
	case errors.Is(err, esm.ErrForeign):
		return refusal(http.StatusBadRequest, "ValidationException")
	case errors.Is(err, esm.ErrTrimmed):
		return refusal(http.StatusBadRequest, "TrimmedDataAccessException")
	}
	return nil
}

func (p *played) describe(c call) *answer {
	listing, err := p.memory.List(c.ctx)
	if err != nil {
		return failed(err)
	}
	begin := 1 + slices.IndexFunc(listing.Shards, func(s esm.Shard) bool { return s.ID == c.text("ExclusiveStartShardId") })
	page := listing.Shards[begin:min(begin+p.page, len(listing.Shards))]
	shards := []any{}
	for _, s := range page {
		shards = append(shards, onTheWire(s))
	}
	out := map[string]any{"StreamArn": c.in["StreamArn"], "StreamStatus": "ENABLED", "Shards": shards}
	if begin+len(page) < len(listing.Shards) {
		out["LastEvaluatedShardId"] = page[len(page)-1].ID
	}
	return ok(map[string]any{"StreamDescription": out})
}

func onTheWire(s esm.Shard) map[string]any {
	numbers := map[string]any{"StartingSequenceNumber": "4500001234567890123456"}
	if s.Closed {
		numbers["EndingSequenceNumber"] = "4700000987654321098765"
	}
	out := map[string]any{"ShardId": s.ID, "SequenceNumberRange": numbers}
	if len(s.Parents) > 0 {
		out["ParentShardId"] = s.Parents[0]
	}
	return out
}

func (p *played) iterate(c call) *answer {
	it := playedIterator{Shard: c.text("ShardId"), Made: time.Now()}
	switch c.in["ShardIteratorType"] {
	case "AFTER_SEQUENCE_NUMBER":
		it.After = c.text("SequenceNumber")
	case "TRIM_HORIZON":
	default:
		return refusal(http.StatusBadRequest, "ValidationException")
	}
	r, err := p.memory.Open(c.ctx, it.Shard, esm.From{After: it.After})
	if err != nil {
		return failed(err)
	}
	r.Close()
	return ok(map[string]any{"ShardIterator": it.String()})
}

func (it playedIterator) String() string {
	text, _ := json.Marshal(it)
	return string(text)
}

func (p *played) get(c call) *answer {
	var it playedIterator
	limit, limited := c.in["Limit"].(float64)
	if err := json.Unmarshal([]byte(c.text("ShardIterator")), &it); err != nil || !limited || limit < 1 {
		return refusal(http.StatusBadRequest, "ValidationException")
	}
	if limit > 1000 {
		return refusal(http.StatusBadRequest, "LimitExceededException")
	}
	if time.Since(it.Made) >= 15*time.Minute {
		return refusal(http.StatusBadRequest, "ExpiredIteratorException")
	}
	r, err := p.memory.Open(c.ctx, it.Shard, esm.From{After: it.After})
	if err != nil {
		return failed(err)
	}
	defer r.Close()
	recs, err := r.Read(c.ctx, int(limit))
	if err != nil && err != io.EOF {
		return failed(err)
	}
	out := map[string]any{"Records": records(recs)}
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
	for i, r := range recs {
		var e events.KinesisEventRecord
		if err := json.Unmarshal(r.Event, &e); err != nil {
			panic(err) // the memory's events decode
		}
		key := map[string]any{"S": r.Group}
		out = append(out, map[string]any{
			"eventID": fmt.Sprintf("%032x", i), "eventName": "INSERT", "eventVersion": "1.1",
			"eventSource": "aws:dynamodb", "awsRegion": "eu-west-1",
			"dynamodb": map[string]any{
				"ApproximateCreationDateTime": r.Arrived.Unix(),
				"Keys":                        map[string]any{"pk": key},
				"NewImage":                    map[string]any{"pk": key, "data": map[string]any{"S": string(e.Kinesis.Data)}},
				"SequenceNumber":              r.ID, "SizeBytes": 20, "StreamViewType": "NEW_IMAGE",
			},
		})
	}
	return out
}

func TestSuiteOverTheWire(t *testing.T) {
	for name, cfg := range map[string]sourcetest.StreamConfig{
		"plain":           {},
		"with empty ones": {EmptyEvery: 3},
		"listed late":     {Lag: 3 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			sourcetest.RunStream(t, synctest.Test, func(t *testing.T) sourcetest.StreamFixture {
				p := newPlayed(cfg)
				return sourcetest.StreamFixture{
					Stream:  p.service().stream(t),
					Put:     func(key, data string) { p.memory.Put(key, data) },
					Data:    func(r esm.Record) string { return dataOf(t, r) },
					Reshard: func(shard string) { p.memory.Split(shard) },
					Trim:    func() { time.Sleep(time.Nanosecond); p.memory.Trim(time.Now()) },
					Delete:  p.memory.Delete,
					Tick:    time.Second,
				}
			})
		})
	}
}

// dataOf is what a test put: an attribute of the item.
func dataOf(t testing.TB, r esm.Record) string {
	t.Helper()
	return decode(t, r.Event).Change.NewImage["data"].String()
}
