package sourcetest

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/esm-run/esm"
)

// StreamARN is the ARN in the records of a [Stream].
const StreamARN = "arn:aws:kinesis:" + region + ":123456789012:stream/sourcetest"

// Put puts a record into the open shard that key belongs to, and returns the shard and the record's sequence number. Both
// are empty, and nothing is put, if no open shard takes the key: it was closed without children, or the stream is deleted.
func (s *Stream) Put(key, data string) (shard, seq string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	h := hash(key)
	for _, id := range slices.Backward(s.order) {
		if sh := s.shards[id]; !sh.closed && sh.takes(h) {
			return id, s.put(sh, key, data)
		}
	}
	return "", ""
}

// PutTo puts a record with any key into a shard and returns its sequence number. It returns "" and puts nothing if there is
// no such shard or it is closed.
func (s *Stream) PutTo(shard, key, data string) (seq string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	sh := s.shards[shard]
	if sh == nil || sh.closed {
		return ""
	}
	return s.put(sh, key, data)
}

func (s *Stream) put(sh *shard, key, data string) (seq string) {
	now := time.Now()
	seq = s.next()
	sh.recs = append(sh.recs, esm.Record{
		ID: seq, Receipt: seq, Group: key, Arrived: now,
		Event: kinesisEvent(sh.id, seq, key, data, now),
		View:  json.RawMessage(`{"data":` + quoted(data) + `,"partitionKey":` + quoted(key) + `}`),
	})
	return seq
}

// Add puts the caller's record into a shard, like PutTo. If they are zero, ID and Receipt become the sequence number, and
// Arrived the current time. Receipts must grow within a shard.
func (s *Stream) Add(shard string, r esm.Record) (seq string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	sh := s.shards[shard]
	if sh == nil || sh.closed {
		return ""
	}
	seq = s.next()
	if r.ID == "" {
		r.ID = seq
	}
	if r.Receipt == "" {
		r.Receipt = seq
	}
	if r.Arrived.IsZero() {
		r.Arrived = time.Now()
	}
	sh.recs = append(sh.recs, r)
	return seq
}

func (s *Stream) next() (seq string) {
	seq = sequence(s.puts)
	s.puts++
	return seq
}

// kinesisEvent returns an element of Records (AWS: "Using Lambda with Amazon Kinesis").
func kinesisEvent(shard, seq, key, data string, arrived time.Time) json.RawMessage {
	return fmt.Appendf(nil, `{"kinesis":{"kinesisSchemaVersion":"1.0","partitionKey":%s,"sequenceNumber":"%s","data":"%s",`+
		`"approximateArrivalTimestamp":%.3f},"eventSource":"aws:kinesis","eventVersion":"1.0","eventID":"%s:%s",`+
		`"eventName":"aws:kinesis:record","invokeIdentityArn":"arn:aws:iam::123456789012:role/sourcetest","awsRegion":"%s",`+
		`"eventSourceARN":"%s"}`,
		quoted(key), seq, base64.StdEncoding.EncodeToString([]byte(data)), float64(arrived.UnixMilli())/1000,
		shard, seq, region, StreamARN)
}

// quoted returns s as a JSON string.
func quoted(s string) string {
	text, _ := json.Marshal(s) // strings always encode
	return string(text)
}
