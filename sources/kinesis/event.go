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

// record returns the record of a shard in the engine's form.
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
		out.Arrived = time.Now() // no service omits it; an age of centuries would drop the record
	}
	if s.filtered {
		out.View = view(r)
	}
	return out
}

// shape writes the elements of an event's Records: compact JSON with the members that Lambda's pollers send, in their
// order. It does so by hand because every record passes here.
type shape struct {
	tail string // the end of all records of a stream
}

func newShape(a arn, role string) shape {
	tail := quote.AppendMember(nil, `,"eventName":"aws:kinesis:record","invokeIdentityArn":`, role)
	tail = quote.AppendMember(tail, `,"awsRegion":`, a.region)
	tail = quote.AppendMember(tail, `,"eventSourceARN":`, a.text)
	return shape{tail: string(append(tail, '}'))}
}

// room is the size of the constant parts of an event, and of its time.
const room = 216

// event returns the element for r. Its data is base64 of the bytes that were put.
func (s shape) event(shard string, r *types.Record) json.RawMessage {
	seq, key := aws.ToString(r.SequenceNumber), aws.ToString(r.PartitionKey)
	b := make([]byte, 0, room+2*len(seq)+len(key)+len(shard)+base64.StdEncoding.EncodedLen(len(r.Data))+len(s.tail))
	b = quote.AppendMember(b, `{"kinesis":{"kinesisSchemaVersion":"1.0","partitionKey":`, key)
	b = quote.AppendMember(b, `,"sequenceNumber":`, seq)
	b = append(b, `,"data":"`...)
	b = base64.StdEncoding.AppendEncode(b, r.Data)
	b = append(b, `","approximateArrivalTimestamp":`...)
	b = quote.AppendTime(b, aws.ToTime(r.ApproximateArrivalTimestamp))
	b = append(b, `},"eventSource":"aws:kinesis","eventVersion":"1.0","eventID":"`...)
	b = append(quote.Append(b, shard), ':')
	b = append(quote.Append(b, seq), '"')
	return append(b, s.tail...)
}

// view returns what filter patterns are matched against: the data as text, which may be JSON, and the record's other
// members (AWS: "Using event filtering with an Amazon Kinesis event source").
func view(r *types.Record) json.RawMessage {
	seq, key := aws.ToString(r.SequenceNumber), aws.ToString(r.PartitionKey)
	escapes := bytes.Count(r.Data, []byte{'"'}) + bytes.Count(r.Data, []byte{'\\'}) + bytes.Count(r.Data, []byte{'\n'})
	b := make([]byte, 0, room/2+len(seq)+len(key)+len(r.Data)+escapes)
	b = append(b, `{"data":"`...)
	b = quote.Append(b, r.Data)
	if !utf8.Valid(r.Data) { // it is not JSON, and must not become JSON because invalid bytes are replaced
		b = append(b, "\ufffd"...)
	}
	b = quote.AppendMember(b, `","partitionKey":`, key)
	b = quote.AppendMember(b, `,"sequenceNumber":`, seq)
	b = append(b, `,"approximateArrivalTimestamp":`...)
	b = quote.AppendTime(b, aws.ToTime(r.ApproximateArrivalTimestamp))
	return append(b, `,"kinesisSchemaVersion":"1.0"}`...)
}
