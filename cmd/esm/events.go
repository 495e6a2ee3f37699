package main

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/esm-run/esm/cmd/esm/events"
	"github.com/esm-run/esm/cmd/esm/httpserver"
)

func eventsCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "events",
		Short: "Show, retry and drop asynchronous events that wait in a running engine",
		Long: `Shows, retries and drops events for asynchronous invocation that a running engine has accepted
and that wait for their next try.

Exits with 0; with 2 when a flag is wrong; with 1 otherwise.`,
		Example: `  esm events list
  esm events retry --function orders
  esm events drop 7c1f6a52-0f0e-4d0a-9a3f-5a2b8f1d6e44`,
		Args:              cobra.NoArgs,
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE:              func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(eventsListCommand(), eventsRetryCommand(), eventsDropCommand())
	return cmd
}

// eventFlags select events of a running engine.
type eventFlags struct {
	listen, function string
	all              bool
}

func (f *eventFlags) add(cmd *cobra.Command) {
	cmd.Flags().StringVar(&f.listen, "listen", defaultListen, "the engine's address, as in Engine.Listen")
	cmd.Flags().StringVar(&f.function, "function", "", "only events of this function")
	completeFlag(cmd, "listen", defaultListen)
}

func (f *eventFlags) selection(ids []string) httpserver.EventSelection {
	return httpserver.EventSelection{Function: f.function, RequestIDs: ids, All: f.all}
}

func eventsListCommand() *cobra.Command {
	var f eventFlags
	var asJSON, payload bool
	cmd := &cobra.Command{
		Use:   "list [REQUEST-ID...]",
		Short: "Show the events that wait",
		Long: `Shows events that wait, oldest first and at most a thousand: how old they are, when they are
tried next, how often they were tried, and why the last try failed. Events that are being
tried are not shown; esm status counts them.

--json prints one JSON object per line; --payload adds the events themselves.`,
		Example: `  esm events list --function orders
  esm events list --json --payload | jq .Payload`,
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, args []string) error {
			if payload && !asJSON {
				return wrongUse(cmd, "--payload goes with --json")
			}
			list, err := events.Engine{Address: f.listen}.List(cmd.Context(), f.selection(args), payload)
			if err != nil {
				return err
			}
			if asJSON {
				return events.WriteJSON(cmd.OutOrStdout(), list)
			}
			return events.WriteTable(cmd.OutOrStdout(), list, time.Now())
		},
	}
	f.add(cmd)
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON, one event per line")
	cmd.Flags().BoolVar(&payload, "payload", false, "with --json: also print the events themselves")
	return cmd
}

func eventsRetryCommand() *cobra.Command {
	return eventsChangeCommand("retry", "Try events now that wait for a later try",
		`Makes the selected events due at once. Their ages and the number of their tries stay as they
are.`, "retried", events.Engine.Retry)
}

func eventsDropCommand() *cobra.Command {
	return eventsChangeCommand("drop", "Remove events that wait",
		`Removes the selected events for good. No destination and no dead-letter queue hears of them.
Events that are being tried stay.`, "dropped", events.Engine.Drop)
}

// eventsChangeCommand returns a command that changes the selected events.
func eventsChangeCommand(
	verb, short, long, done string, change func(events.Engine, context.Context, httpserver.EventSelection) (int, error),
) *cobra.Command {
	var f eventFlags
	cmd := &cobra.Command{
		Use:   verb + " [REQUEST-ID...]",
		Short: short,
		Long:  long + "\n\nGive request IDs, --function, or --all.",
		Example: fmt.Sprintf(`  esm events %s 7c1f6a52-0f0e-4d0a-9a3f-5a2b8f1d6e44
  esm events %[1]s --function orders
  esm events %[1]s --all`, verb),
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, args []string) error {
			switch {
			case f.all && (len(args) > 0 || f.function != ""):
				return wrongUse(cmd, "give --all alone, or request IDs and --function")
			case !f.all && len(args) == 0 && f.function == "":
				return wrongUse(cmd, "give request IDs, --function or --all")
			}
			n, err := change(events.Engine{Address: f.listen}, cmd.Context(), f.selection(args))
			if err != nil {
				return err
			}
			_, err = fmt.Fprintf(cmd.OutOrStdout(), "%d %s\n", n, done)
			return err
		},
	}
	f.add(cmd)
	cmd.Flags().BoolVar(&f.all, "all", false, "all events that wait")
	return cmd
}
