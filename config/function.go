package config

import (
	"cmp"
	"maps"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"
)

// Function is the user's description of a function: Lambda's CreateFunction, plus the ways to run a handler here.
// Exactly one of Command, Runtime and InvokeEndpoint is set. Numbers are in Lambda's units.
type Function struct {
	Name        string // the key under Functions
	FunctionArn string // made from region, account and Name

	Command        []string // a process that speaks the Runtime API
	Runtime        string   // python3.x, nodejs*.x, provided.*: a process started by a bundled bootstrap
	Handler        string   // module.function, for Runtime
	CodeUri        string   // the code's directory; the working directory of Command and Runtime; absolute once loaded
	InvokeEndpoint string   // a URL that answers Lambda's Invoke
	Architectures  []string // x86_64 or arm64, that of this machine; empty means that

	Role        string // only shown
	MemorySize  int    // MB; 0 means 128
	Timeout     int    // seconds, 1-900; 0 means 3
	Environment struct {
		Variables map[string]string
	}
	LoggingConfig struct {
		LogFormat string // Text or JSON; empty means Text
	}

	// ReservedConcurrentExecutions is set aside for this function and is also its limit. Nil shares the pool.
	ReservedConcurrentExecutions *int
}

// Limits of Lambda that functions inherit when they say nothing (AWS: "Lambda quotas").
const (
	DefaultTimeout    = 3   // seconds
	DefaultMemorySize = 128 // MB
)

// Limits of Lambda that functions keep (AWS: "Lambda quotas").
const (
	MaxTimeout     = 900   // seconds
	MaxMemorySize  = 10240 // MB
	MaxEnvironment = 4096  // bytes of names and values together

	// MaxConcurrency bounds reservations and pools. On AWS the account's quota does.
	MaxConcurrency = 1_000_000
)

// TimeLimit is how long one invocation may take.
func (f Function) TimeLimit() time.Duration {
	return time.Duration(cmp.Or(f.Timeout, DefaultTimeout)) * time.Second
}

// Memory is how much memory the function is configured with, in MB.
func (f Function) Memory() int { return cmp.Or(f.MemorySize, DefaultMemorySize) }

// Defaults is f with what the user left out filled in, as Lambda does. Ways to run it, ARNs and paths stay as they are.
func (f Function) Defaults() Function {
	f.Timeout = cmp.Or(f.Timeout, DefaultTimeout)
	f.MemorySize = cmp.Or(f.MemorySize, DefaultMemorySize)
	f.LoggingConfig.LogFormat = cmp.Or(f.LoggingConfig.LogFormat, "Text")
	return f
}

// SplitQualifier parts a function's name from its qualifier (a version, an alias or $LATEST), which may be empty.
func SplitQualifier(function string) (name, qualifier string) {
	name, qualifier, _ = strings.Cut(function, ":")
	return name, qualifier
}

// Validate tells everything that Lambda would refuse in a function, and what this engine cannot honour. It looks at f
// alone, not at the files that it names.
func (f Function) Validate() []Problem {
	var found problems
	if !ValidFunctionName(f.Name) {
		found.add("", "a function's name has 1 to 64 letters, digits, - and _")
	}
	f.checkWay(&found)
	f.checkNumbers(&found)
	f.checkVariables(&found)
	if f.Role != "" && !roleForm.MatchString(f.Role) {
		found.add("Role", "is not the ARN of an IAM role (arn:aws:iam::<account>:role/<name>)")
	}
	if !slices.Contains([]string{"", "Text", "JSON"}, f.LoggingConfig.LogFormat) {
		found.add("LoggingConfig.LogFormat", "is neither Text nor JSON")
	}
	return found
}

var (
	nameForm    = regexp.MustCompile(`^[a-zA-Z0-9_-]{1,64}$`)
	roleForm    = regexp.MustCompile(`^arn:aws[a-zA-Z-]*:iam::\d{12}:role/[a-zA-Z0-9+=,.@_/-]+$`)
	runtimeForm = regexp.MustCompile(`^(python3\.\d+|nodejs\d+\.x|provided|provided\.[a-z0-9]+)$`)
	handlerForm = regexp.MustCompile(`^[^\s.][^\s]*\.[^\s.]+$`)
)

// ValidFunctionName says whether name can be a function's, without qualifier.
func ValidFunctionName(name string) bool { return nameForm.MatchString(name) }

