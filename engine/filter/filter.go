// Package filter compiles and matches Lambda's event patterns: the Filters of an event source mapping's FilterCriteria.
//
// A pattern is a JSON object shaped like the record. At the end of each path stands an array of alternatives, of which
// one must hold for the value found there; all paths must hold (AWS: "Control which events Lambda sends to your
// function"). The language is that of EventBridge's rules (AWS: "Comparison operators for use in event patterns in
// Amazon EventBridge"), and where AWS's guides are silent this package follows AWS's open-source engine, event-ruler.
//
// What is not obvious:
//
//   - Only values count: strings, numbers, true, false and null. An object or an empty array at the end of a path is
//     nothing, so {"exists": true} does not hold for it and {"exists": false} does.
//   - A path looks through arrays, nested ones too. Of one array, all paths of a pattern must hold in the same element.
//     Values that stand directly in an array belong to no element, and go together with any.
//   - {"exists": false} is judged in the element that the other paths have settled on. Paths settle in alphabetical
//     order: one that comes before all others of its array is judged over the array as a whole. That is event-ruler's
//     way, unexpected as it may be.
//   - A dot in a key joins paths: "a.b" and "b" inside "a" are the same, in patterns and in records.
//   - Of a key that an object repeats the last one counts, in patterns and in records, as it does for handlers.
//
// A record is read once, front to back, however many patterns there are. (Once more if an object repeats a key.) Nothing
// is built from it but a row of bits for each element of the arrays that patterns look into, and none of these is looked
// at twice for one combination of $or's branches. So time grows no faster than the record, whatever it holds.
package filter

import (
	"fmt"
	"sync"
)

// Filter is a compiled list of patterns of which one must match. A nil Filter matches everything. A Filter does not
// change; its methods may be called side by side.
type Filter struct {
	root         *node  // what to look for in a record, by key
	tests        []test // in alphabetical order of their paths
	combinations []row  // sets of tests; a record matches that passes all of one set
	absentable   row    // tests that hold where there is no value
	undocumented []string
	work         sync.Pool // of *work
}

// Compile compiles patterns, each the text of a JSON object. One of them must match; no patterns at all give a nil
// Filter, which matches everything.
//
// The text names the top-level key of records whose value is text that may itself hold JSON: "body" for SQS, "data" for
// Kinesis; empty if there is none. A pattern that looks into it, as {"body": {"type": ["order"]}} does, matches only
// when the whole text is JSON. A pattern on the text itself, such as {"body": ["stop"]}, matches only when it is not
// (AWS: "Using event filtering with an Amazon SQS event source"). JSON in strings further inside is never parsed.
//
// The error for a bad pattern is a [*PatternError].
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

// Match tells whether the record matches. The view is the record as JSON, as its source describes it. Match neither
// changes nor keeps it.
//
// A view that is not JSON, or is nested deeper than 10,000 levels, matches: a record that cannot be read is for the
// function to judge, for what does not match is deleted. Sources of this project make no such views. A text inside
// the view that is nested deeper than that counts as not JSON.
func (f *Filter) Match(view []byte) bool {
	if f == nil {
		return true
	}
	w, _ := f.work.Get().(*work)
	if w == nil {
		w = &work{filter: f, words: len(f.absentable), noTests: make(row, len(f.absentable))}
	}
	w.reset()
	matches := !w.document(view, f.root, 0) || w.decide()
	if w.modest() {
		f.work.Put(w)
	}
	return matches
}

// Undocumented lists what the patterns use beyond AWS's guide to Lambda's event filtering, each with the place where it
// is used: operators that only EventBridge documents, keys beside the text, and paths tested twice. They work here, and
// may be refused or behave differently on AWS. The caller must not change the list.
func (f *Filter) Undocumented() []string {
	if f == nil {
		return nil
	}
	return f.undocumented
}

// PatternError says what is wrong with a pattern.
type PatternError struct {
	Index  int    // which pattern, from 0
	Path   string // where in it, such as body.type[0].prefix; empty for the pattern as a whole
	Reason string // what is wrong, and what would be right
}

func (e *PatternError) Error() string {
	if e.Path == "" {
		return fmt.Sprintf("filter: Filters[%d].Pattern: %s", e.Index, e.Reason)
	}
	return fmt.Sprintf("filter: Filters[%d].Pattern: at %s: %s", e.Index, e.Path, e.Reason)
}
