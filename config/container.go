package config

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// The values of Function.Run.
const (
	RunProcess   = "process"
	RunContainer = "container"
)

// ImageConfig replaces settings of an image (AWS: API reference of ImageConfig). What is empty stays as the image says.
type ImageConfig struct {
	EntryPoint       []string
	Command          []string
	WorkingDirectory string
}

// Empty reports whether everything stays as the image says.
func (c ImageConfig) Empty() bool {
	return len(c.EntryPoint) == 0 && len(c.Command) == 0 && c.WorkingDirectory == ""
}

// ContainerSettings are the engine's own settings of a function's containers.
type ContainerSettings struct {
	User     string // user and group, as numbers (1000:1000), or "image" for the image's own; empty means 993:990
	Internal bool   // no way out of the container's network
	CPULimit bool   // CPU time in proportion to MemorySize, at most, once Init is over; otherwise only when CPUs are short
}

// Lambda's limits of containers (AWS: API reference of ImageConfig, "Lambda quotas").
const (
	MaxImageArguments   = 1500 // items of EntryPoint, and of Command
	MaxWorkingDirectory = 1000 // characters
	MaxLayers           = 5
	MinEphemeralStorage = 512   // MB
	MaxEphemeralStorage = 10240 // MB
)

// InContainer reports whether f runs in containers.
func (f Function) InContainer() bool { return f.ImageUri != "" || f.Run == RunContainer }

// Image returns the image of f's containers: ImageUri or BaseImage. It is empty for a function that does not run in containers.
func (f Function) Image() string {
	if !f.InContainer() {
		return ""
	}
	return cmp.Or(f.ImageUri, f.BaseImage)
}

// Storage returns the size of /tmp in MB.
func (f Function) Storage() int { return cmp.Or(f.EphemeralStorage.Size, MinEphemeralStorage) }

// imageForm is a reference of an image, as Docker reads it, or its ID.
var imageForm = regexp.MustCompile(`^(sha256:[0-9a-f]{64}|` +
	`([a-zA-Z0-9][a-zA-Z0-9.-]*(:\d+)?/)?[a-z0-9]+([._-]+[a-z0-9]+)*(/[a-z0-9]+([._-]+[a-z0-9]+)*)*(:\w[\w.-]{0,127})?(@sha256:[0-9a-f]{64})?)$`)

const badImage = "is not the name of an image, such as orders:latest or public.ecr.aws/lambda/python:3.12"

// checkImage checks a function with an ImageUri, which has everything in its image.
func (f Function) checkImage(found *problems) {
	if !imageForm.MatchString(f.ImageUri) {
		found.add("ImageUri", badImage)
	}
	for _, path := range given(member{"Handler", f.Handler != ""}, member{"CodeUri", f.CodeUri != ""}, member{"Layers", len(f.Layers) > 0}) {
		found.add(path, "is not for a function with ImageUri, as on Lambda: put it into the image, and remove it here")
	}
	if f.BaseImage != "" {
		found.add("BaseImage", "is given together with ImageUri: ImageUri is the whole function; for code outside of its image, give Runtime, Handler and CodeUri instead of ImageUri")
	}
	if f.Run == RunProcess {
		found.add("Run", "is process, and ImageUri runs in a container: remove one of them")
	}
}

// checkContainer checks the members that only containers have.
func (f Function) checkContainer(found *problems) {
	if !slices.Contains([]string{"", RunProcess, RunContainer}, f.Run) {
		found.add("Run", "is neither process nor container")
		return
	}
	f.checkImageConfig(found)
	if f.EphemeralStorage.Size != 0 {
		found.within("EphemeralStorage.Size", f.EphemeralStorage.Size, MinEphemeralStorage, MaxEphemeralStorage)
	}
	if u := f.Container.User; u != "" && !userForm.MatchString(u) {
		found.add("Container.User", `is neither numbers of a user and a group, such as "1000:1000", nor image`)
	}
	switch {
	case f.InvokeEndpoint != "" || f.ImageUri != "": // checked with these
	case f.Run == RunContainer:
		f.checkBase(found)
	default:
		f.refuseContainerMembers(found)
	}
}

