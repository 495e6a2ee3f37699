package api

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// route is one operation of Lambda's API.
type route struct {
	operation string // its name in the API
	method    string
	path      string // a segment "*" matches any one segment, which becomes the call's next name
	maxBody   int64  // bytes; 0 means maxDocument

	perform func(*Server, *call) (answer, error)
}

func (r route) bodyLimit() int64 {
	if r.maxBody == 0 {
		return maxDocument
	}
	return r.maxBody
}

var routes = slices.Concat(mappingRoutes, tagRoutes, functionRoutes)

// find returns the route of a request and the names in its path. The path is escaped: names and ARNs may hold escaped
// slashes. A trailing slash is ignored.
func find(method, path string) (route, []string, error) {
	var allowed []string
	segments := strings.Split(strings.TrimSuffix(path, "/"), "/")
	for _, r := range routes {
		names, ok := match(strings.Split(r.path, "/"), segments)
		switch {
		case ok && r.method == method:
			return r, names, nil
		case ok:
			allowed = append(allowed, r.method)
		}
	}
	if len(allowed) > 0 {
		e := throw("MethodNotAllowedException", "This path allows %s.", strings.Join(allowed, ", "))
		e.header = http.Header{"Allow": {strings.Join(allowed, ", ")}}
		return route{}, nil, e
	}
	return route{}, nil, throw("UnknownOperationException", "This engine has no operation of Lambda's API at this path: docs/api.md lists what it has.")
}

// match reports whether the segments of a path match a pattern, and returns the names in place of its stars. A name is
// never empty.
func match(pattern, segments []string) (names []string, ok bool) {
	if len(pattern) != len(segments) {
		return nil, false
	}
	for i, p := range pattern {
		s, err := url.PathUnescape(segments[i])
		switch {
		case err != nil, p != "*" && p != s, s == "" && i > 0:
			return nil, false
		case p == "*":
			names = append(names, s)
		}
	}
	return names, true
}
