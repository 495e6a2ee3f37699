package docker

import (
	"cmp"
	"maps"
	"slices"
	"strings"
)

// defaults are variables of [lifecycle.Spec] that an image may set otherwise.
var defaults = []string{"LANG", "TZ", "AWS_XRAY_CONTEXT_MISSING", "AWS_ENDPOINT_URL", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"}

const apiVariable = "AWS_LAMBDA_RUNTIME_API"

// environ returns the variables of a container, beside those that only its image sets (AWS: "Creating Lambda functions using
// container images"). Later ones win: Lambda's defaults, the image's, the function's, those that Lambda reserves.
func (s *sandbox) environ(img *image, endpoint string) map[string]string {
	own := s.spec.Function.Environment.Variables
	env := maps.Clone(s.spec.Env)
	for _, name := range defaults {
		_, inImage := img.env[name]
		if _, set := own[name]; inImage && !set {
			delete(env, name)
		}
	}
	if url := env["AWS_ENDPOINT_URL"]; endpoint != "" && url != "" && url == s.platform.Endpoint {
		env["AWS_ENDPOINT_URL"] = endpoint
	}
	env["LAMBDA_TASK_ROOT"] = taskDir
	env["LAMBDA_RUNTIME_DIR"] = "/var/runtime"
	env[apiVariable] = s.seat.host
	bypassProxy(env, img.env, s.seat.name)
	return env
}

// nameHandler sets _HANDLER to the last argument of the container's program, as the AWS Lambda Runtime Interface Emulator does:
// the client for Node.js takes the handler from there alone. AWS does not say whether Lambda sets it.
func nameHandler(env map[string]string, img *image, argv []string) {
	if _, inImage := img.env["_HANDLER"]; !inImage && env["_HANDLER"] == "" {
		env["_HANDLER"] = argv[len(argv)-1]
	}
}

// bypassProxy excludes host from a proxy that the function or its image names: several clients, older aws-lambda-go among
// them, would send their requests there.
func bypassProxy(env, image map[string]string, host string) {
	upper := cmp.Or(env["NO_PROXY"], image["NO_PROXY"])
	lower := cmp.Or(env["no_proxy"], image["no_proxy"])
	env["NO_PROXY"] = strings.TrimPrefix(cmp.Or(upper, lower)+","+host, ",")
	env["no_proxy"] = strings.TrimPrefix(cmp.Or(lower, upper)+","+host, ",")
}

// list returns env in Docker's form, sorted.
func list(env map[string]string) []string {
	all := make([]string, 0, len(env))
	for name, value := range env {
		all = append(all, name+"="+value)
	}
	slices.Sort(all)
	return all
}

// variables is the reverse of list.
func variables(list []string) map[string]string {
	env := make(map[string]string, len(list))
	for _, one := range list {
		name, value, _ := strings.Cut(one, "=")
		env[name] = value
	}
	return env
}
