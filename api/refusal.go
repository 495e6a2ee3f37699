package api

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
)

// refusal is an error of Lambda's API. It is an error, so that an operation can return it.
type refusal struct {
	code    string // the exception's name
	message string
	reason  string      // of a throttle; else empty
	header  http.Header // besides those of every error
}

// refuse makes a refusal. Code is one of those below.
func refuse(code, format string, args ...any) *refusal {
	return &refusal{code: code, message: fmt.Sprintf(format, args...)}
}

// invalid is the refusal of a value that Lambda's service does not take.
func invalid(format string, args ...any) *refusal {
	return refuse("InvalidParameterValueException", format, args...)
}

// Error is the exception's name and its message.
func (r *refusal) Error() string { return r.code + ": " + r.message }

// form is how Lambda writes an exception: whether the key of the text is Message or message is part of its API, and SDKs
// look for the one that is (AWS: API reference of Lambda). What its front end finds, before the service sees the
// request, has no Type.
type form struct {
	status int
	key    string
	typ    string
}

var forms = map[string]form{
	"SerializationException":         {400, "Message", ""},
	"ValidationException":            {400, "message", ""},
	"InvalidParameterValueException": {400, "message", "User"},
	"InvalidRequestContentException": {400, "message", "User"},
	"ResourceInUseException":         {400, "Message", "User"},
	"AccessDeniedException":          {403, "Message", ""},
	"ResourceNotFoundException":      {404, "Message", "User"},
	"UnknownOperationException":      {404, "Message", ""},
	"MethodNotAllowedException":      {405, "Message", ""},
	"RequestTimeoutException":        {408, "Message", ""},
	"ResourceConflictException":      {409, "message", "User"},
	"RequestEntityTooLargeException": {413, "Message", ""},
	"UnsupportedMediaTypeException":  {415, "message", "User"},
	"TooManyRequestsException":       {429, "message", "User"},
	"ServiceException":               {500, "Message", "Service"},
	"ResourceNotReadyException":      {502, "message", "Service"},
}

// answer is the refusal as it is written: the members in the order in which Lambda writes them.
func (r *refusal) answer() answer {
	f, ok := forms[r.code]
	if !ok {
		f = form{http.StatusBadRequest, "message", "User"}
	}
	body := "{"
	for _, member := range [][2]string{{"Reason", r.reason}, {"Type", f.typ}, {f.key, r.message}} {
		if text, _ := encode(member[1]); member[1] != "" || member[0] == f.key {
			body += fmt.Sprintf("%q:%s,", member[0], text)
		}
	}
	header := http.Header{}
	if r.header != nil {
		header = r.header.Clone()
	}
	header.Set("X-Amzn-Errortype", r.code)
	return answer{f.status, header, []byte(body[:len(body)-1] + "}")}
}

// refusal is what the error of an operation is answered with. One that Lambda's API does not know is the engine's own
// failure, and told to Warn.
func (s *Server) refusal(c *call, err error) *refusal {
	if known, ok := errors.AsType[*refusal](err); ok {
		return known
	}
	if !errors.Is(err, context.Canceled) {
		s.warnf("%s: request %s: %v", cmp.Or(c.operation, c.Method), c.id, err)
	}
	return refuse("ServiceException", "%v", err)
}
