package api

import (
	"errors"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/esm-run/esm/config"
	"github.com/esm-run/esm/mappings"
)

// mappingError is what Lambda says when a call about the mapping m fails with err.
func mappingError(c *call, m config.Mapping, err error) error {
	if wrong, ok := errors.AsType[*mappings.InvalidError](err); ok {
		return invalidMapping(c, m, wrong.Problems)
	}
	if exists, ok := errors.AsType[*mappings.ExistsError](err); ok {
		return mappingExists(m, exists.UUID)
	}
	switch {
	case errors.Is(err, mappings.ErrNotFound):
		return refuse("ResourceNotFoundException", "The resource you requested does not exist.")
	case errors.Is(err, mappings.ErrBusy) && c.operation == "DeleteEventSourceMapping":
		return refuse("ResourceInUseException", "Cannot delete the event source mapping because it is in use.")
	case errors.Is(err, mappings.ErrBusy):
		return refuse("ResourceInUseException", "Cannot update the event source mapping because it is in use.")
	}
	return err
}

// mappingExists words it as Lambda does, for queues and for streams. The blanks inside the quotes are Lambda's.
func mappingExists(m config.Mapping, uuid string) error {
	text := `An event source mapping with SQS arn (" %s ") and function (" %s ") already exists. `
	if m.OfStream() {
		text = `The event source arn (" %s ") and function (" %s ") provided mapping already exists. `
	}
	function, _ := config.ParseFunctionName(m.FunctionName) // of a mapping that is valid but for this
	return refuse("ResourceConflictException", text+"Please update or delete the existing mapping with UUID %s",
		m.EventSourceArn, function.Name, uuid)
}

// invalidMapping tells what is wrong with m: everything that breaks Lambda's model, or else the first that its service
// finds.
func invalidMapping(c *call, m config.Mapping, found []config.Problem) error {
	var broken violations
	for _, p := range found {
		switch {
		case p.Path == functionName && m.FunctionName == "" && c.operation == "CreateEventSourceMapping":
			broken = append(broken, "Value null at 'functionName' failed to satisfy constraint: Member must not be null")
		case p.Path == functionName:
			broken.functionName(m.FunctionName)
		case p.Constraint != "":
			broken = append(broken, p.Constraint)
		}
	}
	if len(broken) > 0 {
		return broken.err()
	}
	for _, p := range found {
		if p.Path != functionName {
			return invalid("%s", sentence(p))
		}
	}
	return invalid("%s", noFunction) // its name is one that no function here can have
}

// Of a mapping's function, which Lambda's service looks for when all else is well.
const (
	functionName = "FunctionName"
	noFunction   = "Function does not exist"
)

// constraints is the refusal of values that break Lambda's model.
func constraints(broken ...string) error {
	errs := "errors"
	if len(broken) == 1 {
		errs = "error"
	}
	return refuse("ValidationException", "%d validation %s detected: %s", len(broken), errs, strings.Join(broken, "; "))
}

// constraint is the refusal of one value.
func constraint(value, member, must string) error {
	return constraints(fmt.Sprintf("Value '%s' at '%s' failed to satisfy constraint: Member must %s", value, member, must))
}

// sentence is a problem's message, with its path in front unless it is a sentence of its own, as Lambda's are.
func sentence(p config.Problem) string {
	first, _ := utf8.DecodeRuneInString(p.Message)
	switch {
	case p.Path == "" || unicode.IsUpper(first) || strings.HasPrefix(p.Message, "1 validation error detected: "):
		return p.Message
	case unicode.IsLower(first):
		return p.Path + " " + p.Message
	}
	return p.Path + ": " + p.Message
}
