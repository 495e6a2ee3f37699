package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/esm-run/esm"
	"github.com/esm-run/esm/cmd/esm/configfile"
	"github.com/esm-run/esm/config"
	"github.com/esm-run/esm/sources/sqs"
)

// checker finds what is wrong with a mapping that comes over HTTP and is valid by itself, in the order and the words of
// Lambda: with its patterns, its function, its source.
type checker struct {
	feeds *feeds
	warn  func(format string, args ...any)
}

// sourceWithin is how long a source may take to say whether it is there.
const sourceWithin = 5 * time.Second

// check is [mappings.Config].Check. What was the same before is not looked at again, but for the queue, whose visibility
// timeout the function's may have outgrown.
func (c *checker) check(ctx context.Context, m config.Mapping, before *config.Mapping) error {
	if _, err := configfile.CompilePatterns(m.TextKey(), patterns(m.FilterCriteria)...); err != nil {
		return wrong("FilterCriteria", "Invalid filter pattern definition.")
	}
	if before == nil || c.named(before.FunctionName) != c.named(m.FunctionName) {
		if c.function(m.FunctionName) == nil {
			return wrong("FunctionName", "Function does not exist")
		}
	}
	ctx, cancel := context.WithTimeout(ctx, sourceWithin)
	defer cancel()
	if m.OfStream() {
		if before != nil {
			return nil
		}
		return c.checkStream(ctx, m)
	}
	return c.checkQueue(ctx, m, before == nil)
}

func wrong(path, format string, args ...any) error {
	return &config.InvalidMapping{Problems: []config.Problem{{Path: path, Message: fmt.Sprintf(format, args...)}}}
}

// named is a function's name in its parts, with the engine's own region and account where it has none.
func (c *checker) named(function string) config.FunctionName {
	name, _ := config.ParseFunctionName(function) // of a mapping that is valid
	aws := c.feeds.file.Aws
	name.Region, name.Account = cmp.Or(name.Region, aws.Region), cmp.Or(name.Account, aws.AccountId)
	return name
}

// function is the file's function of that name, which may be an ARN. The file has none of another region or account.
func (c *checker) function(function string) *config.Function {
	name, aws := c.named(function), c.feeds.file.Aws
	if name.Region != aws.Region || name.Account != aws.AccountId {
		return nil
	}
	return c.feeds.file.Function(name.Name)
}

// checkStream asks for the stream. One whose service does not answer may be there: its mapping is made, and fails visibly
// until it does.
func (c *checker) checkStream(ctx context.Context, m config.Mapping) error {
	stream, err := c.feeds.stream(ctx, m)
	if err != nil {
		return wrong("EventSourceArn", "Unrecognized event source.")
	}
	_, err = stream.List(ctx)
	if errors.Is(err, esm.ErrNoStream) {
		return wrong("EventSourceArn", "Stream not found: %s", m.EventSourceArn)
	}
	return c.unreached(m, err)
}

// checkQueue asks for the queue, likewise. One that has vanished keeps nobody from changing its mapping, such as to disable it.
func (c *checker) checkQueue(ctx context.Context, m config.Mapping, isNew bool) error {
	queue, err := c.feeds.queue(ctx, m)
	if err != nil {
		return wrong("EventSourceArn", "Unrecognized event source.")
	}
	a, err := queue.Attributes(ctx)
	if isNew && errors.Is(err, sqs.ErrNoQueue) {
		return wrong("EventSourceArn", "Error occurred while ReceiveMessage. SQS Error Code: AWS.SimpleQueueService.NonExistentQueue. "+
			"SQS Error Message: The specified queue does not exist.")
	}
	if fn := c.function(m.FunctionName); err == nil && fn != nil && fn.TimeLimit() > a.VisibilityTimeout {
		return wrong("EventSourceArn", "Queue visibility timeout: %d seconds is less than Function timeout: %d seconds",
			int(a.VisibilityTimeout.Seconds()), int(fn.TimeLimit().Seconds()))
	}
	return c.unreached(m, err)
}

// unreached lets a mapping pass whose source gave no answer, unless whoever asked for it has gone.
func (c *checker) unreached(m config.Mapping, err error) error {
	switch {
	case errors.Is(err, context.Canceled):
		return err
	case err != nil:
		c.warn("a mapping of %s is accepted although its source could not be looked at: %v", m.EventSourceArn, err)
	}
	return nil
}