// checkWay checks that f says exactly one way to run it, and that way.
func (f Function) checkWay(found *problems) {
	var ways []string
	for _, way := range []struct {
		key   string
		given bool
	}{{"Command", len(f.Command) > 0}, {"Runtime", f.Runtime != ""}, {"InvokeEndpoint", f.InvokeEndpoint != ""}} {
		if way.given {
			ways = append(ways, way.key)
		}
	}
	switch {
	case len(ways) == 0:
		found.add("Runtime", "is missing, and so are Command and InvokeEndpoint: give exactly one of them")
	case len(ways) > 1:
		found.add(ways[1], "stands beside %s: give exactly one of Command, Runtime and InvokeEndpoint", ways[0])
	case f.Runtime != "":
		f.checkRuntime(found)
	case f.InvokeEndpoint != "":
		f.checkRemote(found)
	case f.Command[0] == "":
		found.add("Command[0]", "is empty: it names the program to run")
	}
}

func (f Function) checkRuntime(found *problems) {
	if !runtimeForm.MatchString(f.Runtime) {
		found.add("Runtime", "is none of python3.x, nodejs*.x, provided.al2023 and provided.al2: "+
			"run another language by Command, with its runtime interface client")
		return
	}
	switch {
	case strings.HasPrefix(f.Runtime, "provided"):
	case f.Handler == "":
		found.add("Handler", "is missing: this runtime needs it as module.function, such as app.lambda_handler")
	case !handlerForm.MatchString(f.Handler):
		found.add("Handler", "is not of the form module.function, such as app.lambda_handler or dist/index.handler")
	}
	if len(f.Handler) > 128 {
		found.add("Handler", "is %d characters long, above 128", len(f.Handler))
	}
}

// checkRemote refuses what is settled where a remote function lives.
func (f Function) checkRemote(found *problems) {
	if u, err := url.Parse(f.InvokeEndpoint); err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		found.add("InvokeEndpoint", "is not a URL such as http://localhost:8080")
	}
	for _, other := range []struct {
		key   string
		given bool
	}{
		{"Handler", f.Handler != ""},
		{"CodeUri", f.CodeUri != ""},
		{"MemorySize", f.MemorySize != 0},
		{"Environment", len(f.Environment.Variables) > 0},
		{"LoggingConfig", f.LoggingConfig.LogFormat != ""},
	} {
		if other.given {
			found.add(other.key, "has no effect beside InvokeEndpoint: set it where that function runs, and leave it out here")
		}
	}
}

func (f Function) checkNumbers(found *problems) {
	if f.Timeout != 0 {
		found.within("Timeout", f.Timeout, 1, MaxTimeout)
	}
	if f.MemorySize != 0 {
		found.within("MemorySize", f.MemorySize, DefaultMemorySize, MaxMemorySize)
	}
	if f.ReservedConcurrentExecutions != nil {
		found.within("ReservedConcurrentExecutions", *f.ReservedConcurrentExecutions, 0, MaxConcurrency)
	}
}

// reservedVariables are set by Lambda itself (AWS: "Working with Lambda environment variables"). Those of credentials are
// missing here: Lambda takes them from the function's role, which nobody assumes for it here, and so a function gets
// what its variables name.
var reservedVariables = []string{
	"_HANDLER", "_X_AMZN_TRACE_ID", "AWS_REGION", "AWS_DEFAULT_REGION", "AWS_EXECUTION_ENV",
	"AWS_LAMBDA_FUNCTION_NAME", "AWS_LAMBDA_FUNCTION_VERSION", "AWS_LAMBDA_FUNCTION_MEMORY_SIZE",
	"AWS_LAMBDA_INITIALIZATION_TYPE", "AWS_LAMBDA_LOG_GROUP_NAME", "AWS_LAMBDA_LOG_STREAM_NAME",
	"AWS_LAMBDA_RUNTIME_API", "LAMBDA_TASK_ROOT", "LAMBDA_RUNTIME_DIR", "AWS_LAMBDA_MAX_CONCURRENCY",
	"AWS_LAMBDA_METADATA_API", "AWS_LAMBDA_METADATA_TOKEN",
}

var variableForm = regexp.MustCompile(`^[a-zA-Z][a-zA-Z0-9_]+$`)

func (f Function) checkVariables(found *problems) {
	size := 0
	for _, name := range slices.Sorted(maps.Keys(f.Environment.Variables)) {
		value := f.Environment.Variables[name]
		size += len(name) + len(value)
		switch path := Member("Environment.Variables", name); {
		case slices.Contains(reservedVariables, name):
			found.add(path, "is set by Lambda itself and reserved: choose another name")
		case !variableForm.MatchString(name):
			found.add(path, "a variable's name has two or more letters, digits and _, and begins with a letter")
		case strings.Contains(value, "\x00"):
			found.add(path, "holds a zero byte, which no process can be given")
		}
	}
	if size > MaxEnvironment {
		found.add("Environment.Variables", "has %d bytes of names and values, above %d", size, MaxEnvironment)
	}
}
