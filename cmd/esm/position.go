package main

import (
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/esm-run/esm/cmd/esm/awsclient"
	"github.com/esm-run/esm/cmd/esm/configfile"
	"github.com/esm-run/esm/cmd/esm/datadir"
	"github.com/esm-run/esm/cmd/esm/logging"
	"github.com/esm-run/esm/cmd/esm/position"
	"github.com/esm-run/esm/cmd/esm/usage"
	"github.com/esm-run/esm/cmd/esm/wiring"
)

func positionCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "position",
		Short: "Show and move the positions of stream mappings",
		Long: `Shows and moves the positions of mappings of Kinesis and DynamoDB streams: those of the
file and those created over HTTP. The engine keeps them in Engine.DataDir, which must not be
in use: stop the engine first.

Exits with 0; with 2 when the file or a flag is wrong; with 1 otherwise.`,
		Example: `  esm position list mappings.yaml
  esm position set mappings.yaml --mapping orders --shard shardId-000000000000 --trim-horizon
  esm position reset mappings.yaml --mapping orders`,
		Args:              cobra.NoArgs,
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE:              func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(positionListCommand(), positionSetCommand(), positionResetCommand())
	return cmd
}

// dataDirFlag adds the flag that replaces the file's Engine.DataDir.
func dataDirFlag(cmd *cobra.Command, over *configfile.Overrides) {
	cmd.Flags().StringVar(&over.DataDir, "data-dir", "", "in place of Engine.DataDir")
	_ = cmd.MarkFlagDirname("data-dir") // fails only for a flag that is not there
}

// mappingFlag adds the flag that names a stream mapping. Shells complete it with the mappings of the file.
func mappingFlag(cmd *cobra.Command, name *string) {
	cmd.Flags().StringVar(name, "mapping", "", "the mapping `M`: its UUID, its function or the ARN of its source")
	_ = cmd.RegisterFlagCompletionFunc("mapping", completeMapping) // fails only for a flag that is not there
}

func completeMapping(cmd *cobra.Command, args []string, _ string) (found []cobra.Completion, _ cobra.ShellCompDirective) {
	if len(args) == 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	file, report := configfile.Load(args[0], configfile.Overrides{})
	if report.Err() != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	known, _ := datadir.Empty().KnownMappings(cmd.Context(), file) // without the data directory, which an engine may use
	for _, m := range datadir.Streams(known) {
		found = append(found, cobra.CompletionWithDesc(m.UUID, m.Title()))
	}
	return found, cobra.ShellCompDirectiveNoFileComp
}

// loadFile reads a mappings file for a command that does not run it, and reports errors in it to stderr.
func loadFile(path string, over configfile.Overrides, stderr io.Writer) (*configfile.File, error) {
	file, report := configfile.Load(path, over)
	if report.Err() != nil {
		fmt.Fprint(stderr, report)
		return nil, usage.Error{Err: errReported}
	}
	return file, nil
}

// moveFlags are the flags that `esm position set` and `reset` share.
type moveFlags struct {
	over           configfile.Overrides
	mapping, shard string
	dryRun         bool
}

func (f *moveFlags) add(cmd *cobra.Command) {
	dataDirFlag(cmd, &f.over)
	mappingFlag(cmd, &f.mapping)
	cmd.Flags().StringVar(&f.shard, "shard", "", "the shard `S`, such as shardId-000000000000, or the short name that logs show, such as 0")
	cmd.Flags().BoolVar(&f.dryRun, "dry-run", false, "print what would be done, and do nothing")
	completeFlag(cmd, "shard")
}

// open returns the Mover of the mapping that the flags name.
func (f *moveFlags) open(cmd *cobra.Command, path string) (*position.Mover, error) {
	if f.mapping == "" {
		return nil, wrongUse(cmd, "--mapping is missing: it names the mapping by its UUID, its function or the ARN of its source")
	}
	file, err := loadFile(path, f.over, cmd.ErrOrStderr())
	if err != nil {
		return nil, err
	}
	log, err := logging.New(logging.Flags{Level: "info"}, cmd.ErrOrStderr())
	if err != nil {
		return nil, err
	}
	feeds := &wiring.Feeds{File: file, Clients: &awsclient.Clients{Region: file.Aws.Region, Warn: log.Warn}, Checkpoints: datadir.Empty()}
	m := &position.Mover{Now: time.Now(), Info: log.Info, Warn: log.Warn, Shards: feeds.Shards}
	if f.dryRun {
		m.DryRun = cmd.OutOrStdout()
	}
	return m, m.Open(cmd.Context(), file, f.mapping)
}

// wrongUse returns an error about flags or arguments that points to the help.
func wrongUse(cmd *cobra.Command, format string, args ...any) error {
	return usage.Errorf(format+" (see "+cmd.CommandPath()+" --help)", args...)
}

