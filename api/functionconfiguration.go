package api

import (
	"cmp"
	"encoding/json"
	"fmt"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"

	"github.com/google/uuid"

	"github.com/esm-run/esm/config"
)

// functionConfiguration is a function as Lambda's answers show it (AWS: API reference of Lambda, FunctionConfiguration),
// without the members that no function here has.
type functionConfiguration struct {
	FunctionName     string
	FunctionArn      string
	Runtime          string `json:",omitempty"`
	Role             string `json:",omitempty"`
	Handler          string `json:",omitempty"`
	CodeSize         int
	Description      string
	Timeout          int
	MemorySize       int
	LastModified     string
	CodeSha256       string
	Version          string
	Environment      *environment      `json:",omitempty"`
	DeadLetterConfig *deadLetterConfig `json:",omitempty"`
	TracingConfig    struct{ Mode string }
	RevisionId       string
	State            string `json:",omitempty"`
	LastUpdateStatus string `json:",omitempty"`
	PackageType      string
	ImageConfig      *imageConfigResponse `json:"ImageConfigResponse,omitempty"`
	Layers           []layer              `json:",omitempty"`
	Architectures    []string
	EphemeralStorage struct{ Size int }
	SnapStart        struct{ ApplyOn, OptimizationStatus string }
	LoggingConfig    struct {
		LogFormat           string
		ApplicationLogLevel string `json:",omitempty"`
		SystemLogLevel      string `json:",omitempty"`
		LogGroup            string
	}
	CapacityProviderConfig *config.CapacityProvider `json:",omitempty"`
}

type deadLetterConfig struct{ TargetArn string }

type environment struct{ Variables map[string]string }

// imageConfigResponse is what a function changes of its image (AWS: API reference of ImageConfigResponse).
type imageConfigResponse struct{ ImageConfig imageConfig }

type imageConfig struct {
	EntryPoint       []string `json:",omitempty"`
	Command          []string `json:",omitempty"`
	WorkingDirectory string   `json:",omitempty"`
}

type layer struct {
	Arn      string
	CodeSize int
}

// functionAnswer is the answer of GetFunction.
type functionAnswer struct {
	Configuration functionConfiguration
	Code          functionCode
	Concurrency   *reservation `json:",omitempty"`
}

type functionCode struct {
	RepositoryType string `json:",omitempty"`
	Location       string `json:",omitempty"`
	ImageUri       string `json:",omitempty"`
}

// listed returns f as ListFunctions shows it.
func (f functionConfiguration) listed() functionConfiguration {
	f.State, f.LastUpdateStatus = "", ""
	return f
}

// emptyCode is the SHA-256 of no bytes: the engine has no package of the function's code.
const emptyCode = "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="

// describeFunction returns the description of fn. The qualifier is the request's and may be empty.
func (s *Server) describeFunction(fn config.Function, qualifier string) functionConfiguration {
	fn = fn.Defaults()
	f := functionConfiguration{
		FunctionName: fn.Name, FunctionArn: cmp.Or(fn.FunctionArn, config.FunctionARN(s.Region, s.Account, fn.Name)),
		Runtime: fn.Runtime, Role: fn.Role, Handler: fn.Handler, Timeout: fn.Timeout, MemorySize: fn.MemorySize,
		LastModified: s.Functions.Modified().UTC().Format("2006-01-02T15:04:05.000+0000"), CodeSha256: emptyCode,
		Version: latestVersion, RevisionId: revision(fn), State: "Active", LastUpdateStatus: "Successful",
		PackageType: "Image", ImageConfig: imageConfigOf(fn), Layers: s.layersOf(fn), Architectures: architectures(fn), CapacityProviderConfig: fn.CapacityProviderConfig,
	}
	if qualifier != "" {
		f.FunctionArn += ":" + qualifier
	}
	if fn.Runtime != "" {
		f.PackageType = "Zip"
	}
	if len(fn.Environment.Variables) > 0 {
		f.Environment = &environment{fn.Environment.Variables}
	}
	if arn := fn.DeadLetterConfig.TargetArn; arn != "" {
		f.DeadLetterConfig = &deadLetterConfig{arn}
	}
	f.TracingConfig.Mode = "PassThrough"
	f.EphemeralStorage.Size = fn.Storage()
	f.SnapStart.ApplyOn, f.SnapStart.OptimizationStatus = "None", "Off"
	logging := &f.LoggingConfig
	logging.LogFormat, logging.LogGroup = fn.LoggingConfig.LogFormat, "/aws/lambda/"+fn.Name
	logging.ApplicationLogLevel, logging.SystemLogLevel = fn.LoggingConfig.ApplicationLogLevel, fn.LoggingConfig.SystemLogLevel
	return f
}

// codeOf returns the place of fn's code: its image, or what is on this machine.
func codeOf(fn config.Function) functionCode {
	switch {
	case fn.ImageUri != "":
		return functionCode{RepositoryType: "ECR", ImageUri: fn.ImageUri}
	case fn.CodeUri != "":
		return functionCode{RepositoryType: "File", Location: "file://" + fn.CodeUri}
	}
	return functionCode{}
}

// imageConfigOf returns what fn changes of its image, nil if it changes nothing.
func imageConfigOf(fn config.Function) *imageConfigResponse {
	if fn.ImageConfig.Empty() {
		return nil
	}
	return &imageConfigResponse{imageConfig(fn.ImageConfig)}
}

// layersOf returns the layers of fn. They have no ARN but one that is made from the name of their directory or archive.
func (s *Server) layersOf(fn config.Function) (layers []layer) {
	for _, path := range fn.Layers {
		name := strings.TrimSuffix(filepath.Base(path), filepath.Ext(path))
		name = notInLayerName.ReplaceAllString(name, "-")
		layers = append(layers, layer{Arn: fmt.Sprintf("arn:%s:lambda:%s:%s:layer:%s:1", config.PartitionOf(s.Region), s.Region, s.Account, name)})
	}
	return layers
}

var notInLayerName = regexp.MustCompile(`[^a-zA-Z0-9_-]`)

// revision returns an ID that changes with the function's description.
func revision(fn config.Function) string {
	text, err := json.Marshal(fn)
	if err != nil {
		return uuid.Nil.String() // cannot happen: a function is plain data
	}
	return uuid.NewSHA1(uuid.NameSpaceOID, text).String()
}

// architectures returns those of fn, by default this machine's.
func architectures(fn config.Function) []string {
	switch {
	case len(fn.Architectures) > 0:
		return fn.Architectures
	case runtime.GOARCH == "amd64":
		return []string{"x86_64"}
	}
	return []string{runtime.GOARCH}
}
