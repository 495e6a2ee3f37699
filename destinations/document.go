package destinations

import (
	"bytes"
	"encoding/json"
	"fmt"
	"time"

	"github.com/esm-run/esm"
	"github.com/esm-run/esm/config"
)

// document is a notice as Lambda sends it, with its keys in Lambda's order.
type document struct {
	Request   requestContext   `json:"requestContext"`
	Response  *responseContext `json:"responseContext,omitempty"`
	Version   string           `json:"version"`
	Payload   string           `json:"payload,omitempty"` // the event as text; S3 alone gets it
	Timestamp string           `json:"timestamp"`
	Kinesis   *batchInfo       `json:"KinesisBatchInfo,omitempty"`
	DynamoDB  *batchInfo       `json:"DDBStreamBatchInfo,omitempty"`
	Window    *windowInfo      `json:"timeWindowInfo,omitempty"`
}

type requestContext struct {
	ID        string `json:"requestId"`
	Function  string `json:"functionArn"`
	Condition string `json:"condition"`
	Invokes   int    `json:"approximateInvokeCount"`
}

type responseContext struct {
	Status  int     `json:"statusCode"`
	Version string  `json:"executedVersion"`
	Fault   *string `json:"functionError"` // null when the handler reported the failure in its answer
}

// batchInfo tells of a run. That of a final invocation, which has no records, has the shard and the stream alone.
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
	Window     span `json:"window"`
	Final      bool `json:"isFinalInvokeForWindow"`
	Terminated bool `json:"isWindowTerminatedEarly"`
}

type span struct {
	Start string `json:"start"`
	End   string `json:"end"`
}

// Times are UTC, in whole seconds or in milliseconds.
const (
	seconds      = "2006-01-02T15:04:05Z"
	milliseconds = "2006-01-02T15:04:05.000Z"
)

// write makes the text of a notice: compact JSON, with or without the event.
func write(n esm.Notice, payload bool) ([]byte, error) {
	doc := document{
		Request:   requestContext{n.RequestID, n.FunctionArn, string(n.Condition), n.Invokes},
		Version:   "1.0",
		Timestamp: stamp(n.Time, milliseconds),
	}
	if r := n.Response; r != nil {
		doc.Response = &responseContext{Status: r.Status, Version: r.Version}
		if r.Fault != "" {
			doc.Response.Fault = &r.Fault
		}
	}
	if payload {
		doc.Payload = string(n.Payload)
	}
	if w := n.Window; w != nil {
		doc.Window = &windowInfo{span{stamp(w.Start, seconds), stamp(w.End, seconds)}, w.Final, w.Terminated}
	}
	source, err := config.ParseARN(n.Source)
	switch {
	case err == nil && source.Service == "kinesis":
		doc.Kinesis = batch(n, milliseconds)
	case err == nil && source.Service == "dynamodb":
		doc.DynamoDB = batch(n, seconds)
	default:
		return nil, fmt.Errorf("%w: its source is no stream", esm.ErrUndeliverable)
	}
	return encode(doc)
}

// batch describes n's run; layout is how its source tells times.
func batch(n esm.Notice, layout string) *batchInfo {
	if n.Size == 0 {
		return &batchInfo{Shard: n.Shard, Stream: n.Source}
	}
	return &batchInfo{
		Shard: n.Shard,
		First: n.First.SequenceNumber, Last: n.Last.SequenceNumber,
		FirstArrived: stamp(n.First.Arrived, layout), LastArrived: stamp(n.Last.Arrived, layout),
		Size: n.Size, Stream: n.Source,
	}
}

func stamp(t time.Time, layout string) string { return t.UTC().Format(layout) }

// encode leaves <, > and & as they are.
func encode(doc document) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(doc); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}
