package config

import (
	"errors"
	"fmt"
	"time"
)

// Registered is an event source mapping as a running engine has it (AWS: API reference of Lambda,
// EventSourceMappingConfiguration).
type Registered struct {
	Mapping // with its defaults; its Enabled says what is wanted, its State what is

	FunctionArn  string // with the qualifier that the mapping was made with, if any
	State        string // one of the states below
	LastModified time.Time

	// LastProcessingResult is what came of the last batch of a stream, in Lambda's words; empty for a queue.
	LastProcessingResult string

	Origin  string // OriginFile or OriginHTTP
	Changed bool   // one of the file, as it was changed over HTTP
}

// States of mappings.
const (
	Creating  = "Creating"
	Enabling  = "Enabling"
	Enabled   = "Enabled"
	Disabling = "Disabling"
	Disabled  = "Disabled"
	Updating  = "Updating"
	Deleting  = "Deleting"
)

// Where a mapping comes from.
const (
	OriginFile = "File"
	OriginHTTP = "HTTP"
)

// What may be wrong with a request about a mapping.
var (
	// ErrNoMapping says that there is no mapping of that UUID.
	ErrNoMapping = errors.New("there is no such mapping")

	// ErrMappingBusy says that the mapping is being made, changed or deleted just now: ask again soon.
	ErrMappingBusy = errors.New("the mapping is being changed")
)

// MappingExists is the error of making a mapping of a source to a function that has one already.
type MappingExists struct{ UUID string }

func (e *MappingExists) Error() string { return "the mapping exists already: " + e.UUID }

// InvalidMapping is the error of a mapping that Lambda would refuse, or that this engine cannot honour.
type InvalidMapping struct {
	Problems []Problem // at least one, in the order in which Lambda would find them
}

func (e *InvalidMapping) Error() string {
	p := e.Problems[0]
	if p.Path == "" {
		return p.Message
	}
	return fmt.Sprintf("%s: %s", p.Path, p.Message)
}
