package api

import (
	"errors"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/esm-run/esm/config"
	"github.com/esm-run/esm/mappings"
)

// mappingException returns Lambda's exception for err, the error of a call about the mapping m. It returns an error that
// Lambda does not have as it is.
func mappingException(c *call, m config.Mapping, err error) error {
	if wrong, ok := errors.AsType[*mappings.InvalidError](err); ok {
		return invalidMapping(c, m, wrong.Problems)
	}
	if other, ok := errors.AsType[*mappings.ExistsError](err); ok {
		return mappingExists(m, other.UUID)
	}
	switch {
	case errors.Is(err, mappings.ErrNotFound):
		return throw("ResourceNotFoundException", "The resource you requested does not exist.")
	case errors.Is(err, mappings.ErrBusy) && c.operation == "DeleteEventSourceMapping":
		return throw("ResourceInUseException", "Cannot delete the event source mapping because it is in use.")
	case errors.Is(err, mappings.ErrBusy):
		return throw("ResourceInUseException", "Cannot update the event source mapping because it is in use.")
	}
	return err
}

// mappingExists uses Lambda's words, which differ between queues and streams. The blanks inside the quotes are Lambda's.
func mappingExists(m config.Mapping, uuid string) error {
	text := `An event source mapping with SQS arn (" %s ") and function (" %s ") already exists. `
	if m.OfStream() {
		text = `The event source arn (" %s ") and function (" %s ") provided mapping already exists. `
	}
	function, _ := config.ParseFunctionName(m.FunctionName) // the mapping is valid otherwise
	return throw("ResourceConflictException", text+"Please update or delete the existing mapping with UUID %s",
		m.EventSourceArn, function.Name, uuid)
}

// invalidMapping returns all violations of Lambda's model, or if there are none the first problem that its service finds.
func invalidMapping(c *call, m config.Mapping, found []config.Problem) error {
	var broken violations
	for _, p := range found {
		switch {
		case p.Path == "FunctionName" && m.FunctionName == "" && c.operation == "CreateEventSourceMapping":
			broken.null("functionName")
		case p.Path == "FunctionName":
			broken.functionName(m.FunctionName)
		case p.Constraint != "":
			broken = append(broken, p.Constraint)
		}
	}
	if len(broken) > 0 {
		return broken.err()
	}
	for _, p := range found {
		if p.Path != "FunctionName" {
			return invalidParameter("%s", sentence(p))
		}
	}
	return invalidParameter("Function does not exist") // Lambda looks for it last, also for one whose name no function has
}

// sentence returns a problem's message, with the path in front unless the message is a sentence, as Lambda's are.
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
