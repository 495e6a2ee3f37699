package mappings

import (
	"bytes"
	"encoding/json"
	"fmt"
	"time"

	"github.com/esm-run/esm/config"
)

// row is what is durable of one mapping, as JSON under its UUID.
type row struct {
	Origin string // OriginFile or OriginHTTP

	// File is the mapping as the file had it when it was last applied; nil of one that was made over HTTP. It is kept
	// whole and not as a hash, so that members that a later release knows do not count as a change of the file.
	File *config.Mapping `json:",omitempty"`

	// HTTP is the mapping as HTTP has left it; nil of one that is as the file says.
	HTTP *config.Mapping `json:",omitempty"`

	Deleted bool `json:",omitempty"` // over HTTP
	Forget  bool `json:",omitempty"` // its positions are to go before it runs again

	LastModified time.Time
}

// mapping is what holds, with its defaults. A row that is Deleted may have none.
func (r row) mapping() (m config.Mapping) {
	switch {
	case r.HTTP != nil:
		m = *r.HTTP
	case r.File != nil:
		m = *r.File
	}
	return m.Defaults()
}

// changed says that r is one of the file which HTTP has changed.
func (r row) changed() bool { return r.Origin == OriginFile && r.HTTP != nil }

// left is r as HTTP leaves it.
func (r row) left(m config.Mapping) row {
	r.HTTP = &m
	if r.File != nil && same(*r.File, m) {
		r.HTTP = nil
	}
	return r
}

// deleted is r as a deletion over HTTP leaves it. Of one of the file it is remembered what the file said.
func (r row) deleted(now time.Time) row {
	return row{Origin: r.Origin, File: r.File, Deleted: true, Forget: true, LastModified: now}
}

// forgotten is r when its positions are gone; ok is whether there is anything left to remember.
func (r row) forgotten() (left row, ok bool) {
	r.Forget = false
	return r, !r.Deleted || r.Origin == OriginFile
}

// keepable says what keeps m from being stored: a time that JSON cannot tell, of a year before 0 or beyond 9999.
func keepable(m config.Mapping) error {
	_, err := json.Marshal(m)
	return err
}

// encode is r as it is stored. Its mappings are keepable.
func (r row) encode() []byte {
	text, err := json.Marshal(r)
	if err != nil {
		panic(err) // whatever becomes part of a row was asked before whether it is keepable
	}
	return text
}

// decodeRow is strict: what a later release has written about a mapping is not to be lost.
func decodeRow(uuid string, text []byte) (r row, err error) {
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&r); err != nil {
		return row{}, fmt.Errorf("mapping %s: not written by this release: %w", uuid, err)
	}
	if m := r.mapping(); !r.Deleted && m.UUID != uuid {
		return row{}, fmt.Errorf("mapping %s: what is kept is of %q", uuid, m.UUID)
	}
	return r, nil
}

// same says whether two mappings mean the same. How they were written, and whether a default was, does not count.
func same(a, b config.Mapping) bool {
	return bytes.Equal(canonical(a), canonical(b))
}

// sameWork says whether what runs for a would do for b: tags mean nothing to it.
func sameWork(a, b config.Mapping) bool {
	a.Tags, b.Tags = nil, nil
	return same(a, b)
}

func canonical(m config.Mapping) []byte {
	m = m.Defaults()
	m.StartingPositionTimestamp = m.StartingPositionTimestamp.UTC()
	if len(m.Tags) == 0 {
		m.Tags = nil
	}
	return row{HTTP: &m}.encode()
}

// clone is m, which is keepable, without memory in common.
func clone(m config.Mapping) (twin config.Mapping) {
	text, err := json.Marshal(m)
	if err == nil {
		err = json.Unmarshal(text, &twin)
	}
	if err != nil {
		panic(err) // as in encode
	}
	return twin
}
