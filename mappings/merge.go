package mappings

import (
	"maps"
	"slices"
	"time"

	"github.com/esm-run/esm/config"
)

// Note tells people what became of a mapping when the file met what HTTP has made.
type Note struct {
	Mapping config.Mapping
	Text    string // what goes on behind "the mapping"
}

// What is told.
const (
	stillChanged = "was changed over HTTP: that holds until its text in the file changes"
	stillDeleted = "was deleted over HTTP: that holds until its text in the file changes"
	overruled    = "has changed in the file: what HTTP had changed is gone"
	restored     = "has changed in the file since it was deleted over HTTP: it is back, and begins anew"
	adopted      = "was made over HTTP and is in the file now, which holds from now on"
	removed      = "is not in the file any more and is removed"
	positions    = "; its positions are kept"
	replaced     = "was made over HTTP and is removed: the file has a mapping of the same function and source. What is kept of its positions goes on if that one is given this UUID"
	reverted     = "is as the file says again: another mapping of the file has the function and source that HTTP had given it"
)

// pair is what only one mapping may join.
type pair struct{ function, source, endpoint string }

// merging is the file meeting what is kept. It changes rows into what is to be kept from now on.
type merging struct {
	file   []config.Mapping
	rows   map[string]row
	pairOf func(config.Mapping) pair
	now    time.Time
	notes  []Note
}

// merge returns what is to be kept from now on, and what people should know about it.
func merge(file []config.Mapping, kept map[string]row, pairOf func(config.Mapping) pair, now time.Time) (map[string]row, []Note) {
	m := &merging{file: file, rows: maps.Clone(kept), pairOf: pairOf, now: now}
	m.removeMissing()
	for _, of := range file {
		m.apply(of)
	}
	for m.revertOne() {
	}
	m.replace()
	return m.rows, m.notes
}

func (m *merging) note(of config.Mapping, text string) {
	m.notes = append(m.notes, Note{of, text})
}

// removeMissing removes the file's mappings that it has no more. What is still to be forgotten of them is.
func (m *merging) removeMissing() {
	has := map[string]bool{}
	for _, of := range m.file {
		has[of.UUID] = true
	}
	for _, uuid := range slices.Sorted(maps.Keys(m.rows)) {
		r := m.rows[uuid]
		if r.Origin != OriginFile || has[uuid] {
			continue
		}
		delete(m.rows, uuid)
		switch {
		case !r.Deleted:
			m.note(r.mapping(), removedText(r.mapping()))
		case r.Forget:
			m.rows[uuid] = row{Origin: OriginHTTP, Deleted: true, Forget: true, LastModified: r.LastModified}
		}
	}
}

// removedText is what is told of a mapping that the file has no more. A queue has no positions.
func removedText(of config.Mapping) string {
	if of.OfStream() {
		return removed + positions
	}
	return removed
}

// apply applies one mapping of the file.
func (m *merging) apply(of config.Mapping) {
	old, known := m.rows[of.UUID]
	if known && old.File != nil && same(*old.File, of) {
		switch {
		case old.Deleted:
			m.note(of, stillDeleted)
		case old.HTTP != nil:
			m.note(old.mapping(), stillChanged)
		}
		return
	}
	m.rows[of.UUID] = row{Origin: OriginFile, File: &of, Forget: old.Forget, LastModified: m.now}
	switch {
	case !known:
	case old.Deleted:
		m.note(of, restored)
	case old.Origin == OriginHTTP:
		m.note(of, adopted)
	case old.HTTP != nil:
		m.note(of, overruled)
	}
}

// revertOne gives a mapping that HTTP has changed back to the file, if another one of the file joins the same function and
// source, and says whether it found one. That may bring the next one into the same position.
func (m *merging) revertOne() bool {
	joined := m.joined(func(r row) bool { return r.HTTP == nil })
	for _, of := range m.file {
		r := m.rows[of.UUID]
		if r.Deleted || r.HTTP == nil {
			continue
		}
		if joined[m.pairOf(r.mapping())] {
			m.rows[of.UUID] = row{Origin: OriginFile, File: r.File, Forget: r.Forget, LastModified: m.now}
			m.note(of, reverted)
			return true
		}
	}
	return false
}

// replace removes what was made over HTTP where the file has the same.
func (m *merging) replace() {
	joined := m.joined(func(row) bool { return true })
	for _, uuid := range slices.Sorted(maps.Keys(m.rows)) {
		r := m.rows[uuid]
		if r.Origin == OriginHTTP && !r.Deleted && joined[m.pairOf(r.mapping())] {
			delete(m.rows, uuid)
			m.note(r.mapping(), replaced)
		}
	}
}

// joined are the pairs of the file's mappings that there are, as far as they count.
func (m *merging) joined(counts func(row) bool) map[pair]bool {
	joined := map[pair]bool{}
	for _, of := range m.file {
		if r := m.rows[of.UUID]; !r.Deleted && counts(r) {
			joined[m.pairOf(r.mapping())] = true
		}
	}
	return joined
}
