package mappings

import (
	"context"
	"errors"

	"github.com/google/uuid"

	"github.com/esm-run/esm/config"
)

// Create makes a mapping under a UUID of its own, m's notwithstanding, and returns it as it is at first. It blocks while
// the mapping is checked and written. Its errors are [*InvalidError], [*ExistsError] and those of ctx and the
// store; of two calls for one function and source one succeeds.
//
// A queue's mapping that is not enabled is Disabled at once, as on Lambda.
func (r *Register) Create(ctx context.Context, m config.Mapping) (Registered, error) {
	m.UUID = uuid.NewString()
	m, err := r.checked(ctx, m, nil)
	if err != nil {
		return Registered{}, err
	}
	e := r.entry(m.UUID, row{Origin: OriginHTTP, HTTP: &m, LastModified: r.now()})
	if err := r.take(ctx, e.pair, e.uuid); err != nil {
		return Registered{}, err
	}
	var made Registered
	err = r.commit(ctx, e.uuid, e.row.encode(), func(done bool) {
		r.mu.Lock()
		defer r.mu.Unlock()
		if !done {
			r.free(e.pair, e.uuid)
			return
		}
		r.keep(e.pair)
		r.entries[e.uuid] = e
		if e.state = Disabled; *m.Enabled || m.OfStream() {
			r.want(e, Creating)
		}
		made = e.registered()
	})
	if err != nil {
		return Registered{}, err
	}
	return r.withResult(made), nil
}

// checked is m with its defaults and without memory in common, if it may be.
func (r *Register) checked(ctx context.Context, m config.Mapping, before *config.Mapping) (config.Mapping, error) {
	if found := m.Validate(r.config.Now()); len(found) > 0 {
		return m, &InvalidError{Problems: found}
	}
	if err := keepable(m); err != nil {
		const at = "StartingPositionTimestamp"
		return m, &InvalidError{Problems: []config.Problem{{Path: at, Message: "is too long ago"}}}
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

// Update has change tell what becomes of a mapping, and returns it as it is then. Change gets the mapping as it is kept,
// may change all of it, and is called once; what Lambda does not let change, the source and where reading it begins, stays
// as it is. The checks are made on what it returns. It blocks as Create does; its errors are those and [ErrNotFound]
// and [ErrBusy].
//
// Positions and tries are kept. What was in hand is finished as it was begun.
func (r *Register) Update(ctx context.Context, uuid string, change func(config.Mapping) config.Mapping) (Registered, error) {
	e, err := r.reserve(uuid)
	if err != nil {
		return Registered{}, err
	}
	written := false
	defer r.releaseUnless(e, &written)
	before := clone(e.mapping)
	m, err := r.checked(ctx, changed(e.mapping, change), &before)
	if err != nil {
		return Registered{}, err
	}
	joins := r.pairOf(m)
	if err := r.take(ctx, joins, uuid); err != nil {
		return Registered{}, err
	}
	written = true
	next := e.row.left(m)
	next.LastModified = r.now()
	var now Registered
	err = r.commit(ctx, uuid, next.encode(), func(done bool) { now = r.updated(e, next, joins, done) })
	if err != nil {
		return Registered{}, err
	}
	return r.withResult(now), nil
}

// changed is what change makes of m, as far as it may.
func changed(m config.Mapping, change func(config.Mapping) config.Mapping) config.Mapping {
	next := change(clone(m))
	next.UUID, next.EventSourceArn, next.Endpoint, next.Region = m.UUID, m.EventSourceArn, m.Endpoint, m.Region
	next.StartingPosition, next.StartingPositionTimestamp = m.StartingPosition, m.StartingPositionTimestamp
	return next
}

// updated ends a change of e to next.
func (r *Register) updated(e *entry, next row, joins pair, done bool) Registered {
	arn := r.config.FunctionArn(next.mapping())
	r.mu.Lock()
	defer r.mu.Unlock()
	defer e.release()
	if stays := e.pair; !done {
		if joins != stays {
			r.free(joins, e.uuid)
		}
		return Registered{}
	} else if joins != stays {
		r.free(stays, e.uuid)
		r.keep(joins)
	}
	was := *e.mapping.Enabled
	e.row, e.mapping, e.arn, e.pair = next, next.mapping(), arn, joins
	r.want(e, through(was, *e.mapping.Enabled))
	return e.registered()
}

// through is the state of an update.
func through(was, enabled bool) string {
	switch {
	case enabled && !was:
		return Enabling
	case was && !enabled:
		return Disabling
	}
	return Updating
}

// Delete deletes a mapping for good, and returns it as it is then: Deleting. When what it had in hand is finished and its
// positions are forgotten, it is not found any more. One of the file stays deleted until its text in the file changes. It
// blocks while the deletion is written; its errors are [ErrNotFound], [ErrBusy] and those of ctx and the
// store.
func (r *Register) Delete(ctx context.Context, uuid string) (Registered, error) {
	e, err := r.reserve(uuid)
	if err != nil {
		return Registered{}, err
	}
	next := e.row.deleted(r.now())
	var now Registered
	err = r.commit(ctx, uuid, next.encode(), func(done bool) {
		r.mu.Lock()
		defer r.mu.Unlock()
		defer e.release()
		if !done {
			return
		}
		r.want(e, Deleting)
		now = e.registered()
		e.row = next
	})
	if err != nil {
		return Registered{}, err
	}
	return r.withResult(now), nil
}

// SetTags has change tell what becomes of a mapping's tags: it gets those that there are, which are its own to change, and
// is called once. State and LastModified stay as they are. It waits for another change of the mapping that is under way,
// and blocks while the tags are written; its errors are [ErrNotFound], also of a mapping that is Deleting, and those of
// ctx and the store.
func (r *Register) SetTags(ctx context.Context, uuid string, change func(tags map[string]string) map[string]string) error {
	e, err := r.reserveInTurn(ctx, uuid)
	if errors.Is(err, ErrBusy) {
		return ErrNotFound
	} else if err != nil {
		return err
	}
	written := false
	defer r.releaseUnless(e, &written)
	m := clone(e.mapping)
	if m.Tags == nil {
		m.Tags = map[string]string{}
	}
	m.Tags = change(m.Tags)
	next := e.row.left(clone(m))
	written = true
	return r.commit(ctx, uuid, next.encode(), func(done bool) {
		r.mu.Lock()
		defer r.mu.Unlock()
		defer e.release()
		if done {
			e.row, e.mapping = next, next.mapping()
		}
	})
}
