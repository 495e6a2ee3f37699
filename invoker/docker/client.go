package docker

import (
	"context"
	"crypto/rand"
	"fmt"
	"time"

	"github.com/moby/moby/client"

	"github.com/esm-run/esm/trace"
)

// Labels of everything that this package creates.
const (
	ownerLabel    = "run.esm.owner"
	bootLabel     = "run.esm.boot" // one Platform, and so one run of the engine
	functionLabel = "run.esm.function"
)

// daemon is a Docker daemon.
type daemon struct{ *client.Client }

// daemon returns the daemon.
func (p *Platform) daemon(ctx context.Context) (*daemon, error) {
	return once(ctx, p, "daemon", func(context.Context) (*daemon, error) {
		p.mu.Lock()
		defer p.mu.Unlock()
		if p.docker != nil {
			return p.docker, nil
		}
		c, err := client.New(client.FromEnv, client.WithHost(p.Host))
		if err == nil {
			p.docker = &daemon{c}
		}
		return p.docker, err
	})
}

// once makes concurrent callers with one key wait for one call of do. It goes on if a caller gives up.
func once[T any](ctx context.Context, p *Platform, key string, do func(context.Context) (T, error)) (T, error) {
	var zero T
	shared := context.WithoutCancel(ctx)
	select {
	case got := <-p.flights.DoChan(key, func() (any, error) { return do(shared) }):
		if got.Err != nil {
			return zero, got.Err
		}
		return got.Val.(T), nil
	case <-ctx.Done():
		return zero, context.Cause(ctx)
	}
}

// labels returns the labels of an object for a function.
func (p *Platform) labels(function, environment string) map[string]string {
	return map[string]string{ownerLabel: p.Owner, bootLabel: p.bootID(), functionLabel: function}
}

func (p *Platform) bootID() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.boot == "" {
		p.boot = randomID()
	}
	return p.boot
}

func randomID() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails
	return fmt.Sprintf("%x", b)
}

// warn traces a warning, once.
func (p *Platform) warn(function, text string) {
	p.mu.Lock()
	first := !p.said[function+"\x00"+text]
	if p.said == nil {
		p.said = map[string]bool{}
	}
	p.said[function+"\x00"+text] = true
	p.mu.Unlock()
	if first {
		p.Trace.Emit(trace.Warning{Function: function, Text: text})
	}
}

// bounded calls do with a context that ends after d at the latest.
func bounded[T any](ctx context.Context, d time.Duration, do func(context.Context) (T, error)) (T, error) {
	ctx, cancel := context.WithTimeout(ctx, d)
	defer cancel()
	return do(ctx)
}
