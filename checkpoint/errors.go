package checkpoint

import "errors"

// What [Open]'s errors say about a file. None of them has changed it.
var (
	// ErrInUse says that somebody else has the file open.
	ErrInUse = errors.New("in use by another process: stop that engine, or name another DataDir")

	// ErrForeign says that the file is not one of this package.
	ErrForeign = errors.New("not a checkpoint file of esm, and left alone: move it away to begin without positions")

	// ErrDamaged says that the file is not as it was written. It may also come of a call later on.
	ErrDamaged = errors.New("the checkpoint file is damaged, and left alone: restore a copy, or move it away to begin without positions")

	// ErrNewer says that a later release has written the file in a way that this one does not know.
	ErrNewer = errors.New("written by a newer esm: run that one")
)

// What a call's errors say besides [esm.ErrConflict].
var (
	// ErrClosed says that the store was closed before.
	ErrClosed = errors.New("the store is closed")

	// ErrUnknown says that a change may or may not have become durable, and that nothing will until the store is opened
	// anew.
	ErrUnknown = errors.New("what was last saved may not be durable, and nothing more is saved: start the engine again")
)
