package mappings

import (
	"bytes"
	"context"
	"fmt"
	"time"
)

// recheckPause is the time after which a store that could not be read after a failed write is read again.
const recheckPause = time.Second

// commit writes text as the row of uuid and calls end with the outcome. It returns nil if the row is written. If the write
// fails and the store cannot be read to learn the outcome, commit returns an error, and end is called as soon as it can.
//
// Once it writes, commit ignores ctx: an interrupted write would leave its outcome unknown.
func (r *Register) commit(ctx context.Context, uuid string, text []byte, end func(written bool)) error {
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
	err = fmt.Errorf("mappings: store %s: %w", uuid, err)
	written, unknown := r.isStored(ctx, uuid, text)
	if unknown != nil {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.spawn(func() { r.endLater(uuid, text, end) })
		return err
	}
	end(written)
	if written {
		return nil
	}
	return err
}

// endLater calls end as soon as the store can be read.
func (r *Register) endLater(uuid string, text []byte, end func(written bool)) {
	for await(r.life, time.After(recheckPause), nil) {
		if written, err := r.isStored(r.life, uuid, text); err == nil {
			end(written)
			return
		}
	}
}

func (r *Register) isStored(ctx context.Context, uuid string, text []byte) (bool, error) {
	documents, err := r.config.Store.Documents(ctx, kind)
	return err == nil && bytes.Equal(documents[uuid], text), err
}
