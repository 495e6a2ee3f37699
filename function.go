package esm

import (
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

// TimeLimit is how long one invocation may take.
func (f Function) TimeLimit() time.Duration {
	if f.Timeout == 0 {
		return DefaultTimeout * time.Second
	}
	return time.Duration(f.Timeout) * time.Second
}

// SplitQualifier parts a function's name from its qualifier (a version, an alias or $LATEST), which may be empty.
func SplitQualifier(function string) (name, qualifier string) {
	name, qualifier, _ = strings.Cut(function, ":")
	return name, qualifier
}
