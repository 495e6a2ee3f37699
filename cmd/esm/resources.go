package main

import (
	"context"
	"errors"
	"fmt"
	"github.com/esm-run/esm/cmd/esm/awsclient"

	"github.com/esm-run/esm/cmd/esm/configfile"
)

// resource is one of the file's Resources, as its making sees it.
type resource struct {
	name string // with its kind: "queue orders"

	// look says what is there under the resource's name. It comes before everything else.
	look func(ctx context.Context) (found, error)

	// create makes it. It succeeds as well if the resource is there already: by a call, perhaps, whose answer got lost.
	create func(ctx context.Context) error

	// What is put into it, once, by the run that makes it: so many of these, in order, each with a call of its own. Topics
	// and buckets have none: put is nil.
	count   int
	content string // one of them: "message"
	put     func(ctx context.Context, i int) error
}

// found is what a look has found.
type found struct {
	there   bool
	status  string   // what the resource must leave before it can be used, such as CREATING; empty if it can be
	differs []string // what is not as the file says: it stays so
}

// kind makes the resources of one kind ready to be made: none, without a client, if the file has none.
type kind func(ctx context.Context, file *configfile.File, c *awsclient.Clients) ([]resource, error)

// kinds are all kinds of resources, in the order in which they are made: where failures go comes before what is read.
var kinds = []kind{queuesToMake, topicsToMake, bucketsToMake, streamsToMake, tablesToMake}

// makeResources makes what the file's Resources say is to be there.
func makeResources(ctx context.Context, file *configfile.File, c *awsclient.Clients, v *voice) error {
	for _, kind := range kinds {
		resources, err := kind(ctx, file, c)
		if err != nil {
			return err
		}
		for _, r := range resources {
			if err := (&making{resource: r}).finish(ctx, v); err != nil {
				return fmt.Errorf("%s: %w", r.name, err)
			}
		}
	}
	return nil
}

// notFound is what a look has found that was answered with err: nothing if that is of type E.
func notFound[E error](err error) (found, error) {
	if _, missing := errors.AsType[E](err); missing {
		return found{}, nil
	}
	return found{}, fmt.Errorf("look for it: %w", err)
}

// unlessThere is err, unless it is of type E: what was to be created is there.
func unlessThere[E error](err error) error {
	if _, there := errors.AsType[E](err); there {
		return nil
	}
	return err
}
