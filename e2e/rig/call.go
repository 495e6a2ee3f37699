package rig

import (
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"time"
)

// A Call is an invocation of a function.
type Call struct {
	At        time.Time
	RequestID string
	Event     []byte
	Records   []Record

	Window *Window // nil where the event has none
}

// A Record is a record of any source as handlers see it.
type Record struct {
	Text       string // a message's body, the data of a Kinesis record, or the key of an item: see [Table]
	ID         string // what a handler reports: the message's id or the sequence number
	Source     string // the ARN
	Name       string // of a change of an item: INSERT, MODIFY or REMOVE
	Shard      string // of a Kinesis record
	Attributes map[string]string
}

// A Window holds the members of a tumbling window's event besides Records.
type Window struct {
	Shard, Source string
	Start, End    time.Time
	State         string // JSON
	Final, Early  bool
}

// eventJSON has the keys of the events of all sources.
type eventJSON struct {
	Records []struct {
		MessageID      string
		Body           string
		Attributes     map[string]string
		EventID        string
		EventName      string
		EventSourceARN string
		Kinesis        struct {
			Data           []byte
			SequenceNumber string
		}
		DynamoDB struct {
			SequenceNumber string
			Keys, NewImage map[string]struct{ S, N string }
		}
	}
	ShardID                 string
	EventSourceARN          string
	Window                  *struct{ Start, End time.Time }
	State                   json.RawMessage
	IsFinalInvokeForWindow  bool
	IsWindowTerminatedEarly bool
}

// ParseCall reads an event.
func ParseCall(event []byte) Call { return parseCall(event, "") }

func parseCall(event []byte, id string) Call {
	c := Call{At: time.Now(), RequestID: id, Event: event}
	var e eventJSON
	_ = json.Unmarshal(event, &e) // an event of another form has no records
	for _, r := range e.Records {
		record := Record{
			Text: r.Body + string(r.Kinesis.Data) + r.DynamoDB.Keys["pk"].S, ID: r.MessageID + r.Kinesis.SequenceNumber + r.DynamoDB.SequenceNumber,
			Source: r.EventSourceARN, Name: r.EventName, Attributes: r.Attributes,
		}
		if n := r.DynamoDB.NewImage["n"].N; n != "" {
			record.Text += "/" + n
		}
		if r.Kinesis.SequenceNumber != "" {
			record.Shard, _, _ = strings.Cut(r.EventID, ":")
		}
		c.Records = append(c.Records, record)
	}
	if w := e.Window; w != nil {
		c.Window = &Window{e.ShardID, e.EventSourceARN, w.Start, w.End, string(e.State), e.IsFinalInvokeForWindow, e.IsWindowTerminatedEarly}
	}
	return c
}

// Texts returns the records' texts.
func (c Call) Texts() []string {
	texts := make([]string, len(c.Records))
	for i, r := range c.Records {
		texts[i] = r.Text
	}
	return texts
}

// Span returns the records as in "2-4", if their texts are numbers that follow each other.
func (c Call) Span() string { return Span(c.Texts()) }

// Numbers returns the texts 1 to n.
func Numbers(n int) (texts []string) {
	for i := range n {
		texts = append(texts, strconv.Itoa(i+1))
	}
	return texts
}

// Span returns texts as in "2-4", if they are numbers that follow each other.
func Span(texts []string) string {
	if len(texts) == 0 {
		return "none"
	}
	first, _ := strconv.Atoi(texts[0])
	for i, text := range texts {
		if text != strconv.Itoa(first+i) {
			return strings.Join(texts, ",")
		}
	}
	if len(texts) == 1 {
		return texts[0]
	}
	return texts[0] + "-" + texts[len(texts)-1]
}

// spanEnds takes a span apart.
func spanEnds(span string) (first, last string, count int) {
	first, last, several := strings.Cut(span, "-")
	if !several {
		return first, first, 1
	}
	a, _ := strconv.Atoi(first)
	z, _ := strconv.Atoi(last)
	return first, last, z - a + 1
}

// Spans returns the spans of calls.
func Spans(calls []Call) (spans []string) {
	for _, c := range calls {
		spans = append(spans, c.Span())
	}
	return spans
}

// Finals returns the final invocations of windows.
func Finals(calls []Call) []Call {
	return slices.DeleteFunc(slices.Clone(calls), func(c Call) bool { return c.Window == nil || !c.Window.Final })
}
