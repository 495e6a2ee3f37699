package mappings

import (
	"errors"
	"fmt"
	"time"

	"github.com/esm-run/esm/config"
)

// Registered is an event source mapping as the running engine has it (AWS: API reference of Lambda,
// EventSourceMappingConfiguration).
type Registered struct {
	config.Mapping // with its defaults; Enabled is the state that was requested

	FunctionArn  string // with the qualifier that the mapping was made with, if any
	State        string // one of the states below
	LastModified time.Time

	// LastProcessingResult is the result of a stream's last batch, in Lambda's words; empty for a queue.
	LastProcessingResult string

	Origin  string // OriginFile or OriginHTTP
	Changed bool   // reports whether HTTP has changed a mapping of the file
}

// States of mappings. Package mappings describes the transitions.
const (
	Creating  = "Creating"
	Enabling  = "Enabling"
	Enabled   = "Enabled"
	Disabling = "Disabling"
	Disabled  = "Disabled"
	Updating  = "Updating"
	Deleting  = "Deleting"
)

// Origins of mappings.
const (
	OriginFile = "File"
	OriginHTTP = "HTTP"
)

var (
	// ErrNotFound is the error of a request for a UUID that no mapping has.
	ErrNotFound = errors.New("there is no such mapping")

	// ErrBusy is the error of a change while another change of the mapping is being written, or while it is Deleting. A
	// later attempt may succeed.
	ErrBusy = errors.New("the mapping is being changed")
)

// ExistsError is the error of a mapping that would join a function and a source that another mapping joins.
type ExistsError struct{ UUID string } // of the other mapping

func (e *ExistsError) Error() string { return "the mapping exists already: " + e.UUID }

// InvalidError is the error of a mapping that Lambda would refuse, or that this engine cannot run.
type InvalidError struct {
	Problems []config.Problem // at least one, in the order in which Lambda finds them
}

func (e *InvalidError) Error() string {
	p := e.Problems[0]
	if p.Path == "" {
		return p.Message
	}
	return fmt.Sprintf("%s: %s", p.Path, p.Message)
}
