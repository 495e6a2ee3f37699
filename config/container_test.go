package config_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/esm-run/esm/config"
)

func TestValidateContainers(t *testing.T) {
	many := slices.Repeat([]string{"x"}, 1501)
	for _, c := range []struct {
		name  string
		fn    config.Function
		wants []string
	}{
		{"an image", config.Function{ImageUri: "orders:latest"}, nil},
		{"an image of a registry", config.Function{ImageUri: "123456789012.dkr.ecr.us-east-1.amazonaws.com/team/orders:v1.2_3"}, nil},
		{"an image of a local registry", config.Function{ImageUri: "localhost:5000/orders"}, nil},
		{"an image's digest", config.Function{ImageUri: "orders@sha256:" + strings.Repeat("0a", 32)}, nil},
		{"an image's ID", config.Function{ImageUri: "sha256:" + strings.Repeat("0a", 32)}, nil},
		{"an image's URL", config.Function{ImageUri: "https://registry/orders"}, []string{"ImageUri"}},
		{"an image with an upper-case name", config.Function{ImageUri: "Orders:latest"}, []string{"ImageUri"}},
		{"an image without a tag", config.Function{ImageUri: "orders:"}, []string{"ImageUri"}},
		{"an image with everything", config.Function{
			ImageUri: "orders", ImageConfig: config.ImageConfig{EntryPoint: many[:1500], Command: many[:1500], WorkingDirectory: "/" + strings.Repeat("x", 999)},
			Run: "container", EphemeralStorage: struct{ Size int }{10240}, Spares: 2, Freeze: true, MemorySize: 256, Architectures: []string{"arm64"},
			Container: config.ContainerSettings{User: "image", Internal: true, CPULimit: true},
		}, nil},
		{"long lists", config.Function{ImageUri: "orders", ImageConfig: config.ImageConfig{EntryPoint: many, Command: many, WorkingDirectory: "/" + strings.Repeat("x", 1000)}},
			[]string{"ImageConfig.EntryPoint", "ImageConfig.Command", "ImageConfig.WorkingDirectory"}},
		{"an empty entry point", config.Function{ImageUri: "orders", ImageConfig: config.ImageConfig{EntryPoint: []string{""}}}, []string{"ImageConfig.EntryPoint[0]"}},
		{"a relative working directory", config.Function{ImageUri: "orders", ImageConfig: config.ImageConfig{WorkingDirectory: "task"}}, []string{"ImageConfig.WorkingDirectory"}},
		{"an image and what it contains", config.Function{ImageUri: "orders", Handler: "app.handler", CodeUri: "/src", Layers: []string{"/layer"}},
			[]string{"Handler", "CodeUri", "Layers"}},
		{"an image and a runtime", config.Function{ImageUri: "orders", Runtime: "python3.12", Handler: "app.handler"}, []string{"Runtime"}},
		{"an image and a command", config.Function{ImageUri: "orders", Command: []string{"x"}}, []string{"Command"}},
		{"an image as a process", config.Function{ImageUri: "orders", Run: "process"}, []string{"Run"}},
		{"two images", config.Function{ImageUri: "orders", BaseImage: "base"}, []string{"BaseImage"}},
		{"sizes", config.Function{ImageUri: "orders", EphemeralStorage: struct{ Size int }{511}, Spares: -1}, []string{"EphemeralStorage.Size", "Spares"}},
		{"a large size", config.Function{ImageUri: "orders", EphemeralStorage: struct{ Size int }{10241}}, []string{"EphemeralStorage.Size"}},
		{"a user's name", config.Function{ImageUri: "orders", Container: config.ContainerSettings{User: "root"}}, []string{"Container.User"}},
		{"a user", config.Function{ImageUri: "orders", Container: config.ContainerSettings{User: "0"}}, nil},
		{"more spares than may run", config.Function{ImageUri: "orders", Spares: 3, ReservedConcurrentExecutions: new(2)}, []string{"Spares"}},

		{"a runtime in a container", config.Function{Runtime: "python3.12", Handler: "app.handler", CodeUri: "/src.zip", Run: "container", BaseImage: "python:3.12",
			Layers: []string{"a", "b", "c", "d", "e.zip"}}, nil},
		{"java in a container", config.Function{Runtime: "java21", Handler: "a.B::c", Run: "container", BaseImage: "java:21"}, nil},
		{"java as a process", config.Function{Runtime: "java21", Handler: "a.B::c"}, []string{"Runtime"}},
		{"no runtime of Lambda", config.Function{Runtime: "cobol1", Handler: "a.b", Run: "container", BaseImage: "cobol"}, []string{"Runtime"}},
		{"no handler in a container", config.Function{Runtime: "dotnet8", Run: "container", BaseImage: "dotnet:8"}, []string{"Handler"}},
		{"no base", config.Function{Runtime: "python3.12", Handler: "app.handler", Run: "container"}, []string{"BaseImage"}},
		{"a base that is none", config.Function{Runtime: "python3.12", Handler: "app.handler", Run: "container", BaseImage: "a b"}, []string{"BaseImage"}},
		{"a base for a process", config.Function{Runtime: "python3.12", Handler: "app.handler", BaseImage: "python:3.12"}, []string{"BaseImage"}},
		{"a base for a process that is said to be one", config.Function{Runtime: "python3.12", Handler: "app.handler", Run: "process", BaseImage: "python:3.12"}, []string{"BaseImage"}},
		{"a command in a container", config.Function{Command: []string{"x"}, Run: "container", BaseImage: "base"}, []string{"Run"}},
		{"another way to run", config.Function{Command: []string{"x"}, Run: "vm"}, []string{"Run"}},
		{"settings of images for a base", config.Function{Runtime: "provided.al2023", Run: "container", BaseImage: "base", ImageConfig: config.ImageConfig{Command: []string{"x"}}}, []string{"ImageConfig"}},

		{"a process with what containers have", config.Function{
			Command: []string{"x"}, EphemeralStorage: struct{ Size int }{512}, ImageConfig: config.ImageConfig{Command: []string{"x"}},
			Container: config.ContainerSettings{User: "image", Internal: true, CPULimit: true},
		}, []string{"ImageConfig", "EphemeralStorage", "Container.User", "Container.Internal", "Container.CPULimit"}},
		{"a process with what it may have", config.Function{Command: []string{"x"}, Run: "process", Spares: 1, Freeze: true, Layers: []string{"a"}}, nil},
		{"layers", config.Function{Command: []string{"x"}, Layers: []string{"", "arn:aws:lambda:us-east-1:123456789012:layer:a:1", "s3://b/c.zip", "d", "e", "f"}},
			[]string{"Layers", "Layers[0]", "Layers[1]", "Layers[2]"}},
		{"a remote function", config.Function{
			InvokeEndpoint: "http://h", Run: "container", BaseImage: "base", ImageConfig: config.ImageConfig{Command: []string{"x"}}, Layers: []string{"a"},
			EphemeralStorage: struct{ Size int }{512}, Container: config.ContainerSettings{Internal: true}, Spares: 1, Freeze: true,
		}, []string{"Run", "BaseImage", "ImageConfig", "Layers", "EphemeralStorage", "Container", "Spares", "Freeze"}},
	} {
		c.fn.Name = "orders"
		if found := c.fn.Validate(); !slices.Equal(paths(found), c.wants) {
			t.Errorf("%s: got %q, want problems of %q", c.name, found, c.wants)
		}
	}
}

