package process

import (
	"cmp"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/esm-run/esm/config"
	"github.com/esm-run/esm/invoker/runtimeapi"
)

// marker is the variable by which a process is known to belong to an environment, wherever it has gone.
const marker = "ESM_ENVIRONMENT"

const apiHost = "127.0.0.1"

// variables are those of a function's processes (AWS: "Working with Lambda environment variables"), but for the address
// of the Runtime API. Nothing is inherited from this program except PATH: a development machine has no /var/lang. Later
// ones win: defaults, the function's own, those that Lambda reserves.
//
// HOME and TMPDIR are the environment's private directory. Lambda sets no HOME; but without one, AWS's SDKs look up the
// user's real home and would find credentials there that the function was never given.
func (s *Starter) variables(fn config.Function, p program, id, private string) map[string]string {
	env := s.defaults(p.dir, private)
	for name, value := range fn.Environment.Variables {
		if !strings.HasPrefix(name, "_") { // Lambda keeps these to itself
			env[name] = value
		}
	}
	bypassProxy(env)
	maps.Copy(env, s.reserved(fn, p.dir, id))
	maps.Copy(env, p.env)
	return env
}

func (s *Starter) defaults(dir, private string) map[string]string {
	env := map[string]string{
		"PATH":                     os.Getenv("PATH"),
		"LD_LIBRARY_PATH":          dir + ":" + filepath.Join(dir, "lib"),
		"LANG":                     "en_US.UTF-8",
		"TZ":                       ":UTC",
		"HOME":                     private,
		"TMPDIR":                   private,
		"AWS_XRAY_CONTEXT_MISSING": "LOG_ERROR",
	}
	if s.AWSEndpoint != "" {
		env["AWS_ENDPOINT_URL"] = s.AWSEndpoint
		env["AWS_ACCESS_KEY_ID"] = "test"
		env["AWS_SECRET_ACCESS_KEY"] = "test"
	}
	return env
}

func (s *Starter) reserved(fn config.Function, dir, id string) map[string]string {
	region := s.region()
	env := map[string]string{
		marker:                            id,
		"AWS_REGION":                      region,
		"AWS_DEFAULT_REGION":              region,
		"AWS_LAMBDA_FUNCTION_NAME":        fn.Name,
		"AWS_LAMBDA_FUNCTION_VERSION":     runtimeapi.Version,
		"AWS_LAMBDA_FUNCTION_MEMORY_SIZE": strconv.Itoa(fn.Memory()),
		"AWS_LAMBDA_INITIALIZATION_TYPE":  "on-demand",
		"AWS_LAMBDA_LOG_GROUP_NAME":       "/aws/lambda/" + fn.Name,
		"AWS_LAMBDA_LOG_STREAM_NAME":      time.Now().UTC().Format("2006/01/02/") + "[" + runtimeapi.Version + "]" + id,
		"LAMBDA_TASK_ROOT":                dir,
		"LAMBDA_RUNTIME_DIR":              dir,
	}
	if fn.Handler != "" {
		env["_HANDLER"] = fn.Handler
	}
	if fn.Runtime != "" && !strings.HasPrefix(fn.Runtime, "provided") {
		env["AWS_EXECUTION_ENV"] = "AWS_Lambda_" + fn.Runtime
	}
	if fn.LoggingConfig.LogFormat == jsonFormat {
		env["AWS_LAMBDA_LOG_FORMAT"] = jsonFormat
		env["AWS_LAMBDA_LOG_LEVEL"] = "INFO"
	}
	return env
}

// bypassProxy keeps requests to the Runtime API away from a proxy that the function names: several clients, older
// aws-lambda-go among them, would send them there.
func bypassProxy(env map[string]string) {
	upper, lower := env["NO_PROXY"], env["no_proxy"]
	env["NO_PROXY"] = strings.TrimPrefix(cmp.Or(upper, lower)+","+apiHost, ",")
	env["no_proxy"] = strings.TrimPrefix(cmp.Or(lower, upper)+","+apiHost, ",")
}

// environ is env in the form of os/exec, sorted.
func environ(env map[string]string) []string {
	list := make([]string, 0, len(env))
	for name, value := range env {
		list = append(list, name+"="+value)
	}
	slices.Sort(list)
	return list
}
