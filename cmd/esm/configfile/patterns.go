package configfile

import (
	"encoding/json"

	"github.com/esm-run/esm/engine/filter"
)

// CompilePatterns compiles the filter patterns of a mapping whose [config.Mapping.TextKey] is text, and refuses what Lambda
// refuses beyond the language: on the data of Kinesis's records patterns must look into JSON (AWS: "Using event filtering
// with a Kinesis event source"). Its error is a [*filter.PatternError].
func CompilePatterns(text string, patterns ...string) (*filter.Filter, error) {
	compiled, err := filter.Compile(patterns, text)
	if err != nil || text != "data" {
		return compiled, err
	}
	for i, p := range patterns {
		if onText(json.RawMessage(p), text) {
			return nil, &filter.PatternError{Index: i, Path: text, Reason: "should be an object with keys of the record's JSON: Kinesis's records cannot be filtered by their data as text"}
		}
	}
	return compiled, nil
}

// onText says whether a pattern tests the value under a key itself, in any branch of its $or. The pattern is a valid one.
func onText(pattern json.RawMessage, key string) bool {
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
		if onText(b, key) {
			return true
		}
	}
	return false
}
