package configfile

import (
	"encoding/json"
	"fmt"

	"github.com/esm-run/esm/config"
	"github.com/esm-run/esm/engine/filter"
)

// CompileFilters compiles the filter patterns of a mapping. It returns a nil Filter for a mapping without patterns. The error is a
// [*filter.PatternError].
func CompileFilters(m config.Mapping) (*filter.Filter, error) {
	var patterns []string
	if m.FilterCriteria != nil {
		for _, f := range m.FilterCriteria.Filters {
			patterns = append(patterns, f.Pattern)
		}
	}
	return compilePatterns(m.Source(), patterns...)
}

// compilePatterns compiles patterns for the records of a source. Like Lambda it also refuses patterns that match the data of
// Kinesis records as text: they must match JSON (AWS: "Using event filtering with a Kinesis event source").
func compilePatterns(source config.Source, patterns ...string) (*filter.Filter, error) {
	text := source.FilterText()
	compiled, err := filter.Compile(patterns, text)
	if err != nil || source.Kind == nil || !source.Kind.FilterTextIsJSON {
		return compiled, err
	}
	for i, p := range patterns {
		if matchesText(json.RawMessage(p), text) {
			return nil, &filter.PatternError{Index: i, Path: text, Reason: fmt.Sprintf(
				"should be an object with keys of the record's JSON: the %s of a %s cannot be matched as text", text, source.Kind.Name)}
		}
	}
	return compiled, nil
}

// matchesText reports whether a valid pattern tests the value of key itself, in any branch of its $or.
func matchesText(pattern json.RawMessage, key string) bool {
	var members map[string]json.RawMessage
	if json.Unmarshal(pattern, &members) != nil {
		return false
	}
	var values []json.RawMessage
	if json.Unmarshal(members[key], &values) == nil && values != nil {
		return true
	}
	var branches []json.RawMessage
	if json.Unmarshal(members["$or"], &branches) != nil {
		return false
	}
	for _, b := range branches {
		if matchesText(b, key) {
			return true
		}
	}
	return false
}
