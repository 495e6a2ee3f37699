package process

import (
	"cmp"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/esm-run/esm/invoker/lifecycle"
)

// marker is the variable that shows to which sandbox a process belongs, wherever it has moved.
const marker = "ESM_ENVIRONMENT"

const apiHost = "127.0.0.1"

// runtimeVariables returns those of a sandbox's runtimes, but for the address of the Runtime API.
func runtimeVariables(spec lifecycle.Spec, p program, private string) map[string]string {
	env := variables(spec, p, private)
	env["LAMBDA_TASK_ROOT"] = p.dir
	env["LAMBDA_RUNTIME_DIR"] = p.dir
	maps.Copy(env, p.env)
	return env
}

// extensionVariables returns those of its external extensions.
func extensionVariables(spec lifecycle.Spec, p program, private string) map[string]string {
	spec.Env = spec.ExtensionEnv
	return variables(spec, p, private)
}

// variables returns those that all processes of a sandbox have. Nothing is inherited from this program except PATH: a
// development machine has no /var/lang.
//
// Layers have no /opt here. Their programs, libraries and modules are found by the variables with which Lambda finds those
// in /opt, and which the function's own replace, as there.
//
// HOME and TMPDIR are the sandbox's private directory. Lambda sets no HOME; but without one, AWS's SDKs look up the
// user's real home and would find credentials there that the function was never given.
func variables(spec lifecycle.Spec, p program, private string) map[string]string {
	env := map[string]string{
		"PATH":            os.Getenv("PATH"),
		"LD_LIBRARY_PATH": p.dir + ":" + filepath.Join(p.dir, "lib"),
		"HOME":            private,
		"TMPDIR":          private,
	}
	addLayers(env, spec.Function)
	maps.Copy(env, spec.Env)
	bypassProxy(env)
	env[marker] = spec.ID
	return env
}

// bypassProxy excludes the Runtime API from a proxy that the function names: several clients, older aws-lambda-go among
// them, would send their requests there.
func bypassProxy(env map[string]string) {
	upper, lower := env["NO_PROXY"], env["no_proxy"]
	env["NO_PROXY"] = strings.TrimPrefix(cmp.Or(upper, lower)+","+apiHost, ",")
	env["no_proxy"] = strings.TrimPrefix(cmp.Or(lower, upper)+","+apiHost, ",")
}

// environ returns env in the form of os/exec, sorted.
func environ(env map[string]string) []string {
	list := make([]string, 0, len(env))
	for name, value := range env {
		list = append(list, name+"="+value)
	}
	slices.Sort(list)
	return list
}
