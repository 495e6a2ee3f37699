// Package position shows and moves how far stream mappings have read their shards, while no engine runs on the data
// directory.
package position

import (
	"context"
	"fmt"
	"io"
	"text/tabwriter"
	"time"

	"github.com/esm-run/esm"
	"github.com/esm-run/esm/cmd/esm/configfile"
	"github.com/esm-run/esm/cmd/esm/datadir"
)

// Positions are the checkpoints of one mapping.
type Positions struct {
	datadir.Mapping
	Checkpoints map[string]esm.Checkpoint // by shard; "" is the mapping itself
}

// List returns the positions of the mappings that name refers to, and of all stream mappings if it is empty: those of the
// file, then those created over HTTP, then those that were removed.
func List(ctx context.Context, file *configfile.File, name string) (listed []Positions, err error) {
	s, err := datadir.OpenStore(file.Engine.DataDir)
	if err != nil {
		return nil, err
	}
	defer s.Close()
	named, err := mappingsNamed(ctx, s, file, name)
	if err != nil {
		return nil, err
	}
	for _, m := range named {
		checkpoints, err := s.All(ctx, m.UUID)
		if err != nil {
			return nil, err
		}
		listed = append(listed, Positions{m, checkpoints})
	}
	return listed, nil
}

func mappingsNamed(ctx context.Context, s *datadir.Store, file *configfile.File, name string) ([]datadir.Mapping, error) {
	known, err := s.KnownMappings(ctx, file)
	if err != nil {
		return nil, err
	}
	if name != "" {
		return datadir.StreamsNamed(known, name)
	}
	gone, err := s.RemovedMappings(ctx, known)
	return append(datadir.Streams(known), gone...), err
}

// WriteTable writes positions as a table for people.
func WriteTable(w io.Writer, listed []Positions) error {
	table := tabwriter.NewWriter(w, 0, 8, 2, ' ', 0)
	fmt.Fprintln(table, "MAPPING\tSHARD\tPOSITION\tDRAINED\tPENDING RUNS\tWINDOW")
	rows := 0
	for _, p := range listed {
		rows += len(p.Checkpoints)
		if shards := shardIDs(p.Checkpoints); len(shards) > 0 {
			for _, shard := range shards {
				writeShard(table, p, shard)
			}
			continue
		}
		fmt.Fprintf(table, "%s\t-\t%s\t-\t-\t-\n", p.Title(), beginning(p))
	}
	if rows == 0 {
		_, err := fmt.Fprintln(w, "there are no positions yet")
		return err
	}
	return table.Flush()
}

// beginning returns where the shards of a mapping without any checkpoint begin.
func beginning(p Positions) string {
	if _, seen := p.Checkpoints[""]; seen {
		return describe(esm.Checkpoint{}, p.Mapping.Mapping)
	}
	return "not begun"
}

// writeShard writes a line for a shard, and one for each pending run after the first.
func writeShard(w io.Writer, p Positions, shard string) {
	cp := p.Checkpoints[shard]
	runs := []string{"-"}
	for i, o := range cp.Owed {
		runs = append(runs[:i], fmt.Sprintf("%s, %s to %s", tries(o.Tries), o.First, o.Last))
	}
	drained, window := "-", "-"
	if cp.Drained {
		drained = "yes"
	}
	if win := cp.Window; win != nil && (win.Final || win.State != nil) { // otherwise no invocation of it has ended
		window = windowTitle(*cp.Window)
	}
	fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\n", p.Title(), shard, describe(cp, p.Mapping.Mapping), drained, runs[0], window)
	for _, o := range runs[1:] {
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
		title += ", final invocation pending, " + tries(win.Tries)
	}
	return title
}
