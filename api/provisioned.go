package api

import (
	"math"
	"net/http"

	"github.com/esm-run/esm/config"
)

const provisionedPath = "/2019-09-30/functions/*/provisioned-concurrency"

var provisionedRoutes = []route{
	{operation: "PutProvisionedConcurrencyConfig", method: http.MethodPut, path: provisionedPath, perform: (*Server).putProvisioned},
	{operation: "GetProvisionedConcurrencyConfig", method: http.MethodGet, path: provisionedPath, perform: (*Server).getProvisioned},
	{operation: "DeleteProvisionedConcurrencyConfig", method: http.MethodDelete, path: provisionedPath, perform: (*Server).deleteProvisioned},
}

// Provisioning is the state of a function's provisioned environments.
type Provisioning struct {
	Allocated int // environments that have been initialised
	Available int // of these, those that are free
	Status    ProvisioningStatus
	Reason    string // of a failure, in Lambda's words
}

// ProvisioningStatus is the status of provisioned concurrency, spelled as in Lambda's API.
type ProvisioningStatus string

// The statuses of provisioned concurrency.
const (
	ProvisioningInProgress ProvisioningStatus = "IN_PROGRESS"
	ProvisioningReady      ProvisioningStatus = "READY"
	ProvisioningFailed     ProvisioningStatus = "FAILED"
)

// provisionedAnswer is the provisioned concurrency of a function as Lambda's answers show it. FunctionArn is in lists only.
type provisionedAnswer struct {
	FunctionArn                              string `json:",omitempty"`
	RequestedProvisionedConcurrentExecutions int
	AvailableProvisionedConcurrentExecutions int
	AllocatedProvisionedConcurrentExecutions int
	Status                                   ProvisioningStatus
	StatusReason                             string `json:",omitempty"`
	LastModified                             string
}

func describeProvisioned(set Setting[int], p Provisioning) provisionedAnswer {
	return provisionedAnswer{
		RequestedProvisionedConcurrentExecutions: set.Value, AvailableProvisionedConcurrentExecutions: p.Available,
		AllocatedProvisionedConcurrentExecutions: p.Allocated, Status: p.Status, StatusReason: p.Reason,
		LastModified: set.Modified.UTC().Format("2006-01-02T15:04:05-0700"),
	}
}

func (s *Server) provisioning(function string) Provisioning {
	if s.Provisioning == nil {
		return Provisioning{Status: ProvisioningInProgress}
	}
	return s.Provisioning(function)
}

// provisionedFunction returns the function that the path of c names with $LATEST, the only version that functions have here.
// Lambda provisions published versions and aliases instead.
func (s *Server) provisionedFunction(c *call) (config.Function, error) {
	ref, err := s.functionRef(c)
	if err != nil {
		return config.Function{}, err
	}
	if ref.Qualifier == "" {
		return config.Function{}, missing("qualifier")
	}
	fn, ok := s.lookUp(ref)
	if !ok {
		return config.Function{}, versionNotFound(ref)
	}
	if fn.InvokeEndpoint != "" {
		return config.Function{}, invalidParameter("The function %s runs elsewhere: set its provisioned concurrency there.", fn.Name)
	}
	return fn, nil
}

func (s *Server) putProvisioned(c *call) (answer, error) {
	doc, n := parse(c.body), (*int)(nil)
	doc.integer("ProvisionedConcurrentExecutions", &n)
	if err := s.finish(c, doc); err != nil {
		return answer{}, err
	}
	var broken violations
	if broken.between(n, "provisionedConcurrentExecutions", 1, math.MaxInt32); n == nil {
		broken.null("provisionedConcurrentExecutions")
	}
	if err := broken.err(); err != nil {
		return answer{}, err
	}
	fn, err := s.provisionedFunction(c)
	if err == nil {
		err = s.checkProvisioned(fn, *n)
	}
	if err != nil {
		return answer{}, err
	}
	set, err := change(c, s.Provisioned, fn.Name, func(*int) (*int, error) { return n, nil })
	if err != nil {
		return answer{}, err
	}
	return document(http.StatusAccepted, describeProvisioned(set, Provisioning{Status: ProvisioningInProgress}))
}

// checkProvisioned refuses more than the function's reservation, or the pool of functions without one.
func (s *Server) checkProvisioned(fn config.Function, n int) error {
	if r := s.reservation(fn.Name); r != nil {
		if n > r.ReservedConcurrentExecutions {
			return invalidParameter("Requested Provisioned Concurrency should not be greater than the reservedConcurrentExecution for function")
		}
		return nil
	}
	if s.Concurrency != nil && n > s.Concurrency.Unreserved() {
		return invalidParameter("Specified ConcurrentExecutions for function is greater than account's unreserved concurrency [%d].", s.Concurrency.Unreserved())
	}
	return nil
}

func (s *Server) getProvisioned(c *call) (answer, error) {
	if c.URL.Query().Has("List") {
		c.operation = "ListProvisionedConcurrencyConfigs"
		return s.listProvisioned(c)
	}
	fn, err := s.provisionedFunction(c)
	if err != nil {
		return answer{}, err
	}
	set, ok := s.Provisioned.Get(fn.Name)
	if !ok {
		return answer{}, throw("ProvisionedConcurrencyConfigNotFoundException", "No Provisioned Concurrency Config found for this function")
	}
	return document(http.StatusOK, describeProvisioned(set, s.provisioning(fn.Name)))
}

func (s *Server) deleteProvisioned(c *call) (answer, error) {
	fn, err := s.provisionedFunction(c)
	if err != nil {
		return answer{}, err
	}
	_, err = change(c, s.Provisioned, fn.Name, func(*int) (*int, error) { return nil, nil })
	return answer{status: http.StatusNoContent}, err
}

func (s *Server) listProvisioned(c *call) (answer, error) {
	ref, fn, err := s.function(c)
	if err != nil {
		return answer{}, err
	}
	all := s.Provisioned.List(fn.Name)
	qualifiers, next, err := page(c, all, maxListed, nil)
	if err != nil {
		return answer{}, err
	}
	list := struct {
		ProvisionedConcurrencyConfigs []provisionedAnswer
		NextMarker                    string `json:",omitempty"`
	}{[]provisionedAnswer{}, next}
	for _, q := range qualifiers {
		one := describeProvisioned(all[q], s.provisioning(fn.Name))
		one.FunctionArn = ref.with(q).qualified()
		list.ProvisionedConcurrencyConfigs = append(list.ProvisionedConcurrencyConfigs, one)
	}
	return document(http.StatusOK, list)
}
