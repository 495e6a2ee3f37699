package chaos

import (
	"bytes"
	"encoding/json"
	"errors"
	"slices"

	"github.com/esm-run/esm"
)

// succeeded returns those of ids that an answer settles. It is a second reading of Lambda's rules, kept apart from the
// engine's so that each checks the other (AWS: "Handling errors for an SQS event source in Lambda", implementing partial
// batch responses).
func (i *Invoker) succeeded(ids []string, answer []byte) []string {
	if !i.Report {
		return ids
	}
	failed, valid := failedItems(answer, i.Stream)
	if !valid {
		return nil
	}
	for _, id := range failed {
		if !slices.Contains(ids, id) {
			return nil
		}
	}
	if i.Stream { // everything before the first of them
		first := slices.IndexFunc(ids, func(id string) bool { return slices.Contains(failed, id) })
		if first < 0 {
			return ids
		}
		return ids[:first]
	}
	return slices.DeleteFunc(slices.Clone(ids), func(id string) bool { return slices.Contains(failed, id) })
}

// failedItems reads a report. An answer without one reports nothing. On a stream that includes every JSON value that is not
// an object.
func failedItems(answer []byte, stream bool) (failed []string, valid bool) {
	answer = bytes.TrimSpace(answer)
	if len(answer) == 0 || string(answer) == "null" || string(answer) == `""` {
		return nil, true
	}
	var object map[string]json.RawMessage
	if !json.Valid(answer) || json.Unmarshal(answer, &object) != nil {
		return nil, stream && json.Valid(answer) && answer[0] != '{'
	}
	var items []map[string]json.RawMessage
	list, found := object["batchItemFailures"]
	if found && json.Unmarshal(list, &items) != nil {
		return nil, false
	}
	for _, item := range items {
		var id string
		if json.Unmarshal(item["itemIdentifier"], &id) != nil || id == "" {
			return nil, false
		}
		failed = append(failed, id)
	}
	return failed, true
}

// batch is what an event has of its records.
type batch struct {
	shard        string   // empty for a queue
	ids, handles []string // of its records; handles are those of a queue. None if the event is no batch
}

func readBatch(payload []byte) (b batch) {
	var event struct {
		Records []struct {
			MessageID string `json:"messageId"`
			Receipt   string `json:"receiptHandle"`
			EventID   string `json:"eventID"`
			Kinesis   struct {
				Sequence string `json:"sequenceNumber"`
			} `json:"kinesis"`
			DynamoDB struct{ SequenceNumber string } `json:"dynamodb"`
		}
		ShardID string `json:"shardId"`
	}
	_ = json.Unmarshal(payload, &event) // another event has no records
	b.shard = event.ShardID
	for _, r := range event.Records {
		if id := r.MessageID + r.Kinesis.Sequence + r.DynamoDB.SequenceNumber; id != "" {
			b.ids = append(b.ids, id)
		}
		if r.Receipt != "" {
			b.handles = append(b.handles, r.Receipt)
		}
		if before, _, found := bytes.Cut([]byte(r.EventID), []byte(":")); found && b.shard == "" {
			b.shard = string(before) // "shardId-000000000000:4954…" (Kinesis)
		}
	}
	return b
}

func notRun(err error) bool { return errors.Is(err, esm.ErrNotRun) || errors.Is(err, esm.ErrRefused) }

// describe returns an answer as a story shows it.
func describe(resp esm.Response, err error) string {
	const most = 120
	switch {
	case err != nil:
		return err.Error()
	case resp.Fault != "":
		return resp.Fault
	case len(resp.Payload) > most:
		return string(resp.Payload[:most]) + "…"
	}
	return string(resp.Payload)
}
