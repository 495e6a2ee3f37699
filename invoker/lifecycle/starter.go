package lifecycle

import (
	"cmp"
	"context"
	"crypto/rand"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/esm-run/esm/config"
	"github.com/esm-run/esm/invoker"
	"github.com/esm-run/esm/invoker/runtimeapi"
	"github.com/esm-run/esm/trace"
)

// Starter is the [invoker.Starter] of a Platform. Its fields are set before the first use.
type Starter struct {
	Platform Platform

	Region    string // AWS_REGION of handlers; empty means config.DefaultRegion
	AccountID string // in the ARN of functions that have none; empty means config.DefaultAccount

	// AWSEndpoint is the URL of an emulator of AWS. Handlers get it as AWS_ENDPOINT_URL, with "test" for both keys,
	// unless they set these variables themselves. Empty sets neither: handlers have no credentials but their own.
	AWSEndpoint string

	Trace trace.Func // receives Output
}

var _ invoker.Starter = (*Starter)(nil)

// Start starts fn's runtime, as [invoker.Starter] says. An Init on demand that takes longer than ten seconds is ended; the
// first Invoke starts the runtime again, within the function's timeout, as Lambda does.
func (s *Starter) Start(ctx context.Context, fn config.Function, as invoker.Initialization) (invoker.Environment, error) {
	if ctx.Err() != nil {
		return nil, fmt.Errorf("lifecycle: start: %w", context.Cause(ctx))
	}
	if fn.FunctionArn == "" {
		fn.FunctionArn = config.FunctionARN(s.region(), cmp.Or(s.AccountID, config.DefaultAccount), fn.Name)
	}
	fn.LoggingConfig = fn.Logging()
	id, output := newID(), newOutput(s.Trace, fn.Name, fn.LoggingConfig)
	env := s.variables(fn, id)
	spec := Spec{ID: id, Function: fn, Env: env, Output: output}
	if fn.MultiConcurrent() {
		as = managedInstances
	}
	env["AWS_LAMBDA_INITIALIZATION_TYPE"] = string(as)
	spec.ExtensionEnv = forExtensions(env)
	if fn.MultiConcurrent() {
		e := newConcurrent(id, fn, as, output)
		return s.enter(ctx, e, &e.core, spec)
	}
	e := newEnvironment(id, fn, as, output)
	return s.enter(ctx, e, &e.core, spec)
}

// enter starts e, whose core is c, in a sandbox of its own.
func (s *Starter) enter(ctx context.Context, e starting, c *core, spec Spec) (_ invoker.Environment, err error) {
	if c.sandbox, err = s.Platform.Sandbox(ctx, spec); err != nil {
		return nil, c.broken(err)
	}
	if err := e.start(ctx); err != nil {
		e.Close()
		return nil, err
	}
	return e, nil
}

// starting is an environment that is started.
type starting interface {
	invoker.Environment

	// start runs Init. If it returns an error, the environment is of no use and has to be closed.
	start(ctx context.Context) error
}

func newID() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails
	return fmt.Sprintf("%x", b)
}

func (s *Starter) region() string { return cmp.Or(s.Region, config.DefaultRegion) }

// variables returns the variables of [Spec] (AWS: "Working with Lambda environment variables"). Later ones win: Lambda's
// defaults, the function's own, those that Lambda reserves.
func (s *Starter) variables(fn config.Function, id string) map[string]string {
	env := map[string]string{
		"LANG":                     "en_US.UTF-8",
		"TZ":                       ":UTC",
		"AWS_XRAY_CONTEXT_MISSING": "LOG_ERROR",
	}
	if s.AWSEndpoint != "" {
		env["AWS_ENDPOINT_URL"] = s.AWSEndpoint
		env["AWS_ACCESS_KEY_ID"] = "test"
		env["AWS_SECRET_ACCESS_KEY"] = "test"
	}
	for name, value := range fn.Environment.Variables {
		if !strings.HasPrefix(name, "_") { // Lambda keeps these to itself
			env[name] = value
		}
	}
	maps.Copy(env, s.reserved(fn, id))
	return env
}

func (s *Starter) reserved(fn config.Function, id string) map[string]string {
	env := map[string]string{
		"AWS_REGION":                      s.region(),
		"AWS_DEFAULT_REGION":              s.region(),
		"AWS_LAMBDA_FUNCTION_NAME":        fn.Name,
		"AWS_LAMBDA_FUNCTION_VERSION":     runtimeapi.Version,
		"AWS_LAMBDA_FUNCTION_MEMORY_SIZE": strconv.Itoa(fn.Memory()),
		"AWS_LAMBDA_LOG_GROUP_NAME":       "/aws/lambda/" + fn.Name,
		"AWS_LAMBDA_LOG_STREAM_NAME":      time.Now().UTC().Format("2006/01/02/") + "[" + runtimeapi.Version + "]" + id,
	}
	if fn.MultiConcurrent() { // its presence makes clients take several events at once
		env["AWS_LAMBDA_MAX_CONCURRENCY"] = strconv.Itoa(fn.PerEnvironment())
	}
	if fn.Handler != "" {
		env["_HANDLER"] = fn.Handler
	}
	if fn.Runtime != "" && !strings.HasPrefix(fn.Runtime, "provided") {
		env["AWS_EXECUTION_ENV"] = "AWS_Lambda_" + fn.Runtime
	}
	if logging := fn.LoggingConfig; logging.JSON() {
		env["AWS_LAMBDA_LOG_FORMAT"] = logging.LogFormat
		env["AWS_LAMBDA_LOG_LEVEL"] = cmp.Or(logging.ApplicationLogLevel, "INFO")
	}
	return env
}

// runtimeVariables are those that Lambda does not give to extensions, besides all that begin with _.
var runtimeVariables = []string{
	"AWS_EXECUTION_ENV", "AWS_LAMBDA_LOG_GROUP_NAME", "AWS_LAMBDA_LOG_STREAM_NAME",
	"AWS_XRAY_CONTEXT_MISSING", "AWS_XRAY_DAEMON_ADDRESS", "LAMBDA_RUNTIME_DIR", "LAMBDA_TASK_ROOT",
}

// forExtensions returns the variables of external extensions, made from those of the runtime.
func forExtensions(env map[string]string) map[string]string {
	kept := maps.Clone(env)
	maps.DeleteFunc(kept, func(name, _ string) bool {
		return strings.HasPrefix(name, "_") || slices.Contains(runtimeVariables, name)
	})
	return kept
}
