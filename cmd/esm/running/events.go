package running

import (
	"cmp"
	"context"
	"errors"

	"github.com/esm-run/esm"
	"github.com/esm-run/esm/cmd/esm/configfile"
	"github.com/esm-run/esm/cmd/esm/settings"
	"github.com/esm-run/esm/cmd/esm/wiring"
	"github.com/esm-run/esm/config"
	"github.com/esm-run/esm/engine/async"
	"github.com/esm-run/esm/engine/filter"
	"github.com/esm-run/esm/engine/policy"
	"github.com/esm-run/esm/invoker"
)

// eventsFeedName is the name of the feed of asynchronous events in the engine. No mapping has it.
const eventsFeedName = "asynchronous events"

// eventsFeed returns the feed of asynchronous events. It accepts events from now on, and runs them when the engine runs it.
func (s *System) eventsFeed(ctx context.Context, parts *wiring.Parts, set *settings.Settings) *async.Feed {
	feed := &async.Feed{
		Events: parts.Events, Invoker: parts.Functions, Undelivered: parts.Store,
		Target: targets{s.File, set, parts.Functions.Limits}.target,
		Scale:  s.File.Engine.TimeScale, Trace: s.trace,
	}
	feed.Open = wiring.Destinations{File: s.File, Clients: parts.Feeds.Clients, Acceptor: feed}.Open
	s.observers.monitor.WatchBacklogs(func() []async.Backlog {
		all, err := feed.Backlogs(context.WithoutCancel(ctx))
		if err != nil && ctx.Err() == nil { // otherwise the store may be closed
			s.Log.Warn("%v", err)
		}
		return all
	})
	return feed
}

// targets describe functions for their asynchronous events, as they are at the moment.
type targets struct {
	file     *configfile.File
	settings *settings.Settings
	limits   *invoker.Limits
}

func (t targets) target(function string) policy.Target {
	name, qualifier := config.SplitQualifier(function)
	is := policy.Target{
		Arn:            config.FunctionARN(t.file.Aws.Region, t.file.Aws.AccountId, name+":"+cmp.Or(qualifier, "$LATEST")),
		Config:         t.settings.EventInvokeConfig(function),
		AllowRecursion: t.settings.AllowsRecursion(name),
	}
	if fn := t.file.Function(name); fn != nil {
		is.Exists, is.DeadLetter = true, fn.DeadLetterConfig.TargetArn
	}
	if n, ok := t.limits.Reserved(name); ok {
		is.Reserved = &n
	}
	return is
}

// lateEvents accepts the events of the stand-in, which answers before the engine has started.
type lateEvents struct{ system *System }

var _ esm.Acceptor = lateEvents{}

var errStarting = errors.New("the engine is starting")

// Accept implements [esm.Acceptor].
func (l lateEvents) Accept(ctx context.Context, e esm.Event) error {
	if events := l.system.events.Load(); events != nil {
		return events.Accept(ctx, e)
	}
	return errStarting
}

// hasFunction reports whether the file has a function, which may be named with a qualifier.
func (s *System) hasFunction(function string) bool {
	name, _ := config.SplitQualifier(function)
	return s.File.Function(name) != nil
}

// eventPattern compiles an event pattern for the stand-in's rules and subscriptions.
func eventPattern(pattern []byte) (matches func([]byte) bool, err error) {
	f, err := filter.Compile([]string{string(pattern)}, "")
	if err != nil {
		return nil, err
	}
	return func(document []byte) bool { return f.Match(document) }, nil
}
