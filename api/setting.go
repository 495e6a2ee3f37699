package api

import (
	"context"
	"time"
)

// Settings holds one setting of all functions, that of the file or what requests have made of it. A function is named with
// or without a qualifier, and each qualifier has a setting of its own; $LATEST is the same as none. All methods may be called
// concurrently.
type Settings[T any] interface {
	// Get returns the setting of a function; ok is false if it has none. It does not block. The value is shared: it must not
	// be modified.
	Get(function string) (now Setting[T], ok bool)

	// List returns the settings of a function, which is named without a qualifier, by qualifier. The caller owns the map.
	List(function string) map[string]Setting[T]

	// Change replaces the setting of a function by what change makes of it: nil is no setting, both now and next. It calls
	// change once, while no other change is made. An error of change is returned as it is. When Change returns nil, the
	// change is durable and applies; after an error nothing has changed. It blocks for one durable write.
	Change(ctx context.Context, function string, change func(now *T) (next *T, err error)) (Setting[T], error)
}

// Setting is the value of one setting of a function.
type Setting[T any] struct {
	Value             T
	Created, Modified time.Time // of a value of the file: when the file was changed
}

// change changes a setting for the request c. It ignores that the client goes away: a change that is given up halfway has an
// unknown outcome.
func change[T any](c *call, settings Settings[T], function string, to func(now *T) (next *T, err error)) (Setting[T], error) {
	return settings.Change(context.WithoutCancel(c.Context()), function, to)
}
