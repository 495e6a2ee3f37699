package api

// unsupported lists the operations on functions that this engine does not have, by the reason that clients are given.
var unsupported = []struct {
	reason     string
	operations [][3]string
}{
	{"The functions of this engine are those of its mappings file: change them there, and restart the engine.", [][3]string{
		{"CreateFunction", "POST", "/2015-03-31/functions"},
		{"DeleteFunction", "DELETE", "/2015-03-31/functions/*"},
		{"UpdateFunctionCode", "PUT", "/2015-03-31/functions/*/code"},
		{"UpdateFunctionConfiguration", "PUT", "/2015-03-31/functions/*/configuration"},
	}},
	{"The functions of this engine have one version, $LATEST, and no aliases.", [][3]string{
		{"PublishVersion", "POST", "/2015-03-31/functions/*/versions"},
		{"CreateAlias", "POST", "/2015-03-31/functions/*/aliases"},
		{"UpdateAlias", "PUT", "/2015-03-31/functions/*/aliases/*"},
		{"DeleteAlias", "DELETE", "/2015-03-31/functions/*/aliases/*"},
	}},
}

// unsupportedRoutes returns the routes of the operations above, which refuse every request.
func unsupportedRoutes() (routes []route) {
	for _, r := range unsupported {
		for _, o := range r.operations {
			routes = append(routes, route{
				operation: o[0], method: o[1], path: o[2], maxBody: maxUnsupported,
				perform: func(s *Server, _ *call) (answer, error) {
					return answer{}, invalidParameter("%s is not served. %s", o[0], r.reason)
				},
			})
		}
	}
	return routes
}

// maxUnsupported is the largest body of an unsupported operation that is answered with its reason and not with its size.
const maxUnsupported = 6 << 20
