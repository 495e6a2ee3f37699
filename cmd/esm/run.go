package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"github.com/esm-run/esm"
	"github.com/esm-run/esm/cmd/esm/config"
	"github.com/esm-run/esm/cmd/esm/observe"
	"github.com/esm-run/esm/engine"
)

func runCommand() *cobra.Command {
	var over config.Overrides
	var flags logFlags
	cmd := &cobra.Command{
		Use:   "run FILE",
		Short: "Run the event source mappings of a file",
		Long: `Polls the sources of a mappings file and runs its functions with what they hold,
until SIGINT or SIGTERM: then nothing more is received, what is in hand is finished
within Engine.GracePeriod, and it exits with 0. A second signal stops at once.

What handlers print goes to standard output, each line with function and request
id. What the engine has to say goes to standard error: for people one line a batch
where that is a terminal, structured lines otherwise or with --log-format.`,
		Example: `  esm run mappings.yaml
  esm run mappings.yaml --endpoint embedded
  esm run mappings.yaml --endpoint http://localhost:4566 --log-format json`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := flags.check(); err != nil {
				return usageError{err}
			}
			r := &run{stdout: cmd.OutOrStdout(), stderr: cmd.ErrOrStderr(), flags: flags, over: over}
			return r.run(cmd.Context(), args[0])
		},
	}
	cmd.Flags().StringVar(&over.Endpoint, "endpoint", "", `in place of Aws.Endpoint: a URL, or "embedded" for the stand-in`)
	cmd.Flags().StringVar(&over.DataDir, "data-dir", "", "in place of Engine.DataDir")
	cmd.Flags().StringVar(&over.Listen, "listen", "", "in place of Engine.Listen")
	cmd.Flags().StringVar(&flags.format, "log-format", "", "structured lines: text or json (default: for people on a terminal, else text)")
	cmd.Flags().StringVar(&flags.level, "log-level", "info", "debug, info, warn or error; debug shows every poll")
	return cmd
}

// run is one `esm run`.
type run struct {
	stdout, stderr io.Writer
	flags          logFlags
	over           config.Overrides

	began   time.Time
	voice   *voice
	file    *config.File
	board   *observe.Board
	metrics *observe.Metrics
	trace   esm.Trace
	servers sync.WaitGroup
}

func (r *run) run(parent context.Context, path string) error {
	r.began, r.voice = time.Now(), r.flags.voice(r.stderr)
	// From here on signals count, while it is still starting too.
	ctx, work, stop, end := lifetimes(parent, r.grace, func(s os.Signal) {
		r.voice.info("%v: finishing what is in hand, at most %v; once more stops at once", s, r.grace())
	})
	defer end()
	if err := r.load(path); err != nil {
		return err
	}
	if err := r.open(ctx, work, stop); err != nil {
		return err
	}
	if cause := context.Cause(ctx); !errors.Is(cause, context.Canceled) {
		return cause
	}
	return context.Cause(work)
}

func (r *run) grace() time.Duration {
	if r.file == nil {
		return 0
	}
	return r.file.Engine.GracePeriod
}

func (r *run) load(path string) error {
	file, report := config.Load(path, r.over)
	if report.Err() != nil {
		fmt.Fprint(r.stderr, report)
		return usageError{errSaid}
	}
	for _, w := range report.Warnings {
		r.voice.warn("%s", w)
	}
	r.file = file
	mappings, functions := described(file)
	r.board, r.metrics = observe.NewBoard(mappings, functions), observe.NewMetrics(mappings)
	r.trace = observe.Tee(append(r.voice.traces(r.stdout, r.flags, mappings), r.board.Trace, r.metrics.Trace)...)
	return nil
}

// open starts everything that the file asks for and blocks until ctx has ended and the feeds with it. It closes in the
// reverse order: servers end last, since everything else may need them to the end. One that fails ends the run.
func (r *run) open(ctx, work context.Context, stop context.CancelCauseFunc) error {
	dir, err := openDataDir(r.file.Engine.DataDir)
	if err != nil {
		return err
	}
	defer dir.Close()
	defer r.servers.Wait()
	serving, endServing := context.WithCancel(context.WithoutCancel(ctx))
	defer endServing()
	if err := r.serve(serving, stop); err != nil {
		return err
	}
	c := &clients{region: r.file.Aws.Region}
	if err := makeResources(ctx, r.file, c, r.voice); err != nil {
		return err
	}
	parts, err := build(ctx, r.file, c, r.trace)
	if err != nil {
		return err
	}
	defer parts.close(work)
	if err := parts.starter.Sweep(); err != nil {
		return err
	}
	r.announce()
	defer r.warnOfTraps(ctx, parts)()
	(&engine.Engine{Feeds: parts.feeds}).Run(ctx, work)
	return nil
}
