package wiring

import (
	"context"
	"time"

	"github.com/esm-run/esm"
	"github.com/esm-run/esm/cmd/esm/awsclient"
	"github.com/esm-run/esm/config"
	"github.com/esm-run/esm/sources/kinesis"
)

// kinesisStreams is shared by all mappings of Kinesis streams.
type kinesisStreams struct {
	pace  kinesis.Pace  // the limits of a shard apply to all of its readers together
	calls kinesis.Calls // limits the calls of this process
}

func (k *kinesisStreams) open(ctx context.Context, f *Feeds, m config.Mapping) (esm.Stream, error) {
	endpoint, region := f.location(m)
	client, err := f.Clients.Kinesis(ctx, endpoint, region)
	if err != nil {
		return nil, err
	}
	c := kinesis.Config{
		Client: client, ARN: m.Source().ARN, Role: f.role(m), Filtered: m.FilterCriteria != nil,
		IdlePoll: f.idlePoll(endpoint), Calls: &k.calls,
	}
	if !awsclient.Emulated(endpoint) {
		c.Pace = &k.pace
	}
	return kinesis.New(c)
}

// emulatorIdlePoll is how often an idle shard is polled where polling costs nothing.
const emulatorIdlePoll = 100 * time.Millisecond

// idlePoll returns how often an idle shard is polled: as the file says, otherwise often on emulators, and as Lambda does on
// AWS, for which it returns 0.
func (f *Feeds) idlePoll(endpoint string) time.Duration {
	switch {
	case f.File.Engine.IdlePoll > 0:
		return f.File.Engine.IdlePoll
	case awsclient.Emulated(endpoint):
		return emulatorIdlePoll
	}
	return 0
}

// role returns the role of a mapping's function, and an empty string without the function.
func (f *Feeds) role(m config.Mapping) string {
	if fn := f.File.Function(m.FunctionName); fn != nil {
		return fn.Role
	}
	return ""
}
