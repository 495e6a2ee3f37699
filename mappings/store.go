package mappings

import "context"

// Store keeps documents durably: checkpoint's stores do.
type Store interface {
	Reader

	// Write puts documents in place of what is kept under their IDs; nil removes. All of it is durable when Write returns
	// without an error. With one, all of it may have been written, or nothing.
	Write(ctx context.Context, kind string, changes map[string][]byte) error
}

// Reader reads what a [Store] keeps.
type Reader interface {
	// Documents returns the documents of one kind by their IDs.
	Documents(ctx context.Context, kind string) (map[string][]byte, error)
}

// kind is that of the rows.
const kind = "mappings"
