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

// Functions are the functions that the engine runs: those of its file. All methods may be called side by side.
type Functions interface {
	// Function is the function of a name, without qualifier, with its defaults.
	Function(name string) (fn config.Function, ok bool)

	// Functions is all functions, in no particular order. The caller owns the slice.
	Functions() []config.Function

	// Modified is when the functions were changed last: when the file was.
	Modified() time.Time
}

var functionRoutes = slices.Concat([]route{
	{operation: "InvokeFunction", method: http.MethodPost, path: "/2015-03-31/functions/*/invocations", most: esm.MaxPayload, perform: (*Server).invoke},
	{operation: "ListFunctions", method: http.MethodGet, path: "/2015-03-31/functions", perform: (*Server).listFunctions},
	{operation: "GetFunction", method: http.MethodGet, path: "/2015-03-31/functions/*", perform: (*Server).getFunction},
	{operation: "GetFunctionConfiguration", method: http.MethodGet, path: "/2015-03-31/functions/*/configuration", perform: (*Server).getConfiguration},
	{operation: "GetAccountSettings", method: http.MethodGet, path: "/2016-08-19/account-settings", perform: (*Server).accountSettings},
	{operation: "GetFunctionConcurrency", method: http.MethodGet, path: "/2019-09-30/functions/*/concurrency", perform: (*Server).getConcurrency},
	{operation: "PutFunctionConcurrency", method: http.MethodPut, path: "/2017-10-31/functions/*/concurrency", perform: (*Server).putConcurrency},
	{operation: "DeleteFunctionConcurrency", method: http.MethodDelete, path: "/2017-10-31/functions/*/concurrency", perform: (*Server).deleteConcurrency},
}, refusedRoutes())

// found is the function that the path of c names.
func (s *Server) found(c *call) (asked, config.Function, error) {
	a, err := s.named(c)
	if err != nil {
		return a, config.Function{}, err
	}
	fn, ok := s.function(a)
	if !ok && a.Qualifier != "" {
		return a, fn, notFound(a.qualified())
	}
	if !ok {
		return a, fn, notFound(a.arn)
	}
	return a, fn, nil
}

func (s *Server) getFunction(c *call) (answer, error) {
	a, fn, err := s.found(c)
	if err != nil {
		return answer{}, err
	}
	return document(http.StatusOK, functionAnswer{
		Code: s.code(fn), Concurrency: s.concurrency(fn.Name), Configuration: s.functionConfiguration(fn, a.Qualifier),
	})
}

func (s *Server) getConfiguration(c *call) (answer, error) {
	a, fn, err := s.found(c)
	if err != nil {
		return answer{}, err
	}
	return document(http.StatusOK, s.functionConfiguration(fn, a.Qualifier))
}

// mostFunctions is how many functions one answer has at the most, whatever MaxItems says (AWS: API reference of
// ListFunctions).
const mostFunctions = 50

func (s *Server) listFunctions(c *call) (answer, error) {
	after, most, err := page(c)
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
	if len(all) > most {
		all = all[:most]
		next := base64.URLEncoding.EncodeToString([]byte(all[most-1].Name))
		list.NextMarker = &next
	}
	list.Functions = make([]functionConfiguration, len(all))
	for i, fn := range all {
		list.Functions[i] = s.functionConfiguration(fn, "").listed()
	}
	return document(http.StatusOK, list)
}

// page is what a request for a list says of its page: the name after which it begins, and how many it has.
func page(c *call) (after string, most int, err error) {
	query := c.URL.Query()
	var broken violations
	if query.Has("FunctionVersion") {
		broken.oneOf(query.Get("FunctionVersion"), "functionVersion", "ALL")
	}
	most, err = mostOnPage(query, mostFunctions, &broken)
	if err := cmp.Or(err, broken.err()); err != nil {
		return "", 0, err
	}
	name, err := base64.URLEncoding.DecodeString(query.Get("Marker"))
	if err != nil {
		return "", 0, invalid("Invalid Marker: give the NextMarker of an answer as it is.")
	}
	return string(name), most, nil
}

func (s *Server) allFunctions() []config.Function {
	if s.Functions == nil {
		return nil
	}
	return s.Functions.Functions()
}

// Quotas of AWS for code, of which there is none here (AWS: "Lambda quotas").
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
		if own := s.concurrency(fn.Name); own != nil {
			limit.ConcurrentExecutions += own.ReservedConcurrentExecutions
		}
	}
	return document(http.StatusOK, settings)
}
