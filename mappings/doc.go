// Package mappings keeps the one truth about an engine's event source mappings: which there are, those of the file and
// those made over HTTP, what HTTP changed of the former, and in which state each is. [Register] makes every change durable
// before it has the engine follow, so that a process that is killed at any moment finds, when it starts again, each mapping
// as it was before the change or as it is after it.
//
// # States
//
// A change is answered with the state that it leads through (Creating, Updating, Enabling, Disabling, Deleting), as Lambda
// does; the mapping leaves that state when the engine has followed, which takes milliseconds unless an invocation is in
// hand. Disabled means that no invocation begins any more and that what was in hand is finished.
//
// One change of a mapping is made at a time: another one that comes while it is checked and written is refused with
// [ErrBusy]. Unlike on Lambda a mapping can be changed again as soon as that is done, also when it is still
// Creating or Updating: the engine then goes for the newest, and skips what it has not begun. Otherwise a function that
// runs for a quarter of an hour would keep people from disabling its mapping. A mapping that is Deleting can no longer be
// changed, and keeps its pair of function and source until what it had in hand is finished.
package mappings
