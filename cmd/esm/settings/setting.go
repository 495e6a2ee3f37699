package settings

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/esm-run/esm"
	"github.com/esm-run/esm/api"
	"github.com/esm-run/esm/cmd/esm/configfile"
	"github.com/esm-run/esm/config"
)

// Setting is one setting of all functions. Its methods may be used concurrently. A function is named with or without a
// qualifier, each of which has a setting of its own; the file's value is that of the function without one.
type Setting[T any] struct {
	name   string                      // for people, as the file or Lambda names it
	kind   string                      // of the documents, each stored under the name of its function
	inFile func(config.Function) *T    // the file's value; a nil func if the file has no such setting
	title  func(*T) string             // of a value, for people; nil to leave values out of messages
	apply  func(function string, v *T) // makes a value effective; nil if readers ask for it

	file     *configfile.File
	modified time.Time // when the file was changed
	db       esm.Documents
	turn     chan struct{}                             // holds a token while a change is written
	values   atomic.Pointer[map[string]api.Setting[T]] // by ID, of those that have one; the map is never modified
}

// document is the value that HTTP has set, and the file's value at that time. Nil means none.
type document[T any] struct {
	File, HTTP        *T
	Created, Modified time.Time `json:",omitzero"` // of the value of HTTP
}

// open loads the values and applies them. The notes describe those that HTTP has set for people.
func (s *Setting[T]) open(ctx context.Context) (notes []string, err error) {
	s.turn = make(chan struct{}, 1)
	changed, past, err := s.load(ctx)
	if err != nil {
		return nil, err
	}
	for _, id := range changed {
		v := s.at(id)
		if v == nil {
			s.makeEffective(id, nil)
		}
		notes = append(notes, s.note(id, v)...)
	}
	values := *s.values.Load()
	for _, id := range slices.Sorted(maps.Keys(values)) {
		s.makeEffective(id, new(values[id].Value))
	}
	if len(past) > 0 {
		err = s.db.Write(ctx, s.kind, past)
	}
	return notes, err
}

// load reads the values. It returns the IDs of those that HTTP has set, sorted, and what to write so that those are removed
// that do not hold any more.
func (s *Setting[T]) load(ctx context.Context) (changed []string, past map[string][]byte, err error) {
	values := map[string]api.Setting[T]{}
	for _, fn := range s.file.Functions {
		if v := s.ofFile(fn.Name); v != nil {
			values[fn.Name] = s.asInFile(v)
		}
	}
	kept, err := s.db.Documents(ctx, s.kind)
	if err != nil {
		return nil, nil, err
	}
	past = map[string][]byte{}
	for _, id := range slices.Sorted(maps.Keys(kept)) {
		var d document[T]
		if err := json.Unmarshal(kept[id], &d); err != nil {
			return nil, nil, fmt.Errorf("%s of function %s was not written by this release: %w", s.name, id, err)
		}
		if !s.hasFunction(id) || !equal(s.ofFile(id), d.File) {
			past[id] = nil
			continue
		}
		set(values, id, d.HTTP, d.Created, d.Modified)
		changed = append(changed, id)
	}
	s.values.Store(&values)
	return changed, past, nil
}

// at returns the value with an ID; nil is none.
func (s *Setting[T]) at(id string) *T {
	if v, ok := (*s.values.Load())[id]; ok {
		return &v.Value
	}
	return nil
}

// note describes a value that HTTP has set, unless the file cannot have one.
func (s *Setting[T]) note(id string, v *T) []string {
	if s.inFile == nil {
		return nil
	}
	to := ""
	if s.title != nil {
		to = ", to " + s.title(v)
	}
	return []string{fmt.Sprintf("function %s: %s was changed over HTTP%s: that holds until its value in the file changes", id, s.name, to)}
}

func (s *Setting[T]) hasFunction(id string) bool {
	name, _ := config.SplitQualifier(id)
	return s.file.Function(name) != nil
}

// ofFile returns the file's value; nil is none.
func (s *Setting[T]) ofFile(id string) *T {
	fn := s.file.Function(id)
	if fn == nil || fn.Name != id || s.inFile == nil {
		return nil
	}
	return s.inFile(*fn)
}

