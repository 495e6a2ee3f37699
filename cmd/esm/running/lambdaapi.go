package running

import (
	"context"
	"os"
	"slices"
	"time"

	"github.com/esm-run/esm/api"
	"github.com/esm-run/esm/cmd/esm/configfile"
	"github.com/esm-run/esm/cmd/esm/reservations"
	"github.com/esm-run/esm/cmd/esm/wiring"
	"github.com/esm-run/esm/config"
	"github.com/esm-run/esm/mappings"
)

// lambdaAPI returns Lambda's API of the running engine.
func (s *System) lambdaAPI(ctx context.Context, p *wiring.Parts, register *mappings.Register) (*api.Server, error) {
	reserved, notes, err := reservations.Open(ctx, s.File, p.Functions.Limits, p.Store)
	if err != nil {
		return nil, err
	}
	for _, n := range notes {
		s.Log.Warn("%s", n)
	}
	info, err := os.Stat(s.File.Path)
	if err != nil {
		return nil, err
	}
	return &api.Server{
		Mappings: register, Functions: fileFunctions{s.File, info.ModTime()}, Invoker: p.Functions, Concurrency: reserved,
		Tails: s.tails, Region: s.File.Aws.Region, Account: s.File.Aws.AccountId,
		Warn: func(text string) { s.Log.Warn("%s", text) },
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
