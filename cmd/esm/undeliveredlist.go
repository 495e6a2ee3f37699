package main

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"iter"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/esm-run/esm"
	"github.com/esm-run/esm/checkpoint"
	"github.com/esm-run/esm/cmd/esm/configfile"
)

func undeliveredListCommand() *cobra.Command {
	var over configfile.Overrides
	var asJSON, payload bool
	cmd := &cobra.Command{
		Use:   "list FILE",
		Short: "Show the failure notices that no destination took",
		Long: `Shows the notices that are kept, oldest first: which records of which shard were given
up, and why the destination did not take the notice.

--json prints one JSON object a line; with --payload each has the event that the records
were in, as far as the notice holds it.`,
		Example: `  esm undelivered list mappings.yaml
  esm undelivered list mappings.yaml --json --payload | jq '.Payload.Records[].eventID'`,
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: completeFile,
		RunE: func(cmd *cobra.Command, args []string) error {
			if payload && !asJSON {
				return wrongUse(cmd, "--payload goes with --json")
			}
			file, err := loadFile(args[0], over, cmd.ErrOrStderr())
			if err != nil {
				return err
			}
			s, err := openKept(file.Engine.DataDir, false)
			if err != nil {
				return err
			}
			defer s.Close()
			notices := s.undelivered(cmd.Context())
			if asJSON {
				return writeNoticesJSON(cmd.OutOrStdout(), notices, payload)
			}
			known, err := s.known(cmd.Context(), file)
			if err != nil {
				return err
			}
			return writeNotices(cmd.OutOrStdout(), notices, known)
		},
	}
	dataDirFlag(cmd, &over)
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON, one notice a line")
	cmd.Flags().BoolVar(&payload, "payload", false, "with --json: print the events as well")
	return cmd
}

// undelivered is [checkpoint.DB.Undelivered], also where nothing is kept.
func (s *store) undelivered(ctx context.Context) iter.Seq2[checkpoint.Undelivered, error] {
	if s == nil {
		return func(func(checkpoint.Undelivered, error) bool) {}
	}
	return s.Undelivered(ctx)
}

// writeNotices writes notices of mappings for people, of which these are known.
func writeNotices(w io.Writer, notices iter.Seq2[checkpoint.Undelivered, error], known []followed) error {
	titles := map[string]string{}
	for _, m := range known {
		titles[m.UUID] = m.title()
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
		title := cmp.Or(titles[n.Mapping], removed(n.Mapping).title())
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%d\t%s\t%s\t%s\n", n.ID, u.Kept.UTC().Format(time.RFC3339), title, n.Shard, n.Size,
			string(n.Condition), u.Destination, clip(u.Reason, 120))
	}
	if rows == 0 {
		_, err := fmt.Fprintln(w, "there are no undelivered notices")
		return err
	}
	return table.Flush()
}

// What `esm undelivered list --json` prints for each notice.
type (
	undeliveredJSON struct {
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

func writeNoticesJSON(w io.Writer, notices iter.Seq2[checkpoint.Undelivered, error], payload bool) error {
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

func noticeJSON(u checkpoint.Undelivered, payload bool) undeliveredJSON {
	n := u.Notice
	doc := undeliveredJSON{
		ID: n.ID, Kept: u.Kept, Destination: u.Destination, Reason: u.Reason,
		Mapping: n.Mapping, FunctionArn: n.FunctionArn, EventSourceArn: n.Source, ShardId: n.Shard,
		Time: n.Time, Condition: string(n.Condition), RequestId: n.RequestID, Invokes: n.Invokes, Response: n.Response,
		Size: n.Size, Window: n.Window,
	}
	if n.Size > 0 {
		doc.First, doc.Last = &n.First, &n.Last
	}
	if payload {
		doc.Payload = n.Payload
	}
	return doc
}
