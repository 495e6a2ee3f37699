package dynamodb

import (
	"encoding/json"
	"maps"
	"slices"
	"time"
)

const maxPage = 1 << 20 // bytes (API reference: "Scan")

// A paging is the part of a request that says which page of its answer is wanted.
type paging struct {
	TableName         string
	ExclusiveStartKey item
	Limit             *int
	Select            string
	legacy
	backward bool

	IndexName, FilterExpression, ProjectionExpression, Segment, TotalSegments json.RawMessage
}

func (p paging) check() error {
	if p.Select != "" && p.Select != "ALL_ATTRIBUTES" && p.Select != "COUNT" {
		return lacking("Select " + p.Select)
	}
	if err := p.legacy.check(); err != nil {
		return err
	}
	return refuse(lack{"IndexName", p.IndexName}, lack{"FilterExpression", p.FilterExpression},
		lack{"ProjectionExpression", p.ProjectionExpression}, lack{"Segment", p.Segment}, lack{"TotalSegments", p.TotalSegments})
}

type page struct {
	Items               []item `json:",omitzero"` // nil if it was the count that was asked for
	Count, ScannedCount int
	LastEvaluatedKey    item `json:",omitempty"`
}

func (s *Server) scan(_ time.Time, in paging) (page, error) {
	return s.pages(in, func(t *table) ([]item, error) {
		return slices.Collect(maps.Values(t.items)), nil
	})
}

type queryInput struct {
	KeyConditionExpression *string
	ScanIndexForward       *bool
	expressions
	paging
}

func (s *Server) query(_ time.Time, in queryInput) (page, error) {
	in.backward = in.ScanIndexForward != nil && !*in.ScanIndexForward
	return s.pages(in.paging, func(t *table) ([]item, error) {
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

// keys are the values that a query asks for.
func (in queryInput) keys(s schema) (item, error) {
	if in.KeyConditionExpression == nil {
		return nil, invalid("Either the KeyConditions or KeyConditionExpression parameter must be specified in the request.")
	}
	names := in.aliases()
	keys, err := names.equals(*in.KeyConditionExpression)
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

// pages is one page of what find finds, in the order of the keys.
func (s *Server) pages(in paging, find func(*table) ([]item, error)) (page, error) {
	if err := in.check(); err != nil {
		return page{}, err
	}
	t, err := s.tableOf(in.TableName)
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

// sort is the items behind the one that the page before ended with, in their order.
func (p paging) sort(s schema, items []item) ([]item, error) {
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

// page is as many of the items as go on it.
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
