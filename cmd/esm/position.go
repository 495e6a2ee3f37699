package main

import (
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/esm-run/esm/cmd/esm/configfile"
)

func positionCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "position",
		Short: "Show and move the positions of stream mappings",
		Long: `Shows and moves how far the mappings of Kinesis and DynamoDB streams have come, those of
the file and those made over HTTP. The engine keeps it in Engine.DataDir, which must not
be in use: stop the engine first.

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

// dataDirFlag adds the flag by which the commands that work on a DataDir are told another one than the file's.
func dataDirFlag(cmd *cobra.Command, over *configfile.Overrides) {
	cmd.Flags().StringVar(&over.DataDir, "data-dir", "", "in place of Engine.DataDir")
	_ = cmd.MarkFlagDirname("data-dir") // fails only for a flag that is not there
}

// mappingFlag adds the flag that names a stream mapping. Shells offer those of the file.
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
	known, _ := (*store)(nil).known(cmd.Context(), file) // what the DataDir keeps is left alone
	for _, m := range ofStreams(known) {
		found = append(found, cobra.CompletionWithDesc(m.UUID, m.title()))
	}
	return found, cobra.ShellCompDirectiveNoFileComp
}

// loadFile reads a mappings file for a command that does not run it. What is wrong with it goes to stderr.
func loadFile(path string, over configfile.Overrides, stderr io.Writer) (*configfile.File, error) {
	file, report := configfile.Load(path, over)
	if report.Err() != nil {
		fmt.Fprint(stderr, report)
		return nil, usageError{errSaid}
	}
	return file, nil
}

// moves are what `esm position set` and `reset` have in common.
type moves struct {
	over           configfile.Overrides
	mapping, shard string
	dryRun         bool
}

func (f *moves) flags(cmd *cobra.Command) {
	dataDirFlag(cmd, &f.over)
	mappingFlag(cmd, &f.mapping)
	cmd.Flags().StringVar(&f.shard, "shard", "", "the shard `S`, such as shardId-000000000000")
	cmd.Flags().BoolVar(&f.dryRun, "dry-run", false, "say what would be done, and do nothing")
	completeFlag(cmd, "shard")
}

// mover makes what changes the positions of the mapping that the flags name. It takes the DataDir, if there is one, and
// creates nothing.
func (f *moves) mover(cmd *cobra.Command, path string) (*mover, error) {
	if f.mapping == "" {
		return nil, wrongUse(cmd, "--mapping is missing: it names the mapping by its UUID, its function or the ARN of its source")
	}
	file, err := loadFile(path, f.over, cmd.ErrOrStderr())
	if err != nil {
		return nil, err
	}
	m := &mover{now: time.Now()}
	if f.dryRun {
		m.dry = cmd.OutOrStdout()
	}
	if m.voice, err = newVoice(logFlags{level: "info"}, cmd.ErrOrStderr()); err != nil {
		return nil, err
	}
	return m, m.open(cmd.Context(), file, f.mapping)
}

// wrongUse is a complaint about flags or arguments.
func wrongUse(cmd *cobra.Command, format string, args ...any) error {
	return usageError{fmt.Errorf(format+" (see "+cmd.CommandPath()+" --help)", args...)}
}
