package api

import (
	"cmp"
	"fmt"
	"math"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"

	"github.com/esm-run/esm/config"
	"github.com/esm-run/esm/mappings"
)

// mappingList is the answer of ListEventSourceMappings.
type mappingList struct {
	EventSourceMappings []mappingConfiguration
	NextMarker          string `json:",omitempty"`
}

// maxMappingsListed is the most mappings that one answer lists, whatever MaxItems says (AWS: API reference of
// ListEventSourceMappings).
const maxMappingsListed = 100

// listMappings lists mappings in the order of their UUIDs. A marker is the last UUID of a page, so that it stays valid when
// that mapping is deleted.
func (s *Server) listMappings(c *call) (answer, error) {
	query := c.URL.Query()
	var broken violations
	selected := selection(query, &broken)
	size, err := pageSize(query, maxMappingsListed, 10000, &broken)
	if err := cmp.Or(err, broken.err()); err != nil {
		return answer{}, err
	}
	marker := query.Get("Marker")
	if marker != "" && !uuidForm.MatchString(marker) {
		return answer{}, invalidMarker()
	}
	all := slices.DeleteFunc(s.Mappings.List(), func(r mappings.Registered) bool { return r.UUID <= marker || !selected(r) })
	page := mappingList{EventSourceMappings: []mappingConfiguration{}}
	if len(all) > size {
		all = all[:size]
		page.NextMarker = all[size-1].UUID
	}
	for _, r := range all {
		page.EventSourceMappings = append(page.EventSourceMappings, describeMapping(r))
	}
	return document(http.StatusOK, page)
}

var uuidForm = regexp.MustCompile(`^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$`)

// pageSize returns MaxItems, which is between 1 and most, but at most limit, which is also the default.
func pageSize(query url.Values, limit, most int, broken *violations) (int, error) {
	if !query.Has("MaxItems") {
		return limit, nil
	}
	text := query.Get("MaxItems")
	n, err := strconv.Atoi(text)
	switch {
	case err != nil || n > math.MaxInt32 || n < math.MinInt32:
		return 0, throw("SerializationException", "STRING_VALUE can not be converted to an Integer (MaxItems)")
	case n < 1:
		broken.add(text, "maxItems", "have value greater than or equal to 1")
	case n > most:
		broken.add(text, "maxItems", fmt.Sprintf("have value less than or equal to %d", most))
	}
	return min(n, limit), nil
}

// selection returns the filter of a query: by source, by function, by both or by neither. Filtering by a function or source
// that does not exist selects nothing.
func selection(query url.Values, broken *violations) func(mappings.Registered) bool {
	source, function := query.Get("EventSourceArn"), query.Get("FunctionName")
	if _, err := config.ParseARN(source); err != nil && query.Has("EventSourceArn") {
		broken.add(source, "eventSourceArn", "satisfy regular expression pattern: "+arnPattern)
	}
	if query.Has("FunctionName") {
		broken.functionName(function)
	}
	wanted, err := config.ParseFunctionName(function)
	return func(r mappings.Registered) bool {
		return (source == "" || source == r.EventSourceArn) && (function == "" || err == nil && invokes(r, wanted))
	}
}

// invokes reports whether r is a mapping to a function, with the same qualifier or none on both sides.
func invokes(r mappings.Registered, wanted config.FunctionName) bool {
	its, err := config.ParseFunctionName(r.FunctionArn)
	if err != nil {
		return false
	}
	wanted.Region, wanted.Account = cmp.Or(wanted.Region, its.Region), cmp.Or(wanted.Account, its.Account)
	return its == wanted
}
