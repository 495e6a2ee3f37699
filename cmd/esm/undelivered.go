package main

import (
	"context"
	"fmt"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/esm-run/esm/cmd/esm/configfile"
	"github.com/esm-run/esm/cmd/esm/datadir"
	"github.com/esm-run/esm/cmd/esm/undelivered"
)

func undeliveredCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "undelivered",
		Short: "Show, resend and drop notices that no destination accepted",
		Long: `Shows, resends and drops notices that their destination did not accept: about records that
stream mappings gave up, and about asynchronous events that have ended. The engine keeps
them in Engine.DataDir, which must not be in use: stop the engine first.

Exits with 0; with 2 when the file, a flag or an ID is wrong; with 1 otherwise, also
when some notices could not be sent.`,
		Example: `  esm undelivered list mappings.yaml
  esm undelivered resend mappings.yaml --all
  esm undelivered drop mappings.yaml 7a5dac56-af38-4a4a-994a-72c61767da8f`,
		Args:              cobra.NoArgs,
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE:              func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(undeliveredListCommand(), undeliveredResendCommand(), undeliveredDropCommand())
	return cmd
}

// selection checks the notices that arguments and flags select.
func selection(cmd *cobra.Command, wanted undelivered.Selection) (undelivered.Selection, error) {
	if wanted.All && len(wanted.IDs) > 0 {
		return wanted, wrongUse(cmd, "give IDs or --all, not both")
	}
	if wanted.Function != "" && (wanted.All || len(wanted.IDs) > 0) {
		return wanted, wrongUse(cmd, "--function goes neither with IDs nor with --all")
	}
	return wanted, wanted.Check()
}

// functionFlag adds the flag that selects the notices of one function.
func functionFlag(cmd *cobra.Command, function *string) {
	cmd.Flags().StringVar(function, "function", "", "the notices of this function alone: a name or ARN, with or without a qualifier")
}

// endpointFlag adds the flag that replaces the file's Aws.Endpoint.
func endpointFlag(cmd *cobra.Command, over *configfile.Overrides) {
	cmd.Flags().StringVar(&over.Endpoint, "endpoint", "", "in place of Aws.Endpoint: a URL")
	completeFlag(cmd, "endpoint", "http://localhost:4566")
}

// openStore loads the file at path, and opens the store of its data directory.
func openStore(cmd *cobra.Command, path string, over configfile.Overrides) (*configfile.File, *datadir.Store, error) {
	file, err := loadFile(path, over, cmd.ErrOrStderr())
	if err != nil {
		return nil, nil, err
	}
	s, err := datadir.OpenStore(file.Engine.DataDir)
	return file, s, err
}

func undeliveredListCommand() *cobra.Command {
	var over configfile.Overrides
	var asJSON, payload bool
	var function string
	cmd := &cobra.Command{
		Use:   "list FILE",
		Short: "Show the notices that no destination accepted",
		Long: `Shows the undelivered notices, oldest first: which records of which shard were given up, or
which request of which function has ended, and why the destination did not accept the
notice.

--json prints one JSON object per line; --payload adds the event, if the notice has it, and
the function's response to an asynchronous event.`,
		Example: `  esm undelivered list mappings.yaml
  esm undelivered list mappings.yaml --function orders
  esm undelivered list mappings.yaml --json --payload | jq '.Payload.Records[].eventID'`,
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: completeFile,
		RunE: func(cmd *cobra.Command, args []string) error {
			if payload && !asJSON {
				return wrongUse(cmd, "--payload goes with --json")
			}
			wanted, err := selection(cmd, undelivered.Selection{Function: function})
			if err != nil {
				return err
			}
			wanted.All = function == ""
			file, s, err := openStore(cmd, args[0], over)
			if err != nil {
				return err
			}
			defer s.Close()
			notices := wanted.Of(s.Undelivered(cmd.Context()))
			if asJSON {
				return undelivered.WriteJSON(cmd.OutOrStdout(), notices, payload)
			}
			known, err := s.KnownMappings(cmd.Context(), file)
			if err != nil {
				return err
			}
			return undelivered.WriteTable(cmd.OutOrStdout(), notices, known)
		},
	}
	dataDirFlag(cmd, &over)
	functionFlag(cmd, &function)
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON, one notice per line")
	cmd.Flags().BoolVar(&payload, "payload", false, "with --json: also print the events")
	return cmd
}

