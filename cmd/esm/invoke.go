package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"github.com/spf13/cobra"

	"github.com/esm-run/esm"
	"github.com/esm-run/esm/cmd/esm/usage"
)

func invokeCommand() *cobra.Command {
	var i invoking
	cmd := &cobra.Command{
		Use:   "invoke NAME",
		Short: "Invoke a function of a running engine",
		Long: `Invokes a function of a running engine with an event, and prints its answer: what
AWS's Invoke does, under the same limits. NAME is the function's name or its ARN,
with or without :qualifier. Without --payload the event is {}.

The answer goes to standard output; the end of the log, with --tail, and whatever
goes wrong go to standard error.

Exits with 0 when the function succeeded; with 1 when it failed, or when it could not
be run; with 2 when the name, the event or a flag is wrong.`,
		Example: `  esm invoke orders
  esm invoke orders --payload event.json --tail
  echo '{"id": 7}' | esm invoke orders --payload -`,
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: completeFunction,
		RunE: func(cmd *cobra.Command, args []string) error {
			if i.event && i.tail {
				return wrongUse(cmd, "--event stands beside --tail: nobody waits for an event's log")
			}
			event, err := i.read(cmd.InOrStdin())
			if err != nil {
				return err
			}
			got, err := i.ask(cmd.Context(), args[0], event)
			if err != nil {
				return err
			}
			return got.write(cmd.OutOrStdout(), cmd.ErrOrStderr())
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&i.payload, "payload", "", "the event: a `FILE` of JSON, or - for standard input")
	flags.BoolVar(&i.tail, "tail", false, "print the last 4 KB of the log")
	flags.BoolVar(&i.event, "event", false, "hand the event over and do not wait for an answer; engines of this version refuse that")
	flags.StringVar(&i.listen, "listen", defaultListen, "the engine's address, as in Engine.Listen")
	completeFlag(cmd, "listen", defaultListen)
	_ = cmd.MarkFlagFilename("payload", "json") // fails only for a flag that is not there
	return cmd
}

// invoking is what the flags say.
type invoking struct {
	payload, listen string
	tail, event     bool
}

// read reads the event. One that is too large is read just so far that the engine says so.
func (i *invoking) read(stdin io.Reader) ([]byte, error) {
	from := stdin
	switch i.payload {
	case "":
		return nil, nil
	case "-":
	default:
		file, err := os.Open(i.payload)
		if errors.Is(err, fs.ErrNotExist) {
			return nil, usage.Errorf("--payload %s: there is no such file: to give the event itself, write it to "+
				"standard input (echo '{}' | esm invoke NAME --payload -)", i.payload)
		}
		if err != nil {
			return nil, usage.Errorf("--payload: %w", err)
		}
		defer file.Close()
		from = file
	}
	event, err := io.ReadAll(io.LimitReader(from, esm.MaxPayload+1))
	if err != nil {
		return nil, fmt.Errorf("--payload: %w", err)
	}
	return event, nil
}
