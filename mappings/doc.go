// Package mappings is the register of an engine's event source mappings: those of the file and those made over HTTP, the
// changes that HTTP made to the former, and the state of each. [Register] makes every change durable before the engine
// follows it. A process that is killed at any moment finds each mapping, at its next start, as it was before the change or
// as it is after it.
//
// # File and HTTP
//
// At each start the file is merged with the stored mappings. A mapping of the file is as the file says, except for what
// HTTP has changed since the mapping's text in the file last changed; a mapping that HTTP has deleted stays deleted as long
// as its text stays the same. Texts are compared by their meaning: order, comments and written defaults make no difference.
// A mapping that is no longer in the file is removed and keeps its positions. A mapping made over HTTP stays as it is,
// unless the file has one of the same function and source, which replaces it.
//
// # States
//
// A change is answered with the state that it leads through, as on Lambda, and the mapping leaves that state when the engine
// has followed:
//
//	Creating, Enabling   until the mapping runs and its reading positions are durable; then Enabled
//	Updating             until the batches in hand are settled and the changed mapping runs; then Enabled, or Disabled
//	Disabling            until the batches in hand are settled; then Disabled
//	Deleting             until the batches in hand are settled and the positions are forgotten; then the mapping is gone
//
// Enabled means that no record that arrives from then on is missed, Disabled that no invocation begins any more. A transition
// takes milliseconds, unless a batch or a poll is in progress or the stream cannot be listed.
//
// A change that arrives while another one of the same mapping is checked and written is refused with [ErrBusy]. Unlike on
// Lambda, a mapping can be changed again as soon as that is done, even while it is still Creating or Updating: the engine
// then follows the newest change and skips those that it has not begun. Otherwise a function that runs for a quarter of an
// hour, or a source that does not answer, would keep its mapping from being disabled. A mapping that is Deleting cannot be
// changed, and keeps its pair of function and source until it is gone.
package mappings
