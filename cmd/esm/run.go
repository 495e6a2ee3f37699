package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/spf13/cobra"

	"github.com/esm-run/esm/api"
	"github.com/esm-run/esm/cmd/esm/awsclient"
	"github.com/esm-run/esm/cmd/esm/configfile"
	"github.com/esm-run/esm/cmd/esm/datadir"
	"github.com/esm-run/esm/cmd/esm/logging"
	"github.com/esm-run/esm/cmd/esm/observe"
	"github.com/esm-run/esm/cmd/esm/provision"
	"github.com/esm-run/esm/cmd/esm/startup"
	"github.com/esm-run/esm/cmd/esm/usage"
	"github.com/esm-run/esm/cmd/esm/wiring"
	"github.com/esm-run/esm/mappings"
	"github.com/esm-run/esm/subscriber"
	"github.com/esm-run/esm/trace"
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
			r := &run{stdout: stdout, stderr: stderr, log: log, began: time.Now()}
			return r.run(cmd.Context(), args[0], over)
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

// run is one `esm run`.
type run struct {
	stdout, stderr io.Writer
	log            *logging.Log
	began          time.Time

	// Set by load, and not changed while anything runs.
	file    *configfile.File
	monitor *observe.Monitor
	tails   *api.Tails
	trace   trace.Func

	// Nil while the engine is starting.
	known      atomic.Pointer[mappings.Register]
	lambda     atomic.Pointer[api.Server]
	subscriber atomic.Pointer[subscriber.Server]

	standInURL string // set by serve; empty without a stand-in

	grace   atomic.Int64 // nanoseconds: the file's GracePeriod, once it is read
	started atomic.Bool  // everything is ready for polling
	servers sync.WaitGroup
}

func (r *run) run(parent context.Context, path string, over configfile.Overrides) error {
	// Signals count from here on, also during the start.
	r.grace.Store(int64(time.Minute))
	grace := func() time.Duration { return time.Duration(r.grace.Load()) }
	ctx, work, stop, end := lifetimes(parent, grace, func(s os.Signal) {
		r.log.Info("%v: finishing running batches, for at most %v; a second signal stops at once", s, grace())
	})
	defer end()
	if err := r.load(path, over); err != nil {
		return err
	}
	if err := r.open(ctx, work, stop); err != nil && !interrupted(ctx, err) {
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

func (r *run) load(path string, over configfile.Overrides) error {
	file, report := configfile.Load(path, over)
	if report.Err() != nil {
		fmt.Fprint(r.stderr, report)
		return usage.Error{Err: errReported}
	}
	for _, w := range report.Warnings {
		r.log.Warn("%s", w)
	}
	r.file = file
	r.grace.Store(int64(file.Engine.GracePeriod))
	var described []observe.Mapping
	for _, m := range file.Mappings {
		described = append(described, observe.Describe(m))
	}
	var functions []string
	for _, fn := range file.Functions {
		functions = append(functions, fn.Name)
	}
	r.monitor, r.tails = observe.NewMonitor(described, functions), &api.Tails{}
	// The log comes last: when a line is written, the status agrees with it.
	r.trace = observe.Tee(r.monitor.Trace, r.tails.Trace, r.log.Start(r.stdout, r.monitor.Mapping))
	return nil
}

// open starts everything that the file asks for and blocks until ctx has ended and the feeds with it. It closes in the
// reverse order: servers end last, since everything else may need them to the end. One that fails ends the run.
func (r *run) open(ctx, work context.Context, stop context.CancelCauseFunc) error {
	dir, err := datadir.Open(r.file.Engine.DataDir)
	if err != nil {
		return err
	}
	defer dir.Close()
	defer r.servers.Wait()
	serving, endServing := context.WithCancel(context.WithoutCancel(ctx))
	defer endServing()
	address, err := r.serve(serving, stop)
	if err != nil {
		return err
	}
	c := &awsclient.Clients{Region: r.file.Aws.Region, Warn: r.log.Warn}
	if err := provision.Create(ctx, r.file, c, r.log); err != nil {
		return err
	}
	parts, err := wiring.Build(ctx, r.file, c, r.trace)
	if err != nil {
		return err
	}
	defer parts.Close(work)
	defer context.AfterFunc(ctx, parts.Functions.StopStarting)() // what does not run at a stop is left at once
	if err := parts.Processes.Sweep(); err != nil {
		r.log.Warn("%v: processes or files of an earlier run may be left", err)
	}
	checks := &startup.Checks{File: r.file, Parts: parts, Warn: r.log.Warn}
	defer checks.Wait()
	runs := &runner{
		ctx: ctx, feeds: parts.Feeds, engine: parts.Engine, observers: observers{r.monitor, r.log}, started: checks.Mapping,
	}
	defer runs.stopping.Wait()
	register, err := r.register(ctx, parts, runs)
	if err != nil {
		return err
	}
	defer register.Close()
	lambda, err := r.lambdaAPI(ctx, parts, register)
	if err != nil {
		return err
	}
	defer lambda.Close(work)
	r.known.Store(register)
	r.lambda.Store(lambda)
	if err := r.connect(ctx, c, parts, address, noEvents{}); err != nil {
		return err
	}
	r.started.Store(true)
	r.log.Info("esm %s runs %s; status, metrics and health on http://%s", version, r.file.Path, address)
	if !slices.ContainsFunc(register.List(), func(m mappings.Registered) bool { return *m.Enabled }) {
		r.log.Info("no mapping is enabled: there is nothing to poll")
	}
	checks.Start(ctx)
	runs.engine.Run(ctx, work)
	return nil
}
