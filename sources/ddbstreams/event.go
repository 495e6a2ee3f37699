package ddbstreams

import (
	"cmp"
	"encoding/json"
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodbstreams/types"

	"github.com/esm-run/esm"
	"github.com/esm-run/esm/sources/internal/quote"
)

// shape writes the elements of an event's Records: compact JSON with the members that Lambda's pollers send, in their
// order. It does so by hand because every record passes here.
type shape struct {
	region string
	tail   string // the end of all records of a stream
}

func newShape(a arn) shape {
	return shape{region: a.region, tail: string(quote.AppendMember(nil, `,"eventSourceARN":`, a.text)) + "}"}
}

// record returns the record of a shard in the engine's form. Its group is the item's key.
func (s shape) record(r *types.Record) esm.Record {
	change := changeOf(r)
	made := madeAt(change)
	keys := appendItem(nil, change.Keys)
	seq := aws.ToString(change.SequenceNumber)
	return esm.Record{ID: seq, Receipt: seq, Group: string(keys), Arrived: made, Event: s.event(r, change, made, keys)}
}

// room is the size of the constant parts of an event, of its numbers and of a small image.
const room = 640

// event returns the element for r.
func (s shape) event(r *types.Record, change *types.StreamRecord, made time.Time, keys []byte) json.RawMessage {
	b := make([]byte, 0, room+len(s.tail)+2*len(keys)+int(aws.ToInt64(change.SizeBytes))*3/2)
	b = quote.AppendMember(b, `{"eventID":`, aws.ToString(r.EventID))
	b = quote.AppendMember(b, `,"eventName":`, string(r.EventName))
	b = quote.AppendMember(b, `,"eventVersion":`, cmp.Or(aws.ToString(r.EventVersion), "1.1"))
	b = quote.AppendMember(b, `,"eventSource":`, cmp.Or(aws.ToString(r.EventSource), "aws:dynamodb"))
	b = quote.AppendMember(b, `,"awsRegion":`, cmp.Or(aws.ToString(r.AwsRegion), s.region))
	if who := r.UserIdentity; who != nil {
		b = quote.AppendMember(b, `,"userIdentity":{"type":`, aws.ToString(who.Type))
		b = quote.AppendMember(b, `,"principalId":`, aws.ToString(who.PrincipalId))
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
	b = quote.AppendMember(b, `,"SequenceNumber":`, aws.ToString(change.SequenceNumber))
	b = append(b, `,"SizeBytes":`...)
	b = strconv.AppendInt(b, aws.ToInt64(change.SizeBytes), 10)
	return append(quote.AppendMember(b, `,"StreamViewType":`, string(change.StreamViewType)), '}')
}

func changeOf(r *types.Record) *types.StreamRecord {
	if r.Dynamodb == nil {
		return &types.StreamRecord{}
	}
	return r.Dynamodb
}

func numberOf(r *types.Record) string { return aws.ToString(changeOf(r).SequenceNumber) }

// madeAt returns when a change was made, to the second.
func madeAt(change *types.StreamRecord) time.Time {
	if change.ApproximateCreationDateTime == nil {
		return time.Now() // no service omits it; an age of centuries would drop the record
	}
	return *change.ApproximateCreationDateTime
}

// before reports whether a record was certainly made before the second of t. DynamoDB Local, whose region has a name of
// its own, gives the minute only: the record may have been made later in that minute.
func before(r *types.Record, t time.Time) bool {
	tick := time.Second
	if aws.ToString(r.AwsRegion) == "ddblocal" {
		tick = time.Minute
	}
	return madeAt(changeOf(r)).Before(t.Truncate(tick))
}
