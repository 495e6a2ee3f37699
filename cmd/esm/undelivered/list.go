// Package undelivered lists, resends and drops the notices that no destination accepted, while no engine runs on the data
// directory.
package undelivered

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"iter"
	"strconv"
	"text/tabwriter"
	"time"

	"github.com/esm-run/esm"
	"github.com/esm-run/esm/cmd/esm/datadir"
	"github.com/esm-run/esm/cmd/esm/logging"
	"github.com/esm-run/esm/config"
)

// Notices iterates over undelivered notices, oldest first.
type Notices = iter.Seq2[esm.UndeliveredNotice, error]

// WriteTable writes notices as a table for people. Mappings other than known are shown by their UUIDs.
func WriteTable(w io.Writer, notices Notices, known []datadir.Mapping) error {
	titles := map[string]string{}
	for _, m := range known {
		titles[m.UUID] = m.Title()
	}
	table := tabwriter.NewWriter(w, 0, 8, 2, ' ', 0)
	fmt.Fprintln(table, "ID\tKEPT\tMAPPING OR FUNCTION\tSHARD OR REQUEST\tRECORDS\tCONDITION\tDESTINATION\tREASON")
	rows := 0
	for u, err := range notices {
		if err != nil {
			return err
		}
		rows++
		s := subjectOf(u.Notice, titles)
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n", u.Notice.ID, u.Kept.UTC().Format(time.RFC3339), s.sender, s.place, s.records,
			s.condition, cmp.Or(u.Destination, "-"), logging.OneLine(u.Reason, 240))
	}
	if rows == 0 {
		_, err := fmt.Fprintln(w, "there are no undelivered notices")
		return err
	}
	return table.Flush()
}

// subject is what a notice is about, for people.
type subject struct{ sender, place, records, condition string }

// subjectOf describes the subject of a notice. Titles are those of mappings, by UUID.
func subjectOf(n esm.Notice, titles map[string]string) subject {
	if n.Event == nil {
		batch := batchOf(n)
		title := cmp.Or(titles[n.Mapping], datadir.RemovedMapping(n.Mapping).Title())
		return subject{title, batch.Shard, strconv.Itoa(batch.Size), string(n.Condition)}
	}
	s := subject{n.FunctionArn, n.RequestID, "-", string(n.Condition)}
	if name, err := config.ParseFunctionName(n.FunctionArn); err == nil {
		s.sender = name.Qualified()
	}
	if n.Event.DeadLetter {
		s.condition += " (dead letter)"
	}
	return s
}

// Document is what `esm undelivered list --json` prints for each notice.
type (
	Document struct {
		ID          string
		Kept        time.Time
		Destination string
		Reason      string

		Mapping, FunctionArn, EventSourceArn, ShardId string

		Time      time.Time // when the records were given up, or the event ended
		Condition string
		RequestId string
		Invokes   int
		Response  *esm.NoticeResponse `json:",omitempty"`
		Size      int
		First     *esm.RecordMark   `json:",omitempty"`
		Last      *esm.RecordMark   `json:",omitempty"`
		Window    *esm.NoticeWindow `json:",omitempty"`
		Payload   json.RawMessage   `json:",omitempty"`

		// Of the notices of asynchronous events, whose Mapping, EventSourceArn and ShardId are empty and whose Size is 0.
		DeadLetter      bool            `json:",omitempty"`
		Error           string          `json:",omitempty"`
		TraceHeader     string          `json:",omitempty"`
		ResponsePayload json.RawMessage `json:",omitempty"` // a text if the response is not JSON
	}
)

// WriteJSON writes one JSON object for each notice, with its event and the response to it if payload is true.
func WriteJSON(w io.Writer, notices Notices, payload bool) error {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	for u, err := range notices {
		if err != nil {
			return err
		}
		if err := enc.Encode(noticeJSON(u, payload)); err != nil {
			return err
		}
	}
	return nil
}

func noticeJSON(u esm.UndeliveredNotice, payload bool) Document {
	n, batch := u.Notice, batchOf(u.Notice)
	doc := Document{
		ID: n.ID, Kept: u.Kept, Destination: u.Destination, Reason: u.Reason,
		Mapping: n.Mapping, FunctionArn: n.FunctionArn, EventSourceArn: batch.Source, ShardId: batch.Shard,
		Time: n.Time, Condition: string(n.Condition), RequestId: n.RequestID, Invokes: n.Invokes, Response: n.Response,
		Size: batch.Size, Window: batch.Window,
	}
	if batch.Size > 0 {
		doc.First, doc.Last = &batch.First, &batch.Last
	}
	if payload {
		doc.Payload = n.Payload
	}
	if e := n.Event; e != nil {
		doc.DeadLetter, doc.Error, doc.TraceHeader = e.DeadLetter, e.Error, e.TraceHeader
		if payload {
			doc.ResponsePayload = jsonOf(e.Response)
		}
	}
	return doc
}

// jsonOf returns a function's response if it is JSON, and otherwise its text as JSON. It is nil if there is no response.
func jsonOf(response []byte) json.RawMessage {
	if len(response) == 0 || json.Valid(response) {
		return response
	}
	text, _ := json.Marshal(string(response)) // a string can always be encoded
	return text
}

// batchOf returns the batch of a notice. It is empty if the notice has another subject.
func batchOf(n esm.Notice) esm.StreamBatch {
	if n.Stream == nil {
		return esm.StreamBatch{}
	}
	return *n.Stream
}
