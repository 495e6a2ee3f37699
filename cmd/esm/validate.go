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
		Short: "Check a mappings file",
		Long: `Reads a mappings file and reports all of its errors at once, each with line, column, the
key's path and what would be correct. It also warns of valid settings that often cause
trouble, such as a visibility timeout below six times the function's timeout.

It runs nothing and needs no network. Attributes of queues come from the file's Resources;
` + "`esm run`" + ` checks all other queues when it reaches them.

Exits with 0 if the file is valid, with or without warnings, and with 2 if it is not.`,
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
