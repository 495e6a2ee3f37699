package mappings

import (
	"maps"
	"slices"
	"time"

	"github.com/esm-run/esm/config"
)

// Note describes, for people, what the merge of the file with the stored mappings did to a mapping.
type Note struct {
	Mapping config.Mapping
	Text    string // continues a sentence that begins with "the mapping"
}

// Texts of notes.
const (
	stillChanged = "was changed over HTTP: that holds until its text in the file changes"
	stillDeleted = "was deleted over HTTP: that holds until its text in the file changes"
	overruled    = "has changed in the file: what HTTP had changed is discarded"
	restored     = "has changed in the file since it was deleted over HTTP: it is back"
	restart      = ", and reads from its StartingPosition"
	adopted      = "was made over HTTP and is in the file now: the file's text applies"
	removed      = "is no longer in the file and is removed"
	positions    = "; its positions are kept"
	replaced     = "was made over HTTP and is removed: the file has a mapping of the same function and source. To continue at its positions, give that one this UUID"
	reverted     = "is as in the file again: another mapping of the file has the function and source that HTTP had given it"
)

// fileMerge merges the file with the stored rows.
type fileMerge struct {
	file   []config.Mapping
	rows   map[string]row // by UUID: stored at first, merged in the end
	pairOf func(config.Mapping) pair
	now    time.Time
	notes  []Note
}

// mergeFile returns the rows that the file makes of the stored ones, and what people should know about it.
func mergeFile(file []config.Mapping, stored map[string]row, pairOf func(config.Mapping) pair, now time.Time) (map[string]row, []Note) {
	m := &fileMerge{file: file, rows: maps.Clone(stored), pairOf: pairOf, now: now}
	m.removeMissing()
	for _, mapping := range file {
		m.merge(mapping)
	}
	for m.revertOne() {
	}
	m.replaceHTTP()
	return m.rows, m.notes
}

func (m *fileMerge) note(mapping config.Mapping, text string) {
	m.notes = append(m.notes, Note{mapping, text})
}

// removeMissing removes the mappings of the file that it no longer has. A row stays as long as it has positions to forget.
func (m *fileMerge) removeMissing() {
	has := map[string]bool{}
	for _, mapping := range m.file {
		has[mapping.UUID] = true
	}
	for _, uuid := range slices.Sorted(maps.Keys(m.rows)) {
		r := m.rows[uuid]
		if r.Origin != OriginFile || has[uuid] {
			continue
		}
		delete(m.rows, uuid)
		switch {
		case !r.Deleted:
			m.note(r.mapping(), ofKind(r.mapping(), removed, positions))
		case r.Forget:
			m.rows[uuid] = row{Origin: OriginHTTP, Deleted: true, Forget: true, LastModified: r.LastModified}
		}
	}
}

// ofKind returns the text of a note, which has more to say about a stream: a queue has no positions.
func ofKind(mapping config.Mapping, text, ofStream string) string {
	if mapping.OfStream() {
		return text + ofStream
	}
	return text
}

// merge merges one mapping of the file.
func (m *fileMerge) merge(mapping config.Mapping) {
	old, known := m.rows[mapping.UUID]
	if known && old.File != nil && same(*old.File, mapping) {
		switch {
		case old.Deleted:
			m.note(mapping, stillDeleted)
		case old.HTTP != nil:
			m.note(old.mapping(), stillChanged)
		}
		return
	}
	m.rows[mapping.UUID] = row{Origin: OriginFile, File: &mapping, Forget: old.Forget, LastModified: m.now}
	switch {
	case !known:
	case old.Deleted:
		m.note(mapping, ofKind(mapping, restored, restart))
	case old.Origin == OriginHTTP:
		m.note(mapping, adopted)
	case old.HTTP != nil:
		m.note(mapping, overruled)
	}
}

// revertOne discards what HTTP has changed on one mapping of the file, if another mapping of the file joins the same
// function and source now. It reports whether it found one: reverting that may bring the next one into the same position.
func (m *fileMerge) revertOne() bool {
	joined := m.joined(func(r row) bool { return r.HTTP == nil })
	for _, mapping := range m.file {
		r := m.rows[mapping.UUID]
		if r.Deleted || r.HTTP == nil {
			continue
		}
		if joined[m.pairOf(r.mapping())] {
			m.rows[mapping.UUID] = row{Origin: OriginFile, File: r.File, Forget: r.Forget, LastModified: m.now}
			m.note(mapping, reverted)
			return true
		}
	}
	return false
}

// replaceHTTP removes the mappings made over HTTP whose function and source a mapping of the file joins.
func (m *fileMerge) replaceHTTP() {
	joined := m.joined(func(row) bool { return true })
	for _, uuid := range slices.Sorted(maps.Keys(m.rows)) {
		r := m.rows[uuid]
		if r.Origin == OriginHTTP && !r.Deleted && joined[m.pairOf(r.mapping())] {
			delete(m.rows, uuid)
			m.note(r.mapping(), replaced)
		}
	}
}

// joined returns the pairs that mappings of the file join, of those rows that count.
func (m *fileMerge) joined(counts func(row) bool) map[pair]bool {
	joined := map[pair]bool{}
	for _, mapping := range m.file {
		if r := m.rows[mapping.UUID]; !r.Deleted && counts(r) {
			joined[m.pairOf(r.mapping())] = true
		}
	}
	return joined
}
