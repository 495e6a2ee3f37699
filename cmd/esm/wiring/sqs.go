package wiring

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/esm-run/esm"
	"github.com/esm-run/esm/cmd/esm/configfile"
	"github.com/esm-run/esm/config"
	"github.com/esm-run/esm/engine/retry"
	"github.com/esm-run/esm/sources/sqs"
)

func sqsQueue(ctx context.Context, f *Feeds, m config.Mapping) (esm.Queue, error) {
	return openQueue(ctx, f, m)
}

func openQueue(ctx context.Context, f *Feeds, m config.Mapping) (*sqs.Queue, error) {
	endpoint, region := f.location(m)
	client, err := f.Clients.SQS(ctx, endpoint, region)
	if err != nil {
		return nil, err
	}
	return sqs.New(sqs.Config{Client: client, ARN: m.Source().ARN, Windowed: *m.MaximumBatchingWindowInSeconds > 0})
}

// checkQueue compares the queue's visibility timeout with the function's timeout, which may have changed since the mapping
// was made. A queue that has vanished does not prevent changes of its mapping, such as disabling it.
func checkQueue(ctx context.Context, f *Feeds, m config.Mapping, isNew bool) error {
	queue, err := openQueue(ctx, f, m)
	if err != nil {
		return fmt.Errorf("%w: %w", invalid("EventSourceArn", "Unrecognized event source."), err)
	}
	a, err := queue.Attributes(ctx)
	if isNew && errors.Is(err, sqs.ErrNoQueue) {
		return invalid("EventSourceArn", "Error occurred while ReceiveMessage. SQS Error Code: AWS.SimpleQueueService.NonExistentQueue. "+
			"SQS Error Message: The specified queue does not exist.")
	}
	if fn := f.functionOf(m.FunctionName); err == nil && fn != nil {
		if tooShort := configfile.CheckTimeout(*fn, a.VisibilityTimeout); tooShort != nil {
			return invalid("EventSourceArn", "%v", tooShort)
		}
	}
	return err
}

// retryAttributes is the pause before a queue is asked for its attributes again.
const retryAttributes = 5 * time.Second

// queueWarnings compares the attributes of the queue with the mapping. It returns nothing if the file describes the same
// attributes: loading the file has returned the warnings about them.
func queueWarnings(ctx context.Context, f *Feeds, m config.Mapping) []config.Problem {
	queue, err := openQueue(ctx, f, m)
	if err != nil {
		return nil // running the mapping reports it
	}
	facts, ok := attributes(ctx, queue)
	fn := f.File.Function(m.FunctionName)
	if q := f.File.QueueOf(m); !ok || fn == nil || q != nil && q.Facts() == facts {
		return nil
	}
	return configfile.Traps(*fn, m, facts)
}

// attributes asks for the queue's attributes until it answers; ok is false if ctx ends before.
func attributes(ctx context.Context, queue *sqs.Queue) (facts configfile.QueueFacts, ok bool) {
	for {
		a, err := queue.Attributes(ctx)
		if err == nil {
			return configfile.QueueFacts{VisibilityTimeout: a.VisibilityTimeout, MaxReceiveCount: a.MaxReceives}, true
		}
		if !retry.Sleep(ctx, retryAttributes) {
			return configfile.QueueFacts{}, false
		}
	}
}
