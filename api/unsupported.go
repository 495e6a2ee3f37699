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
		{"PutProvisionedConcurrencyConfig", "PUT", "/2019-09-30/functions/*/provisioned-concurrency"},
		{"DeleteProvisionedConcurrencyConfig", "DELETE", "/2019-09-30/functions/*/provisioned-concurrency"},
	}},
	{"There are no permissions here: everyone who can reach this address may invoke every function.", [][3]string{
		{"AddPermission", "POST", "/2015-03-31/functions/*/policy"},
		{"RemovePermission", "DELETE", "/2015-03-31/functions/*/policy/*"},
	}},
	{"Functions have no URLs here: invoke them with Invoke.", [][3]string{
		{"CreateFunctionUrlConfig", "POST", "/2021-10-31/functions/*/url"},
		{"UpdateFunctionUrlConfig", "PUT", "/2021-10-31/functions/*/url"},
		{"DeleteFunctionUrlConfig", "DELETE", "/2021-10-31/functions/*/url"},
	}},
	{noAsyncText, [][3]string{
		{"InvokeAsync", "POST", "/2014-11-13/functions/*/invoke-async"},
		{"PutFunctionEventInvokeConfig", "PUT", "/2019-09-25/functions/*/event-invoke-config"},
		{"UpdateFunctionEventInvokeConfig", "POST", "/2019-09-25/functions/*/event-invoke-config"},
		{"DeleteFunctionEventInvokeConfig", "DELETE", "/2019-09-25/functions/*/event-invoke-config"},
	}},
	{"This engine sends complete responses only: use Invoke, which also collects what a handler streams.", [][3]string{
		{"InvokeWithResponseStream", "POST", "/2021-11-15/functions/*/response-streaming-invocations"},
	}},
}

// noAsyncText is the reason for requests of asynchronous delivery.
const noAsyncText = "This engine does not deliver events asynchronously yet: invoke the function with the invocation type RequestResponse."

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
