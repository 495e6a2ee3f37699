package config

import (
	"net/url"
	"regexp"
	"strings"
)

// ways returns the members of f that say what runs it. A valid Function has one.
func (f Function) ways() []string {
	return given(
		member{"ImageUri", f.ImageUri != ""},
		member{"Command", len(f.Command) > 0},
		member{"Runtime", f.Runtime != ""},
		member{"InvokeEndpoint", f.InvokeEndpoint != ""},
	)
}

// member is a member of a Function and whether it is set.
type member struct {
	path string
	set  bool
}

// given returns the paths of those members that are set.
func given(members ...member) (paths []string) {
	for _, m := range members {
		if m.set {
			paths = append(paths, m.path)
		}
	}
	return paths
}

// checkHandler checks that f has exactly one way to run its handler, and checks that.
func (f Function) checkHandler(found *problems) {
	switch ways := f.ways(); {
	case len(ways) == 0:
		found.add("Runtime", "is missing, and so are ImageUri, Command and InvokeEndpoint: give exactly one of them")
	case len(ways) > 1:
		found.add(ways[1], "is given together with %s: give exactly one of ImageUri, Command, Runtime and InvokeEndpoint", ways[0])
	case f.Runtime != "":
		f.checkRuntime(found)
	case f.InvokeEndpoint != "":
		f.checkRemote(found)
	case f.ImageUri != "":
		f.checkImage(found)
	case f.Command[0] == "":
		found.add("Command[0]", "is empty: it names the program to run")
	}
}

var (
	processRuntime   = regexp.MustCompile(`^(python3\.\d+|nodejs\d+\.x|provided|provided\.[a-z0-9]+)$`)
	containerRuntime = regexp.MustCompile(`^(python3\.\d+|nodejs\d+\.x|provided(\.[a-z0-9]+)?|java\d+(\.al2)?|ruby\d+\.\d+|dotnet\d+)$`)
	handlerForm      = regexp.MustCompile(`^[^\s.][^\s]*\.[^\s.]+$`)
)

func (f Function) checkRuntime(found *problems) {
	switch {
	case f.InContainer() && !containerRuntime.MatchString(f.Runtime):
		found.add("Runtime", "is none of python3.x, nodejs*.x, provided.*, java*, ruby*.x and dotnet*: "+
			"run another language with ImageUri, or with provided.al2023")
		return
	case !f.InContainer() && !processRuntime.MatchString(f.Runtime):
		found.add("Runtime", "is none of python3.x, nodejs*.x, provided.al2023 and provided.al2: "+
			"run another language with Command and its runtime interface client, or in a container")
		return
	}
	switch {
	case strings.HasPrefix(f.Runtime, "provided"):
	case f.Handler == "":
		found.add("Handler", "is missing: this runtime needs it as module.function, such as app.lambda_handler")
	case processRuntime.MatchString(f.Runtime) && !handlerForm.MatchString(f.Handler):
		found.add("Handler", "is not of the form module.function, such as app.lambda_handler or dist/index.handler")
	}
	if len(f.Handler) > 128 {
		found.add("Handler", "is %d characters long, above 128", len(f.Handler))
	}
}

// checkRemote refuses members that are configured where a remote function lives.
func (f Function) checkRemote(found *problems) {
	if u, err := url.Parse(f.InvokeEndpoint); err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		found.add("InvokeEndpoint", "is not a URL such as http://localhost:8080")
	}
	for _, path := range given(
		member{"Handler", f.Handler != ""},
		member{"CodeUri", f.CodeUri != ""},
		member{"Run", f.Run != ""},
		member{"BaseImage", f.BaseImage != ""},
		member{"ImageConfig", !f.ImageConfig.Empty()},
		member{"Layers", len(f.Layers) > 0},
		member{"EphemeralStorage", f.EphemeralStorage.Size != 0},
		member{"Container", f.Container != ContainerSettings{}},
		member{"MemorySize", f.MemorySize != 0},
		member{"Environment", len(f.Environment.Variables) > 0},
		member{"LoggingConfig", f.LoggingConfig != Logging{}},
		member{"Spares", f.Spares != 0},
		member{"Freeze", f.Freeze},
		member{"CapacityProviderConfig", f.MultiConcurrent()},
		member{"ProvisionedConcurrentExecutions", f.ProvisionedConcurrentExecutions != 0},
	) {
		found.add(path, "has no effect together with InvokeEndpoint: set it where that function runs, and leave it out here")
	}
}
