package checkpointtest

import (
	"context"
	"errors"
	"testing"

	"pgregory.net/rapid"

	"github.com/esm-run/esm"
)

// Run runs the suite that every [esm.Store] passes. Each test calls open for an empty store of its own. reopen simulates
// a restart: it closes the store and returns it as the next process finds it.
func Run(t *testing.T, open func(t *testing.T) (store esm.Store, reopen func() esm.Store)) {
	for _, test := range []struct {
		name string
		run  func(*trial)
	}{
		{"an unknown mapping has no checkpoints", unknownMapping},
		{"a checkpoint keeps every field", everyField},
		{"a save needs the stored version", needsVersion},
		{"names do not mix", namesDoNotMix},
		{"no version is used twice", versionsAreNew},
		{"a checkpoint is copied", sharesNothing},
		{"one of several concurrent saves wins", oneWins},
		{"a conflict fails alone", conflictAlone},
		{"checkpoints behave as a map", checkpointModel},

		{"a notice keeps every field", everyNoticeField},
		{"notices are listed oldest first", oldestFirst},
		{"a notice kept again keeps its place", keptAgain},
		{"a dropped notice is gone", dropped},
		{"a notice can be dropped while listed", dropWhileListed},
		{"notices can be kept concurrently", keepTogether},
		{"a notice without an ID is refused", withoutID},

		{"kinds and IDs do not mix", kindsDoNotMix},
		{"a document may have any size", documentSizes},
		{"a document is copied", documentsAreCopied},
		{"a write is made whole or not at all", allOrNone},
		{"documents can be written concurrently", writersTogether},
		{"documents behave as a map", documentModel},

		{"an ended context changes nothing", endedContext},
	} {
		t.Run(test.name, func(t *testing.T) {
			store, reopen := open(t)
			test.run(&trial{t, store, reopen})
		})
	}
}

// trial is one test with its store.
type trial struct {
	tester
	store  esm.Store
	reopen func() esm.Store
}

// tester is a test, or one case of rapid's.
type tester interface {
	rapid.TB
	Context() context.Context
}

// twice runs a check now and after a restart.
func (t *trial) twice(check func(when string)) {
	t.Helper()
	check("now")
	t.store = t.reopen()
	check("after a restart")
}

func endedContext(t *trial) {
	cp := t.save(key, at("1"))
	t.keep("a")
	t.write("k", texts{"a": "1"})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, saving := t.store.Save(ctx, key, cp)
	_, loading := t.store.All(ctx, "m")
	_, reading := t.store.Documents(ctx, "k")
	var listing error
	for _, listing = range t.store.Undelivered(ctx) {
	}
	for name, err := range map[string]error{
		"save": saving, "all": loading, "forget": t.store.Forget(ctx, key),
		"keep": t.store.Keep(ctx, esm.Notice{ID: "b"}, "arn", "reason"), "undelivered": listing, "drop": t.store.Drop(ctx, "a"),
		"write": t.store.Write(ctx, "k", map[string][]byte{"a": nil}), "documents": reading,
	} {
		if !errors.Is(err, context.Canceled) {
			t.Errorf("%s: %v, want context.Canceled", name, err)
		}
	}
	t.has("m", map[string]esm.Checkpoint{"s": cp})
	t.hasNotices("a")
	t.hasDocuments("k", texts{"a": "1"})
}
