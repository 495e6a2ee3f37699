package kinesis

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"time"
	"unicode/utf8"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/kinesis/types"

	"github.com/esm-run/esm"
	"github.com/esm-run/esm/sources/internal/quote"
)

// record describes a record of a shard.
func (s *Stream) record(shard string, r *types.Record) esm.Record {
	out := esm.Record{
		ID:      aws.ToString(r.SequenceNumber),
		Receipt: aws.ToString(r.SequenceNumber),
		Group:   aws.ToString(r.PartitionKey),
		Event:   s.shape.event(shard, r),
	}
	if r.ApproximateArrivalTimestamp != nil {
		out.Arrived = *r.ApproximateArrivalTimestamp
	} else {
		out.Arrived = time.Now() // no service leaves it out; an age of centuries would drop the record
	}
	if s.filtered {
		out.View = view(r)
	}
	return out
}

// shape makes the elements of an event's Records: compact JSON, with the keys that Lambda's pollers send, in their order.
// It writes them by hand because every record passes here.
type shape struct {
	tail string // what all records of a stream end with
}

func newShape(a arn, role string) shape {
	tail := append([]byte(nil), `,"eventName":"aws:kinesis:record","invokeIdentityArn":`...)
	tail = quote.AppendString(tail, role)
	tail = append(tail, `,"awsRegion":`...)
	tail = quote.AppendString(tail, a.region)
	tail = append(tail, `,"eventSourceARN":`...)
	tail = quote.AppendString(tail, a.text)
	return shape{tail: string(append(tail, '}'))}
}

// room is what the constant parts of an event take, and its time.
const room = 216

// event is the element for r. Its data is the bytes that were put, in base64, whatever they are.
func (s shape) event(shard string, r *types.Record) json.RawMessage {
	seq, key := aws.ToString(r.SequenceNumber), aws.ToString(r.PartitionKey)
	b := make([]byte, 0, room+2*len(seq)+len(key)+len(shard)+base64.StdEncoding.EncodedLen(len(r.Data))+len(s.tail))
	b = append(b, `{"kinesis":{"kinesisSchemaVersion":"1.0","partitionKey":`...)
	b = quote.AppendString(b, key)
	b = append(b, `,"sequenceNumber":`...)
	b = quote.AppendString(b, seq)
	b = append(b, `,"data":"`...)
	b = base64.StdEncoding.AppendEncode(b, r.Data)
	b = append(b, `","approximateArrivalTimestamp":`...)
	b = quote.AppendTime(b, aws.ToTime(r.ApproximateArrivalTimestamp))
	b = append(b, `},"eventSource":"aws:kinesis","eventVersion":"1.0","eventID":"`...)
	b = append(quote.Append(b, shard), ':')
	b = append(quote.Append(b, seq), '"')
	return append(b, s.tail...)
}

// view is what filter patterns are matched against: the data as text, which may be JSON, and the record's own members
// (AWS: "Using event filtering with an Amazon Kinesis event source").
func view(r *types.Record) json.RawMessage {
	seq, key := aws.ToString(r.SequenceNumber), aws.ToString(r.PartitionKey)
	escapes := bytes.Count(r.Data, []byte{'"'}) + bytes.Count(r.Data, []byte{'\\'}) + bytes.Count(r.Data, []byte{'\n'})
	b := make([]byte, 0, room/2+len(seq)+len(key)+len(r.Data)+escapes)
	b = append(b, `{"data":"`...)
	b = quote.Append(b, r.Data)
	if !utf8.Valid(r.Data) { // such data is not JSON, and must not become it when what is wrong is replaced
		b = append(b, "\ufffd"...)
	}
	b = append(b, `","partitionKey":`...)
	b = quote.AppendString(b, key)
	b = append(b, `,"sequenceNumber":`...)
	b = quote.AppendString(b, seq)
	b = append(b, `,"approximateArrivalTimestamp":`...)
	b = quote.AppendTime(b, aws.ToTime(r.ApproximateArrivalTimestamp))
	return append(b, `,"kinesisSchemaVersion":"1.0"}`...)
}
