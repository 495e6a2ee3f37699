package ddbstreams

import (
	"fmt"
	"net/http"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/service/dynamodbstreams"

	"github.com/esm-run/esm"
	"github.com/esm-run/esm/sources/internal/awstest"
	"github.com/esm-run/esm/sources/sourcetest"
)

const (
	streamARN  = "arn:aws:dynamodb:eu-west-1:111122223333:table/carts/stream/2026-03-01T09:10:11.345"
	firstShard = awstest.FirstShard
)

func newRig(t *testing.T) *awstest.Rig { return rigOf(t, sourcetest.StreamConfig{}, "") }

func rigOf(t *testing.T, cfg sourcetest.StreamConfig, endpoint string) *awstest.Rig {
	t.Helper()
	cfg.Pace = time.Nanosecond // the client has its own
	p := played{awstest.Polled{
		Memory: sourcetest.NewStream(cfg), Life: 15 * time.Minute, Most: 1000, Records: records,
		Codes: map[error]string{
			esm.ErrNoStream: "ResourceNotFoundException", esm.ErrNoShard: "ResourceNotFoundException",
			esm.ErrForeign: "ValidationException", esm.ErrTrimmed: "TrimmedDataAccessException",
		},
	}}
	service := &awstest.Service{Answers: map[string]awstest.Handler{
		"DescribeStream":   p.describe,
		"GetShardIterator": p.iterate,
		"GetRecords":       p.Get,
	}}
	stream, err := New(Config{Client: sdk.NewFromConfig(service.Config(endpoint)), ARN: awstest.ARN(streamARN)})
	if err != nil {
		t.Fatal(err)
	}
	return &awstest.Rig{T: t, Service: service, Memory: p.Memory, Stream: stream, Data: dataOf}
}

// dataOf returns an attribute of the item.
func dataOf(t testing.TB, r esm.Record) string {
	return decode(t, r.Event).Change.NewImage["data"].String()
}

// played is a service whose one stream is a stream in memory.
type played struct{ awstest.Polled }

// describe answers a page of two shards at a time, or of a hundred when there are many.
func (p *played) describe(c awstest.Call) *awstest.Answer {
	listing, err := p.Memory.List(c.Ctx)
	if err != nil {
		return p.Fail(err)
	}
	begin := 1 + slices.IndexFunc(listing.Shards, func(s esm.Shard) bool { return s.ID == c.Text("ExclusiveStartShardId") })
	size := 2
	if len(listing.Shards) > 100 {
		size = 100
	}
	page := listing.Shards[begin:min(begin+size, len(listing.Shards))]
	shards := []any{}
	for _, s := range page {
		shards = append(shards, onTheWire(s))
	}
	out := map[string]any{"StreamArn": c.In["StreamArn"], "StreamStatus": "ENABLED", "Shards": shards}
	if begin+len(page) < len(listing.Shards) {
		out["LastEvaluatedShardId"] = page[len(page)-1].ID
	}
	return awstest.OK(map[string]any{"StreamDescription": out})
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

func (p *played) iterate(c awstest.Call) *awstest.Answer {
	from := esm.From{}
	switch c.In["ShardIteratorType"] {
	case "AFTER_SEQUENCE_NUMBER":
		from.After = c.Text("SequenceNumber")
	case "TRIM_HORIZON":
	default:
		return awstest.Refusal(http.StatusBadRequest, "ValidationException")
	}
	return p.Iterator(c, from)
}

func records(recs []esm.Record) []any {
	out := []any{}
	for i, r := range recs {
		key := map[string]any{"S": r.Group}
		out = append(out, map[string]any{
			"eventID": fmt.Sprintf("%032x", i), "eventName": "INSERT", "eventVersion": "1.1",
			"eventSource": "aws:dynamodb", "awsRegion": "eu-west-1",
			"dynamodb": map[string]any{
				"ApproximateCreationDateTime": r.Arrived.Unix(),
				"Keys":                        map[string]any{"pk": key},
				"NewImage":                    map[string]any{"pk": key, "data": map[string]any{"S": string(awstest.DataOf(r))}},
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
				r := rigOf(t, cfg, "")
				return sourcetest.StreamFixture{
					Stream:  r.Stream,
					Put:     func(key, data string) { r.Memory.Put(key, data) },
					Data:    func(rec esm.Record) string { return dataOf(t, rec) },
					Reshard: func(shard string) { r.Memory.Split(shard) },
					Trim:    func() { time.Sleep(time.Nanosecond); r.Memory.Trim(time.Now()) },
					Delete:  r.Memory.Delete,
					Tick:    time.Second,
				}
			})
		})
	}
}

func TestPolling(t *testing.T) {
	awstest.RunPolling(t, awstest.Polling{
		Rig:      func(t *testing.T, endpoint string) *awstest.Rig { return rigOf(t, sourcetest.StreamConfig{}, endpoint) },
		Lists:    []string{"DescribeStream"},
		Number:   "SequenceNumber",
		Life:     15 * time.Minute,
		Old:      "AFTER_SEQUENCE_NUMBER",
		SlowDown: ErrSlowDown, Denied: ErrDenied,
		Throttled: "LimitExceededException", Invalid: "ValidationException",
		Faults: map[string]awstest.PollingFault{
			"trimmed": {Answer: awstest.Refuse(400, "TrimmedDataAccessException"), Want: esm.ErrTrimmed, Calls: 2, Renewals: 2},
		},
	})
}
