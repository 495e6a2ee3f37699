package dynamodb

import (
	"maps"
	"time"

	"github.com/esm-run/esm/localstack/embedded/wire"
)

// An action is one write that a client asks for: if its condition holds, an item becomes another.
type action struct {
	table *table
	path  string
	check condition
	shows bool                            // the item, when the condition does not hold
	after func(before item) (item, error) // nil before is no item, nil after is none any more
}

// The parts of requests that all writes have.
type writing struct {
	TableName    string
	ReturnValues string
	expressions
	legacy

	ReturnValuesOnConditionCheckFailure string
}

// decide is what the action would do now.
func (a action) decide() (change, error) {
	before := a.table.items[a.path]
	if !a.check.holds(before) {
		return change{}, a.failed(before)
	}
	after, err := a.after(before)
	return change{path: a.path, old: before, new: after}, err
}

func (a action) failed(before item) error {
	refused := wire.Refuse(namespace+"ConditionalCheckFailedException", "The conditional request failed")
	if a.shows && before != nil {
		refused.More = map[string]any{"Item": before}
	}
	return refused
}

// do does one action.
func (s *Server) do(a action, now time.Time) (change, error) {
	c, err := a.decide()
	if err == nil {
		s.apply(a.table, c, now)
	}
	return c, err
}

// action is what all writes of one item begin with.
func (s *Server) action(in writing) (a action, names *aliases, err error) {
	if err := in.legacy.check(); err != nil {
		return a, nil, err
	}
	if a.table, err = s.tableOf(in.TableName); err != nil {
		return a, nil, err
	}
	names = in.aliases()
	a.check, err = names.condition(in.ConditionExpression)
	a.shows = in.ReturnValuesOnConditionCheckFailure == "ALL_OLD"
	return a, names, err
}

type putInput struct {
	Item item
	writing
}

func (s *Server) put(in putInput) (action, error) {
	a, names, err := s.action(in.writing)
	if err != nil {
		return a, err
	}
	if err := names.unused(); err != nil {
		return a, err
	}
	a.path = a.table.schema.path(in.Item)
	a.after = func(item) (item, error) { return in.Item, nil }
	return a, a.table.schema.checkItem(in.Item)
}

type keyInput struct {
	Key item
	writing
}

func (s *Server) remove(in keyInput) (action, error) {
	a, names, err := s.action(in.writing)
	if err != nil {
		return a, err
	}
	if err := names.unused(); err != nil {
		return a, err
	}
	a.path = a.table.schema.path(in.Key)
	a.after = func(item) (item, error) { return nil, nil }
	return a, a.table.schema.checkKey(in.Key)
}

// confirm changes nothing.
func (s *Server) confirm(in keyInput) (action, error) {
	a, err := s.remove(in)
	a.after = func(before item) (item, error) { return before, nil }
	return a, err
}

type updateInput struct {
	UpdateExpression *string
	keyInput
}

func (s *Server) update(in updateInput) (action, error) {
	a, names, err := s.action(in.writing)
	if err != nil {
		return a, err
	}
	u, err := names.update(in.UpdateExpression)
	if err != nil {
		return a, err
	}
	if err := names.unused(); err != nil {
		return a, err
	}
	for _, path := range u.paths() {
		if a.table.schema.isKey(path) {
			return a, invalidValue("Cannot update attribute %s. This attribute is part of the key", path)
		}
	}
	a.path = a.table.schema.path(in.Key)
	a.after = func(before item) (item, error) { return updated(u, in.Key, before) }
	return a, a.table.schema.checkKey(in.Key)
}

// updated is what becomes of an item, or of a key that no item has yet.
func updated(u update, key, before item) (item, error) {
	if before == nil {
		before = maps.Clone(key)
	}
	after, err := u.of(before)
	if err == nil && after.size() > maxItem {
		return nil, invalid("Item size to update has exceeded the maximum allowed size")
	}
	return after, err
}
