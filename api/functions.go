package api

import (
	"net/http"
	"slices"
	"time"

	"github.com/esm-run/esm"
	"github.com/esm-run/esm/config"
)

// Functions describes the functions that the engine runs. All methods may be called concurrently.
type Functions interface {
	// Function returns the function with a name, which has no qualifier. The function has its defaults.
	Function(name string) (fn config.Function, ok bool)

	// Functions returns all functions, in no particular order. The caller owns the slice.
	Functions() []config.Function

	// Modified returns the time of the last change of a function, which is that of the file.
	Modified() time.Time
}

var functionRoutes = slices.Concat([]route{
	{operation: "InvokeFunction", method: http.MethodPost, path: "/2015-03-31/functions/*/invocations", maxBody: esm.MaxPayload, maxEvent: esm.MaxEvent, perform: (*Server).invoke},
	{operation: "InvokeAsync", method: http.MethodPost, path: "/2014-11-13/functions/*/invoke-async", maxEvent: maxAsyncEvent, perform: (*Server).invokeAsync},
	{operation: "InvokeWithResponseStream", method: http.MethodPost, path: "/2021-11-15/functions/*/response-streaming-invocations", maxBody: esm.MaxPayload, perform: (*Server).invokeWithResponseStream},
	{operation: "ListFunctions", method: http.MethodGet, path: "/2015-03-31/functions", perform: (*Server).listFunctions},
	{operation: "GetFunction", method: http.MethodGet, path: "/2015-03-31/functions/*", perform: (*Server).getFunction},
	{operation: "GetFunctionConfiguration", method: http.MethodGet, path: "/2015-03-31/functions/*/configuration", perform: (*Server).getConfiguration},
	{operation: "GetAccountSettings", method: http.MethodGet, path: "/2016-08-19/account-settings", perform: (*Server).accountSettings},
	{operation: "GetFunctionConcurrency", method: http.MethodGet, path: "/2019-09-30/functions/*/concurrency", perform: (*Server).getConcurrency},
	{operation: "PutFunctionConcurrency", method: http.MethodPut, path: "/2017-10-31/functions/*/concurrency", perform: (*Server).putConcurrency},
	{operation: "DeleteFunctionConcurrency", method: http.MethodDelete, path: "/2017-10-31/functions/*/concurrency", perform: (*Server).deleteConcurrency},
}, eventInvokeRoutes, urlRoutes, provisionedRoutes, recursionRoutes, policyRoutes, unsupportedRoutes())

func (s *Server) getFunction(c *call) (answer, error) {
	ref, fn, err := s.function(c)
	if err != nil {
		return answer{}, err
	}
	return document(http.StatusOK, functionAnswer{
		Code: codeOf(fn), Concurrency: s.reservation(fn.Name), Configuration: s.describeFunction(fn, ref.Qualifier),
	})
}

func (s *Server) getConfiguration(c *call) (answer, error) {
	ref, fn, err := s.function(c)
	if err != nil {
		return answer{}, err
	}
	return document(http.StatusOK, s.describeFunction(fn, ref.Qualifier))
}

func (s *Server) listFunctions(c *call) (answer, error) {
	var broken violations
	if query := c.URL.Query(); query.Has("FunctionVersion") {
		broken.oneOf(query.Get("FunctionVersion"), "functionVersion", "ALL")
	}
	all := map[string]config.Function{}
	for _, fn := range s.allFunctions() {
		all[fn.Name] = fn
	}
	names, next, err := page(c, all, 10000, broken)
	if err != nil {
		return answer{}, err
	}
	var list struct {
		NextMarker *string
		Functions  []functionConfiguration
	}
	if next != "" {
		list.NextMarker = &next
	}
	list.Functions = make([]functionConfiguration, len(names))
	for i, name := range names {
		list.Functions[i] = s.describeFunction(all[name], "").listed()
	}
	return document(http.StatusOK, list)
}

func (s *Server) allFunctions() []config.Function {
	if s.Functions == nil {
		return nil
	}
	return s.Functions.Functions()
}

// AWS's quotas for code (AWS: "Lambda quotas"). They have no effect here: the engine stores no code.
const (
	totalCode    = 75 << 30
	unzippedCode = 250 << 20
	zippedCode   = 50 << 20
)

func (s *Server) accountSettings(*call) (answer, error) {
	var settings struct {
		AccountLimit struct {
			TotalCodeSize, CodeSizeUnzipped, CodeSizeZipped      int64
			ConcurrentExecutions, UnreservedConcurrentExecutions int
		}
		AccountUsage struct {
			TotalCodeSize int64
			FunctionCount int
		}
	}
	all := s.allFunctions()
	settings.AccountUsage.FunctionCount = len(all)
	limit := &settings.AccountLimit
	limit.TotalCodeSize, limit.CodeSizeUnzipped, limit.CodeSizeZipped = totalCode, unzippedCode, zippedCode
	if s.Concurrency != nil {
		limit.UnreservedConcurrentExecutions = s.Concurrency.Unreserved()
	}
	limit.ConcurrentExecutions = limit.UnreservedConcurrentExecutions
	for _, fn := range all {
		if r := s.reservation(fn.Name); r != nil {
			limit.ConcurrentExecutions += r.ReservedConcurrentExecutions
		}
	}
	return document(http.StatusOK, settings)
}
