// Package running runs what a mappings file describes: it starts the servers, the store, the functions and the engine in their
// order, keeps the observers informed about each mapping, and stops everything in the reverse order.
package running

import (
	"context"
	"io"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/esm-run/esm/api"
	"github.com/esm-run/esm/cmd/esm/awsclient"
	"github.com/esm-run/esm/cmd/esm/configfile"
	"github.com/esm-run/esm/cmd/esm/datadir"
	"github.com/esm-run/esm/cmd/esm/logging"
	"github.com/esm-run/esm/cmd/esm/observe"
	"github.com/esm-run/esm/cmd/esm/provision"
	"github.com/esm-run/esm/cmd/esm/startup"
	"github.com/esm-run/esm/cmd/esm/wiring"
	"github.com/esm-run/esm/engine/async"
	"github.com/esm-run/esm/mappings"
	"github.com/esm-run/esm/subscriber"
	"github.com/esm-run/esm/trace"
)

// System is an engine with everything around it. Its exported fields are set before the first use.
type System struct {
	File    *configfile.File // belongs to the System
	Log     *logging.Log
	Stdout  io.Writer // receives what handlers print
	Version string    // of the program
	Began   time.Time

	observers observers
	tails     *api.Tails
	kept      *observe.Kept
	trace     trace.Func

	// Nil while the engine is starting.
	known  atomic.Pointer[mappings.Register]
	lambda atomic.Pointer[api.Server]
	events atomic.Pointer[async.Feed]

	subscriber atomic.Pointer[subscriber.Server]

	standInURL string // set by serve; empty without a stand-in

	started atomic.Bool // everything is ready for polling
	servers sync.WaitGroup
}

// Run blocks until ctx has ended and the feeds with it. When ctx ends nothing more is taken in; when work ends, what is in
// hand is given up. An error of a server is passed to stop, which is to end ctx.
//
// Servers start first and end last: everything else may need them to the end.
func (s *System) Run(ctx, work context.Context, stop context.CancelCauseFunc) error {
	s.observe()
	dir, err := datadir.Open(s.File.Engine.DataDir)
	if err != nil {
		return err
	}
	defer dir.Close()
	defer s.servers.Wait()
	serving, endServing := context.WithCancel(context.WithoutCancel(ctx))
	defer endServing()
	defer s.kept.End()
	address, err := s.serve(serving, stop)
	if err != nil {
		return err
	}
	parts, err := s.build(ctx)
	if err != nil {
		return err
	}
	s.observers.monitor.WatchEnvironments(parts.Functions.Environments)
	defer parts.Close(work)
	defer context.AfterFunc(ctx, parts.Functions.StopStarting)() // what does not run at a stop is left at once
	return s.poll(ctx, work, parts, address)
}

// observe makes what receives the trace. The log comes last: when a line is written, the status agrees with it.
func (s *System) observe() {
	var described []observe.Mapping
	for _, m := range s.File.Mappings {
		described = append(described, observe.Describe(m))
	}
	var functions []string
	for _, fn := range s.File.Functions {
		functions = append(functions, fn.Name)
	}
	monitor := observe.NewMonitor(described, functions)
	s.observers, s.tails = observers{monitor, s.Log}, &api.Tails{}
	s.kept = observe.NewKept()
	s.trace = observe.Tee(monitor.Trace, s.tails.Trace, s.kept.Trace, s.Log.Start(s.Stdout, monitor.Mapping))
}

// build makes the parts, which the caller must close, creates the resources of the file, and prepares what runs its functions.
func (s *System) build(ctx context.Context) (*wiring.Parts, error) {
	c := &awsclient.Clients{Region: s.File.Aws.Region, Warn: s.Log.Warn}
	parts, err := wiring.Build(ctx, s.File, c, s.trace)
	if err != nil {
		return nil, err
	}
	if err := s.prepare(ctx, c, parts); err != nil {
		parts.Close(ctx) // nothing runs yet
		return nil, err
	}
	return parts, nil
}

// prepare does what comes before the first environment. What fails soonest comes first, and the longest last.
func (s *System) prepare(ctx context.Context, c *awsclient.Clients, parts *wiring.Parts) error {
	if err := parts.StartContainers(ctx); err != nil {
		return err
	}
	if err := provision.Create(ctx, s.File, c, s.Log); err != nil {
		return err
	}
	if err := parts.Processes.Sweep(); err != nil {
		s.Log.Warn("%v: processes or files of an earlier run may be left", err)
	} else if err := parts.Code.Prune(); err != nil {
		s.Log.Warn("%v", err)
	}
	return parts.PrepareImages(ctx)
}

// poll runs the mappings until ctx has ended and their feeds with it. The server at address answers for them.
func (s *System) poll(ctx, work context.Context, parts *wiring.Parts, address string) error {
	set, err := s.settings(ctx, parts)
	if err != nil {
		return err
	}
	parts.Functions.StartSpares()
	parts.Feeds.AllowsRecursion = set.AllowsRecursion
	checks := &startup.Checks{File: s.File, Parts: parts, Warn: s.Log.Warn, EventInvoke: set.EventInvokeConfigs}
	defer checks.Wait()
	runs := &runner{ctx: ctx, feeds: parts.Feeds, engine: parts.Engine, observers: s.observers, started: checks.Mapping}
	defer runs.stopping.Wait()
	register, err := s.register(ctx, parts, runs)
	if err != nil {
		return err
	}
	defer register.Close()
	events := s.eventsFeed(ctx, parts, set)
	parts.Engine.Set(eventsFeedName, events)
	lambda := s.lambdaAPI(parts, register, set, events)
	defer lambda.Close(work)
	s.events.Store(events)
	if err := s.connect(ctx, parts.Feeds.Clients, parts, address, events); err != nil {
		return err
	}
	s.known.Store(register)
	s.lambda.Store(lambda)
	s.started.Store(true)
	s.Log.Info("esm %s runs %s; status, metrics and health on http://%s", s.Version, s.File.Path, address)
	if !slices.ContainsFunc(register.List(), func(m mappings.Registered) bool { return *m.Enabled }) {
		s.Log.Info("no mapping is enabled: functions run only when they are invoked")
	}
	checks.Start(ctx)
	parts.Engine.Run(ctx, work)
	return nil
}