func (s *Setting[T]) asInFile(v *T) api.Setting[T] {
	return api.Setting[T]{Value: *v, Created: s.modified, Modified: s.modified}
}

// equal reports whether two values are stored as the same text, so that a member that a later release adds is no change.
func equal[T any](a, b *T) bool {
	one, err := json.Marshal(a)
	other, err2 := json.Marshal(b)
	return err == nil && err2 == nil && bytes.Equal(one, other)
}

// set stores a value, of which nil is none.
func set[T any](values map[string]api.Setting[T], id string, v *T, created, modified time.Time) {
	if v == nil {
		delete(values, id)
		return
	}
	values[id] = api.Setting[T]{Value: *v, Created: created, Modified: modified}
}

// idOf returns the ID of a function's setting, under which it is stored.
func idOf(function string) string { return strings.TrimSuffix(function, ":$LATEST") }

// Get implements [api.Settings].
func (s *Setting[T]) Get(function string) (now api.Setting[T], ok bool) {
	now, ok = (*s.values.Load())[idOf(function)]
	return now, ok
}

// List implements [api.Settings].
func (s *Setting[T]) List(function string) map[string]api.Setting[T] {
	all := map[string]api.Setting[T]{}
	for id, v := range *s.values.Load() {
		switch name, qualifier := config.SplitQualifier(id); {
		case name != function:
		case qualifier == "":
			all["$LATEST"] = v
		default:
			all[qualifier] = v
		}
	}
	return all
}

// Change implements [api.Settings]. A value that is the file's is not stored: it follows the file again. The end of ctx
// interrupts waiting for another change, and not the write, whose outcome would be unknown.
func (s *Setting[T]) Change(ctx context.Context, function string, change func(now *T) (next *T, err error)) (api.Setting[T], error) {
	select {
	case s.turn <- struct{}{}:
	case <-ctx.Done():
		return api.Setting[T]{}, ctx.Err()
	}
	defer func() { <-s.turn }()
	id := idOf(function)
	if !s.hasFunction(id) {
		return api.Setting[T]{}, esm.ErrRefused
	}
	next, err := change(s.at(id))
	if err != nil {
		return api.Setting[T]{}, err
	}
	after, text, err := s.changed(id, next)
	if err != nil {
		return api.Setting[T]{}, err
	}
	ctx = context.WithoutCancel(ctx)
	err = s.db.Write(ctx, s.kind, map[string][]byte{id: text})
	if err != nil && !s.isStored(ctx, id, text) {
		return api.Setting[T]{}, err
	}
	values := maps.Clone(*s.values.Load())
	set(values, id, next, after.Created, after.Modified)
	s.values.Store(&values)
	s.makeEffective(id, next)
	return after, nil
}

func (s *Setting[T]) makeEffective(id string, v *T) {
	if s.apply != nil {
		s.apply(id, v)
	}
}

// changed returns what next makes of a setting, and the document to store: nil if next is the file's value.
func (s *Setting[T]) changed(id string, next *T) (after api.Setting[T], text []byte, err error) {
	inFile := s.ofFile(id)
	switch {
	case !equal(inFile, next):
	case next == nil:
		return after, nil, nil
	default:
		return s.asInFile(inFile), nil, nil
	}
	d := document[T]{File: inFile, HTTP: next, Modified: time.Now().UTC().Truncate(time.Microsecond)}
	if next != nil {
		after.Value = *next
	}
	if d.Created = d.Modified; next != nil {
		if before, had := s.Get(id); had {
			d.Created = before.Created
		}
	}
	after.Created, after.Modified = d.Created, d.Modified
	text, err = json.Marshal(d)
	return after, text, err
}

// isStored reports whether a write that returned an error took effect.
func (s *Setting[T]) isStored(ctx context.Context, id string, text []byte) bool {
	kept, err := s.db.Documents(ctx, s.kind)
	return err == nil && bytes.Equal(kept[id], text)
}
