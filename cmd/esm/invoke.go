package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/esm-run/esm"
	"github.com/esm-run/esm/cmd/esm/invoke"
	"github.com/esm-run/esm/cmd/esm/status"
	"github.com/esm-run/esm/cmd/esm/usage"
)

func invokeCommand() *cobra.Command {
	var f invokeFlags
	cmd := &cobra.Command{
		Use:   "invoke NAME",
		Short: "Invoke a function of a running engine",
		Long: `Invokes a function of a running engine with an event and prints its response, like AWS's
Invoke and under the same limits. NAME is the function's name or its ARN, with or without
:qualifier. Without --payload the event is {}.

The response goes to standard output; errors and, with --tail, the end of the log go to
standard error.

With --event the request ID goes to standard output. The engine runs the function later and
retries it as Lambda does; esm events list shows what waits.

Exits with 0 if the function succeeded, or the event was stored; with 1 if it failed or could not run; with 2 if the
name, the event or a flag is wrong.`,
		Example: `  esm invoke orders
  esm invoke orders --payload '{"id": 7}'
  esm invoke orders --payload event.json --tail
  esm invoke orders --payload event.json --event
  echo '{"id": 7}' | esm invoke orders --payload -`,
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: completeFunction,
		RunE: func(cmd *cobra.Command, args []string) error {
			if f.async && f.tail {
				return wrongUse(cmd, "give --event or --tail, not both: an asynchronous invocation returns no log")
			}
			event, err := f.read(cmd.InOrStdin())
			if err != nil {
				return err
			}
			got, err := invoke.Request{Address: f.listen, Function: args[0], Event: event, Tail: f.tail, Async: f.async}.Send(cmd.Context())
			if err != nil {
				return err
			}
			return got.Write(cmd.OutOrStdout(), cmd.ErrOrStderr())
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&f.payload, "payload", "", "the event: JSON, a `FILE` with JSON, or - for standard input")
	flags.BoolVar(&f.tail, "tail", false, "print the last 4 KB of the log")
	flags.BoolVar(&f.async, "event", false, "invoke asynchronously: return as soon as the engine has stored the event")
	flags.StringVar(&f.listen, "listen", defaultListen, "the engine's address, as in Engine.Listen")
	completeFlag(cmd, "listen", defaultListen)
	_ = cmd.MarkFlagFilename("payload", "json") // fails only for a flag that is not there
	return cmd
}

type invokeFlags struct {
	payload, listen string
	tail, async     bool
}

// read returns the event. Of one that is too large it reads just enough for the engine to refuse it.
func (f *invokeFlags) read(stdin io.Reader) ([]byte, error) {
	from := stdin
	switch {
	case f.payload == "":
		return nil, nil
	case f.payload == "-":
	case isObject(f.payload):
		return []byte(f.payload), nil
	default:
		file, err := os.Open(f.payload)
		if errors.Is(err, fs.ErrNotExist) {
			return nil, usage.Errorf("--payload %s: no such file: give the event itself, such as "+
				`--payload '{"id": 7}'`, f.payload)
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

// isObject reports whether a payload is the event itself: a JSON object or array, which no file's name looks like.
func isObject(payload string) bool {
	text := strings.TrimSpace(payload)
	return strings.HasPrefix(text, "{") || strings.HasPrefix(text, "[")
}

// completeFunction completes the names of a running engine's functions.
func completeFunction(cmd *cobra.Command, args []string, _ string) (found []cobra.Completion, _ cobra.ShellCompDirective) {
	listen, err := cmd.Flags().GetString("listen")
	if len(args) > 0 || err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	is, _, err := status.Ask(ctx, listen)
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	for _, fn := range is.Functions {
		found = append(found, fn.Name)
	}
	return found, cobra.ShellCompDirectiveNoFileComp
}
