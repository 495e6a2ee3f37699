package main

import (
	"context"
	"fmt"
	"io"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/esm-run/esm"
	"github.com/esm-run/esm/cmd/esm/configfile"
)

func positionListCommand() *cobra.Command {
	var over configfile.Overrides
	var name string
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "list FILE",
		Short: "Show how far stream mappings have come",
		Long: `Shows for each shard of each stream mapping the position up to which all records are
settled, or where its reading begins while there is none; whether it is drained: closed,
with every record settled; the runs of records that are being retried, with their tries
and their first and last position; and the tumbling window that is open.

A shard appears when something is kept of it. Mappings that were made over HTTP come
behind those of the file; last come those that were removed, by their UUIDs.`,
		Example: `  esm position list mappings.yaml
  esm position list mappings.yaml --mapping orders --json | jq '.EventSourceMappings[].Shards[].Position'`,
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: completeFile,
		RunE: func(cmd *cobra.Command, args []string) error {
			file, err := loadFile(args[0], over, cmd.ErrOrStderr())
			if err != nil {
				return err
			}
			listed, err := listPositions(cmd.Context(), file, name)
			if err != nil {
				return err
			}
			if asJSON {
				return writePositionsJSON(cmd.OutOrStdout(), listed)
			}
			return writePositions(cmd.OutOrStdout(), listed)
		},
	}
	dataDirFlag(cmd, &over)
	mappingFlag(cmd, &name)
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

// positions are what is kept of one mapping.
type positions struct {
	followed
	rows map[string]esm.Checkpoint // by shard
}

// listPositions loads what is kept of the mappings that a name means, or of all.
func listPositions(ctx context.Context, file *configfile.File, name string) (listed []positions, err error) {
	s, err := openKept(file.Engine.DataDir, false)
	if err != nil {
		return nil, err
	}
	defer s.Close()
	asked, err := s.asked(ctx, file, name)
	if err != nil {
		return nil, err
	}
	for _, m := range asked {
		rows, err := s.All(ctx, m.UUID)
		if err != nil {
			return nil, err
		}
		listed = append(listed, positions{m, rows})
	}
	return listed, nil
}

// asked are the mappings that a name means; without one, all.
func (k *store) asked(ctx context.Context, file *configfile.File, name string) ([]followed, error) {
	known, err := k.known(ctx, file)
	if err != nil {
		return nil, err
	}
	if name != "" {
		return mappingsNamed(known, name)
	}
	gone, err := k.removed(ctx, known)
	return append(ofStreams(known), gone...), err
}

// writePositions writes positions for people.
func writePositions(w io.Writer, listed []positions) error {
	table := tabwriter.NewWriter(w, 0, 8, 2, ' ', 0)
	fmt.Fprintln(table, "MAPPING\tSHARD\tPOSITION\tDRAINED\tOWED\tWINDOW")
	rows := 0
	for _, p := range listed {
		rows += len(p.rows)
		if shards := shardsOf(p.rows); len(shards) > 0 {
			for _, shard := range shards {
				writeShard(table, p, shard)
			}
			continue
		}
		fmt.Fprintf(table, "%s\t-\t%s\t-\t-\t-\n", p.title(), unread(p))
	}
	if rows == 0 {
		_, err := fmt.Fprintln(w, "there are no positions yet")
		return err
	}
	return table.Flush()
}

// unread says about a mapping of which no shard is kept where its shards begin.
func unread(p positions) string {
	if _, seen := p.rows[""]; seen {
		return positionTitle(esm.Checkpoint{}, p.Mapping)
	}
	return "not begun"
}

// writeShard writes a line for a shard, and one for each owed run behind the first.
func writeShard(w io.Writer, p positions, shard string) {
	cp := p.rows[shard]
	owed := []string{"-"}
	for i, o := range cp.Owed {
		owed = append(owed[:i], fmt.Sprintf("%s, %s to %s", tries(o.Tries), o.First, o.Last))
	}
	drained, window := "-", "-"
	if cp.Drained {
		drained = "yes"
	}
	if win := cp.Window; win != nil && (win.Final || win.State != nil) { // else nothing has come of it yet
		window = windowTitle(*cp.Window)
	}
	fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\n", p.title(), shard, positionTitle(cp, p.Mapping), drained, owed[0], window)
	for _, o := range owed[1:] {
		fmt.Fprintf(w, "\t\t\t\t%s\t\n", o)
	}
}

func tries(n int) string {
	if n == 1 {
		return "1 try"
	}
	return fmt.Sprintf("%d tries", n)
}

func windowTitle(win esm.Window) string {
	title := "from " + win.Start.UTC().Format(time.RFC3339)
	if win.Final {
		title += ", final invocation owed, " + tries(win.Tries)
	}
	return title
}
