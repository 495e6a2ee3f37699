package config

import (
	"cmp"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"
)

// Function is the user's description of a function: the members of Lambda's CreateFunction, and the ways to run a handler
// here. Exactly one of ImageUri, Command, Runtime and InvokeEndpoint is set. Numbers have Lambda's units.
type Function struct {
	Name        string // the key under Functions
	FunctionArn string // made from region, account and Name

	Command        []string // a process that speaks the Runtime API
	Runtime        string   // python3.x, nodejs*.x or provided.*: a process that a bundled bootstrap starts; in containers any of Lambda's
	Handler        string   // module.function, for Runtime
	CodeUri        string   // the code: a directory or a .zip file; where Command and Runtime are started; absolute once loaded
	InvokeEndpoint string   // the URL of a service with Lambda's Invoke

	// ImageUri is the image of a container that runs the function, such as orders:latest.
	ImageUri    string
	ImageConfig ImageConfig

	// Run says how a Runtime is run: as a "process" or in a "container" of BaseImage. Empty means process.
	Run       string
	BaseImage string // the image that runs CodeUri, such as public.ecr.aws/lambda/python:3.12

	// Layers are directories or zip files whose content is at /opt, later ones over earlier ones. Absolute once loaded.
	Layers []string

	EphemeralStorage struct{ Size int } // MB of /tmp in a container, 512-10240; 0 means 512
	Container        ContainerSettings

	// Architectures is x86_64 or arm64, which must be that of this machine, or one that the container engine can run; empty
	// means this machine's.
	Architectures []string

	Role        string // shown by the API; without effect
	MemorySize  int    // MB; 0 means 128
	Timeout     int    // seconds, 1-900; 0 means 3
	Environment struct {
		Variables map[string]string
	}
	LoggingConfig Logging

	// ReservedConcurrentExecutions is the concurrency that is reserved for the function, and its limit. Nil means that the
	// function shares the pool.
	ReservedConcurrentExecutions *int

	// Spares is the number of environments that are kept started and idle, beside those that are busy.
	Spares int

	// Freeze stops an environment while it is idle, as Lambda does.
	Freeze bool

	// CapacityProviderConfig makes each environment run several invocations at once. Nil means one at a time.
	CapacityProviderConfig *CapacityProvider

	// ProvisionedConcurrentExecutions is the number of environments that are started before the first event and kept.
	ProvisionedConcurrentExecutions int

	DeadLetterConfig  struct{ TargetArn string } // where events that were given up go; empty means nowhere
	EventInvokeConfig *EventInvokeConfig         // of asynchronous events; nil means Lambda's defaults

	// FunctionUrlConfig is the configuration of the function's URL. Nil means that it has none.
	FunctionUrlConfig *FunctionURLConfig
}

// Lambda's defaults (AWS: "Lambda quotas").
const (
	DefaultTimeout    = 3   // seconds
	DefaultMemorySize = 128 // MB
)

// Lambda's limits (AWS: "Lambda quotas").
const (
	MaxTimeout     = 900   // seconds
	MaxMemorySize  = 10240 // MB
	MaxEnvironment = 4096  // bytes of names and values together

	// MaxConcurrency is the limit of reservations and pools. On AWS it is a quota of the account.
	MaxConcurrency = 1_000_000
)

// TimeLimit returns the longest time that an invocation may take.
func (f Function) TimeLimit() time.Duration {
	return time.Duration(cmp.Or(f.Timeout, DefaultTimeout)) * time.Second
}

// Memory returns the function's memory size in MB.
func (f Function) Memory() int { return cmp.Or(f.MemorySize, DefaultMemorySize) }

// Defaults returns f with Lambda's defaults for the members that are not set. ARNs and paths stay as they are.
func (f Function) Defaults() Function {
	f.Timeout = cmp.Or(f.Timeout, DefaultTimeout)
	f.MemorySize = cmp.Or(f.MemorySize, DefaultMemorySize)
	f.LoggingConfig = f.Logging().defaults()
	return f
}

// SplitQualifier splits a function's name into the name and its qualifier (a version, an alias or $LATEST), which may be
// empty.
func SplitQualifier(function string) (name, qualifier string) {
	name, qualifier, _ = strings.Cut(function, ":")
	return name, qualifier
}

// Validate returns everything that Lambda would refuse in a function, and what this engine cannot run. It does not look at
// the files that f names.
func (f Function) Validate() []Problem {
	var found problems
	if !validFunctionName(f.Name) {
		found.add("", "a function's name must have 1 to 64 letters, digits, - and _")
	}
	f.checkHandler(&found)
	f.checkContainer(&found)
	f.checkLayers(&found)
	f.checkNumbers(&found)
	f.checkVariables(&found)
	f.checkAsync(&found)
	if f.Role != "" && !roleForm.MatchString(f.Role) {
		found.add("Role", "is not the ARN of an IAM role (arn:aws:iam::<account>:role/<name>)")
	}
	f.checkConcurrency(&found)
	f.Logging().check(&found)
	return found
}

var (
	nameForm = regexp.MustCompile(`^[a-zA-Z0-9_-]{1,64}$`)
	roleForm = regexp.MustCompile(`^arn:aws[a-zA-Z-]*:iam::\d{12}:role/[a-zA-Z0-9+=,.@_/-]+$`)
)

// validFunctionName reports whether name can be the name of a function, without qualifier.
func validFunctionName(name string) bool { return nameForm.MatchString(name) }

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
	found.within("ProvisionedConcurrentExecutions", f.ProvisionedConcurrentExecutions, 0, MaxConcurrency)
	found.within("Spares", f.Spares, 0, MaxConcurrency)
	if r := f.ReservedConcurrentExecutions; r != nil && *r < f.ProvisionedConcurrentExecutions && f.ProvisionedConcurrentExecutions > 0 {
		found.add("ProvisionedConcurrentExecutions", "is %d, above the function's ReservedConcurrentExecutions of %d", f.ProvisionedConcurrentExecutions, *r)
	}
	if r := f.ReservedConcurrentExecutions; r != nil && *r < f.Spares && f.Spares > 0 {
		found.add("Spares", "is %d, above the function's ReservedConcurrentExecutions of %d", f.Spares, *r)
	}
}

// reservedVariables are the variables that Lambda sets (AWS: "Working with Lambda environment variables"), except those of
// credentials. Lambda takes credentials from the function's role; here they are those of the function's variables.
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
			found.add(path, "is reserved, since Lambda sets it: choose another name")
		case !variableForm.MatchString(name):
			found.add(path, "a variable's name must have two or more letters, digits and _, and begin with a letter")
		case strings.Contains(value, "\x00"):
			found.add(path, "contains a zero byte, which no process can receive")
		}
	}
	if size > MaxEnvironment {
		found.add("Environment.Variables", "has %d bytes of names and values, above %d", size, MaxEnvironment)
	}
}
