package running

import (
	"context"
	"os"
	"slices"
	"time"

	"github.com/esm-run/esm"
	"github.com/esm-run/esm/api"
	"github.com/esm-run/esm/cmd/esm/configfile"
	"github.com/esm-run/esm/cmd/esm/settings"
	"github.com/esm-run/esm/cmd/esm/wiring"
	"github.com/esm-run/esm/config"
	"github.com/esm-run/esm/engine/policy"
	"github.com/esm-run/esm/invoker"
	"github.com/esm-run/esm/mappings"
)

// lambdaAPI returns Lambda's API of the running engine.
func (s *System) lambdaAPI(p *wiring.Parts, register *mappings.Register, set *settings.Settings, events esm.Acceptor) *api.Server {
	return &api.Server{
		Mappings: register, Functions: fileFunctions{s.File, set.Modified}, Invoker: p.Functions, Concurrency: set.Reservations,
		Async: events, Recursive: recursive(set), Provisioner: provisioner{p.Functions},
		EventInvoke: set.EventInvoke, URLs: set.URLs, Recursion: set.Recursion, Policies: set.Policies, Provisioned: set.Provisioned,
		Tails: s.tails, Trace: s.trace, Region: s.File.Aws.Region, Account: s.File.Aws.AccountId,
		Warn: func(text string) { s.Log.Warn("%s", text) },
	}
}

// recursive returns the decision about synchronous invocations that may be part of a loop.
func recursive(set *settings.Settings) func(function, header string) (next string, stop bool) {
	return func(function, header string) (next string, stop bool) {
		if !set.AllowsRecursion(function) && policy.Recursive(header, function) {
			return header, true
		}
		return policy.Advance(header, function), false
	}
}

// provisioner shows the provisioned concurrency of functions.
type provisioner struct{ functions *invoker.Functions }

var _ api.Provisioner = provisioner{}

// Provisionable implements [api.Provisioner].
func (p provisioner) Provisionable(function string) (n int, reserved bool) {
	return p.functions.Limits.Provisionable(function)
}

// Provisioning implements [api.Provisioner]. A function that does not run here has none.
func (p provisioner) Provisioning(function string) api.Provisioning {
	now, err := p.functions.Provisioned(function)
	if err != nil {
		return api.Provisioning{}
	}
	return api.Provisioning{
		Allocated: now.Allocated, Available: now.Available, Status: api.ProvisioningStatus(now.Status), Reason: now.StatusReason,
	}
}

// settings returns what HTTP can change about the functions of the file.
func (s *System) settings(ctx context.Context, p *wiring.Parts) (*settings.Settings, error) {
	info, err := os.Stat(s.File.Path)
	if err != nil {
		return nil, err
	}
	set, notes, err := settings.Open(ctx, settings.Config{
		File: s.File, Modified: info.ModTime(), Store: p.Store, Reserve: p.Functions.Limits.Set,
		Provision: func(function string, n int) {
			if err := p.Functions.Provision(function, n); err != nil {
				s.Log.Warn("%v", err)
			}
		},
	})
	if err != nil {
		return nil, err
	}
	for _, n := range notes {
		s.Log.Warn("%s", n)
	}
	return set, nil
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
