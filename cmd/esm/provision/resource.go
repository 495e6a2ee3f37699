// Package provision creates the queues, streams, tables, topics, buckets and event buses that a mappings file lists under
// Resources, puts their initial contents into them, and connects them with the file's functions.
package provision

import (
	"context"
	"errors"
	"fmt"

	"github.com/esm-run/esm/cmd/esm/awsclient"
	"github.com/esm-run/esm/cmd/esm/configfile"
)

// Log receives what is created and what has to be waited for.
type Log interface {
	Info(format string, args ...any)
	Warn(format string, args ...any)
}

// resource is one entry of Resources.
type resource struct {
	name string // with its kind: "queue orders"
	made string // what create does to it, in logs; empty means "created"

	// describe returns the state of the resource of that name. It is called before everything else.
	describe func(ctx context.Context) (state, error)

	// create creates the resource. It succeeds as well if the resource exists: a call whose response got lost may have
	// created it.
	create func(ctx context.Context) error

	// The contents that the run which creates the resource puts into it once, in order, each by a call of its own. put is
	// nil for topics and buckets.
	count   int
	content string // one item: "message"
	put     func(ctx context.Context, i int) error
}

// state is the state of a resource as its service describes it.
type state struct {
	exists  bool
	pending string   // the status that makes it unusable for now, such as CREATING; empty if it is usable
	differs []string // how it differs from the file; it is left so
}

// A lister returns the resources of one kind in a file: none, without a client, if there are none.
type lister func(ctx context.Context, file *configfile.File, c *awsclient.Clients) ([]resource, error)

// listers are in the order of creation: destinations of failures before sources.
var listers = []lister{queues, topics, buckets, buses, streams, tables}

// Create creates the file's Resources that do not exist and puts their contents into them. It blocks until all are usable:
// it waits for endpoints that do not answer, and reports that once for each resource, until ctx ends. A refusal is an error.
func Create(ctx context.Context, file *configfile.File, c *awsclient.Clients, log Log) error {
	for _, list := range listers {
		resources, err := list(ctx, file, c)
		if err != nil {
			return err
		}
		for _, r := range resources {
			if err := (&provisioner{resource: r, log: log}).run(ctx); err != nil {
				return fmt.Errorf("%s: %w", r.name, err)
			}
		}
	}
	return nil
}

// notFound returns the state that err means: none if err is of type E, and an error otherwise.
func notFound[E error](err error) (state, error) {
	if _, missing := errors.AsType[E](err); missing {
		return state{}, nil
	}
	return state{}, fmt.Errorf("describe: %w", err)
}

// unlessExists returns err, and nil if it is of type E: the resource that was to be created exists.
func unlessExists[E error](err error) error {
	if _, exists := errors.AsType[E](err); exists {
		return nil
	}
	return err
}
