package api

import (
	"cmp"
	"math"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/esm-run/esm/config"
	"github.com/esm-run/esm/mappings"
)

// listing is the answer of ListEventSourceMappings.
type listing struct {
	EventSourceMappings []configuration
	NextMarker          string `json:",omitempty"`
}

// mostListed is how many mappings one answer has at the most, whatever MaxItems says (AWS: API reference of
// ListEventSourceMappings).
const mostListed = 100

// listMappings answers in the order of UUIDs. A marker is the last one of a page, so that the next page begins where it
// should even when that mapping is gone by then.
func (s *Server) listMappings(c *call) (answer, error) {
	query := c.URL.Query()
	var broken violations
	wants := selection(query, &broken)
	most, err := mostOnPage(query, mostListed, &broken)
	if err := cmp.Or(err, broken.err()); err != nil {
		return answer{}, err
	}
	marker := query.Get("Marker")
	if marker != "" && !uuidForm.MatchString(marker) {
		return answer{}, invalid("Invalid Marker: give the NextMarker of an answer as it is.")
	}
	all := slices.DeleteFunc(s.Mappings.List(), func(r mappings.Registered) bool { return r.UUID <= marker || !wants(r) })
	slices.SortFunc(all, func(a, b mappings.Registered) int { return strings.Compare(a.UUID, b.UUID) })
	page := listing{EventSourceMappings: []configuration{}}
	if len(all) > most {
		all = all[:most]
		page.NextMarker = all[most-1].UUID
	}
	for _, r := range all {
		page.EventSourceMappings = append(page.EventSourceMappings, describe(r))
	}
	return document(http.StatusOK, page)
}

var uuidForm = regexp.MustCompile(`^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$`)

// mostOnPage is how many items a page has: what the query says, from 1 to 10000, and not more than most.
func mostOnPage(query url.Values, most int, broken *violations) (int, error) {
	if !query.Has("MaxItems") {
		return most, nil
	}
	text := query.Get("MaxItems")
	n, err := strconv.Atoi(text)
	switch {
	case err != nil || n > math.MaxInt32 || n < math.MinInt32:
		return 0, refuse("SerializationException", "STRING_VALUE can not be converted to an Integer (MaxItems)")
	case n < 1:
		broken.add(text, "maxItems", "Member must have value greater than or equal to 1")
	case n > 10000:
		broken.add(text, "maxItems", "Member must have value less than or equal to 10000")
	}
	return min(n, most), nil
}

const arnPattern = `arn:(aws[a-zA-Z0-9-]*):([a-zA-Z0-9\-])+:([a-z]{2}(-gov)?-[a-z]+-\d{1})?:(\d{12})?:(.*)`

// selection says which mappings a query asks for: all, those of a source, those of a function. What is not there is a
// selection of none, and so is a function whose name none here can have.
func selection(query url.Values, broken *violations) func(mappings.Registered) bool {
	source, function := query.Get("EventSourceArn"), query.Get("FunctionName")
	if _, err := config.ParseARN(source); err != nil && query.Has("EventSourceArn") {
		broken.add(source, "eventSourceArn", "Member must satisfy regular expression pattern: "+arnPattern)
	}
	if query.Has("FunctionName") {
		broken.functionName(function)
	}
	asked, err := config.ParseFunctionName(function)
	return func(r mappings.Registered) bool {
		return (source == "" || source == r.EventSourceArn) && (function == "" || err == nil && is(r, asked))
	}
}

// is says whether r is a mapping to the function that was asked for: the same qualifier, or none on both sides.
func is(r mappings.Registered, asked config.FunctionName) bool {
	its, err := config.ParseFunctionName(r.FunctionArn)
	if err != nil {
		return false
	}
	asked.Region, asked.Account = cmp.Or(asked.Region, its.Region), cmp.Or(asked.Account, its.Account)
	return its == asked
}
