package kinesis

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/service/kinesis"

	"github.com/esm-run/esm"
	"github.com/esm-run/esm/sources/internal/awstest"
	"github.com/esm-run/esm/sources/sourcetest"
)

const (
	streamARN   = "arn:aws:kinesis:eu-west-1:111122223333:stream/orders"
	consumerARN = streamARN + "/consumer/orders-fn:1772600000"
	firstShard  = awstest.FirstShard
)

// rig is a stream in memory that is read over the wire.
type rig struct {
	*awstest.Rig
	stream *Stream
}

// newRig makes a rig whose stream is polled.
func newRig(t *testing.T) *rig { return rigOf(t, sourcetest.StreamConfig{}, streamARN, "") }

// newFanOut makes a rig whose stream is read through a consumer.
func newFanOut(t *testing.T) *rig { return rigOf(t, sourcetest.StreamConfig{}, consumerARN, "") }

func rigOf(t *testing.T, cfg sourcetest.StreamConfig, arn, endpoint string) *rig {
	t.Helper()
	cfg.Forgiving = true
	cfg.Pace = time.Nanosecond // the client has its own
	p := played{awstest.Polled{
		Memory: sourcetest.NewStream(cfg), Life: 5 * time.Minute, Most: 10_000, Records: records,
		Codes: map[error]string{
			esm.ErrNoStream: "ResourceNotFoundException", esm.ErrNoShard: "ResourceNotFoundException",
			esm.ErrForeign: "InvalidArgumentException",
		},
	}}
	service := &awstest.Service{Answers: map[string]awstest.Handler{
		"DescribeStreamSummary": p.describe,
		"ListShards":            p.list,
		"GetShardIterator":      p.iterate,
		"GetRecords":            p.Get,
		"SubscribeToShard":      p.subscribe,
	}}
	stream := streamOf(t, service, arn, endpoint, &Pace{})
	return &rig{&awstest.Rig{T: t, Service: service, Memory: p.Memory, Stream: stream, Data: dataOf}, stream}
}

