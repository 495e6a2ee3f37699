// Package wiring builds the running parts of an engine from a mappings file: functions, the store, and a feed for each
// mapping. Each kind of event source is connected in a file of its own.
//
// Descriptions end here: beyond this package, parts receive the few values that they use instead of a whole Mapping.
package wiring

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"sync"

	"github.com/esm-run/esm"
	"github.com/esm-run/esm/checkpoint"
	"github.com/esm-run/esm/cmd/esm/awsclient"
	"github.com/esm-run/esm/cmd/esm/configfile"
	"github.com/esm-run/esm/config"
	"github.com/esm-run/esm/engine"
	"github.com/esm-run/esm/invoker"
	"github.com/esm-run/esm/invoker/bootstrap"
	"github.com/esm-run/esm/invoker/code"
	"github.com/esm-run/esm/invoker/docker"
	"github.com/esm-run/esm/invoker/process"
	"github.com/esm-run/esm/invoker/remote"
	"github.com/esm-run/esm/trace"
)

// Parts are what runs beside the mappings.
type Parts struct {
	Functions  *invoker.Functions
	Processes  *process.Platform
	Containers *docker.Platform // nil if no function needs it, nor did one of an earlier run
	Bootstraps *bootstrap.Bootstraps
	Code       *code.Store
	Store      esm.Store
	Events     esm.Events // asynchronous events
	Feeds      *Feeds
	Engine     *engine.Engine // has no feeds yet

	local []config.Function // that run here, with directories in place of archives

	trace   trace.Func
	tidying sync.WaitGroup
	untidy  context.CancelFunc // ends tidying; nil before it
}

// Build makes the parts of a file. It unpacks code and layers, runs nothing, and makes no request, except that the credentials
// of an endpoint may be looked up. Unless Build returns an error, the caller must call Close.
func Build(ctx context.Context, file *configfile.File, c *awsclient.Clients, emit trace.Func) (*Parts, error) {
	p := &Parts{trace: emit, Bootstraps: &bootstrap.Bootstraps{Dir: filepath.Join(file.Engine.DataDir, "bootstrap")}}
	p.Processes = &process.Platform{Dir: filepath.Join(file.Engine.DataDir, "environments"), Bootstrap: p.Bootstraps.Command}
	p.Code = &code.Store{Dir: filepath.Join(file.Engine.DataDir, "code"), Warn: p.warn, Trace: emit}
	var err error
	if p.Containers, err = containers(file, emit); err != nil {
		return nil, err
	}
	if p.Functions, err = p.functions(ctx, file, c, emit); err != nil {
		return nil, err
	}
	if p.Store, err = OpenStore(file.Engine.DataDir); err != nil {
		return nil, err
	}
	if p.Events, err = OpenEvents(file.Engine.DataDir); err != nil {
		return nil, errors.Join(err, p.Store.Close())
	}
	p.Engine = &engine.Engine{}
	p.Feeds = &Feeds{File: file, Clients: c, Invoker: p.Functions, Checkpoints: p.Store, Undelivered: p.Store, Trace: emit}
	return p, nil
}

// Close ends every environment and closes the stores. Environments that are still busy are killed when work ends.
func (p *Parts) Close(work context.Context) {
	p.Functions.Close(work)
	p.closeContainers(work)
	_ = p.Events.Close() // everything saved is durable already
	_ = p.Store.Close()
}

func (p *Parts) functions(ctx context.Context, file *configfile.File, c *awsclient.Clients, emit trace.Func) (*invoker.Functions, error) {
	all := &invoker.Functions{Limits: invoker.NewLimits(file.Engine.Concurrency), Trace: emit}
	starts := p.starters(file, emit)
	for _, fn := range file.Functions {
		if fn.InvokeEndpoint == "" {
			fn, err := p.Code.Prepare(ctx, fn)
			if err != nil {
				return nil, fmt.Errorf("function %s: %w", fn.Name, err)
			}
			p.local = append(p.local, fn)
			all.SetLocal(&invoker.Pool{Function: fn, Starter: starts.of(fn), Trace: emit})
			continue
		}
		client, err := c.Lambda(ctx, fn)
		if err != nil {
			return nil, fmt.Errorf("function %s: %w", fn.Name, err)
		}
		all.SetRemote(fn, &remote.Remote{Client: client, Timeout: fn.TimeLimit() + awsclient.RemoteSlack})
	}
	return all, nil
}

// OpenStore opens the store of a data directory, which is created if it does not exist. Another kind of store is another
// case here.
func OpenStore(dataDir string) (esm.Store, error) {
	db, err := checkpoint.Open(StorePath(dataDir))
	if err != nil {
		return nil, err
	}
	return db, nil
}

// StorePath returns the path of the store in a data directory.
func StorePath(dataDir string) string { return filepath.Join(dataDir, "checkpoints.db") }
