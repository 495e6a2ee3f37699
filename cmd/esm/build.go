package main

import (
	"context"
	"fmt"
	"path/filepath"

	"github.com/esm-run/esm/checkpoint"
	"github.com/esm-run/esm/cmd/esm/configfile"
	"github.com/esm-run/esm/cmd/esm/observe"
	"github.com/esm-run/esm/config"
	"github.com/esm-run/esm/invoker"
	"github.com/esm-run/esm/invoker/bootstrap"
	"github.com/esm-run/esm/invoker/process"
	"github.com/esm-run/esm/invoker/remote"
	"github.com/esm-run/esm/trace"
)

// parts is what runs beside the mappings, and what makes the feeds of these.
type parts struct {
	functions   *invoker.Functions
	starter     *process.Starter
	bootstraps  *bootstrap.Bootstraps
	checkpoints *checkpoint.DB
	feeds       *feeds
}

// build makes the parts of a file. Nothing runs and nothing is asked of the network yet, except that an endpoint's
// credentials may be looked for. What it makes is closed by close, unless there is an error.
func build(ctx context.Context, file *configfile.File, c *clients, trace trace.Func) (*parts, error) {
	p := &parts{bootstraps: &bootstrap.Bootstraps{Dir: filepath.Join(file.Engine.DataDir, "bootstrap")}}
	p.starter = buildStarter(file, p.bootstraps, trace)
	var err error
	if p.functions, err = buildFunctions(ctx, file, c, p.starter, trace); err != nil {
		return nil, err
	}
	if p.checkpoints, err = checkpoint.Open(checkpointsPath(file.Engine.DataDir)); err != nil {
		return nil, err
	}
	p.feeds = &feeds{file: file, clients: c, invoker: p.functions, db: p.checkpoints, trace: trace}
	return p, nil
}

// close ends every environment, and gives up the checkpoints. Environments that are still busy are left alone until work
// ends.
func (p *parts) close(work context.Context) {
	p.functions.Close(work)
	_ = p.checkpoints.Close() // what was saved is durable already
}

func buildStarter(file *configfile.File, bootstraps *bootstrap.Bootstraps, trace trace.Func) *process.Starter {
	return &process.Starter{
		Region:      file.Aws.Region,
		AccountID:   file.Aws.AccountId,
		AWSEndpoint: file.Aws.Endpoint,
		Dir:         filepath.Join(file.Engine.DataDir, "environments"),
		Trace:       trace,
		Bootstrap:   bootstraps.Command,
	}
}

func buildFunctions(
	ctx context.Context, file *configfile.File, c *clients, starter invoker.Starter, trace trace.Func,
) (*invoker.Functions, error) {
	functions := &invoker.Functions{Limits: invoker.NewLimits(file.Engine.Concurrency), Trace: trace}
	for _, fn := range file.Functions {
		if fn.InvokeEndpoint == "" {
			functions.SetLocal(&invoker.Pool{Function: fn, Starter: starter, Trace: trace})
			continue
		}
		client, err := c.lambda(ctx, fn)
		if err != nil {
			return nil, fmt.Errorf("function %s: %w", fn.Name, err)
		}
		functions.SetRemote(fn, &remote.Remote{Client: client, Timeout: fn.TimeLimit() + remoteSlack})
	}
	return functions, nil
}

// observed is what the observers know of a file.
func observed(file *configfile.File) (mappings []observe.Mapping, functions []string) {
	for _, m := range file.Mappings {
		mappings = append(mappings, seenAs(m))
	}
	for _, fn := range file.Functions {
		functions = append(functions, fn.Name)
	}
	return mappings, functions
}

// seenAs is what the observers know of a mapping.
func seenAs(m config.Mapping) observe.Mapping {
	seen := observe.Mapping{
		UUID: m.UUID, Source: m.EventSourceArn, Function: m.FunctionName,
		Provisioned: m.ProvisionedPollerConfig != nil, Stream: m.OfStream(), Tags: m.Tags,
	}
	if m.DestinationConfig != nil {
		seen.Destination = m.DestinationConfig.OnFailure.Destination
	}
	return seen
}
