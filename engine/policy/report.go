package policy

import (
	"bytes"
	"encoding/json"
	"fmt"
	"github.com/esm-run/esm/trace"
	"strings"
	"unicode/utf8"

	"github.com/esm-run/esm"
)

// The names that a report of failures uses. Only this spelling counts.
const (
	listName = "batchItemFailures"
	itemName = "itemIdentifier"
)

// readReport reads the answer of a function that reports failures item by item.
//
//   - No answer, null, {}, an empty or null list, and an object without the list (also when a name differs in case):
//     all is handled.
//   - Identifiers of delivered records: those failed, the others are handled.
//   - An identifier that is unknown, empty, null, missing or not a string; a list that is not an array; an answer that
//     is not JSON: the report is not valid, and the whole batch failed.
//   - Members with other names are ignored, and an identifier may be there twice.
//
// AWS: "Handling errors for an SQS event source in Lambda", implementing partial batch responses.
//
// Where AWS says nothing, what loses no record is chosen: JSON that is not an object is not a valid report, nor is white
// space without JSON, or a report in which a name that counts occurs twice, because parsers differ in which one
// they take. The empty string alone is taken for an empty answer, which AWS calls a success.
func readReport(recs []esm.Record, answer []byte) Outcome {
	switch string(answer) { // what most runtimes send when nothing failed; each is judged alike below
	case "", "null", "{}", `{"batchItemFailures":[]}`, `{"batchItemFailures": []}`:
		return Outcome{Verdict: trace.Done}
	}
	if !utf8.Valid(answer) || !json.Valid(answer) {
		return failed(trace.ReasonBadReportNotJSON, "the answer is not JSON: "+start(answer))
	}
	switch answer = bytes.TrimRight(trim(answer), " \t\r\n"); {
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
		return Outcome{Verdict: trace.Done, Detail: misspelt(answer)}
	case found > 1:
		return failed(trace.ReasonBadReportList, listName+" occurs twice")
	case string(list) == "null":
		return Outcome{Verdict: trace.Done}
	case list[0] != '[':
		return failed(trace.ReasonBadReportList, listName+" is not a list: "+start(list))
	}
	return readList(recs, list)
}

// readList matches the reported items with the batch.
func readList(recs []esm.Record, list []byte) Outcome {
	reported := make(map[string]bool, len(recs))
	for _, rec := range recs {
		reported[rec.ID] = false
	}
	items := 0
	for item := range elements(list) {
		id, ok := identifier(item)
		if !ok {
			return failed(trace.ReasonBadReportItem, fmt.Sprintf("%s[%d] has no valid %s: %s", listName, items, itemName, start(item)))
		}
		if _, delivered := reported[id]; !delivered {
			return failed(trace.ReasonBadReportUnknownItem, fmt.Sprintf("%s[%d] is not in the batch: %.200q", listName, items, id))
		}
		reported[id] = true
		items++
	}
	if items == 0 {
		return Outcome{Verdict: trace.Done}
	}
	o := Outcome{Verdict: trace.Partial, Reason: trace.ReasonItemFailures}
	for _, rec := range recs {
		if reported[rec.ID] {
			o.Failed = append(o.Failed, rec.ID)
			reported[rec.ID] = false // a message may be in a batch twice; its ID is told once
		}
	}
	return o
}

// identifier is the one itemIdentifier of a reported item.
func identifier(item []byte) (id string, ok bool) {
	if item[0] != '{' {
		return "", false
	}
	value, found := member(item, itemName)
	if found != 1 {
		return "", false
	}
	id, ok = decode(value)
	return id, ok && id != ""
}

// member is the last value with exactly this name, and how often the name occurs.
func member(object []byte, name string) (value []byte, found int) {
	for key, v := range members(object) {
		if spells(key, name) {
			value = v
			found++
		}
	}
	return value, found
}

// misspelt warns of an object that has no list of failures but something that looks like it.
func misspelt(object []byte) string {
	for key := range members(object) {
		if k, _ := decode(key); strings.EqualFold(k, listName) {
			return clip(fmt.Sprintf("%q is ignored: only %q reports failures", k, listName))
		}
	}
	return ""
}

// overlooked warns of failures that are reported where nobody asked for them. It looks at the start of the answer only.
func overlooked(answer []byte) string {
	head := answer[:min(len(answer), 256)]
	if bytes.HasPrefix(head, []byte(`{"`+listName+`"`)) && bytes.Contains(head, []byte(`"`+itemName+`"`)) {
		return "the answer reports failures, but FunctionResponseTypes does not hold ReportBatchItemFailures"
	}
	return ""
}
