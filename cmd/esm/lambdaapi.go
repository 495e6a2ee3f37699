package main

import (
	"context"
	"os"
	"slices"
	"time"

	"github.com/esm-run/esm/api"
	"github.com/esm-run/esm/cmd/esm/configfile"
	"github.com/esm-run/esm/cmd/esm/settings"
	"github.com/esm-run/esm/cmd/esm/wiring"
	"github.com/esm-run/esm/config"
	"github.com/esm-run/esm/mappings"
)

// lambdaAPI returns Lambda's API of the running engine.
func (r *run) lambdaAPI(ctx context.Context, p *wiring.Parts, register *mappings.Register) (*api.Server, error) {
	info, err := os.Stat(r.file.Path)
	if err != nil {
		return nil, err
	}
	set, notes, err := settings.Open(ctx, settings.Config{
		File: r.file, Modified: info.ModTime(), Store: p.Store, Reserve: p.Functions.Limits.Set,
	})
	if err != nil {
		return nil, err
	}
	for _, n := range notes {
		r.log.Warn("%s", n)
	}
	return &api.Server{
		Mappings: register, Functions: fileFunctions{r.file, info.ModTime()}, Invoker: p.Functions, Concurrency: set.Reservations,
		EventInvoke: set.EventInvoke, URLs: set.URLs, Recursion: set.Recursion, Policies: set.Policies, Provisioned: set.Provisioned,
		Tails: r.tails, Region: r.file.Aws.Region, Account: r.file.Aws.AccountId,
		Warn: func(text string) { r.log.Warn("%s", text) },
	}, nil
}

// fileFunctions are the functions of a file, as the API shows them.
type fileFunctions struct {
	file     *configfile.File
	modified time.Time
}

var _ api.Functions = fileFunctions{}

// Function implements [api.Functions].
func (f fileFunctions) Function(name string) (config.Function, bool) {
	fn := f.file.Function(name)
	if fn == nil {
		return config.Function{}, false
	}
	return *fn, true
}

// Functions implements [api.Functions].
func (f fileFunctions) Functions() []config.Function { return slices.Clone(f.file.Functions) }

// Modified implements [api.Functions].
func (f fileFunctions) Modified() time.Time { return f.modified }
