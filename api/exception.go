package api

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
)

// exception is an error of Lambda's API.
type exception struct {
	code    string // its name, such as ResourceNotFoundException
	message string
	reason  string      // the Reason of a TooManyRequestsException; else empty
	form    *wireForm   // nil means the one of the code in wireForms
	header  http.Header // besides the headers of every exception
}

// throw returns an exception with a code of wireForms.
func throw(code, format string, args ...any) *exception {
	return &exception{code: code, message: fmt.Sprintf(format, args...)}
}

// invalidParameter returns the exception for a value that Lambda's service refuses.
func invalidParameter(format string, args ...any) *exception {
	return throw("InvalidParameterValueException", format, args...)
}

// Error returns the exception's name and message.
func (e *exception) Error() string { return e.code + ": " + e.message }

// wireForm is the form of an exception on the wire. SDKs read the message under the key that the API model names, Message or
// message (AWS: API reference of Lambda). Exceptions of Lambda's front end have no Type.
type wireForm struct {
	status int
	key    string
	typ    string
}

var wireForms = map[string]wireForm{
	"SerializationException":         {400, "Message", ""},
	"ValidationException":            {400, "message", ""},
	"InvalidParameterValueException": {400, "message", "User"},
	"InvalidRequestContentException": {400, "message", "User"},
	"PolicyLengthExceededException":  {400, "message", "User"},
	"RecursiveInvocationException":   {400, "Message", "User"},
	"ResourceInUseException":         {400, "Message", "User"},
	"AccessDeniedException":          {403, "Message", ""},
	"ResourceNotFoundException":      {404, "Message", "User"},
	"UnknownOperationException":      {404, "Message", ""},

	"ProvisionedConcurrencyConfigNotFoundException": {404, "message", "User"},

	"MethodNotAllowedException":      {405, "Message", ""},
	"RequestTimeoutException":        {408, "Message", ""},
	"ResourceConflictException":      {409, "message", "User"},
	"PreconditionFailedException":    {412, "message", "User"},
	"RequestEntityTooLargeException": {413, "Message", ""},
	"UnsupportedMediaTypeException":  {415, "message", "User"},
	"TooManyRequestsException":       {429, "message", "User"},
	"ServiceException":               {500, "Message", "Service"},
}

// answer returns the exception as Lambda writes it, with the members in Lambda's order.
func (e *exception) answer() answer {
	f := wireForms[e.code]
	if e.form != nil {
		f = *e.form
	}
	body := "{"
	for _, member := range [][2]string{{"Reason", e.reason}, {"Type", f.typ}, {f.key, e.message}} {
		if text, _ := encode(member[1]); member[1] != "" || member[0] == f.key {
			body += fmt.Sprintf("%q:%s,", member[0], text)
		}
	}
	header := http.Header{}
	if e.header != nil {
		header = e.header.Clone()
	}
	header.Set("X-Amzn-Errortype", e.code)
	return answer{f.status, header, []byte(body[:len(body)-1] + "}")}
}

// exceptionOf returns the exception that answers a request whose operation failed with err. An error that is no exception
// is a failure of the engine's own: Warn receives it, and the client gets a ServiceException.
func (s *Server) exceptionOf(c *call, err error) *exception {
	if known, ok := errors.AsType[*exception](err); ok {
		return known
	}
	if !errors.Is(err, context.Canceled) {
		s.warnf("%s: request %s: %v", cmp.Or(c.operation, c.Method), c.id, err)
	}
	return throw("ServiceException", "%v", err)
}
