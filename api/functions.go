package api

import (
	"cmp"
	"encoding/base64"
	"net/http"
	"slices"
	"strings"
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
	{operation: "InvokeFunction", method: http.MethodPost, path: "/2015-03-31/functions/*/invocations", maxBody: esm.MaxPayload, perform: (*Server).invoke},
	{operation: "ListFunctions", method: http.MethodGet, path: "/2015-03-31/functions", perform: (*Server).listFunctions},
	{operation: "GetFunction", method: http.MethodGet, path: "/2015-03-31/functions/*", perform: (*Server).getFunction},
	{operation: "GetFunctionConfiguration", method: http.MethodGet, path: "/2015-03-31/functions/*/configuration", perform: (*Server).getConfiguration},
	{operation: "GetAccountSettings", method: http.MethodGet, path: "/2016-08-19/account-settings", perform: (*Server).accountSettings},
	{operation: "GetFunctionConcurrency", method: http.MethodGet, path: "/2019-09-30/functions/*/concurrency", perform: (*Server).getConcurrency},
	{operation: "PutFunctionConcurrency", method: http.MethodPut, path: "/2017-10-31/functions/*/concurrency", perform: (*Server).putConcurrency},
	{operation: "DeleteFunctionConcurrency", method: http.MethodDelete, path: "/2017-10-31/functions/*/concurrency", perform: (*Server).deleteConcurrency},
}, unsupportedRoutes())

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

// maxFunctionsListed is the most functions that one answer lists, whatever MaxItems says (AWS: API reference of
// ListFunctions).
const maxFunctionsListed = 50

func (s *Server) listFunctions(c *call) (answer, error) {
	after, size, err := functionsPage(c)
	if err != nil {
		return answer{}, err
	}
	all := s.allFunctions()
	slices.SortFunc(all, func(a, b config.Function) int { return strings.Compare(a.Name, b.Name) })
	all = slices.DeleteFunc(all, func(fn config.Function) bool { return fn.Name <= after })
	var list struct {
		NextMarker *string
		Functions  []functionConfiguration
	}
	if len(all) > size {
		all = all[:size]
		next := base64.URLEncoding.EncodeToString([]byte(all[size-1].Name))
		list.NextMarker = &next
	}
	list.Functions = make([]functionConfiguration, len(all))
	for i, fn := range all {
		list.Functions[i] = s.describeFunction(fn, "").listed()
	}
	return document(http.StatusOK, list)
}

// functionsPage returns the page of functions that a request asks for: the name it begins after, and its size.
func functionsPage(c *call) (after string, size int, err error) {
	query := c.URL.Query()
	var broken violations
	if query.Has("FunctionVersion") {
		broken.oneOf(query.Get("FunctionVersion"), "functionVersion", "ALL")
	}
	size, err = pageSize(query, maxFunctionsListed, &broken)
	if err := cmp.Or(err, broken.err()); err != nil {
		return "", 0, err
	}
	name, err := base64.URLEncoding.DecodeString(query.Get("Marker"))
	if err != nil {
		return "", 0, invalidMarker()
	}
	return string(name), size, nil
}

func invalidMarker() error {
	return invalidParameter("Invalid Marker: give the NextMarker of an answer as it is.")
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