func TestSuggestedBaseImage(t *testing.T) {
	for runtime, want := range map[string]string{
		"python3.12": "python:3.12", "nodejs22.x": "nodejs:22", "java8.al2": "java:8.al2", "java21": "java:21", "ruby3.3": "ruby:3.3",
		"dotnet8": "dotnet:8", "provided.al2023": "provided:al2023", "provided": "provided:al2023",
	} {
		fn := config.Function{Name: "a", Runtime: runtime, Handler: "a.b", Run: "container"}
		found := fn.Validate()
		if len(found) == 0 || !strings.HasSuffix(found[len(found)-1].Message, " public.ecr.aws/lambda/"+want) {
			t.Errorf("%s: got %q, want %s", runtime, found, want)
		}
	}
}

func TestImageOfAFunction(t *testing.T) {
	for _, c := range []struct {
		fn        config.Function
		image     string
		container bool
	}{
		{config.Function{Command: []string{"x"}}, "", false},
		{config.Function{ImageUri: "a"}, "a", true},
		{config.Function{Run: "container", BaseImage: "b"}, "b", true},
		{config.Function{Run: "process", BaseImage: "b"}, "", false},
	} {
		if c.fn.Image() != c.image || c.fn.InContainer() != c.container {
			t.Errorf("%+v: got %q, %v", c.fn, c.fn.Image(), c.fn.InContainer())
		}
	}
	if got := (config.Function{}).Storage(); got != 512 {
		t.Errorf("got %d MB", got)
	}
}
