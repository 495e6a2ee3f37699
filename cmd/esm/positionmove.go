package main

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
)

// mover changes what is kept of one mapping.
type mover struct {
	*store  // nil while nothing is kept in dataDir
	dataDir string
	mapping followed
	rows    map[string]esm.Checkpoint // what is kept of the mapping, by shard
	now     time.Time
	voice   *voice    // is told what was done
	dry     io.Writer // is told what would be done, and nothing is; nil does it
}

// open takes the DataDir of a file and loads what is kept of the mapping that a name means.
func (m *mover) open(ctx context.Context, file *configfile.File, name string) (err error) {
	m.dataDir = file.Engine.DataDir
	if m.store, err = openKept(m.dataDir, false); err != nil {
		return err
	}
	if err := m.load(ctx, file, name); err != nil {
		return errors.Join(err, m.Close())
	}
	return nil
}

func (m *mover) load(ctx context.Context, file *configfile.File, name string) error {
	known, err := m.known(ctx, file)
	if err != nil {
		return err
	}
	if m.mapping, err = oneMapping(known, name); err != nil {
		return err
	}
	m.rows, err = m.All(ctx, m.mapping.UUID)
	return err
}

// Close gives up what was opened.
func (m *mover) Close() error { return m.store.Close() }

// beginsAnew is the error of moving shards of a mapping whose positions will be forgotten.
func (m *mover) beginsAnew() error {
	return fmt.Errorf("--mapping %s: was deleted over HTTP and has changed in the file since, so that its positions are forgotten "+
		"when the engine starts: start it once first", m.mapping.UUID)
}

// seen says that the mapping has begun to read its stream.
func (m *mover) seen() bool {
	_, seen := m.rows[""]
	return seen
}

// shards are those of which something is kept, by their names.
func (m *mover) shards() []string { return shardsOf(m.rows) }

func shardsOf(rows map[string]esm.Checkpoint) []string {
	return slices.DeleteFunc(slices.Sorted(maps.Keys(rows)), func(shard string) bool { return shard == "" })
}

// create makes what positions are kept in, if nothing is kept yet.
func (m *mover) create() (err error) {
	if m.store == nil {
		m.store, err = openKept(m.dataDir, true)
	}
	return err
}

// save keeps next of a shard, and tells what that changes.
func (m *mover) save(ctx context.Context, shard string, next esm.Checkpoint) error {
	old, known := m.rows[shard]
	was := "not begun"
	if known {
		was = positionTitle(old, m.mapping.Mapping)
	}
	if m.dry == nil {
		if err := m.create(); err != nil {
			return err
		}
		if _, err := m.Save(ctx, esm.Key{Mapping: m.mapping.UUID, Shard: shard}, next); err != nil {
			return err
		}
	}
	m.tell("shard %s of %s: was %s, is %s%s", shard, m.mapping.title(), was, positionTitle(next, m.mapping.Mapping), burden(old))
	return nil
}

// some lists at most so many names.
func some(names []string, most int) string {
	if len(names) > most {
		return fmt.Sprintf("%s and %d more", strings.Join(names[:most], ", "), len(names)-most)
	}
	return strings.Join(names, ", ")
}

// tell tells what was done, or what would be.
func (m *mover) tell(format string, args ...any) {
	if m.dry != nil {
		fmt.Fprintf(m.dry, "dry run: "+format+"\n", args...)
		return
	}
	m.voice.info(format, args...)
}
