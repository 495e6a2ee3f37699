package wiring

import (
	"context"

	"github.com/esm-run/esm"
	"github.com/esm-run/esm/config"
	"github.com/esm-run/esm/sources/kinesis"
)

func kinesisStream(ctx context.Context, f *Feeds, m config.Mapping) (esm.Stream, error) {
	endpoint, region := f.location(m)
	client, err := f.Clients.Kinesis(ctx, endpoint, region)
	if err != nil {
		return nil, err
	}
	return kinesis.New(kinesis.Config{
		Client: client, ARN: m.EventSourceArn, Role: f.role(m),
		Filtered: m.FilterCriteria != nil, Pace: &f.pace,
	})
}

// role returns the role of a mapping's function, and an empty string without the function.
func (f *Feeds) role(m config.Mapping) string {
	if fn := f.File.Function(m.FunctionName); fn != nil {
		return fn.Role
	}
	return ""
}
