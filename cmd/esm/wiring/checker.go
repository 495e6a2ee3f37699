package wiring

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/esm-run/esm/cmd/esm/configfile"
	"github.com/esm-run/esm/config"
	"github.com/esm-run/esm/mappings"
)

// Checker finds what is wrong with a mapping that comes over HTTP and is valid by itself: with its filter patterns, its
// function and its source, in the order and the words of Lambda.
type Checker struct {
	Feeds *Feeds
	Warn  func(format string, args ...any)
}

// sourceTimeout bounds how long a source may take to answer a check.
const sourceTimeout = 5 * time.Second

// Check is [mappings.Config].Check. A function and a stream that are the same as before the change are not checked again;
// a queue is, since the function's timeout may have outgrown its visibility timeout.
//
// A source that does not answer may exist: its mapping is accepted with a warning, and fails visibly until it answers.
func (c *Checker) Check(ctx context.Context, m config.Mapping, before *config.Mapping) error {
	f := c.Feeds
	if _, err := configfile.CompileFilters(m); err != nil {
		return invalid("FilterCriteria", "Invalid filter pattern definition.")
	}
	if before == nil || f.functionName(before.FunctionName) != f.functionName(m.FunctionName) {
		if f.functionOf(m.FunctionName) == nil {
			return invalid("FunctionName", "Function does not exist")
		}
	}
	s, err := f.sourceOf(m)
	if err != nil {
		return invalid("EventSourceArn", "Unrecognized event source.")
	}
	check := s.check
	if check == nil {
		check = checkStream
	}
	ctx, cancel := context.WithTimeout(ctx, sourceTimeout)
	defer cancel()
	err = check(ctx, f, m, before == nil)
	if refusal, refused := errors.AsType[*mappings.InvalidError](err); refused {
		if err != error(refusal) { // Lambda's words hide the cause
			c.Warn("a mapping of %s is refused: %v", m.EventSourceArn, err)
		}
		return refusal
	}
	if errors.Is(err, context.Canceled) {
		return err
	}
	if err != nil {
		c.Warn("a mapping of %s is accepted although its source does not answer: %v", m.EventSourceArn, err)
	}
	return nil
}

func invalid(path, format string, args ...any) error {
	return &mappings.InvalidError{Problems: []config.Problem{{Path: path, Message: fmt.Sprintf(format, args...)}}}
}

// functionName parses a function's name. Region and account are the engine's own if the name has none.
func (f *Feeds) functionName(function string) config.FunctionName {
	name, _ := config.ParseFunctionName(function) // of a mapping that is valid
	aws := f.File.Aws
	name.Region, name.Account = cmp.Or(name.Region, aws.Region), cmp.Or(name.Account, aws.AccountId)
	return name
}

// functionOf returns the function of a name or ARN, or nil. The file has no functions of another region or account.
func (f *Feeds) functionOf(function string) *config.Function {
	name, aws := f.functionName(function), f.File.Aws
	if name.Region != aws.Region || name.Account != aws.AccountId {
		return nil
	}
	return f.File.Function(name.Name)
}
