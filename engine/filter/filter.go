// Package filter compiles and matches Lambda's event patterns: the Filters of an event source mapping's FilterCriteria.
//
// A pattern is a JSON object shaped like the record. At the end of each path stands an array of alternatives, of which
// one must hold for the value found there; all paths must hold (AWS: "Control which events Lambda sends to your
// function"). The language is that of EventBridge's rules (AWS: "Comparison operators for use in event patterns in
// Amazon EventBridge"), and where AWS's guides are silent this package follows AWS's open-source engine, event-ruler.
//
// Some rules are not obvious:
//
//   - Only strings, numbers, true, false and null are values. An object or an empty array at the end of a path is no
//     value: {"exists": true} fails for it and {"exists": false} passes.
//   - A path looks through arrays, nested ones too. All paths of a pattern that look into an array must hold in the same
//     element of it. Values that stand directly in an array belong to no element, and combine with any.
//   - {"exists": false} is judged in the element that the paths before it, in alphabetical order, have chosen. If it comes
//     first of all paths into an array, it is judged over the whole array. This is event-ruler's behavior.
//   - A dot in a key separates steps of the path: "a.b" is the same as "b" inside "a", in patterns and in records.
//   - If an object repeats a key, the last value counts, in patterns and in records, as in most JSON parsers.
//
// [Filter.Match] reads a record once, however many patterns there are, and a second time if an object repeats a key. It
// keeps the results of the tests, not the values. Then it visits each element of the arrays that patterns look into at
// most once for each combination of the branches of $or, so that no record takes exponential time.
package filter

import "fmt"

// Filter is a compiled list of patterns. A record matches it if it matches one of them. A nil Filter matches everything.
// A Filter is immutable; its methods may be called concurrently.
type Filter struct {
	root         *node // the paths that tests ask for
	combinations []set // a record matches if it passes all tests of one of these
	optional     set   // tests that pass if there is no value
	undocumented []string
}

// Compile compiles patterns, each the text of a JSON object. Without patterns it returns a nil Filter, which matches
// everything.
//
// text is the top-level key of records whose value is text that may contain JSON: "body" for SQS, "data" for Kinesis,
// empty if there is none. A pattern that looks into the text, such as {"body": {"type": ["order"]}}, matches only if the
// whole text is JSON. A pattern on the text itself, such as {"body": ["stop"]}, matches only if it is not (AWS: "Using
// event filtering with an Amazon SQS event source"). JSON in strings deeper inside is not parsed.
//
// The error for an invalid pattern is a [*PatternError].
func Compile(patterns []string, text string) (*Filter, error) {
	if len(patterns) == 0 {
		return nil, nil
	}
	c := compiler{text: text}
	for i, p := range patterns {
		c.index = i
		if err := c.pattern(p); err != nil {
			return nil, err
		}
	}
	return c.link(), nil
}

// Match reports whether a record matches. The view is the record as JSON, as its source presents it to filters. Match
// does not modify or retain it.
//
// A view that is not JSON, or is nested more than 10,000 levels deep, matches: records that do not match are deleted, so
// a record that cannot be read is left to the function. The project's sources produce no such views. A text that is
// nested deeper than that counts as not JSON.
func (f *Filter) Match(view []byte) bool {
	if f == nil {
		return true
	}
	record := f.read(view, f.root)
	return record == nil || f.matches(record)
}

// Undocumented lists what the patterns use beyond AWS's guide to event filtering for Lambda, with its place: operators
// that only EventBridge documents, keys beside the text, and paths tested twice. All of them work here, but AWS may
// refuse them or treat them differently. The caller must not modify the list.
func (f *Filter) Undocumented() []string {
	if f == nil {
		return nil
	}
	return f.undocumented
}

// PatternError describes an invalid pattern.
type PatternError struct {
	Index  int    // of the pattern, from 0
	Path   string // the place in the pattern, such as body.type[0].prefix; empty for the pattern as a whole
	Reason string // what is wrong and how to correct it
}

func (e *PatternError) Error() string {
	if e.Path == "" {
		return fmt.Sprintf("filter: Filters[%d].Pattern: %s", e.Index, e.Reason)
	}
	return fmt.Sprintf("filter: Filters[%d].Pattern: at %s: %s", e.Index, e.Path, e.Reason)
}
