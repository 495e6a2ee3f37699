package dynamodb

import (
	"cmp"
	"maps"
	"time"

	"github.com/esm-run/esm/localstack/embedded/wire"
)

// A write is a conditional change of one item.
type write struct {
	table     *table
	path      string
	condition condition
	showsItem bool                            // in the error when the condition fails
	after     func(before item) (item, error) // nil is no item
	touched   projection                      // the attributes that an update names
}

// writeInput is the part that all requests to write an item share.
type writeInput struct {
	TableName    string
	ReturnValues string
	expressions

	ReturnValuesOnConditionCheckFailure string
}

// decide returns the change that the write makes now.
func (w write) decide() (change, error) {
	before := w.table.items[w.path]
	if !w.condition.holds(before) {
		return change{}, w.failed(before)
	}
	after, err := w.after(before)
	return change{path: w.path, old: before, new: after}, err
}

func (w write) failed(before item) error {
	e := wire.Errorf(namespace+"ConditionalCheckFailedException", "The conditional request failed")
	if w.showsItem && before != nil {
		e.More = map[string]any{"Item": before}
	}
	return e
}

// do performs one write.
func (s *Server) do(w write, now time.Time) (change, error) {
	c, err := w.decide()
	if err == nil {
		s.apply(w.table, c, now)
	}
	return c, err
}

// write returns what all writes begin with.
func (s *Server) write(in writeInput) (w write, names *aliases, err error) {
	if w.table, err = s.dataTable(in.TableName); err != nil {
		return w, nil, err
	}
	names = in.aliases()
	w.condition, err = names.condition("ConditionExpression", in.ConditionExpression)
	w.showsItem = in.ReturnValuesOnConditionCheckFailure == "ALL_OLD"
	return w, names, err
}

type putInput struct {
	Item item
	writeInput
}

func (s *Server) put(in putInput) (write, error) {
	w, names, err := s.write(in.writeInput)
	if err != nil {
		return w, err
	}
	w.path = w.table.schema.path(in.Item)
	w.after = func(item) (item, error) { return in.Item, nil }
	return w, cmp.Or(names.unused(), w.table.schema.checkItem(in.Item))
}

type keyInput struct {
	Key item
	writeInput
}

// writeAt returns a write of the item with a key, which makes it what after returns.
func (s *Server) writeAt(in keyInput, after func(before item) (item, error)) (write, error) {
	w, names, err := s.write(in.writeInput)
	if err != nil {
		return w, err
	}
	w.path, w.after = w.table.schema.path(in.Key), after
	return w, cmp.Or(names.unused(), w.table.schema.checkKey(in.Key))
}

func (s *Server) remove(in keyInput) (write, error) {
	return s.writeAt(in, func(item) (item, error) { return nil, nil })
}

// check returns a write that changes nothing if its condition holds.
func (s *Server) check(in keyInput) (write, error) {
	return s.writeAt(in, func(before item) (item, error) { return before, nil })
}

type updateInput struct {
	UpdateExpression *string
	keyInput
}

func (s *Server) update(in updateInput) (write, error) {
	w, names, err := s.write(in.writeInput)
	if err != nil {
		return w, err
	}
	u, err := names.update(in.UpdateExpression)
	if err != nil {
		return w, err
	}
	for _, path := range u.paths() {
		if w.table.schema.isKey(path) {
			return w, invalidValue("Cannot update attribute %s. This attribute is part of the key", path)
		}
	}
	w.path, w.touched = w.table.schema.path(in.Key), append(projection{}, u.paths()...)
	w.after = func(before item) (item, error) { return updated(u, in.Key, before) }
	return w, cmp.Or(names.unused(), w.table.schema.checkKey(in.Key))
}

// updated applies an update to an item, or to a bare key if there is no item.
func updated(u update, key, before item) (item, error) {
	if before == nil {
		before = maps.Clone(key)
	}
	after, err := u.apply(before)
	if err == nil && after.size() > maxItem {
		return nil, invalid("Item size to update has exceeded the maximum allowed size")
	}
	return after, err
}
