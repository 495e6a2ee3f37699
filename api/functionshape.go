package api

import (
	"cmp"
	"encoding/json"
	"runtime"

	"github.com/google/uuid"

	"github.com/esm-run/esm/config"
)

// functionConfiguration is a function as Lambda's answers show it (AWS: API reference of Lambda, FunctionConfiguration).
// What a function here does not have is absent.
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
	Environment      *environment `json:",omitempty"`
	TracingConfig    struct{ Mode string }
	RevisionId       string
	State            string `json:",omitempty"`
	LastUpdateStatus string `json:",omitempty"`
	PackageType      string
	Architectures    []string
	EphemeralStorage struct{ Size int }
	SnapStart        struct{ ApplyOn, OptimizationStatus string }
	LoggingConfig    struct{ LogFormat, LogGroup string }
}

type environment struct{ Variables map[string]string }

// functionAnswer is the answer of GetFunction. AWS has a link to the function's code in it.
type functionAnswer struct {
	Configuration functionConfiguration
	Code          functionCode
	Concurrency   *reservation `json:",omitempty"`
}

type functionCode struct {
	RepositoryType string `json:",omitempty"`
	Location       string `json:",omitempty"`
}

// listed is what ListFunctions shows of a function.
func (f functionConfiguration) listed() functionConfiguration {
	f.State, f.LastUpdateStatus = "", ""
	return f
}

// noCode is the SHA-256 of nothing: there is no package of code.
const noCode = "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="

// ephemeralStorage is the size of /tmp in MB, which nothing bounds here (AWS: "Lambda quotas").
const ephemeralStorage = 512

// functionConfiguration shows fn, which was asked for with a qualifier or, if that is empty, without.
func (s *Server) functionConfiguration(fn config.Function, qualifier string) functionConfiguration {
	fn = fn.Defaults()
	f := functionConfiguration{
		FunctionName: fn.Name, FunctionArn: cmp.Or(fn.FunctionArn, config.FunctionARN(s.Region, s.Account, fn.Name)),
		Runtime: fn.Runtime, Role: fn.Role, Handler: fn.Handler, Timeout: fn.Timeout, MemorySize: fn.MemorySize,
		LastModified: s.Functions.Modified().UTC().Format("2006-01-02T15:04:05.000+0000"), CodeSha256: noCode,
		Version: latestVersion, RevisionId: revision(fn), State: "Active", LastUpdateStatus: "Successful",
		PackageType: "Image", Architectures: architectures(fn),
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
	f.TracingConfig.Mode = "PassThrough"
	f.EphemeralStorage.Size = ephemeralStorage
	f.SnapStart.ApplyOn, f.SnapStart.OptimizationStatus = "None", "Off"
	f.LoggingConfig.LogFormat, f.LoggingConfig.LogGroup = fn.LoggingConfig.LogFormat, "/aws/lambda/"+fn.Name
	return f
}

// code says where the code of fn is, as far as this machine knows it.
func (s *Server) code(fn config.Function) functionCode {
	if fn.CodeUri == "" {
		return functionCode{}
	}
	return functionCode{RepositoryType: "File", Location: "file://" + fn.CodeUri}
}

// revision is another one whenever the function's description changes.
func revision(fn config.Function) string {
	text, err := json.Marshal(fn)
	if err != nil {
		return uuid.Nil.String() // a function is plain data: it always marshals
	}
	return uuid.NewSHA1(uuid.NameSpaceOID, text).String()
}

// architectures are those of fn, which are this machine's.
func architectures(fn config.Function) []string {
	switch {
	case len(fn.Architectures) > 0:
		return fn.Architectures
	case runtime.GOARCH == "amd64":
		return []string{"x86_64"}
	}
	return []string{runtime.GOARCH}
}
