package main

import (
	"net"
	"time"

	"github.com/spf13/cobra"

	"github.com/esm-run/esm/cmd/esm/status"
	"github.com/esm-run/esm/cmd/esm/usage"
)

const defaultListen = "127.0.0.1:9001"

func statusCommand() *cobra.Command {
	var listen string
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "status",
		Short: "Show the status of a running engine",
		Long: `Shows for each event source mapping of a running engine: its state, the number of pollers
or shards, the number of batches being processed, the result of the last batch and the
last error; below a stream, its failing and blocked shards; and the environments of each
function. The position of each shard is in --json.

Exits with 1 if no engine answers.`,
		Example:           "  esm status\n  esm status --json | jq '.EventSourceMappings[].State'",
		Args:              cobra.NoArgs,
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if _, _, err := net.SplitHostPort(listen); err != nil {
				return usage.Errorf("--listen %q is not host:port, such as %s", listen, defaultListen)
			}
			is, raw, err := status.Ask(cmd.Context(), listen)
			if err != nil {
				return err
			}
			if asJSON {
				_, err = cmd.OutOrStdout().Write(raw)
				return err
			}
			return status.Write(cmd.OutOrStdout(), is, time.Now())
		},
	}
	cmd.Flags().StringVar(&listen, "listen", defaultListen, "the engine's address, as in Engine.Listen")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	completeFlag(cmd, "listen", defaultListen)
	return cmd
}
