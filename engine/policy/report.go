package policy

import (
	"bytes"
	"encoding/json"
	"fmt"
	"iter"
	"strings"
	"unicode/utf8"

	"github.com/esm-run/esm"
	"github.com/esm-run/esm/trace"
)

// Names in a report of failures. They are case-sensitive.
const (
	listName = "batchItemFailures"
	itemName = "itemIdentifier"
)

// readReport reads the answer of a function that reports batch item failures.
//
//   - No answer, null, {}, an empty or null list, and an object without the list (also if the case of its name differs):
//     every record was processed.
//   - IDs of delivered records: these failed, the rest was processed.
//   - An ID that is unknown, empty, null, missing or not a string; a list that is not an array; an answer that is not
//     JSON: the report is invalid and the whole batch failed.
//   - Other members are ignored, and an ID may be repeated.
//
// AWS: "Handling errors for an SQS event source in Lambda", implementing partial batch responses.
//
// Where AWS says nothing, the reading that loses no record applies. JSON that is not an object is an invalid report. So is
// white space without JSON, and a report that repeats one of the two names, because parsers differ in which value they
// take. The empty string counts as an empty answer, which AWS calls a success.
func readReport(recs []esm.Record, answer []byte) Outcome {
	if len(answer) == 0 {
		return Outcome{Verdict: trace.Done}
	}
	if !validJSON(answer) {
		return failed(trace.ReasonBadReportNotJSON, "the answer is not JSON: "+start(answer))
	}
	switch answer = bytes.TrimSpace(answer); {
	case string(answer) == "null":
		return Outcome{Verdict: trace.Done}
	case string(answer) == `""`:
		return Outcome{Verdict: trace.Done, Detail: "the answer is the empty string, which counts as no answer"}
	case answer[0] != '{':
		return failed(trace.ReasonBadReportNotObject, "the answer is not an object: "+start(answer))
	}
	list, found := member(answer, listName)
	switch {
	case found == 0:
		return Outcome{Verdict: trace.Done, Detail: misspelled(answer)}
	case found > 1:
		return failed(trace.ReasonBadReportList, listName+" occurs twice")
	case string(list) == "null":
		return Outcome{Verdict: trace.Done}
	case list[0] != '[':
		return failed(trace.ReasonBadReportList, listName+" is not an array: "+start(list))
	}
	return readList(recs, list)
}

func validJSON(text []byte) bool { return utf8.Valid(text) && json.Valid(text) }

// readList matches the reported items with the batch.
func readList(recs []esm.Record, list []byte) Outcome {
	reported := make(map[string]bool, len(recs))
	for _, rec := range recs {
		reported[rec.ID] = false
	}
	var items []json.RawMessage
	_ = json.Unmarshal(list, &items) // list is valid
	for i, item := range items {
		id := identifier(item)
		if id == "" {
			return failed(trace.ReasonBadReportItem, fmt.Sprintf("%s[%d] has no valid %s: %s", listName, i, itemName, start(item)))
		}
		if _, delivered := reported[id]; !delivered {
			return failed(trace.ReasonBadReportUnknownItem, fmt.Sprintf("%s[%d] is not in the batch: %.200q", listName, i, id))
		}
		reported[id] = true
	}
	if len(items) == 0 {
		return Outcome{Verdict: trace.Done}
	}
	o := Outcome{Verdict: trace.Partial, Reason: trace.ReasonItemFailures}
	for _, rec := range recs {
		if reported[rec.ID] {
			o.Failed = append(o.Failed, rec.ID)
			reported[rec.ID] = false // a message may occur twice in a batch
		}
	}
	return o
}

// identifier returns the itemIdentifier of a reported item, empty if there is not exactly one or it is not a string.
func identifier(item []byte) (id string) {
	if item[0] != '{' {
		return ""
	}
	value, found := member(item, itemName)
	if found != 1 || json.Unmarshal(value, &id) != nil {
		return ""
	}
	return id
}

// member returns the last value with exactly this name in a JSON object, and how often the name occurs.
func member(object []byte, name string) (value json.RawMessage, found int) {
	for key, v := range members(object) {
		if key == name {
			value = v
			found++
		}
	}
	return value, found
}

// members yields the members of a valid JSON object in order, including repeated names.
func members(object []byte) iter.Seq2[string, json.RawMessage] {
	return func(yield func(name string, value json.RawMessage) bool) {
		dec := json.NewDecoder(bytes.NewReader(object))
		_, _ = dec.Token() // {
		for dec.More() {
			token, _ := dec.Token()
			name, _ := token.(string)
			var value json.RawMessage
			if dec.Decode(&value) != nil || !yield(name, value) {
				return
			}
		}
	}
}

// misspelled returns a warning if an object without a list of failures has a name that differs from the list's in case.
func misspelled(object []byte) string {
	for name := range members(object) {
		if strings.EqualFold(name, listName) {
			return clip(fmt.Sprintf("%q is ignored: only %q reports failures", name, listName))
		}
	}
	return ""
}

// unreadReport returns a warning if an answer reports failures although the mapping does not ask for reports. It looks at
// the start of the answer only.
func unreadReport(answer []byte) string {
	head := answer[:min(len(answer), 256)]
	if bytes.HasPrefix(head, []byte(`{"`+listName+`"`)) && bytes.Contains(head, []byte(`"`+itemName+`"`)) {
		return "the answer reports failures, but FunctionResponseTypes does not contain ReportBatchItemFailures"
	}
	return ""
}
