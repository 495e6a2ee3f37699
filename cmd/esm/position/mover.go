package position

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/esm-run/esm"
	"github.com/esm-run/esm/cmd/esm/configfile"
	"github.com/esm-run/esm/cmd/esm/datadir"
	"github.com/esm-run/esm/cmd/esm/usage"
	"github.com/esm-run/esm/config"
)

// Mover moves the positions of one stream mapping while no engine runs on the data directory.
type Mover struct {
	// Now is the time of the change.
	Now time.Time

	// Info receives what was done, Warn what may be wrong.
	Info, Warn func(format string, args ...any)

	// DryRun receives what would be done, and nothing is done. Nil does it.
	DryRun io.Writer

	// Shards lists the IDs of the stream's shards. It may fail: the stream may be out of reach.
	Shards func(context.Context, config.Mapping) ([]string, error)

	dataDir string
	store   *datadir.Store
	mapping datadir.Mapping
	shards  map[string]esm.Checkpoint // by shard; "" is the mapping itself
}

// Open locks the data directory of a file and loads the checkpoints of the mapping that name refers to. It creates nothing.
// The caller must call Close.
func (m *Mover) Open(ctx context.Context, file *configfile.File, name string) (err error) {
	m.dataDir = file.Engine.DataDir
	if m.store, err = datadir.OpenStore(m.dataDir); err != nil {
		return err
	}
	if err := m.load(ctx, file, name); err != nil {
		return errors.Join(err, m.Close())
	}
	return nil
}

func (m *Mover) load(ctx context.Context, file *configfile.File, name string) error {
	known, err := m.store.KnownMappings(ctx, file)
	if err != nil {
		return err
	}
	if m.mapping, err = datadir.StreamNamed(known, name); err != nil {
		return err
	}
	m.shards, err = m.store.All(ctx, m.mapping.UUID)
	return err
}

// Close releases the data directory.
func (m *Mover) Close() error { return m.store.Close() }

// Set moves one shard, named by its ID or by the short name that logs show. Unless force is true, a shard that neither the
// stream nor the store knows is refused: its position would be reported as lost at the next start.
func (m *Mover) Set(ctx context.Context, shard string, to Target, force bool) error {
	switch {
	case m.mapping.Removed():
		return usage.Errorf("--mapping %s: this mapping was removed: its positions can only be forgotten, with `esm position reset`", m.mapping.UUID)
	case m.mapping.Restarts:
		return m.startFirst()
	}
	if wrong := m.mapping.Source().CheckShard(shard); wrong != "" {
		return usage.Errorf("--shard %q %s", shard, wrong)
	}
	if err := to.check(m.mapping.Mapping, m.Now); err != nil {
		return usage.Error{Err: err}
	}
	if to.isTime() && m.mapping.StartingPosition == config.Latest && !m.started() {
		// The engine would take the time as the moment when the mapping was first started, for all of its shards.
		return usage.Errorf("mapping %s: begins at LATEST and was never started, so that no shard of it can begin at another time: "+
			"start the engine once first, or change its StartingPosition", m.mapping.Title())
	}
	shard, err := m.resolve(ctx, shard, force)
	if err != nil {
		return err
	}
	return m.save(ctx, shard, to.checkpoint(m.shards[shard], m.mapping.Mapping, m.Now))
}

// resolve returns the ID of a shard that is named by its ID or its short name.
func (m *Mover) resolve(ctx context.Context, name string, force bool) (string, error) {
	if _, known := m.shards[name]; known {
		return name, nil
	}
	known := m.shardIDs()
	var listErr error
	if !force {
		var listed []string
		listed, listErr = m.Shards(ctx, m.mapping.Mapping)
		known = slices.Compact(slices.Sorted(slices.Values(append(known, listed...))))
	}
	var found []string
	source := m.mapping.Source()
	for _, id := range known {
		if id == name {
			return id, nil
		}
		if source.ShortShard(id) == name {
			found = append(found, id)
		}
	}
	switch {
	case len(found) == 1:
		return found[0], nil
	case len(found) > 1:
		return "", usage.Errorf("--shard %s: %d shards of %s have this short name: %s", name, len(found), m.mapping.Title(), abbreviate(found))
	case force:
		m.Warn("mapping %s: no checkpoint of shard %s is known; the stream was not asked", m.mapping.Title(), name)
		return name, nil
	case len(known) == 0:
		return "", usage.Errorf("--shard %s: no shard of %s is known%s: start the engine once, or use --force", name, m.mapping.Title(), because(listErr))
	}
	return "", usage.Errorf("--shard %s: no such shard; %s has %s%s: use --force to set it anyway", name, m.mapping.Title(), abbreviate(known), because(listErr))
}

func because(err error) string {
	if err == nil {
		return ""
	}
	return fmt.Sprintf(" (the stream could not be listed: %v)", err)
}

