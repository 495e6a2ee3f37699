package mappings

import (
	"bytes"
	"encoding/json"
	"fmt"
	"time"

	"github.com/esm-run/esm/config"
)

// row is the durable form of one mapping, stored as JSON under its UUID.
type row struct {
	Origin string // OriginFile or OriginHTTP

	// File is the mapping as the file had it at the last merge; nil for a mapping made over HTTP. It is stored as a whole,
	// not as a hash, so that a member that a later release adds does not count as a change of the file.
	File *config.Mapping `json:",omitempty"`

	// HTTP is the mapping as HTTP has made or changed it; nil for a mapping that is as in the file.
	HTTP *config.Mapping `json:",omitempty"`

	Deleted bool `json:",omitempty"` // over HTTP
	Forget  bool `json:",omitempty"` // its positions are to be forgotten before it runs again

	LastModified time.Time
}

// mapping returns the mapping with its defaults; a zero mapping for a Deleted row that has none.
func (r row) mapping() (m config.Mapping) {
	switch {
	case r.HTTP != nil:
		m = *r.HTTP
	case r.File != nil:
		m = *r.File
	}
	return m.Defaults()
}

// changed reports whether r is a mapping of the file that HTTP has changed.
func (r row) changed() bool { return r.Origin == OriginFile && r.HTTP != nil }

// changedTo returns r after HTTP has changed its mapping to m.
func (r row) changedTo(m config.Mapping) row {
	r.HTTP = &m
	if r.File != nil && same(*r.File, m) {
		r.HTTP = nil
	}
	return r
}

// deleted returns r after HTTP has deleted it. The row of a mapping of the file remembers the text in the file.
func (r row) deleted(now time.Time) row {
	return row{Origin: r.Origin, File: r.File, Deleted: true, Forget: true, LastModified: now}
}

// forgotten returns r after its positions are forgotten; ok reports whether the row must stay.
func (r row) forgotten() (left row, ok bool) {
	r.Forget = false
	return r, !r.Deleted || r.Origin == OriginFile
}

// storable returns what keeps m from being stored: a time that JSON cannot express, before the year 0 or after 9999.
func storable(m config.Mapping) error {
	_, err := json.Marshal(m)
	return err
}

// encode returns r as it is stored. Its mappings are storable.
func (r row) encode() []byte {
	text, err := json.Marshal(r)
	if err != nil {
		panic(err) // impossible: mappings are checked with storable before they become part of a row
	}
	return text
}

// decodeRow refuses unknown members: writing the row again would lose what a later release has stored in them.
func decodeRow(uuid string, text []byte) (r row, err error) {
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&r); err != nil {
		return row{}, fmt.Errorf("mapping %s: not written by this release: %w", uuid, err)
	}
	if m := r.mapping(); !r.Deleted && m.UUID != uuid {
		return row{}, fmt.Errorf("mapping %s: its row is of the mapping %q", uuid, m.UUID)
	}
	return r, nil
}

// same reports whether two mappings mean the same, whether or not their defaults are written out.
func same(a, b config.Mapping) bool {
	return bytes.Equal(canonical(a), canonical(b))
}

// sameWork reports whether a and b run alike: tags make no difference.
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

// clone returns a deep copy of m, which is storable.
func clone(m config.Mapping) (c config.Mapping) {
	text, err := json.Marshal(m)
	if err == nil {
		err = json.Unmarshal(text, &c)
	}
	if err != nil {
		panic(err) // impossible, as in encode
	}
	return c
}
