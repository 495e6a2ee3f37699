package destinations

import (
	"fmt"

	"github.com/esm-run/esm"
	"github.com/esm-run/esm/config"
)

// batchInfo describes a batch. That of a final invocation, which has no records, has the shard and the stream alone.
type batchInfo struct {
	Shard        string `json:"shardId"`
	First        string `json:"startSequenceNumber,omitempty"`
	Last         string `json:"endSequenceNumber,omitempty"`
	FirstArrived string `json:"approximateArrivalOfFirstRecord,omitempty"`
	LastArrived  string `json:"approximateArrivalOfLastRecord,omitempty"`
	Size         int    `json:"batchSize,omitempty"`
	Stream       string `json:"streamArn"`
}

type windowInfo struct {
	Window struct {
		Start string `json:"start"`
		End   string `json:"end"`
	} `json:"window"`
	Final      bool `json:"isFinalInvokeForWindow"`
	Terminated bool `json:"isWindowTerminatedEarly"`
}

// objectTime is the layout of times in the keys of objects.
const objectTime = "2006/01/02/2006-01-02T15.04.05"

// streamDocument returns the document of a notice whose subject is a batch of a stream.
func streamDocument(n esm.Notice, payload bool) ([]byte, error) {
	kind := config.ParseSource(n.Stream.Source).Kind
	if kind == nil || !kind.Stream {
		return nil, fmt.Errorf("%w: the source of the notice is not a stream", esm.ErrUndeliverable)
	}
	doc := []member{{"requestContext", requestContext{n.RequestID, n.FunctionArn, n.Condition, n.Invokes}}}
	if r := n.Response; r != nil {
		response := responseContext{Status: r.Status, Version: r.Version}
		if r.Fault != "" {
			response.Fault = &r.Fault
		}
		doc = append(doc, member{"responseContext", response})
	}
	doc = append(doc, member{"version", "1.0"})
	if payload && len(n.Payload) > 0 {
		doc = append(doc, member{"payload", string(n.Payload)}) // as text
	}
	doc = append(doc, member{"timestamp", stamp(n.Time, config.NoticeMilliseconds)}, member{kind.Notice.Key, batch(*n.Stream, kind.Notice.Time)})
	if w := n.Stream.Window; w != nil {
		info := windowInfo{Final: w.Final, Terminated: w.Terminated}
		info.Window.Start, info.Window.End = stamp(w.Start, config.NoticeSeconds), stamp(w.End, config.NoticeSeconds)
		doc = append(doc, member{"timeWindowInfo", info})
	}
	return encode(doc)
}

// batch describes b, with times of arrival in layout.
func batch(b esm.StreamBatch, layout string) batchInfo {
	info := batchInfo{Shard: b.Shard, Stream: b.Source, Size: b.Size}
	if b.Size > 0 {
		info.First, info.Last = b.First.SequenceNumber, b.Last.SequenceNumber
		info.FirstArrived, info.LastArrived = stamp(b.First.Arrived, layout), stamp(b.Last.Arrived, layout)
	}
	return info
}

// streamObjectKey returns the key of an object as Lambda forms it: mapping, shard, time and a UUID.
func streamObjectKey(n esm.Notice) string {
	return fmt.Sprintf("aws/lambda/%s/%s/%s-%s", n.Mapping, n.Stream.Shard, stamp(n.Time, objectTime), n.ID)
}