func streamOf(t testing.TB, service *awstest.Service, arn, endpoint string, pace *Pace) *Stream {
	t.Helper()
	client := sdk.NewFromConfig(service.Config(endpoint))
	s, err := New(Config{Client: client, ARN: awstest.ARN(arn), Role: "arn:aws:iam::111122223333:role/orders-fn", Pace: pace})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func dataOf(t testing.TB, r esm.Record) string { return string(decode(t, r.Event).Kinesis.Data) }

// played is a service whose one stream is a stream in memory.
type played struct{ awstest.Polled }

func (p *played) describe(c awstest.Call) *awstest.Answer {
	listing, err := p.Memory.List(c.Ctx)
	if err != nil {
		return p.Fail(err)
	}
	life, _ := time.ParseDuration(strings.TrimPrefix(listing.Identity, "life-") + "s")
	return awstest.OK(map[string]any{"StreamDescriptionSummary": map[string]any{
		"StreamName": "orders", "StreamARN": c.In["StreamARN"], "StreamStatus": "ACTIVE", "OpenShardCount": 1,
		"StreamCreationTimestamp": 1772600000 + life.Seconds(), "RetentionPeriodHours": 24, "EnhancedMonitoring": []any{},
	}})
}

// list answers a page of two shards at a time.
func (p *played) list(c awstest.Call) *awstest.Answer {
	listing, err := p.Memory.List(c.Ctx)
	if err != nil {
		return p.Fail(err)
	}
	if c.In["NextToken"] != nil && c.In["StreamARN"] != nil {
		return awstest.Refusal(http.StatusBadRequest, "InvalidArgumentException")
	}
	page := 0
	_, _ = fmt.Sscan(c.Text("NextToken"), &page)
	out := map[string]any{}
	var shards []any
	for i := 2 * page; i < min(2*page+2, len(listing.Shards)); i++ {
		shards = append(shards, onTheWire(listing.Shards[i]))
	}
	out["Shards"] = shards
	if 2*page+2 < len(listing.Shards) {
		out["NextToken"] = fmt.Sprint(page + 1)
	}
	return awstest.OK(out)
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

func (p *played) iterate(c awstest.Call) *awstest.Answer {
	from, known := p.from(c.Text("ShardId"), c.In["ShardIteratorType"], c.In["StartingSequenceNumber"], c.In["Timestamp"])
	if !known {
		return awstest.Refusal(http.StatusBadRequest, "InvalidArgumentException")
	}
	return p.Iterator(c, from)
}

// from returns the position of an iterator or a subscription.
func (p *played) from(shard string, kind, seq, at any) (esm.From, bool) {
	switch kind {
	case "TRIM_HORIZON":
		return esm.From{}, seq == nil && at == nil
	case "AT_TIMESTAMP":
		return esm.From{At: time.UnixMilli(int64(at.(float64)*1000 + 0.5))}, seq == nil
	case "AFTER_SEQUENCE_NUMBER":
		return esm.From{After: seq.(string)}, at == nil
	case "AT_SEQUENCE_NUMBER": // after the one before it
		recs := p.Memory.Records(shard)
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

func records(recs []esm.Record) []any {
	out := []any{}
	for _, r := range recs {
		out = append(out, map[string]any{
			"SequenceNumber": r.ID, "PartitionKey": r.Group, "Data": awstest.DataOf(r), "EncryptionType": "KMS",
			"ApproximateArrivalTimestamp": float64(r.Arrived.UnixMilli()) / 1000,
		})
	}
	return out
}

func TestSuiteOverTheWire(t *testing.T) {
	for name, test := range map[string]struct {
		cfg sourcetest.StreamConfig
		arn string
	}{
		"polling":                 {sourcetest.StreamConfig{}, streamARN},
		"polling with empty ones": {sourcetest.StreamConfig{EmptyEvery: 3}, streamARN},
		"fan-out":                 {sourcetest.StreamConfig{}, consumerARN},
	} {
		t.Run(name, func(t *testing.T) {
			sourcetest.RunStream(t, synctest.Test, func(t *testing.T) sourcetest.StreamFixture {
				r := rigOf(t, test.cfg, test.arn, "")
				return sourcetest.StreamFixture{
					Stream:   r.Stream,
					Put:      func(key, data string) { r.Memory.Put(key, data) },
					Reshard:  func(shard string) { r.Memory.Split(shard) },
					Merge:    func(a, b string) { r.Memory.Merge(a, b) },
					Trim:     func() { time.Sleep(time.Millisecond); r.Memory.Trim(time.Now()) },
					Delete:   r.Memory.Delete,
					Recreate: r.Memory.Recreate,
				}
			})
		})
	}
}

func TestPolling(t *testing.T) {
	for name, paced := range map[string]bool{"at AWS's pace": true, "without a pace": false} {
		t.Run(name, func(t *testing.T) {
			awstest.RunPolling(t, awstest.Polling{
				Rig: func(t *testing.T, endpoint string) *awstest.Rig {
					r := rigOf(t, sourcetest.StreamConfig{}, streamARN, endpoint)
					if !paced {
						r.stream.pace = nil
					}
					return r.Rig
				},
				Lists:    []string{"DescribeStreamSummary", "ListShards"},
				Number:   "StartingSequenceNumber",
				Life:     iteratorLife,
				Old:      "AT_SEQUENCE_NUMBER",
				SlowDown: ErrSlowDown, Denied: ErrDenied,
				Throttled: "ProvisionedThroughputExceededException", Invalid: "InvalidArgumentException",
				Faults: map[string]awstest.PollingFault{
					"key disabled": {Answer: awstest.Refuse(400, "KMSDisabledException"), Want: ErrKey, Calls: 1, Renewals: 1},
					"key missing":  {Answer: awstest.Refuse(400, "KMSNotFoundException"), Want: ErrKey, Calls: 1, Renewals: 1},
				},
			})
		})
	}
}
