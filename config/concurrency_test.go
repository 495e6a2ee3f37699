package config_test

import (
	"testing"

	"github.com/esm-run/esm/config"
)

func TestMultiConcurrency(t *testing.T) {
	fn := config.Function{Name: "f", Command: []string{"x"}}
	if fn.MultiConcurrent() || fn.PerEnvironment() != 1 || fn.Logging().JSON() {
		t.Errorf("without a setting: %+v", fn)
	}
	for n, problems := range map[int]int{0: 1, 1: 0, 1600: 0, 1601: 1} {
		fn.CapacityProviderConfig = new(config.CapacityProvider)
		fn.CapacityProviderConfig.LambdaManagedInstancesCapacityProviderConfig.PerExecutionEnvironmentMaxConcurrency = n
		if got := fn.Validate(); len(got) != problems {
			t.Errorf("%d: %v, want %d problems", n, got, problems)
		}
		if !fn.MultiConcurrent() || fn.PerEnvironment() != n {
			t.Errorf("%d: got %v, %d", n, fn.MultiConcurrent(), fn.PerEnvironment())
		}
	}
	fn.CapacityProviderConfig.LambdaManagedInstancesCapacityProviderConfig.PerExecutionEnvironmentMaxConcurrency = 2
	fn.LoggingConfig = config.Logging{SystemLogLevel: "WARN"} // needs JSON, which is implied
	if got := fn.Validate(); len(got) != 0 {
		t.Errorf("a level: %v", got)
	}
	if got, want := fn.Defaults().LoggingConfig, (config.Logging{LogFormat: "JSON", ApplicationLogLevel: "INFO", SystemLogLevel: "WARN"}); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
}
