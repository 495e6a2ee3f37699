package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/esm-run/esm/cmd/esm/configfile"
)

func undeliveredDropCommand() *cobra.Command {
	var over configfile.Overrides
	var all bool
	cmd := &cobra.Command{
		Use:   "drop FILE (ID... | --all)",
		Short: "Drop failure notices that no destination took",
		Long: `Drops notices for good, without sending them. ` + "`esm undelivered list --json --payload`" + `
shows what is lost with them. When one of the IDs is not kept, none is dropped.`,
		Example: `  esm undelivered drop mappings.yaml 7a5dac56-af38-4a4a-994a-72c61767da8f
  esm undelivered drop mappings.yaml --all`,
		Args:              cobra.MinimumNArgs(1),
		ValidArgsFunction: completeFile,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 1 && !all {
				return wrongUse(cmd, "say which notices: give their IDs, or --all")
			}
			wanted, err := pick(cmd, args[1:], all)
			if err != nil {
				return err
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
			found, err := wanted.find(cmd.Context(), s)
			if err != nil {
				return err
			}
			if len(found) > 0 {
				if err := s.Drop(cmd.Context(), found...); err != nil {
					return err
				}
			}
			_, err = fmt.Fprintf(cmd.OutOrStdout(), "%s dropped\n", plural(len(found), "notice"))
			return err
		},
	}
	dataDirFlag(cmd, &over)
	cmd.Flags().BoolVar(&all, "all", false, "drop all that are kept")
	return cmd
}