func positionListCommand() *cobra.Command {
	var over configfile.Overrides
	var name string
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "list FILE",
		Short: "Show the positions of stream mappings",
		Long: `Shows for each shard of each stream mapping: the position up to which all records are
settled, or where reading begins if there is none; whether the shard is drained, that is
closed with every record settled; the runs of records that are being retried, with their
tries and their first and last position; and the open tumbling window.

A shard appears once it has a checkpoint. Mappings of the file come first, then those made
over HTTP, then removed ones by their UUIDs.`,
		Example: `  esm position list mappings.yaml
  esm position list mappings.yaml --mapping orders --json | jq '.EventSourceMappings[].Shards[].Position'`,
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: completeFile,
		RunE: func(cmd *cobra.Command, args []string) error {
			file, err := loadFile(args[0], over, cmd.ErrOrStderr())
			if err != nil {
				return err
			}
			listed, err := position.List(cmd.Context(), file, name)
			if err != nil {
				return err
			}
			if asJSON {
				return position.WriteJSON(cmd.OutOrStdout(), listed)
			}
			return position.WriteTable(cmd.OutOrStdout(), listed)
		},
	}
	dataDirFlag(cmd, &over)
	mappingFlag(cmd, &name)
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

func positionSetCommand() *cobra.Command {
	var f moveFlags
	var to position.Target
	var force bool
	cmd := &cobra.Command{
		Use:   "set FILE --mapping M --shard S (--after N | --at-timestamp T | --trim-horizon | --latest)",
		Short: "Move one shard of a stream mapping",
		Long: `Moves one shard of a stream mapping, even one that has not been read yet. The rest of its
checkpoint is discarded: pending runs and their tries, the open tumbling window, and that
the shard was drained. The old and the new position are printed on standard error.

A shard that neither the stream nor a checkpoint knows is refused, unless --force is given.
Sequence numbers are not checked against the stream: if the shard does not know one, the
engine reads the shard again from where the mapping began. A shard whose parents are not
drained waits for them, except with --after, which reads it at once. Children that are
already being read continue concurrently. --at-timestamp and --latest are refused for a
LATEST mapping that was never started.`,
		Example: `  esm position set mappings.yaml --mapping orders --shard shardId-000000000000 --trim-horizon
  esm position set mappings.yaml --mapping orders --shard shardId-000000000000 --after 49590338271490256608559692538361571095921575989136588898
  esm position set mappings.yaml --mapping orders --shard shardId-000000000000 --at-timestamp 2026-03-04T05:06:07Z --dry-run`,
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: completeFile,
		RunE: func(cmd *cobra.Command, args []string) error {
			m, err := f.open(cmd, args[0])
			if err != nil {
				return err
			}
			defer m.Close()
			return m.Set(cmd.Context(), f.shard, to, force)
		},
	}
	f.add(cmd)
	flags := cmd.Flags()
	flags.StringVar(&to.After, "after", "", "after the record with the sequence number `N`, or a position as 'esm position list' shows it")
	flags.StringVar(&to.Timestamp, "at-timestamp", "", "at the first record that arrived at the time `T` or later: RFC 3339, or seconds since 1970")
	flags.BoolVar(&to.TrimHorizon, "trim-horizon", false, "at the oldest record of the stream")
	flags.BoolVar(&to.Latest, "latest", false, "at records that arrive from now on")
	flags.BoolVar(&force, "force", false, "also move a shard that is not known")
	completeFlag(cmd, "after")
	completeFlag(cmd, "at-timestamp")
	return cmd
}

func positionResetCommand() *cobra.Command {
	var f moveFlags
	cmd := &cobra.Command{
		Use:   "reset FILE --mapping M [--shard S]",
		Short: "Make a stream mapping, or one shard of it, start over",
		Long: `Forgets all positions of a stream mapping: the next engine treats it as new, and it begins
at its StartingPosition. With LATEST that is the time of the next start: earlier records
are never read. Name a removed mapping by its UUID.

With --shard one shard starts over alone: at StartingPosition or, in a mapping of LATEST,
where reading of the shard first began or was last moved to by a time. Children that
are already being read continue concurrently.

The old positions are printed on standard error. Undelivered notices are kept.`,
		Example: `  esm position reset mappings.yaml --mapping orders
  esm position reset mappings.yaml --mapping orders --shard shardId-000000000000 --dry-run`,
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: completeFile,
		RunE: func(cmd *cobra.Command, args []string) error {
			m, err := f.open(cmd, args[0])
			if err != nil {
				return err
			}
			defer m.Close()
			if cmd.Flags().Changed("shard") {
				return m.ResetShard(cmd.Context(), f.shard)
			}
			return m.Reset(cmd.Context())
		},
	}
	f.add(cmd)
	return cmd
}
