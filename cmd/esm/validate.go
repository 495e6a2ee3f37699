package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/esm-run/esm/cmd/esm/configfile"
	"github.com/esm-run/esm/cmd/esm/usage"
)

func validateCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "validate FILE",
		Short: "Say what is wrong with a mappings file, and what will surprise you",
		Long: `Reads a mappings file and reports every error in it at once, each with its line,
its column, the key's path and what would be right; and it warns of settings that
are allowed but known to surprise, such as a visibility timeout below six times
the function's timeout.

Runs nothing and needs no network. Queues are known only as far as the file's
Resources describe them; the others are looked at by ` + "`esm run`" + ` when it finds them.

Exits with 0 when the file is valid, warnings or not, and with 2 when it is not.`,
		Example:           "  esm validate mappings.yaml",
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: completeFile,
		RunE: func(cmd *cobra.Command, args []string) error {
			_, report := configfile.Load(args[0], configfile.Overrides{})
			fmt.Fprint(cmd.OutOrStdout(), report)
			if report.Err() != nil {
				return usage.Error{Err: errReported}
			}
			return nil
		},
	}
}