// Reset forgets all positions of the mapping, which then begins at its StartingPosition.
func (m *Mover) Reset(ctx context.Context) error {
	if m.DryRun == nil {
		if err := esm.ForgetMapping(ctx, m.store, m.mapping.UUID); err != nil {
			return err
		}
	}
	for _, shard := range m.shardIDs() {
		m.reportForgotten(shard)
	}
	switch title := m.mapping.Title(); {
	case m.mapping.Removed():
		m.report("%s has no positions any more", title)
	case len(m.shards) == 0:
		m.report("%s has no positions: it begins at its StartingPosition", title)
	default:
		m.report("%s starts over at %s", title, m.mapping.StartingPosition)
	}
	return nil
}

// ResetShard lets one shard start over. The checkpoint of a shard of a mapping that was never started is forgotten.
//
// In a mapping of LATEST, only the checkpoint holds where reading of the shard began, and, for a shard that had been closed by
// then, that it is never read: both are kept. The other starting positions need neither.
func (m *Mover) ResetShard(ctx context.Context, shard string) error {
	if shard == "" {
		return usage.Errorf("--shard is empty: leave it out to reset the whole mapping")
	}
	switch {
	case m.mapping.Removed():
		return usage.Errorf("--mapping %s: this mapping was removed: reset it without --shard", m.mapping.UUID)
	case m.mapping.Restarts:
		return m.startFirst()
	}
	shard, err := m.kept(shard)
	if err != nil {
		return err
	}
	if !m.started() {
		return m.forget(ctx, shard)
	}
	old := m.shards[shard]
	next := esm.Checkpoint{Version: old.Version}
	if m.mapping.StartingPosition == config.Latest {
		next.Since = old.Since
		next.Drained = old.Drained && old.Position == "" && !old.Since.IsZero()
	}
	return m.save(ctx, shard, next)
}

// kept returns the ID of a shard that has a checkpoint, named by its ID or its short name.
func (m *Mover) kept(name string) (string, error) {
	ids, source := m.shardIDs(), m.mapping.Source()
	if i := slices.IndexFunc(ids, func(id string) bool { return id == name || source.ShortShard(id) == name }); i >= 0 {
		return ids[i], nil
	}
	if len(ids) == 0 {
		return "", usage.Errorf("--shard %s: no shard of %s has a position", name, m.mapping.Title())
	}
	return "", usage.Errorf("--shard %s: has no position in %s; these have one: %s", name, m.mapping.Title(), abbreviate(ids))
}

func (m *Mover) forget(ctx context.Context, shard string) error {
	if m.DryRun == nil {
		if err := m.store.Forget(ctx, esm.Key{Mapping: m.mapping.UUID, Shard: shard}); err != nil {
			return err
		}
	}
	m.reportForgotten(shard)
	return nil
}

func (m *Mover) reportForgotten(shard string) {
	old := m.shards[shard]
	m.report("shard %s of %s: was %s, is forgotten%s", shard, m.mapping.Title(), describe(old, m.mapping.Mapping), discarded(old))
}

// startFirst is the error of moving shards of a mapping whose positions the next start will forget.
func (m *Mover) startFirst() error {
	return usage.Errorf("--mapping %s: was deleted over HTTP and has changed in the file since, so that its positions are forgotten "+
		"when the engine starts: start it once first", m.mapping.UUID)
}

// started reports whether an engine has begun to read the stream for the mapping.
func (m *Mover) started() bool {
	_, started := m.shards[""]
	return started
}

func (m *Mover) shardIDs() []string { return shardIDs(m.shards) }

// shardIDs returns the IDs of the shards among checkpoints, sorted.
func shardIDs(checkpoints map[string]esm.Checkpoint) []string {
	return slices.DeleteFunc(slices.Sorted(maps.Keys(checkpoints)), func(shard string) bool { return shard == "" })
}

// save replaces the checkpoint of a shard and reports the change. The store is created if there is none.
func (m *Mover) save(ctx context.Context, shard string, next esm.Checkpoint) error {
	old, known := m.shards[shard]
	was := "not begun"
	if known {
		was = describe(old, m.mapping.Mapping)
	}
	if m.DryRun == nil {
		if m.store.IsEmpty() {
			created, err := datadir.CreateStore(m.dataDir)
			if err != nil {
				return err
			}
			m.store = created
		}
		if _, err := m.store.Save(ctx, esm.Key{Mapping: m.mapping.UUID, Shard: shard}, next); err != nil {
			return err
		}
	}
	m.report("shard %s of %s: was %s, is %s%s", shard, m.mapping.Title(), was, describe(next, m.mapping.Mapping), discarded(old))
	return nil
}

// abbreviate lists at most ten names.
func abbreviate(names []string) string {
	const most = 10
	if len(names) > most {
		return fmt.Sprintf("%s and %d more", strings.Join(names[:most], ", "), len(names)-most)
	}
	return strings.Join(names, ", ")
}

// report reports what was done, or what would be.
func (m *Mover) report(format string, args ...any) {
	if m.DryRun != nil {
		fmt.Fprintf(m.DryRun, "dry run: "+format+"\n", args...)
		return
	}
	m.Info(format, args...)
}
