package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/esm-run/esm"
	"github.com/esm-run/esm/config"
)

func positionResetCommand() *cobra.Command {
	var f moves
	cmd := &cobra.Command{
		Use:   "reset FILE --mapping M [--shard S]",
		Short: "Let a stream mapping, or one shard of it, start over",
		Long: `Forgets all positions of a stream mapping: the next engine sees it for the first
time, and it begins at its StartingPosition. That of LATEST is the time of that start,
so that what lies before it is never read. A mapping that was removed is named by its
UUID.

With --shard one shard starts over alone: at StartingPosition or, in a mapping of
LATEST, where its reading began when the mapping was first seen, or was last set to by
a time. Shards that continue it and have begun go on beside it.

It is said on standard error what the positions were. Undelivered notices stay.`,
		Example: `  esm position reset mappings.yaml --mapping orders
  esm position reset mappings.yaml --mapping orders --shard shardId-000000000000 --dry-run`,
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: completeFile,
		RunE: func(cmd *cobra.Command, args []string) error {
			m, err := f.mover(cmd, args[0])
			if err != nil {
				return err
			}
			defer m.Close()
			if cmd.Flags().Changed("shard") {
				return m.resetShard(cmd.Context(), f.shard)
			}
			return m.reset(cmd.Context())
		},
	}
	f.flags(cmd)
	return cmd
}

// reset forgets the mapping with all of its shards.
func (m *mover) reset(ctx context.Context) error {
	shards := m.shards()
	if m.dry == nil && len(m.rows) > 0 {
		keys := []esm.Key{{Mapping: m.mapping.UUID}}
		for _, shard := range shards {
			keys = append(keys, esm.Key{Mapping: m.mapping.UUID, Shard: shard})
		}
		if err := m.Forget(ctx, keys...); err != nil {
			return err
		}
	}
	for _, shard := range shards {
		m.tellForgotten(shard)
	}
	switch title := m.mapping.title(); {
	case m.mapping.removed():
		m.tell("nothing is kept of %s any more", title)
	case len(m.rows) == 0:
		m.tell("nothing is kept of %s: it begins at its StartingPosition", title)
	default:
		m.tell("%s starts over at %s", title, m.mapping.StartingPosition)
	}
	return nil
}

// resetShard lets one shard start over. What is kept of a mapping that has never run is forgotten: then it is first
// seen at its start.
//
// In a mapping of LATEST only what is kept tells where the shard's reading began, and for a shard that had been closed
// by then, that it is never read. Nothing of the kind is needed for the other starting positions.
func (m *mover) resetShard(ctx context.Context, shard string) error {
	old, known := m.rows[shard]
	switch {
	case shard == "":
		return usageError{fmt.Errorf("--shard is empty: leave it out to reset the whole mapping")}
	case !known && len(m.shards()) == 0:
		return usageError{fmt.Errorf("--shard %s: nothing is kept of any shard of %s", shard, m.mapping.title())}
	case !known:
		return usageError{fmt.Errorf("--shard %s: nothing is kept of it in %s, only of %s", shard, m.mapping.title(), some(m.shards(), 10))}
	case m.mapping.removed():
		return usageError{fmt.Errorf("--mapping %s: there is no such mapping any more: reset it without --shard", m.mapping.UUID)}
	case m.mapping.Restarts:
		return usageError{m.beginsAnew()}
	case !m.seen():
		return m.forgetShard(ctx, shard)
	}
	next := esm.Checkpoint{Version: old.Version}
	if m.mapping.StartingPosition == config.Latest {
		next.Since = old.Since
		next.Drained = old.Drained && old.Position == "" && !old.Since.IsZero()
	}
	return m.save(ctx, shard, next)
}

func (m *mover) forgetShard(ctx context.Context, shard string) error {
	if m.dry == nil {
		if err := m.Forget(ctx, esm.Key{Mapping: m.mapping.UUID, Shard: shard}); err != nil {
			return err
		}
	}
	m.tellForgotten(shard)
	return nil
}

func (m *mover) tellForgotten(shard string) {
	old := m.rows[shard]
	m.tell("shard %s of %s: was %s, is forgotten%s", shard, m.mapping.title(), positionTitle(old, m.mapping.Mapping), burden(old))
}
