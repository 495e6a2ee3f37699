package docker

import (
	"context"

	"github.com/esm-run/esm/config"
)

func (p *Platform) Check(ctx context.Context) error                       { return nil }
func (p *Platform) Sweep(ctx context.Context) error                       { return nil }
func (p *Platform) Prepare(ctx context.Context, fn config.Function) error { return nil }
func (p *Platform) Close(ctx context.Context)                             {}
