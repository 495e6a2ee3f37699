package config_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/esm-run/esm/config"
)

func TestValidateFunction(t *testing.T) {
	set := func(name, value string) func(*config.Function) {
		return func(f *config.Function) { f.Environment.Variables = map[string]string{name: value} }
	}
	for _, c := range []struct {
		name   string
		change func(*config.Function)
		want   []string
	}{
		{"a command", func(f *config.Function) {}, nil},
		{"no way", func(f *config.Function) { f.Command = nil }, []string{"Runtime"}},
		{"two ways", func(f *config.Function) { f.Runtime = "provided.al2023" }, []string{"Runtime"}},
		{"an empty command", func(f *config.Function) { f.Command = []string{"", "x"} }, []string{"Command[0]"}},
		{"a handler for a command", func(f *config.Function) { f.Handler = "app.handler" }, nil},
		{"python", func(f *config.Function) { f.Command, f.Runtime, f.Handler = nil, "python3.13", "pkg/app.handler" }, nil},
		{"node", func(f *config.Function) { f.Command, f.Runtime, f.Handler = nil, "nodejs22.x", "index.routes.handler" }, nil},
		{"provided", func(f *config.Function) { f.Command, f.Runtime = nil, "provided.al2023" }, nil},
		{"another runtime", func(f *config.Function) { f.Command, f.Runtime, f.Handler = nil, "java21", "a.B::c" }, []string{"Runtime"}},
		{"no handler", func(f *config.Function) { f.Command, f.Runtime = nil, "python3.13" }, []string{"Handler"}},
		{"half a handler", func(f *config.Function) { f.Command, f.Runtime, f.Handler = nil, "python3.13", "app." }, []string{"Handler"}},
		{"a long handler", func(f *config.Function) { f.Command, f.Runtime, f.Handler = nil, "provided", strings.Repeat("h", 129) }, []string{"Handler"}},
		{"remote", func(f *config.Function) {
			f.Command, f.InvokeEndpoint, f.Timeout = nil, "https://lambda.us-east-1.amazonaws.com", 60
		}, nil},
		{"remote with code", func(f *config.Function) { f.Command, f.InvokeEndpoint, f.CodeUri = nil, "http://localhost:1", "/src" }, []string{"CodeUri"}},
		{"remote nowhere", func(f *config.Function) { f.Command, f.InvokeEndpoint = nil, "localhost:8080" }, []string{"InvokeEndpoint"}},
		{"a name", func(f *config.Function) { f.Name = "a:b" }, []string{""}},
		{"no name", func(f *config.Function) { f.Name = "" }, []string{""}},
		{"a long name", func(f *config.Function) { f.Name = strings.Repeat("a", 65) }, []string{""}},
		{"numbers", func(f *config.Function) { f.Timeout, f.MemorySize, f.ReservedConcurrentExecutions = 901, 127, new(-1) }, []string{"Timeout", "MemorySize", "ReservedConcurrentExecutions"}},
		{"limits", func(f *config.Function) { f.Timeout, f.MemorySize, f.ReservedConcurrentExecutions = 900, 10240, new(0) }, nil},
		{"a role", func(f *config.Function) { f.Role = "orders" }, []string{"Role"}},
		{"a log format", func(f *config.Function) { f.LoggingConfig.LogFormat = "text" }, []string{"LoggingConfig.LogFormat"}},
		{"levels", func(f *config.Function) {
			f.LoggingConfig = config.Logging{LogFormat: "JSON", ApplicationLogLevel: "FATAL", SystemLogLevel: "DEBUG"}
		}, nil},
		{"levels of text", func(f *config.Function) { f.LoggingConfig.SystemLogLevel = "WARN" }, []string{"LoggingConfig.SystemLogLevel"}},
		{"unknown levels", func(f *config.Function) {
			f.LoggingConfig = config.Logging{LogFormat: "JSON", ApplicationLogLevel: "info", SystemLogLevel: "ERROR"}
		},
			[]string{"LoggingConfig.ApplicationLogLevel", "LoggingConfig.SystemLogLevel"}},
		{"a variable", set("TABLE", "orders"), nil},
		{"an overridable variable", set("TZ", "Europe/Berlin"), nil},
		{"a reserved variable", set("AWS_REGION", "x"), []string{"Environment.Variables.AWS_REGION"}},
		{"credentials", set("AWS_ACCESS_KEY_ID", "x"), nil},
		{"a variable's name", set("1", "x"), []string{"Environment.Variables.1"}},
		{"an odd variable's name", set("a.b", "x"), []string{`Environment.Variables["a.b"]`}},
		{"a zero byte", set("AB", "\x00"), []string{"Environment.Variables.AB"}},
		{"4096 bytes", set("AB", strings.Repeat("x", 4094)), nil},
		{"4097 bytes", set("AB", strings.Repeat("x", 4095)), []string{"Environment.Variables"}},
	} {
		f := config.Function{Name: "orders", Command: []string{"./bootstrap"}}
		c.change(&f)
		if found := f.Validate(); !slices.Equal(paths(found), c.want) {
			t.Errorf("%s: got %q, want problems of %q", c.name, found, c.want)
		}
	}
}

func TestFunctionDefaults(t *testing.T) {
	f := config.Function{Name: "orders"}.Defaults()
	if f.TimeLimit() != 3*time.Second || f.Timeout != 3 || f.MemorySize != 128 || f.LoggingConfig.LogFormat != "Text" {
		t.Errorf("got %+v", f)
	}
	f = config.Function{Timeout: 9, MemorySize: 512}.Defaults()
	if f.TimeLimit() != 9*time.Second || f.MemorySize != 512 {
		t.Errorf("got %+v", f)
	}
}
