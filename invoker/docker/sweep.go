package docker

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/containerd/errdefs"
	"github.com/moby/moby/client"
	"golang.org/x/sync/errgroup"
)

const (
	tidyEvery = time.Minute
	removals  = 8 // at a time
)

// Sweep removes every container, network and volume that other engines of the same Owner have left behind, whatever their
// state, and nothing else. It is called before the first Sandbox and returns an error if something is left. Disks of
// containers detach themselves.
func (p *Platform) Sweep(ctx context.Context) error {
	boot := p.bootID()
	return errors.Join(p.sweep(ctx, func(labels map[string]string) bool { return labels[bootLabel] != boot }), p.sweepNetworks(ctx))
}

// Close removes everything that this Platform has created. Its sandboxes are closed before.
func (p *Platform) Close(ctx context.Context) error {
	p.mu.Lock()
	d := p.engine
	p.mu.Unlock()
	if d == nil {
		return nil
	}
	boot := p.bootID()
	err := errors.Join(p.sweep(ctx, func(labels map[string]string) bool { return labels[bootLabel] == boot }), p.closeNetworks(ctx))
	p.mu.Lock()
	for _, s := range p.live {
		if s.disk != nil {
			s.disk.close()
		}
	}
	p.live, p.engine = nil, nil
	p.mu.Unlock()
	return errors.Join(err, d.Client.Close())
}

// sweep removes containers and volumes of Owner that are left, by their labels.
func (p *Platform) sweep(ctx context.Context, left func(labels map[string]string) bool) error {
	d, err := p.daemon(ctx)
	if err != nil {
		return err
	}
	mine := client.Filters{}.Add("label", ownerLabel+"="+p.Owner)
	failed := p.sweepContainers(ctx, d, mine, left)
	volumes, err := bounded(ctx, askTime, func(ctx context.Context) (client.VolumeListResult, error) {
		return d.VolumeList(ctx, client.VolumeListOptions{Filters: mine})
	})
	failed = errors.Join(failed, d.explain("list volumes", err))
	for _, v := range volumes.Items {
		if left(v.Labels) {
			failed = errors.Join(failed, d.removeVolume(ctx, v.Name))
		}
	}
	return failed
}

func leftBehind(d *daemon, what string, err error) error {
	if err == nil || errdefs.IsNotFound(err) {
		return nil
	}
	return d.explain("remove "+what, err)
}

// sweepContainers removes the containers of a list that are left.
func (p *Platform) sweepContainers(ctx context.Context, d *daemon, filters client.Filters, left func(labels map[string]string) bool) error {
	found, err := bounded(ctx, askTime, func(ctx context.Context) (client.ContainerListResult, error) {
		return d.ContainerList(ctx, client.ContainerListOptions{All: true, Filters: filters})
	})
	if err != nil {
		return d.explain("list containers", err)
	}
	var removing errgroup.Group
	removing.SetLimit(removals)
	for _, c := range found.Items {
		if left(c.Labels) {
			removing.Go(func() error { return leftBehind(d, fmt.Sprintf("container %.12s", c.ID), d.remove(ctx, c.ID)) })
		}
	}
	return removing.Wait()
}

// abandon gives up a sandbox whose container could not be removed. Tidy tries again.
func (p *Platform) abandon(s *sandbox) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.abandoned == nil {
		p.abandoned = map[*sandbox]bool{}
	}
	p.abandoned[s] = true
}

// Tidy removes, once a minute, containers that could not be removed when their time was over, and those that came to be in
// spite of an error. It returns when ctx ends.
func (p *Platform) Tidy(ctx context.Context) {
	every := time.NewTicker(tidyEvery)
	defer every.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-every.C:
			p.tidy(ctx)
		}
	}
}

func (p *Platform) tidy(ctx context.Context) {
	p.mu.Lock()
	d := p.engine
	given := make([]*sandbox, 0, len(p.abandoned))
	for s := range p.abandoned {
		given = append(given, s)
	}
	p.mu.Unlock()
	if d == nil {
		return
	}
	for _, s := range given {
		if d.remove(ctx, s.container) == nil {
			s.release()
			p.mu.Lock()
			delete(p.abandoned, s)
			p.mu.Unlock()
		}
	}
	mine := client.Filters{}.Add("label", ownerLabel+"="+p.Owner, bootLabel+"="+p.bootID(), environmentLabel)
	_ = p.sweepContainers(ctx, d, mine, func(labels map[string]string) bool { // the next time, if the daemon is away
		p.mu.Lock()
		defer p.mu.Unlock()
		return p.live[labels[environmentLabel]] == nil
	})
}
