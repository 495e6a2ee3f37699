package main

import (
	"context"
	"fmt"
	"regexp"

	"github.com/spf13/cobra"

	"github.com/esm-run/esm/config"
)

func positionSetCommand() *cobra.Command {
	var f moves
	var g goal
	cmd := &cobra.Command{
		Use:   "set FILE --mapping M --shard S (--after N | --at-timestamp T | --trim-horizon | --latest)",
		Short: "Move one shard of a stream mapping",
		Long: `Moves one shard of a stream mapping, also one that has not been read yet. What was
kept of the shard is given up: its runs that were being retried and how often they
were tried, its open tumbling window, and that it was drained. It is said on standard
error what the position was and what it is.

The stream is not asked. A sequence number that the shard does not know is noticed by
the engine, which then reads the shard again from where the mapping began. A shard that
continues others waits until those are drained, but with --after it is read at once.
Shards that continue the moved one and have begun go on beside it. In a mapping of LATEST
that has never run no shard can begin at a time.`,
		Example: `  esm position set mappings.yaml --mapping orders --shard shardId-000000000000 --trim-horizon
  esm position set mappings.yaml --mapping orders --shard shardId-000000000000 --after 49590338271490256608559692538361571095921575989136588898
  esm position set mappings.yaml --mapping orders --shard shardId-000000000000 --at-timestamp 2026-03-04T05:06:07Z --dry-run`,
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: completeFile,
		RunE: func(cmd *cobra.Command, args []string) error {
			m, err := f.mover(cmd, args[0])
			if err != nil {
				return err
			}
			defer m.Close()
			if err := m.checkSet(f.shard, g); err != nil {
				return wrongUse(cmd, "%w", err)
			}
			return m.set(cmd.Context(), f.shard, g)
		},
	}
	f.flags(cmd)
	flags := cmd.Flags()
	flags.StringVar(&g.after, "after", "", "behind the record with the sequence number `N`, or position as 'esm position list' shows it")
	flags.StringVar(&g.timestamp, "at-timestamp", "", "at the first record that arrived at the time `T` or later: RFC 3339, or seconds since 1970")
	flags.BoolVar(&g.trimHorizon, "trim-horizon", false, "at the oldest record that there is")
	flags.BoolVar(&g.latest, "latest", false, "at what arrives from now on")
	completeFlag(cmd, "after")
	completeFlag(cmd, "at-timestamp")
	return cmd
}

// shardForm follows AWS's ShardId of Kinesis, whose pattern those of DynamoDB fit as well.
var shardForm = regexp.MustCompile(`^[a-zA-Z0-9_.-]{1,128}$`)

// checkSet says what is wrong with where a shard is to be moved.
func (m *mover) checkSet(shard string, g goal) error {
	switch {
	case m.mapping.removed():
		return fmt.Errorf("--mapping %s: there is no such mapping any more: its positions can only be forgotten, by `esm position reset`", m.mapping.UUID)
	case m.mapping.Restarts:
		return m.beginsAnew()
	case !shardForm.MatchString(shard):
		return fmt.Errorf("--shard %q is not the name of a shard, such as shardId-000000000000", shard)
	}
	return g.check(m.mapping.Mapping, m.now)
}

// set moves a shard.
func (m *mover) set(ctx context.Context, shard string, g goal) error {
	if g.timed() && m.mapping.StartingPosition == config.Latest && !m.seen() {
		// The engine would take the time for that at which the mapping was first seen, for all of its shards.
		return usageError{fmt.Errorf("mapping %s: begins at LATEST and has never run, so that no shard of it can begin at another time: "+
			"run the engine once first, or change its StartingPosition", m.mapping.title())}
	}
	old, known := m.rows[shard]
	if !known && len(m.shards()) > 0 {
		m.log.Warn("mapping %s: nothing is kept of shard %s, only of %s; if the stream has no such shard, this changes nothing",
			m.mapping.title(), shard, some(m.shards(), 10))
	}
	return m.save(ctx, shard, g.from(old, m.mapping.Mapping, m.now))
}
