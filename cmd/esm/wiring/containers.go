package wiring

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/esm-run/esm/cmd/esm/configfile"
	"github.com/esm-run/esm/config"
	"github.com/esm-run/esm/invoker"
	"github.com/esm-run/esm/invoker/docker"
	"github.com/esm-run/esm/invoker/lifecycle"
	"github.com/esm-run/esm/trace"
)

// containers returns the platform of a file's functions that run in containers, nil if there are none and the data directory has
// never had any.
func containers(file *configfile.File, emit trace.Func) (*docker.Platform, error) {
	_, err := os.Stat(idFile(file.Engine.DataDir))
	if err != nil && !slices.ContainsFunc(file.Functions, config.Function.InContainer) {
		return nil, nil
	}
	owner, err := Owner(file.Engine.DataDir)
	if err != nil {
		return nil, err
	}
	return &docker.Platform{
		Owner: owner, Dir: file.Engine.DataDir, Networks: file.Engine.ContainerNetworks, Endpoint: file.Aws.Endpoint, Trace: emit,
	}, nil
}

// Owner returns the ID of a data directory, by which its containers are known. It is made at the first call and stays with
// the directory, wherever that is moved. Calls must not be concurrent.
func Owner(dataDir string) (string, error) {
	path := idFile(dataDir)
	text, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", err
	}
	if id, err := uuid.Parse(strings.TrimSpace(string(text))); err == nil {
		return id.String(), nil
	}
	id := uuid.NewString()
	if err := os.MkdirAll(dataDir, 0o700); err != nil {
		return "", err
	}
	if err := os.WriteFile(path+".new", []byte(id+"\n"), 0o600); err != nil {
		return "", err
	}
	return id, os.Rename(path+".new", path)
}

// idFile returns where the ID of a data directory is.
func idFile(dataDir string) string { return filepath.Join(dataDir, "id") }

// starters start the environments of functions, each kind on its platform.
type starters struct{ processes, containers lifecycle.Starter }

func (p *Parts) starters(file *configfile.File, emit trace.Func) *starters {
	on := func(platform lifecycle.Platform) lifecycle.Starter {
		return lifecycle.Starter{
			Platform:    platform,
			Region:      file.Aws.Region,
			AccountID:   file.Aws.AccountId,
			AWSEndpoint: file.Aws.Endpoint,
			Trace:       emit,
		}
	}
	return &starters{processes: on(p.Processes), containers: on(p.Containers)}
}

func (s *starters) of(fn config.Function) invoker.Starter {
	if fn.InContainer() {
		return &s.containers
	}
	return &s.processes
}

// StartContainers finds the container engine, removes what an earlier run of this data directory left there, and removes what
// this run loses track of from then on, until Close. What could not be removed is only traced. It is no error if there is no
// engine and no function needs one.
func (p *Parts) StartContainers(ctx context.Context) error {
	if p.Containers == nil {
		return nil
	}
	if err := p.Containers.Check(ctx); err != nil {
		if !slices.ContainsFunc(p.local, config.Function.InContainer) {
			return nil
		}
		return err
	}
	if err := p.Containers.Sweep(ctx); err != nil && ctx.Err() == nil {
		p.warn("%v: containers or networks of an earlier run may be left", err)
	}
	tidy, cancel := context.WithCancel(context.WithoutCancel(ctx))
	p.untidy = cancel
	p.tidying.Go(func() { p.Containers.Tidy(tidy) })
	return nil
}

// containersClose is how long the end of the container platform may take.
const containersClose = 20 * time.Second

// closeContainers removes what the platform has made for the functions, also after work has ended.
func (p *Parts) closeContainers(work context.Context) {
	if p.untidy != nil {
		p.untidy()
		p.tidying.Wait()
	}
	if p.Containers == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(work), containersClose)
	defer cancel()
	if err := p.Containers.Close(ctx); err != nil {
		p.warn("%v: the next start removes what is left", err)
	}
}

// PrepareImages makes the images of all functions ready, one after the other, which may take as long as their pulls. The error
// names each function that cannot run, with the reason.
func (p *Parts) PrepareImages(ctx context.Context) error {
	var failed []error
	for _, fn := range p.local {
		if !fn.InContainer() {
			continue
		}
		if err := p.Containers.Prepare(ctx, fn); err != nil {
			failed = append(failed, fmt.Errorf("function %s: %w", fn.Name, err))
		}
		if ctx.Err() != nil {
			break
		}
	}
	return errors.Join(failed...)
}

// warn traces a warning about no function in particular.
func (p *Parts) warn(format string, args ...any) {
	p.trace.Emit(trace.Warning{Text: fmt.Sprintf(format, args...)})
}
