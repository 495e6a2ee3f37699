package config

import "regexp"

// CapacityProvider holds Lambda's settings of multi-concurrency (AWS: API reference of CapacityProviderConfig). There are no
// capacity providers here: only the concurrency of an environment counts.
type CapacityProvider struct {
	LambdaManagedInstancesCapacityProviderConfig ManagedInstances
}

// ManagedInstances is a member of [CapacityProvider].
type ManagedInstances struct {
	PerExecutionEnvironmentMaxConcurrency int // 1-1600
}

// MaxPerEnvironment is the highest PerExecutionEnvironmentMaxConcurrency.
const MaxPerEnvironment = 1600

// MultiConcurrent reports whether f's environments run several invocations at once, as Lambda Managed Instances do, even if
// their number is one.
func (f Function) MultiConcurrent() bool { return f.CapacityProviderConfig != nil }

// PerEnvironment returns how many invocations an environment of f runs at once.
func (f Function) PerEnvironment() int {
	if f.CapacityProviderConfig == nil {
		return 1
	}
	return f.CapacityProviderConfig.LambdaManagedInstancesCapacityProviderConfig.PerExecutionEnvironmentMaxConcurrency
}

// Logging returns LoggingConfig, in which the format is JSON for a multi-concurrent function: lines of several invocations
// are told apart by their members only.
func (f Function) Logging() Logging {
	l := f.LoggingConfig
	if f.MultiConcurrent() {
		l.LogFormat = "JSON"
	}
	return l
}

// bundledRuntime is run by a bundled bootstrap, which takes one event after the other.
var bundledRuntime = regexp.MustCompile(`^(python|nodejs)`)

func (f Function) checkConcurrency(found *problems) {
	if !f.MultiConcurrent() || f.InvokeEndpoint != "" {
		return
	}
	found.within("CapacityProviderConfig.LambdaManagedInstancesCapacityProviderConfig.PerExecutionEnvironmentMaxConcurrency",
		f.PerEnvironment(), 1, MaxPerEnvironment)
	if f.Freeze {
		found.add("Freeze", "is not for a function with CapacityProviderConfig, whose environments are never frozen, as on Lambda: remove it")
	}
	if f.LoggingConfig.LogFormat == "Text" {
		found.add("LoggingConfig.LogFormat", "is Text, and a function with CapacityProviderConfig logs JSON only, as on Lambda: remove it")
	}
	if !f.InContainer() && bundledRuntime.MatchString(f.Runtime) {
		found.add("Runtime", "is run by a bootstrap that takes one event after the other, so CapacityProviderConfig has no effect: "+
			"give Command with the runtime interface client of AWS, or run the function in containers")
	}
}
