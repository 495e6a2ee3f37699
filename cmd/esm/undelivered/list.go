// Package undelivered lists, resends and drops the failure notices that no destination accepted, while no engine runs on the
// data directory.
package undelivered

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"iter"
	"slices"
	"text/tabwriter"
	"time"

	"github.com/esm-run/esm"
	"github.com/esm-run/esm/cmd/esm/datadir"
	"github.com/esm-run/esm/cmd/esm/logging"
	"github.com/esm-run/esm/cmd/esm/usage"
)

// Notices iterates over undelivered notices, oldest first.
type Notices = iter.Seq2[esm.UndeliveredNotice, error]

// Selection selects notices: all of them, or those with certain IDs.
type Selection struct {
	All bool
	IDs []string
}

func (s Selection) has(id string) bool { return s.All || slices.Contains(s.IDs, id) }

// Find returns the IDs of the selected notices, oldest first. A selected ID that is not among the notices is an error.
func (s Selection) Find(notices Notices) (found []string, err error) {
	for u, err := range notices {
		if err != nil {
			return nil, err
		}
		if s.has(u.Notice.ID) {
			found = append(found, u.Notice.ID)
		}
	}
	for _, id := range s.IDs {
		if !slices.Contains(found, id) {
			return nil, usage.Errorf("there is no undelivered notice %s: `esm undelivered list` shows the IDs", id)
		}
	}
	return found, nil
}

// WriteTable writes notices as a table for people. Mappings other than known are shown by their UUIDs.
func WriteTable(w io.Writer, notices Notices, known []datadir.Mapping) error {
	titles := map[string]string{}
	for _, m := range known {
		titles[m.UUID] = m.Title()
	}
	table := tabwriter.NewWriter(w, 0, 8, 2, ' ', 0)
	fmt.Fprintln(table, "ID\tKEPT\tMAPPING\tSHARD\tRECORDS\tCONDITION\tDESTINATION\tREASON")
	rows := 0
	for u, err := range notices {
		if err != nil {
			return err
		}
		rows++
		n := u.Notice
		batch := batchOf(n)
		title := cmp.Or(titles[n.Mapping], datadir.RemovedMapping(n.Mapping).Title())
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%d\t%s\t%s\t%s\n", n.ID, u.Kept.UTC().Format(time.RFC3339), title, batch.Shard, batch.Size,
			string(n.Condition), u.Destination, logging.OneLine(u.Reason, 120))
	}
	if rows == 0 {
		_, err := fmt.Fprintln(w, "there are no undelivered notices")
		return err
	}
	return table.Flush()
}

// Document is what `esm undelivered list --json` prints for each notice.
type (
	Document struct {
		ID          string
		Kept        time.Time
		Destination string
		Reason      string

		Mapping, FunctionArn, EventSourceArn, ShardId string

		Time      time.Time // when the records were given up
		Condition string
		RequestId string
		Invokes   int
		Response  *esm.NoticeResponse `json:",omitempty"`
		Size      int
		First     *esm.RecordMark   `json:",omitempty"`
		Last      *esm.RecordMark   `json:",omitempty"`
		Window    *esm.NoticeWindow `json:",omitempty"`
		Payload   json.RawMessage   `json:",omitempty"`
	}
)

// WriteJSON writes one JSON object for each notice, with the event of its records if payload is true.
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
	return doc
}

// batchOf returns the batch of a notice. It is empty if the notice has another subject.
func batchOf(n esm.Notice) esm.StreamBatch {
	if n.Stream == nil {
		return esm.StreamBatch{}
	}
	return *n.Stream
}
