package api

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// route is one operation of Lambda's API.
type route struct {
	operation string // as the API names it, but for InvokeFunction
	method    string
	path      string // a segment that is a star stands for any one, which is the call's next name
	most      int64  // bytes of its body; 0 is maxDocument

	perform func(*Server, *call) (answer, error)
}

func (r route) limit() int64 {
	if r.most == 0 {
		return maxDocument
	}
	return r.most
}

var routes = slices.Concat(mappingRoutes, tagRoutes, functionRoutes)

// find is the route of a request, with the names in its path. Names are escaped in paths, ARNs with their colons and
// slashes too; a slash at the end does not matter.
func find(method, path string) (route, []string, *refusal) {
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
		refused := refuse("MethodNotAllowedException", "This path takes %s.", strings.Join(allowed, ", "))
		refused.header = http.Header{"Allow": {strings.Join(allowed, ", ")}}
		return route{}, nil, refused
	}
	return route{}, nil, refuse("UnknownOperationException", "This engine has no operation of Lambda's API at this path: docs/api.md lists what it has.")
}

// match is the names in a path, if it is one of that pattern. An empty name is none.
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
