package main

import (
	"time"

	"github.com/spf13/cobra"

	"github.com/esm-run/esm/cmd/esm/logs"
)

func logsCommand() *cobra.Command {
	var r logs.Request
	var since string
	cmd := &cobra.Command{
		Use:   "logs [NAME]",
		Short: "Show what the handlers of a running engine wrote",
		Long: `Shows the lines that the handlers of a running engine wrote, of all functions or of one, with
the platform's lines about them: START, END and REPORT. With --follow it goes on with what
they write from now on, until the engine ends.

The engine keeps the last lines in memory: 2 MiB of each function, and 32 MiB in all. Where
older ones are gone, a line says how many. A reader that is slower than the handlers loses
lines in the same way; handlers never wait for one.

Exits with 0; with 2 if the name or a flag is wrong; with 1 if no engine answers, or the answer
breaks off.`,
		Example: `  esm logs
  esm logs orders --follow
  esm logs orders --since 10m --tail 100
  esm logs --request 7c1f6a52-0f0e-4d0a-9a3f-5a2b8f1d6e44
  esm logs orders --json | jq -r .line`,
		Args:              cobra.MaximumNArgs(1),
		ValidArgsFunction: completeFunction,
		RunE: func(cmd *cobra.Command, args []string) (err error) {
			if len(args) > 0 {
				r.Function = args[0]
			}
			if r.Tail < 0 || r.Tail == 0 && cmd.Flags().Changed("tail") {
				return wrongUse(cmd, "--tail is a number of lines above 0")
			}
			if r.Since, err = logs.ParseSince(since, time.Now()); err != nil {
				return err
			}
			return r.Print(cmd.Context(), cmd.OutOrStdout())
		},
	}
	flags := cmd.Flags()
	flags.BoolVarP(&r.Follow, "follow", "f", false, "go on with the lines that are written from now on")
	flags.StringVar(&r.RequestID, "request", "", "only lines of the invocation with this request `ID`")
	flags.StringVar(&since, "since", "", "only lines since a `TIME`: 10m, or 2026-01-02T15:04:05Z")
	flags.IntVar(&r.Tail, "tail", 0, "only the last `N` lines of those that are kept")
	flags.BoolVar(&r.JSON, "json", false, "print JSON, one line per line")
	flags.StringVar(&r.Address, "listen", defaultListen, "the engine's address, as in Engine.Listen")
	completeFlag(cmd, "listen", defaultListen)
	return cmd
}
