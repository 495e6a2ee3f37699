package checkpoint

import "errors"

// Errors of [Open] and [OpenEvents], which leave the file unchanged. ErrDamaged may also be returned later. For a file of
// events, ErrForeign and ErrDamaged are reported in other words.
var (
	ErrInUse   = errors.New("in use by another process: stop that engine, or use another DataDir")
	ErrForeign = errors.New("not a checkpoint file of esm, and left alone: move it away to start without positions")
	ErrDamaged = errors.New("the checkpoint file is damaged, and left alone: restore a copy, or move it away to start without positions")
	ErrNewer   = errors.New("written by a newer release of esm: run that one")
)

// Errors of the methods of [DB] and [EventQueue], besides [esm.ErrConflict].
var (
	ErrClosed = errors.New("the store is closed")

	// ErrUnknown reports that the last changes may or may not be durable. The store accepts no more changes until it
	// is opened again.
	ErrUnknown = errors.New("the last changes may not be durable, and no more are accepted: restart the engine")
)
