// Package settings holds what requests can change about functions: reserved and provisioned concurrency, the configuration of
// asynchronous events and of URLs, recursion, and recorded permissions. A setting is the file's value until HTTP changes it. A
// change by HTTP applies until the value in the file changes.
package settings

import (
	"context"
	"fmt"
	"time"

	"github.com/esm-run/esm"
	"github.com/esm-run/esm/api"
	"github.com/esm-run/esm/cmd/esm/configfile"
	"github.com/esm-run/esm/config"
)

// Settings are the settings of all functions. They may be used concurrently.
type Settings struct {
	Modified time.Time // when the file was changed

	Reservations Reservations
	Provisioned  *Setting[int]
	EventInvoke  *Setting[config.EventInvokeConfig]
	URLs         *Setting[config.FunctionURLConfig]
	Recursion    *Setting[string]
	Policies     *Setting[api.Policy]
}

// Config is what Open needs.
type Config struct {
	File     *configfile.File
	Modified time.Time // when the file was changed
	Store    esm.Documents

	// Reserve and Provision make a concurrency effective, at the start and when HTTP changes it: nil is no reservation, 0 is
	// none provisioned. At the start they are called for functions that have one, and for those that HTTP has taken one from.
	// They do not block; a nil func does nothing.
	Reserve   func(function string, n *int)
	Provision func(function string, n int)
}

// Open loads the settings and makes them effective. The notes describe those that HTTP has set for people.
func Open(ctx context.Context, c Config) (s *Settings, notes []string, err error) {
	s = &Settings{
		Modified: c.Modified,
		Reservations: Reservations{&Setting[int]{
			name: "ReservedConcurrentExecutions", kind: "concurrency", title: title, apply: c.Reserve,
			inFile: func(fn config.Function) *int { return fn.ReservedConcurrentExecutions },
		}, c.File.Engine.Concurrency},
		Provisioned: &Setting[int]{
			name: "ProvisionedConcurrentExecutions", kind: "provisioned-concurrency", title: title, apply: provision(c.Provision), inFile: provisioned,
		},
		EventInvoke: eventInvoke(),
		URLs: &Setting[config.FunctionURLConfig]{
			name: "FunctionUrlConfig", kind: "function-url",
			inFile: func(fn config.Function) *config.FunctionURLConfig { return fn.FunctionUrlConfig },
		},
		Recursion: &Setting[string]{name: "RecursiveLoop", kind: "recursion"},
		Policies:  &Setting[api.Policy]{name: "the policy", kind: "policy"},
	}
	for _, load := range []func() ([]string, error){
		opening(ctx, c, s.Reservations.Setting), opening(ctx, c, s.Provisioned), opening(ctx, c, s.EventInvoke),
		opening(ctx, c, s.URLs), opening(ctx, c, s.Recursion), opening(ctx, c, s.Policies),
	} {
		more, err := load()
		if err != nil {
			return nil, nil, err
		}
		notes = append(notes, more...)
	}
	return s, notes, nil
}

func eventInvoke() *Setting[config.EventInvokeConfig] {
	return &Setting[config.EventInvokeConfig]{
		name: "EventInvokeConfig", kind: "event-invoke-config",
		inFile: func(fn config.Function) *config.EventInvokeConfig { return fn.EventInvokeConfig },
	}
}

// EventInvoke returns the configuration of asynchronous events that functions, named with or without a qualifier, would have in
// an engine started now with file. It changes nothing.
func EventInvoke(ctx context.Context, file *configfile.File, store esm.Documents) (of func(function string) config.EventInvokeConfig, err error) {
	s := eventInvoke()
	s.file, s.db = file, store
	if _, _, err := s.load(ctx); err != nil {
		return nil, err
	}
	return (&Settings{EventInvoke: s}).EventInvokeConfig, nil
}

// opening returns the loading of one setting.
func opening[T any](ctx context.Context, c Config, s *Setting[T]) func() ([]string, error) {
	s.file, s.modified, s.db = c.File, c.Modified, c.Store
	return func() ([]string, error) { return s.open(ctx) }
}

// EventInvokeConfig returns the configuration of a function's asynchronous events, by default Lambda's. A qualifier inherits
// nothing from the function, as on Lambda. It does not block.
func (s *Settings) EventInvokeConfig(function string) config.EventInvokeConfig {
	set, _ := s.EventInvoke.Get(function)
	return set.Value
}

// EventInvokeConfigs returns the configurations of a function's asynchronous events, with whatever qualifier, in no order. It
// does not block.
func (s *Settings) EventInvokeConfigs(function string) (all []config.EventInvokeConfig) {
	for _, set := range s.EventInvoke.List(function) {
		all = append(all, set.Value)
	}
	return all
}

// AllowsRecursion reports whether invocations of a function that cause each other go on without end. It does not block.
func (s *Settings) AllowsRecursion(function string) bool {
	name, _ := config.SplitQualifier(function)
	set, _ := s.Recursion.Get(name)
	return set.Value == api.RecursionAllowed
}

func title(n *int) string {
	if n == nil {
		return "none"
	}
	return fmt.Sprint(*n)
}

func provisioned(fn config.Function) *int {
	if fn.ProvisionedConcurrentExecutions == 0 {
		return nil
	}
	return &fn.ProvisionedConcurrentExecutions
}

func provision(to func(function string, n int)) func(string, *int) {
	if to == nil {
		return nil
	}
	return func(function string, n *int) {
		if n == nil {
			n = new(int)
		}
		to(function, *n)
	}
}
