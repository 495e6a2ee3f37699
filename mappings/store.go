package mappings

import (
	"bytes"
	"context"
	"fmt"
	"time"
)

// kind is that of the rows.
const kind = "mappings"

// doubt is how long it takes until a store that did not tell what came of a change is asked again.
const doubt = time.Second

// load reads the rows that are kept, applies the file to them, forgets what is to be forgotten, and keeps what came of it.
func (r *Register) load(ctx context.Context) (map[string]row, []Note, error) {
	now, err := apply(ctx, r.config.File, r.config.Store, r.pairOf, r.now())
	if err != nil {
		return nil, nil, err
	}
	for uuid, of := range now.rows {
		if err := r.forgetAtStart(ctx, now.rows, uuid, of); err != nil {
			return nil, nil, fmt.Errorf("mappings: forget the positions of %s: %w", uuid, err)
		}
	}
	if changes := difference(now.documents, now.rows); len(changes) > 0 {
		if err := r.config.Store.Write(ctx, kind, changes); err != nil {
			return nil, nil, fmt.Errorf("mappings: apply the file: %w", err)
		}
	}
	return now.rows, now.notes, nil
}

// forgetAtStart forgets what a deletion has left to be forgotten. If that fails it can wait, unless the mapping runs again.
func (r *Register) forgetAtStart(ctx context.Context, rows map[string]row, uuid string, of row) error {
	if !of.Forget {
		return nil
	}
	err := r.config.Forget(ctx, uuid)
	if err != nil {
		if of.Deleted {
			r.config.Trouble(deletedMapping(uuid, of), err)
			return nil
		}
		return err
	}
	left, ok := of.forgotten()
	rows[uuid] = left
	if !ok {
		delete(rows, uuid)
	}
	return nil
}

// difference is what must be written to make rows of documents.
func difference(documents map[string][]byte, rows map[string]row) map[string][]byte {
	changes := map[string][]byte{}
	for uuid := range documents {
		if _, stays := rows[uuid]; !stays {
			changes[uuid] = nil
		}
	}
	for uuid, of := range rows {
		if text := of.encode(); !bytes.Equal(text, documents[uuid]) {
			changes[uuid] = text
		}
	}
	return changes
}

// commit makes text what is kept under uuid, and has end told whether it is. That is the case when commit returns, unless
// even the store cannot tell: then end is called as soon as it can, and commit returns the error before.
//
// Once it writes, it does not heed ctx: a change that is left in the middle would be one of which nobody knows whether it
// was made.
func (r *Register) commit(ctx context.Context, uuid string, text []byte, end func(done bool)) error {
	if err := ctx.Err(); err != nil {
		end(false)
		return err
	}
	ctx = context.WithoutCancel(ctx)
	err := r.config.Store.Write(ctx, kind, map[string][]byte{uuid: text})
	if err == nil {
		end(true)
		return nil
	}
	err = fmt.Errorf("mappings: keep %s: %w", uuid, err)
	done, unknown := r.isKept(ctx, uuid, text)
	switch {
	case unknown != nil:
		r.mu.Lock()
		defer r.mu.Unlock()
		r.spawn(func() { r.clear(uuid, text, end) })
		return err
	case done:
		err = nil
	}
	end(done)
	return err
}

// clear asks the store until it tells what came of a change.
func (r *Register) clear(uuid string, text []byte, end func(done bool)) {
	for r.pause(doubt) {
		if done, err := r.isKept(r.life, uuid, text); err == nil {
			end(done)
			return
		}
	}
}

func (r *Register) isKept(ctx context.Context, uuid string, text []byte) (bool, error) {
	documents, err := r.config.Store.Documents(ctx, kind)
	return err == nil && bytes.Equal(documents[uuid], text), err
}

// pause waits, and says whether there is reason to go on.
func (r *Register) pause(d time.Duration) bool {
	select {
	case <-time.After(d):
		return true
	case <-r.life.Done():
		return false
	}
}
