package dynamodb

import (
	"maps"
	"slices"
	"time"
)

const maxPage = 1 << 20 // bytes (API reference: "Scan")

// pageInput is the part of a Query or Scan that says which page to return.
type pageInput struct {
	TableName         string
	ExclusiveStartKey item
	Limit             *int
	Select            string
	backward          bool
}

type page struct {
	Items               []item `json:",omitzero"` // nil if the request asks for the count alone
	Count, ScannedCount int
	LastEvaluatedKey    item `json:",omitempty"`
}

func (s *Server) scan(_ time.Time, in pageInput) (page, error) {
	return s.page(in, func(t *table) ([]item, error) {
		return slices.Collect(maps.Values(t.items)), nil
	})
}

type queryInput struct {
	KeyConditionExpression *string
	ScanIndexForward       *bool
	expressions
	pageInput
}

func (s *Server) query(_ time.Time, in queryInput) (page, error) {
	in.backward = in.ScanIndexForward != nil && !*in.ScanIndexForward
	return s.page(in.pageInput, func(t *table) ([]item, error) {
		keys, err := in.keys(t.schema)
		if err != nil {
			return nil, err
		}
		var found []item
		for _, i := range t.items {
			if i.has(keys) {
				found = append(found, i)
			}
		}
		return found, nil
	})
}

// keys returns the keys that a query asks for.
func (in queryInput) keys(s schema) (item, error) {
	if in.KeyConditionExpression == nil {
		return nil, invalid("Either the KeyConditions or KeyConditionExpression parameter must be specified in the request.")
	}
	names := in.aliases()
	keys, err := names.keyCondition(*in.KeyConditionExpression)
	if err != nil {
		return nil, err
	}
	if err := names.unused(); err != nil {
		return nil, err
	}
	if _, there := keys[s.keys[0].AttributeName]; !there {
		return nil, invalid("Query condition missed key schema element: %s", s.keys[0].AttributeName)
	}
	for name, v := range keys {
		switch {
		case !s.isKey(name):
			return nil, invalid("Query key condition not supported")
		case v.kind != s.kindOf(name):
			return nil, invalidValue("Condition parameter type does not match schema type")
		}
	}
	return keys, nil
}

func (i item) has(attributes item) bool {
	for name, v := range attributes {
		if !i[name].equal(v) {
			return false
		}
	}
	return true
}

// page returns one page of the items that find returns, in the order of their keys.
func (s *Server) page(in pageInput, find func(*table) ([]item, error)) (page, error) {
	if in.Select != "" && in.Select != "ALL_ATTRIBUTES" && in.Select != "COUNT" {
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
	found, err := find(t)
	if err != nil {
		return page{}, err
	}
	if found, err = in.sort(t.schema, found); err != nil {
		return page{}, err
	}
	return t.schema.page(found, limit, in.Select != "COUNT"), nil
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

// page returns the page that items begin with.
func (s schema) page(items []item, limit int, shows bool) page {
	n, bytes := 0, 0
	for n < len(items) && n < limit && bytes < maxPage {
		bytes += items[n].size()
		n++
	}
	out := page{Count: n, ScannedCount: n}
	if n > 0 && (n < len(items) || n == limit) {
		out.LastEvaluatedKey = s.keysOf(items[n-1])
	}
	if shows {
		out.Items = append([]item{}, items[:n]...)
	}
	return out
}
