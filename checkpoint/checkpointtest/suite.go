package checkpointtest

import (
	"context"
	"errors"
	"reflect"
	"testing"

	"github.com/esm-run/esm"
)

// Fixture is a fresh, empty store and what a test may do to it besides.
type Fixture struct {
	// Store is what is tested.
	Store esm.Checkpoints

	// Restart ends the process that has the store, as it were, and returns the store as the next one finds it. Nil means
	// that a restart cannot be had.
	Restart func() esm.Checkpoints
}

// Run runs the suite that every [esm.Checkpoints] passes. Each test opens a store of its own.
func Run(t *testing.T, open func(t *testing.T) Fixture) {
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			test.run(&trial{T: t, Fixture: open(t)})
		})
	}
}

var tests = []struct {
	name string
	run  func(t *trial)
}{
	{"a mapping that was never seen has nothing", neverSeen},
	{"what was saved is there, field by field", everyField},
	{"the zero checkpoint can be kept", zeroCheckpoint},
	{"a save needs the version that is kept", needsVersion},
	{"a lost race changes nothing", lostRaceChangesNothing},
	{"mappings and shards do not mix", keysDoNotMix},
	{"strange names are names", strangeNames},
	{"a name that is too long is refused alone", longName},
	{"forgotten is gone, the rest stays", forgotten},
	{"no version is given out twice", versionsAreNew},
	{"a checkpoint with 2,000 runs owed", manyOwed},
	{"what is kept is the store's own", sharesNothing},
	{"an ended context changes nothing", endedContext},
	{"of savers side by side one wins each round", oneWins},
	{"savers of many shards do not disturb each other", manyShards},
	{"a conflict fails alone", conflictAlone},
	{"a restart finds everything", restart},
	{"any history ends as in a plain map", history},
}

// trial is one test of the suite at work.
type trial struct {
	*testing.T
	Fixture
}

func (t *trial) all(mapping string) map[string]esm.Checkpoint {
	t.Helper()
	all, err := t.Store.All(t.Context(), mapping)
	if err != nil {
		t.Fatalf("all of %q: %v", mapping, err)
	}
	return all
}

// save is one successful Save.
func (t *trial) save(k esm.Key, next esm.Checkpoint) esm.Checkpoint {
	t.Helper()
	saved, err := t.Store.Save(t.Context(), k, next)
	if err != nil {
		t.Fatalf("save %+v: %v", k, err)
	}
	if saved.Version == 0 || saved.Version == next.Version {
		t.Fatalf("save %+v: the new version is %d, the old was %d", k, saved.Version, next.Version)
	}
	return saved
}

// conflicts expects that a Save loses.
func (t *trial) conflicts(k esm.Key, next esm.Checkpoint) {
	t.Helper()
	if _, err := t.Store.Save(t.Context(), k, next); !errors.Is(err, esm.ErrConflict) {
		t.Errorf("save %+v over version %d: %v, want ErrConflict", k, next.Version, err)
	}
}

func (t *trial) forget(keys ...esm.Key) {
	t.Helper()
	if err := t.Store.Forget(t.Context(), keys...); err != nil {
		t.Fatalf("forget: %v", err)
	}
}

// has expects that a mapping has these checkpoints and no others.
func (t *trial) has(mapping string, want map[string]esm.Checkpoint) {
	t.Helper()
	got := t.all(mapping)
	if len(got) != len(want) {
		t.Errorf("%q has %d checkpoints, want %d", mapping, len(got), len(want))
	}
	for shard := range want {
		if !reflect.DeepEqual(got[shard], want[shard]) {
			t.Errorf("shard %q of %q:\ngot  %+v\nwant %+v", shard, mapping, got[shard], want[shard])
		}
	}
}

func (t *trial) ended() context.Context {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	return ctx
}