var userForm = regexp.MustCompile(`^(\d{1,10}(:\d{1,10})?|image)$`)

func (f Function) checkImageConfig(found *problems) {
	c := f.ImageConfig
	if f.ImageUri == "" && f.InvokeEndpoint == "" && !c.Empty() {
		found.add("ImageConfig", "is for a function with ImageUri: remove it")
		return
	}
	for _, list := range []struct {
		path  string
		items []string
	}{{"ImageConfig.EntryPoint", c.EntryPoint}, {"ImageConfig.Command", c.Command}} {
		if len(list.items) > MaxImageArguments {
			found.add(list.path, "has %d items, above %d", len(list.items), MaxImageArguments)
		}
	}
	if len(c.EntryPoint) > 0 && c.EntryPoint[0] == "" {
		found.add("ImageConfig.EntryPoint[0]", "is empty: it names the program to run")
	}
	found.notLonger("ImageConfig.WorkingDirectory", c.WorkingDirectory, MaxWorkingDirectory)
	if c.WorkingDirectory != "" && !strings.HasPrefix(c.WorkingDirectory, "/") {
		found.add("ImageConfig.WorkingDirectory", "is not an absolute path in the image, such as /var/task")
	}
}

// checkBase checks a function whose Run is container.
func (f Function) checkBase(found *problems) {
	switch {
	case len(f.Command) > 0:
		found.add("Run", "is container, and Command runs a process: give Runtime with BaseImage, or ImageUri with ImageConfig.Command")
	case f.BaseImage == "":
		found.add("BaseImage", "is missing: Run: container needs the image that runs the code, such as %s", suggestedBase(f.Runtime))
	case !imageForm.MatchString(f.BaseImage):
		found.add("BaseImage", badImage)
	}
}

// suggestedBase returns AWS's base image of a runtime.
func suggestedBase(runtime string) string {
	if m := baseForm.FindStringSubmatch(runtime); m != nil {
		return "public.ecr.aws/lambda/" + m[1] + ":" + m[2]
	}
	return "public.ecr.aws/lambda/provided:al2023"
}

var baseForm = regexp.MustCompile(`^(python|nodejs|provided|java|ruby|dotnet)\.?(\d+(?:\.\d+|\.al2)?|al\d+)(?:\.x)?$`)

// refuseContainerMembers refuses the members of containers in a function that is run by processes.
func (f Function) refuseContainerMembers(found *problems) {
	if f.BaseImage != "" {
		found.add("BaseImage", "has no effect without Run: container: add that, or remove it")
	}
	if f.EphemeralStorage.Size != 0 {
		found.add("EphemeralStorage", "is a container's, and nothing limits the files of a process: remove it, or run the function in containers")
	}
	for _, path := range given(
		member{"Container.User", f.Container.User != ""}, member{"Container.Internal", f.Container.Internal}, member{"Container.CPULimit", f.Container.CPULimit},
	) {
		found.add(path, "has no effect on a process: remove it, or run the function in containers (ImageUri, or Run: container)")
	}
}

// checkLayers checks what Layers name, but not that it exists.
func (f Function) checkLayers(found *problems) {
	if n := len(f.Layers); n > MaxLayers {
		found.add("Layers", "has %d items, above %d", n, MaxLayers)
	}
	for i, layer := range f.Layers {
		switch path := fmt.Sprintf("Layers[%d]", i); {
		case layer == "":
			found.add(path, "is empty: it names a directory or a .zip file")
		case strings.HasPrefix(layer, "arn:") || strings.Contains(layer, "://"):
			found.add(path, "is not on this machine, and this version does not fetch layers: name a directory or a .zip file")
		}
	}
}