func undeliveredResendCommand() *cobra.Command {
	var over configfile.Overrides
	var all bool
	var function string
	cmd := &cobra.Command{
		Use:   "resend FILE [ID... | --function NAME | --all]",
		Short: "Resend notices that no destination accepted",
		Long: `Resends notices, several concurrently: to the destination that their mapping or function has
now or, if that was removed or has none, to the one that they were for. Without IDs all are
sent. A function of the file that is a destination runs when the engine is started again.

A notice is dropped only after it was accepted: an interruption in between sends it again the
next time, and nothing is lost. A notice that is not accepted is kept. Ctrl-C stops.`,
		Example: `  esm undelivered resend mappings.yaml
  esm undelivered resend mappings.yaml 7a5dac56-af38-4a4a-994a-72c61767da8f --endpoint http://localhost:4566`,
		Args:              cobra.MinimumNArgs(1),
		ValidArgsFunction: completeFile,
		RunE: func(cmd *cobra.Command, args []string) error {
			wanted, err := selection(cmd, undelivered.Selection{All: all, IDs: args[1:], Function: function})
			if err != nil {
				return err
			}
			wanted.All = len(args) == 1 && function == ""
			file, s, err := openStore(cmd, args[0], over)
			if err != nil {
				return err
			}
			defer s.Close()
			ctx, end := untilSignal(cmd.Context())
			defer end()
			return undelivered.Resend(ctx, file, s, wanted, cmd.OutOrStdout())
		},
	}
	dataDirFlag(cmd, &over)
	endpointFlag(cmd, &over)
	functionFlag(cmd, &function)
	cmd.Flags().BoolVar(&all, "all", false, "send all notices")
	return cmd
}

// untilSignal returns a context that ends at the first SIGINT or SIGTERM. A second one ends the process.
func untilSignal(parent context.Context) (ctx context.Context, end func()) {
	ctx, stop := signal.NotifyContext(parent, syscall.SIGINT, syscall.SIGTERM)
	context.AfterFunc(ctx, stop)
	return ctx, stop
}

func undeliveredDropCommand() *cobra.Command {
	var over configfile.Overrides
	var all bool
	var function string
	cmd := &cobra.Command{
		Use:   "drop FILE (ID... | --function NAME | --all)",
		Short: "Drop notices that no destination accepted",
		Long: `Drops notices without sending them. ` + "`esm undelivered list --json --payload`" + ` shows what is
lost with them. If one of the IDs does not exist, none is dropped.`,
		Example: `  esm undelivered drop mappings.yaml 7a5dac56-af38-4a4a-994a-72c61767da8f
  esm undelivered drop mappings.yaml --all`,
		Args:              cobra.MinimumNArgs(1),
		ValidArgsFunction: completeFile,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 1 && !all && function == "" {
				return wrongUse(cmd, "select notices: give their IDs, --function or --all")
			}
			wanted, err := selection(cmd, undelivered.Selection{All: all, IDs: args[1:], Function: function})
			if err != nil {
				return err
			}
			_, s, err := openStore(cmd, args[0], over)
			if err != nil {
				return err
			}
			defer s.Close()
			found, err := wanted.Find(s.Undelivered(cmd.Context()))
			if err != nil {
				return err
			}
			if len(found) > 0 {
				if err := s.Drop(cmd.Context(), found...); err != nil {
					return err
				}
			}
			_, err = fmt.Fprintf(cmd.OutOrStdout(), "dropped notices: %d\n", len(found))
			return err
		},
	}
	dataDirFlag(cmd, &over)
	functionFlag(cmd, &function)
	cmd.Flags().BoolVar(&all, "all", false, "drop all notices")
	return cmd
}
