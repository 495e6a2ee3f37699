package main

import "github.com/spf13/cobra"

// completeFile lets shells offer mappings files for the one argument of a command: YAML, of which JSON is a part.
func completeFile(_ *cobra.Command, args []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	return []cobra.Completion{"yaml", "yml", "json"}, cobra.ShellCompDirectiveFilterFileExt
}

// completeFlag lets shells offer values for a flag, which must be one of cmd's.
func completeFlag(cmd *cobra.Command, flag string, values ...cobra.Completion) {
	offer := cobra.FixedCompletions(values, cobra.ShellCompDirectiveNoFileComp)
	_ = cmd.RegisterFlagCompletionFunc(flag, offer) // fails only for a flag that is not there
}
