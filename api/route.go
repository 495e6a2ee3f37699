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
	maxEvent  int64  // bytes of an asynchronous event; 0 means that the operation takes none

	perform func(*Server, *call) (answer, error)

	segments []string // of path
}

// bodyLimit returns the most bytes that the body of c may have.
func (r route) bodyLimit(c *call) int64 {
	switch {
	case r.takesEvent(c):
		return r.maxEvent
	case r.maxBody == 0:
		return maxDocument
	}
	return r.maxBody
}

// takesEvent reports whether c brings an event for asynchronous invocation.
func (r route) takesEvent(c *call) bool {
	return r.maxEvent > 0 && (r.operation == "InvokeAsync" || c.Header.Get("X-Amz-Invocation-Type") == asynchronous)
}

var routes = split(slices.Concat(mappingRoutes, tagRoutes, functionRoutes))

// split fills in the segments of routes.
func split(routes []route) []route {
	for i := range routes {
		routes[i].segments = strings.Split(routes[i].path, "/")
	}
	return routes
}

// find returns the route of a request and the names in its path. The path is escaped: names and ARNs may hold escaped
// slashes. A trailing slash is ignored.
func find(method, path string) (route, []string, error) {
	var allowed []string
	segments := strings.Split(strings.TrimSuffix(path, "/"), "/")
	for _, r := range routes {
		names, ok := match(r.segments, segments)
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
		if p == segments[i] && p != "*" {
			continue
		}
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
