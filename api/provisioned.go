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

// Provisioner keeps environments of functions initialised, as many as a setting says. All methods may be called concurrently,
// and do not block. Functions are named without a qualifier.
type Provisioner interface {
	// Provisionable returns the most environments that a function can have, and whether its reservation limits them and not
	// the pool that it shares.
	Provisionable(function string) (n int, reserved bool)

	// Provisioning returns the state of a function's environments.
	Provisioning(function string) Provisioning
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
	if s.Provisioner == nil {
		return config.Function{}, errNoProvisioner()
	}
	if fn.InvokeEndpoint != "" {
		return config.Function{}, invalidParameter("The function %s runs elsewhere: set its provisioned concurrency there.", fn.Name)
	}
	return fn, nil
}

func errNoProvisioner() error {
	return throw("ServiceException", "Provisioned concurrency has not started.")
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
		err = s.checkProvisioned(fn.Name, *n)
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

// checkProvisioned refuses more environments than a function can have.
func (s *Server) checkProvisioned(function string, n int) error {
	switch limit, reserved := s.Provisioner.Provisionable(function); {
	case n <= limit:
		return nil
	case reserved:
		return invalidParameter("Requested Provisioned Concurrency should not be greater than the reservedConcurrentExecution for function")
	default:
		return invalidParameter("Specified ConcurrentExecutions for function is greater than account's unreserved concurrency [%d].", limit)
	}
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
	return document(http.StatusOK, describeProvisioned(set, s.Provisioner.Provisioning(fn.Name)))
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
	if s.Provisioner == nil {
		return answer{}, errNoProvisioner()
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
		one := describeProvisioned(all[q], s.Provisioner.Provisioning(fn.Name))
		one.FunctionArn = ref.with(q).qualified()
		list.ProvisionedConcurrencyConfigs = append(list.ProvisionedConcurrencyConfigs, one)
	}
	return document(http.StatusOK, list)
}
