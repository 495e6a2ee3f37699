package mappings

import (
	"context"
	"errors"

	"github.com/google/uuid"

	"github.com/esm-run/esm/config"
)

// Create makes a mapping with a new UUID, whatever m's is, and returns it in its first state: Disabled for a queue's mapping
// that is not enabled, as on Lambda, and otherwise Creating. It blocks while the mapping is checked and written. The errors
// are [*InvalidError], [*ExistsError] and those of ctx and the store. Of two calls for one function and source, one
// succeeds.
func (r *Register) Create(ctx context.Context, m config.Mapping) (Registered, error) {
	m.UUID = uuid.NewString()
	m, err := r.check(ctx, m, nil)
	if err != nil {
		return Registered{}, err
	}
	e := r.newEntry(m.UUID, row{Origin: OriginHTTP, HTTP: &m, LastModified: r.now()})
	if err := r.claim(ctx, e.pair, e.uuid); err != nil {
		return Registered{}, err
	}
	var made Registered
	err = r.commit(ctx, e.uuid, e.row.encode(), func(written bool) {
		r.mu.Lock()
		defer r.mu.Unlock()
		if !written {
			r.unclaim(e.pair, e.uuid)
			return
		}
		r.claims[e.pair].settle()
		r.entries[e.uuid] = e
		if e.state = Disabled; *m.Enabled || m.OfStream() {
			r.transition(e, Creating)
		}
		made = e.registered()
	})
	if err != nil {
		return Registered{}, err
	}
	return r.withResult(made), nil
}

// check returns a copy of m with its defaults, or what is wrong with it. Before is the mapping that m replaces, if any.
func (r *Register) check(ctx context.Context, m config.Mapping, before *config.Mapping) (config.Mapping, error) {
	if found := m.Validate(r.config.Now()); len(found) > 0 {
		return m, &InvalidError{Problems: found}
	}
	if err := storable(m); err != nil {
		return m, &InvalidError{Problems: []config.Problem{{Path: "StartingPositionTimestamp", Message: "is too long ago"}}}
	}
	m = clone(m).Defaults()
	if err := r.config.Check(ctx, m, before); err != nil {
		return m, err
	}
	if name, err := config.ParseFunctionName(m.FunctionName); err == nil {
		m.FunctionName = name.Qualified()
	}
	return m, nil
}

// Update changes a mapping and returns it in its new state. Change receives a copy of the stored mapping and returns the
// mapping that it shall become; if change returns an error, Update returns that. Change is called once. The source and the
// starting position cannot be changed: Update ignores changes of them. It blocks as Create does; its errors are those of
// Create, [ErrNotFound] and [ErrBusy].
//
// Positions and tries are kept. Batches in hand are finished with the old settings.
func (r *Register) Update(ctx context.Context, uuid string, change func(config.Mapping) (config.Mapping, error)) (Registered, error) {
	e, err := r.reserve(uuid)
	if err != nil {
		return Registered{}, err
	}
	committing := false
	defer r.releaseUnless(e, &committing)
	before := clone(e.mapping)
	m, err := change(clone(e.mapping))
	if err != nil {
		return Registered{}, err
	}
	if m, err = r.check(ctx, withFixed(m, before), &before); err != nil {
		return Registered{}, err
	}
	p := r.pairOf(m)
	if err := r.claim(ctx, p, uuid); err != nil {
		return Registered{}, err
	}
	committing = true
	next := e.row.changedTo(m)
	next.LastModified = r.now()
	var updated Registered
	err = r.commit(ctx, uuid, next.encode(), func(written bool) { updated = r.endUpdate(e, next, p, written) })
	if err != nil {
		return Registered{}, err
	}
	return r.withResult(updated), nil
}

// withFixed returns m with the members of stored that cannot be changed.
func withFixed(m, stored config.Mapping) config.Mapping {
	m.UUID, m.EventSourceArn, m.Endpoint, m.Region = stored.UUID, stored.EventSourceArn, stored.Endpoint, stored.Region
	m.StartingPosition, m.StartingPositionTimestamp = stored.StartingPosition, stored.StartingPositionTimestamp
	return m
}

// endUpdate ends an update of e to next, which joins the pair p.
func (r *Register) endUpdate(e *entry, next row, p pair, written bool) Registered {
	arn := r.config.FunctionArn(next.mapping())
	r.mu.Lock()
	defer r.mu.Unlock()
	defer e.release()
	switch {
	case !written && p != e.pair:
		r.unclaim(p, e.uuid)
		return Registered{}
	case !written:
		return Registered{}
	case p != e.pair:
		r.unclaim(e.pair, e.uuid)
		r.claims[p].settle()
	}
	wasEnabled := *e.mapping.Enabled
	e.row, e.mapping, e.arn, e.pair = next, next.mapping(), arn, p
	r.transition(e, updateState(wasEnabled, *e.mapping.Enabled))
	return e.registered()
}

// Delete deletes a mapping and returns it in the state Deleting. It is gone when its batches in hand are finished and its
// positions are forgotten. A mapping of the file stays deleted until its text in the file changes. Delete blocks while the
// deletion is written; its errors are [ErrNotFound], [ErrBusy] and those of ctx and the store.
func (r *Register) Delete(ctx context.Context, uuid string) (Registered, error) {
	e, err := r.reserve(uuid)
	if err != nil {
		return Registered{}, err
	}
	next := e.row.deleted(r.now())
	var deleted Registered
	err = r.commit(ctx, uuid, next.encode(), func(written bool) {
		r.mu.Lock()
		defer r.mu.Unlock()
		defer e.release()
		if !written {
			return
		}
		r.transition(e, Deleting)
		deleted = e.registered()
		e.row = next
	})
	if err != nil {
		return Registered{}, err
	}
	return r.withResult(deleted), nil
}

// SetTags changes the tags of a mapping. Change receives a copy of them to modify, and is called once; if it returns an
// error, SetTags returns that and nothing has changed. State and LastModified stay as they are. SetTags waits for another
// change of the mapping that is being written, and blocks while the tags are written. Its errors are [ErrNotFound], also for
// a mapping that is Deleting, and those of ctx and the store.
func (r *Register) SetTags(ctx context.Context, uuid string, change func(tags map[string]string) error) error {
	e, err := r.reserveInTurn(ctx, uuid)
	if errors.Is(err, ErrBusy) {
		return ErrNotFound
	} else if err != nil {
		return err
	}
	committing := false
	defer r.releaseUnless(e, &committing)
	m := clone(e.mapping)
	if m.Tags == nil {
		m.Tags = map[string]string{}
	}
	if err := change(m.Tags); err != nil {
		return err
	}
	next := e.row.changedTo(clone(m))
	committing = true
	return r.commit(ctx, uuid, next.encode(), func(written bool) {
		r.mu.Lock()
		defer r.mu.Unlock()
		defer e.release()
		if written {
			e.row, e.mapping = next, next.mapping()
		}
	})
}
