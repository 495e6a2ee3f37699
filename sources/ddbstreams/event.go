package ddbstreams

import (
	"encoding/json"
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodbstreams/types"

	"github.com/esm-run/esm"
	"github.com/esm-run/esm/sources/internal/quote"
)

// shape makes the elements of an event's Records: compact JSON, with the keys that Lambda's pollers send, in their order.
// It writes them by hand because every record passes here.
type shape struct {
	region string
	tail   string // what all records of a stream end with
}

func newShape(a arn) shape {
	tail := append([]byte(nil), `,"eventSourceARN":`...)
	return shape{region: a.region, tail: string(append(quote.AppendString(tail, a.text), '}'))}
}

// record describes a record of a shard. Its group is the item's key.
func (s shape) record(r *types.Record) esm.Record {
	change := changeOf(r)
	made := madeAt(change)
	keys := appendItem(nil, change.Keys)
	seq := aws.ToString(change.SequenceNumber)
	return esm.Record{ID: seq, Receipt: seq, Group: string(keys), Arrived: made, Event: s.event(r, change, made, keys)}
}

// room is what the constant parts of an event take, its numbers and a small image.
const room = 640

// event is the element for r.
func (s shape) event(r *types.Record, change *types.StreamRecord, made time.Time, keys []byte) json.RawMessage {
	b := make([]byte, 0, room+len(s.tail)+2*len(keys)+int(sizeOf(change))*3/2)
	b = append(b, `{"eventID":`...)
	b = quote.AppendString(b, aws.ToString(r.EventID))
	b = append(b, `,"eventName":`...)
	b = quote.AppendString(b, string(r.EventName))
	b = append(b, `,"eventVersion":`...)
	b = quote.AppendString(b, or(aws.ToString(r.EventVersion), "1.1"))
	b = append(b, `,"eventSource":`...)
	b = quote.AppendString(b, or(aws.ToString(r.EventSource), "aws:dynamodb"))
	b = append(b, `,"awsRegion":`...)
	b = quote.AppendString(b, or(aws.ToString(r.AwsRegion), s.region))
	if who := r.UserIdentity; who != nil {
		b = append(b, `,"userIdentity":{"type":`...)
		b = quote.AppendString(b, aws.ToString(who.Type))
		b = append(b, `,"principalId":`...)
		b = quote.AppendString(b, aws.ToString(who.PrincipalId))
		b = append(b, '}')
	}
	b = append(b, `,"dynamodb":`...)
	b = appendChange(b, change, made, keys)
	return append(b, s.tail...)
}

func appendChange(b []byte, change *types.StreamRecord, made time.Time, keys []byte) []byte {
	b = append(b, `{"ApproximateCreationDateTime":`...)
	b = quote.AppendTime(b, made)
	b = append(b, `,"Keys":`...)
	b = append(b, keys...)
	if change.NewImage != nil {
		b = append(b, `,"NewImage":`...)
		b = appendItem(b, change.NewImage)
	}
	if change.OldImage != nil {
		b = append(b, `,"OldImage":`...)
		b = appendItem(b, change.OldImage)
	}
	b = append(b, `,"SequenceNumber":`...)
	b = quote.AppendString(b, aws.ToString(change.SequenceNumber))
	b = append(b, `,"SizeBytes":`...)
	b = strconv.AppendInt(b, sizeOf(change), 10)
	b = append(b, `,"StreamViewType":`...)
	return append(quote.AppendString(b, string(change.StreamViewType)), '}')
}

func changeOf(r *types.Record) *types.StreamRecord {
	if r.Dynamodb == nil {
		return &types.StreamRecord{}
	}
	return r.Dynamodb
}

func numberOf(r *types.Record) string { return aws.ToString(changeOf(r).SequenceNumber) }

func sizeOf(change *types.StreamRecord) int64 {
	if change.SizeBytes == nil {
		return 0
	}
	return *change.SizeBytes
}

// madeAt is when a change was made, to the second.
func madeAt(change *types.StreamRecord) time.Time {
	if change.ApproximateCreationDateTime == nil {
		return time.Now() // no service leaves it out; an age of centuries would drop the record
	}
	return *change.ApproximateCreationDateTime
}

// before reports whether a record was surely made before the second of t. DynamoDB Local, whose region has a name of its
// own, tells the minute only: what it made in that minute may have been made later.
func before(r *types.Record, t time.Time) bool {
	tick := time.Second
	if aws.ToString(r.AwsRegion) == "ddblocal" {
		tick = time.Minute
	}
	return madeAt(changeOf(r)).Before(t.Truncate(tick))
}

func or(text, otherwise string) string {
	if text == "" {
		return otherwise
	}
	return text
}
