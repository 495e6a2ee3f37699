package main

import (
	"context"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/esm-run/esm"
	"github.com/esm-run/esm/cmd/esm/config"
	"github.com/esm-run/esm/sources/sqs"
)

// lookAgain is the pause before a queue that could not be looked at is looked at again.
const lookAgain = 5 * time.Second

// warnOfTraps warns of what `esm validate` cannot know: whether the attributes of the queues that the file does not
// describe itself suit their mappings. It looks at each queue until it could, or ctx ends. What it returns waits for that end.
func (r *run) warnOfTraps(ctx context.Context, p *parts) (wait func()) {
	var looking sync.WaitGroup
	functions := map[string]esm.Function{}
	for _, fn := range r.file.Functions {
		functions[fn.Name] = fn
	}
	for _, m := range r.file.Mappings {
		queue := p.queues[m.UUID]
		if queue == nil || r.described(m.EventSourceArn) {
			continue
		}
		name, _ := esm.SplitQualifier(m.FunctionName)
		looking.Go(func() {
			if facts, ok := look(ctx, queue); ok {
				for _, trap := range config.Traps(functions[name], m, facts) {
					r.voice.warn("%s → %s: %s: %s", m.EventSourceArn, m.FunctionName, trap.Path, trap.Message)
				}
			}
		})
	}
	return looking.Wait
}

// described reports whether the file's Resources hold the queue.
func (r *run) described(arn string) bool {
	return slices.ContainsFunc(r.file.Resources.Queues, func(q config.Queue) bool {
		return strings.HasSuffix(arn, ":"+q.QueueName)
	})
}

func look(ctx context.Context, queue *sqs.Queue) (config.QueueFacts, bool) {
	for {
		a, err := queue.Attributes(ctx)
		if err == nil {
			return config.QueueFacts{VisibilityTimeout: a.VisibilityTimeout, MaxReceiveCount: a.MaxReceives}, true
		}
		if pause(ctx, lookAgain); ctx.Err() != nil {
			return config.QueueFacts{}, false
		}
	}
}
