package dynamodb

import (
	"slices"
	"time"
)

const maxPage = 1 << 20 // bytes (API reference: "Scan")

// pageInput is the part of a Query or Scan that says which page to return.
type pageInput struct {
	TableName            string
	ExclusiveStartKey    item
	Limit                *int
	Select               string
	FilterExpression     *string
	ProjectionExpression *string
	expressions
	backward bool
}

type page struct {
	Items               []item `json:",omitzero"` // nil if the request asks for the count alone
	Count, ScannedCount int
	LastEvaluatedKey    item `json:",omitempty"`
}

// A selection says which items of a page are returned, and which attributes of them.
type selection struct {
	filter condition
	shown  projection
	counts bool // the number is returned alone
}

func (s *Server) scan(_ time.Time, in pageInput) (page, error) {
	return s.page(in, func(*aliases, schema) (condition, error) { return nil, nil })
}

type queryInput struct {
	KeyConditionExpression *string
	ScanIndexForward       *bool
	pageInput
}

func (s *Server) query(_ time.Time, in queryInput) (page, error) {
	in.backward = in.ScanIndexForward != nil && !*in.ScanIndexForward
	return s.page(in.pageInput, in.keys)
}

// keys returns the condition of a query's keys.
func (in queryInput) keys(names *aliases, s schema) (condition, error) {
	if in.KeyConditionExpression == nil {
		return nil, invalid("Either the KeyConditions or KeyConditionExpression parameter must be specified in the request.")
	}
	keys, err := names.keyCondition(*in.KeyConditionExpression)
	if err != nil {
		return nil, err
	}
	return keys.holds, keys.check(s)
}

// page returns one page of the items whose keys are asked for, in the order of their keys.
func (s *Server) page(in pageInput, keys func(*aliases, schema) (condition, error)) (page, error) {
	switch in.Select {
	case "", "ALL_ATTRIBUTES", "COUNT":
	case "SPECIFIC_ATTRIBUTES":
		if in.ProjectionExpression == nil {
			return page{}, invalid("SPECIFIC_ATTRIBUTES requires a ProjectionExpression")
		}
	default:
		return page{}, notSupported("Select " + in.Select)
	}
	t, err := s.dataTable(in.TableName)
	if err != nil {
		return page{}, err
	}
	limit, err := limitOf(in.Limit, 1<<31-1)
	if err != nil {
		return page{}, err
	}
	names := in.aliases()
	wanted, err := keys(names, t.schema)
	if err != nil {
		return page{}, err
	}
	selects, err := in.selection(names)
	if err != nil {
		return page{}, err
	}
	var found []item
	for _, i := range t.items {
		if wanted.holds(i) {
			found = append(found, i)
		}
	}
	if found, err = in.sort(t.schema, found); err != nil {
		return page{}, err
	}
	return t.schema.page(found, limit, selects), nil
}

func (p pageInput) selection(names *aliases) (s selection, err error) {
	if s.filter, err = names.condition("FilterExpression", p.FilterExpression); err != nil {
		return s, err
	}
	if s.shown, err = names.projection(p.ProjectionExpression); err != nil {
		return s, err
	}
	s.counts = p.Select == "COUNT"
	return s, names.unused()
}

// sort sorts the items and returns those behind ExclusiveStartKey.
func (p pageInput) sort(s schema, items []item) ([]item, error) {
	order := s.compare
	if p.backward {
		order = func(i, j item) int { return s.compare(j, i) }
	}
	slices.SortFunc(items, order)
	if p.ExclusiveStartKey == nil {
		return items, nil
	}
	if s.checkKey(p.ExclusiveStartKey) != nil {
		return nil, invalid("The provided starting key is invalid: The provided key element does not match the schema")
	}
	begin, found := slices.BinarySearchFunc(items, p.ExclusiveStartKey, order)
	if found {
		begin++
	}
	return items[begin:], nil
}

// page returns the page that items begin with. It is limited before its items are filtered.
func (s schema) page(items []item, limit int, selects selection) page {
	n, bytes := 0, 0
	selected := []item{}
	for n < len(items) && n < limit && bytes < maxPage {
		bytes += items[n].size()
		if selects.filter.holds(items[n]) {
			selected = append(selected, selects.shown.of(items[n]))
		}
		n++
	}
	out := page{Count: len(selected), ScannedCount: n}
	if n > 0 && (n < len(items) || n == limit) {
		out.LastEvaluatedKey = s.keysOf(items[n-1])
	}
	if !selects.counts {
		out.Items = selected
	}
	return out
}
