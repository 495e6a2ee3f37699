package invoker

import (
	"fmt"

	"github.com/esm-run/esm"
)

// ProvisionedConcurrency describes the provisioned concurrency of a function (AWS: API reference of
// GetProvisionedConcurrencyConfig).
type ProvisionedConcurrency struct {
	Requested int

	// Available is the number of provisioned environments, busy or idle. Allocated is the same.
	Available, Allocated int

	// Status is READY once all that were requested have been available, FAILED if they do not start, and IN_PROGRESS before
	// either. Environments that end later are replaced without a change of Status.
	Status string

	// StatusReason is FUNCTION_ERROR_INIT_FAILURE if Status is FAILED: Init failed in six attempts, and the function runs on
	// demand until Provision is called again.
	StatusReason string
}

// TooMuch is an [esm.ErrRefused] that says how much provisioned concurrency a function can have.
type TooMuch struct {
	Function         string
	Requested, Limit int
	Reserved         bool // Limit is the function's reservation, not what is left of the shared pool
}

func (t *TooMuch) Error() string {
	limit := "what is left of the shared pool"
	if t.Reserved {
		limit = "its reserved concurrency"
	}
	return fmt.Sprintf("invoker: %s: a provisioned concurrency of %d is above %s, %d: %v",
		t.Function, t.Requested, limit, t.Limit, esm.ErrRefused)
}

// Unwrap is always [esm.ErrRefused].
func (t *TooMuch) Unwrap() error { return esm.ErrRefused }

// Provision keeps n environments of a local function started from now on, beside those that start on demand, and its share
// of permits for them. It does not wait for them, and may be called at any time: those that are too many are closed once
// they are free. The error is a [TooMuch], or another [esm.ErrRefused] if there is no such function here.
func (f *Functions) Provision(function string, n int) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	p, err := f.pool(function)
	if err != nil {
		return err
	}
	if limit, reserved := f.Limits.Provisionable(function); n > limit {
		return &TooMuch{Function: function, Requested: n, Limit: limit, Reserved: reserved}
	}
	f.Limits.Provision(function, n)
	p.provision(n)
	return nil
}

// Provisioned describes the provisioned concurrency of a local function. Of one without it, Requested is 0.
func (f *Functions) Provisioned(function string) (ProvisionedConcurrency, error) {
	f.mu.RLock()
	defer f.mu.RUnlock()
	p, err := f.pool(function)
	if err != nil {
		return ProvisionedConcurrency{}, err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.provisioned.describe(), nil
}

// pool returns the pool of a local function. The caller holds mu.
func (f *Functions) pool(function string) (*Pool, error) {
	if p, local := f.runners[function].(*Pool); local {
		return p, nil
	}
	return nil, fmt.Errorf("invoker: no function %q runs here, environments cannot be provisioned: %w", function, esm.ErrRefused)
}

// provisioning is the provisioned concurrency of a pool, whose mu guards it.
type provisioning struct {
	starts
	requested int
	alive     int       // members that are not being closed
	idle      []*member // in the order in which they became idle
	reached   bool      // all that were requested were alive since the request
}

func (v *provisioning) surplus() int { return v.alive - v.requested }

func (v *provisioning) add() {
	v.alive++
	v.reached = v.reached || v.surplus() >= 0
}

func (v *provisioning) describe() ProvisionedConcurrency {
	d := ProvisionedConcurrency{Requested: v.requested, Available: v.alive, Allocated: v.alive, Status: "IN_PROGRESS"}
	switch {
	case v.inits >= maxInits:
		d.Status, d.StatusReason = "FAILED", "FUNCTION_ERROR_INIT_FAILURE"
	case v.reached || v.surplus() >= 0:
		d.Status = "READY"
	}
	return d
}

// provision makes n the number of provisioned environments.
func (p *Pool) provision(n int) {
	p.once.Do(p.open)
	p.mu.Lock()
	defer p.mu.Unlock()
	v := &p.provisioned
	v.requested, v.inits, v.slowdown = n, 0, slowdown{}
	v.reached = v.surplus() >= 0
	surplus := min(v.surplus(), idling(v.idle))
	keep := idling(v.idle) - surplus // those that have been idle for longest
	for _, m := range p.takeIdle(&v.idle, func(*member) bool { keep--; return keep < 0 && surplus > 0 }) {
		p.work.Go(func() { p.end(m) })
	}
	p.allot()
}

// allot starts the provisioned environments that are missing, as many as may start. The caller holds mu.
func (p *Pool) allot() {
	v := &p.provisioned
	for !p.stopping && v.inits < maxInits && v.starting < v.most(p) && v.starting < -v.surplus() {
		v.starting++
		p.work.Go(func() { p.start(&member{as: Provisioned}) })
	}
}
