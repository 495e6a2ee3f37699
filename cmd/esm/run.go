package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"sync/atomic"
	"time"

	"github.com/spf13/cobra"

	"github.com/esm-run/esm/cmd/esm/configfile"
	"github.com/esm-run/esm/cmd/esm/logging"
	"github.com/esm-run/esm/cmd/esm/running"
	"github.com/esm-run/esm/cmd/esm/usage"
)

func runCommand() *cobra.Command {
	var over configfile.Overrides
	var logs logging.Flags
	cmd := &cobra.Command{
		Use:   "run FILE",
		Short: "Run the event source mappings of a file",
		Long: `Polls the sources of a mappings file and runs its functions with the records, until SIGINT
or SIGTERM. Then it receives nothing more, finishes the batches in hand within
Engine.GracePeriod, and exits with 0. A second signal stops it at once.

What handlers print goes to standard output, each line with function and request ID.
Messages of the engine go to standard error: one line per batch on a terminal, structured
lines otherwise or with --log-format.`,
		Example: `  esm run mappings.yaml
  esm run mappings.yaml --endpoint embedded
  esm run mappings.yaml --endpoint http://localhost:4566 --log-format json`,
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: completeFile,
		RunE: func(cmd *cobra.Command, args []string) error {
			stdout, stderr := logging.NewBuffer(cmd.OutOrStdout()), logging.NewBuffer(cmd.ErrOrStderr())
			defer stderr.Close(outputTimeout)
			defer stdout.Close(outputTimeout)
			log, err := logging.New(logs, stderr)
			if err != nil {
				return usage.Error{Err: err}
			}
			defer log.Close()
			defer runtime.KeepAlive(reserveHeap())
			s := &running.System{Log: log, Stdout: stdout, Version: version, Began: time.Now()}
			return run(cmd.Context(), s, func() (err error) {
				s.File, err = load(args[0], over, stderr, log)
				return err
			})
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&over.Endpoint, "endpoint", "", `in place of Aws.Endpoint: a URL, or "embedded" for the stand-in`)
	flags.StringVar(&over.DataDir, "data-dir", "", "in place of Engine.DataDir")
	flags.StringVar(&over.Listen, "listen", "", "in place of Engine.Listen")
	flags.StringVar(&logs.Format, "log-format", "", "structured lines: text or json (default: for people on a terminal, else text)")
	flags.StringVar(&logs.Level, "log-level", "info", "debug, info, warn or error; debug shows every poll")
	completeFlag(cmd, "endpoint", "embedded", "http://localhost:4566")
	completeFlag(cmd, "listen", defaultListen)
	_ = cmd.MarkFlagDirname("data-dir") // fails only for a flag that is not there
	completeFlag(cmd, "log-format", logging.Formats...)
	completeFlag(cmd, "log-level", logging.Levels...)
	return cmd
}

// outputTimeout is how long writing the rest of the output may take at the end.
const outputTimeout = time.Second

// run runs s, whose file load sets, until a signal ends it. Signals count from the beginning, also while the file is loaded.
func run(parent context.Context, s *running.System, load func() error) error {
	var grace atomic.Int64 // nanoseconds: the file's GracePeriod, once it is loaded
	grace.Store(int64(time.Minute))
	period := func() time.Duration { return time.Duration(grace.Load()) }
	ctx, work, stop, end := lifetimes(parent, period, func(got os.Signal) {
		s.Log.Info("%v: finishing running batches, for at most %v; a second signal stops at once", got, period())
	})
	defer end()
	if err := load(); err != nil {
		return err
	}
	grace.Store(int64(s.File.Engine.GracePeriod))
	if err := s.Run(ctx, work, stop); err != nil && !interrupted(ctx, err) {
		return err
	}
	if cause := context.Cause(ctx); !errors.Is(cause, context.Canceled) {
		return cause // of a server
	}
	return context.Cause(work) // nil after a clean stop
}

// interrupted reports whether err is a consequence of the end of ctx, such as that of an unfinished start.
func interrupted(ctx context.Context, err error) bool {
	return ctx.Err() != nil && errors.Is(err, context.Canceled)
}

// load loads a file. Its errors go to stderr, its warnings to the log.
func load(path string, over configfile.Overrides, stderr io.Writer, log *logging.Log) (*configfile.File, error) {
	file, report := configfile.Load(path, over)
	if report.Err() != nil {
		fmt.Fprint(stderr, report)
		return nil, usage.Error{Err: errReported}
	}
	for _, w := range report.Warnings {
		log.Warn("%s", w)
	}
	return file, nil
}
