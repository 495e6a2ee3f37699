package wire

import (
	"bytes"
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/google/uuid"
)

// MaxBody is the longest request body that is read, in bytes. It fits the longest request of every service: 1 MiB of
// messages in JSON escapes to SQS, 10 MiB in base64 to Kinesis, 16 MiB to DynamoDB.
const MaxBody = 17 << 20

// An API describes the operations of one service under one target. S is the service's server, usually a pointer. An API
// does not change and may be used concurrently.
type API[S any] struct {
	// Name is the service's name in messages: "SQS".
	Name string
	// Target is the prefix of X-Amz-Target, with its dot: "AmazonSQS.".
	Target string
	// Version is the protocol's version, "1.0" or "1.1". It only shows in the Content-Type.
	Version string
	// Operations holds the operations by name.
	Operations map[string]Operation[S]
	// Raw holds the operations that write their responses themselves, by name.
	Raw map[string]RawOperation[S]
	// Unsupported names the operations that the service has on AWS and not here. Requests for them fail with an
	// UnknownOperationException that says so.
	Unsupported []string
	// QueryErrors adds the header X-Amzn-Query-Error to errors, as services do that once spoke the query protocol.
	QueryErrors bool
}

// An Operation performs one request and returns the JSON of its response. An [*Error] in the tree of the error it returns
// is sent as such; any other error becomes an InternalFailure. An Operation may block as long as the request's context
// lives. Most are made by [Call] or [Do].
type Operation[S any] func(server S, r *http.Request, body []byte) ([]byte, error)

// A RawOperation performs one request whose response is streamed or encoded by hand. It writes the whole response to w,
// headers included, and returns when the request's context ends at the latest. If it returns an error it has written
// nothing, and the error is sent.
type RawOperation[S any] func(server S, w http.ResponseWriter, r *http.Request, body []byte) error

// Empty is the response of operations that return nothing: an empty JSON object.
type Empty struct{}

// Call returns an Operation that decodes a request with [Decode], performs it and encodes the result with encoding/json.
func Call[S, In, Out any](perform func(server S, in In) (Out, error)) Operation[S] {
	return CallRequest(func(server S, _ *http.Request, in In) (Out, error) { return perform(server, in) })
}

// CallRequest is [Call] for a function that needs the request.
func CallRequest[S, In, Out any](perform func(server S, r *http.Request, in In) (Out, error)) Operation[S] {
	return func(server S, r *http.Request, body []byte) ([]byte, error) {
		var in In
		if err := Decode(body, &in); err != nil {
			return nil, err
		}
		out, err := perform(server, r, in)
		if err != nil {
			return nil, err
		}
		return json.Marshal(out)
	}
}

// Do is [Call] for an operation whose response is empty.
func Do[S, In any](perform func(server S, in In) error) Operation[S] {
	return Call(func(server S, in In) (Empty, error) { return Empty{}, perform(server, in) })
}

// Serve answers one request. It refuses targets of other services, operations that AWS does not have, and those that
// [API.Unsupported] names.
func (a API[S]) Serve(server S, w http.ResponseWriter, r *http.Request) {
	var read bytes.Buffer
	read.Grow(int(min(max(r.ContentLength, 0), MaxBody)) + bytes.MinRead)
	if _, err := read.ReadFrom(http.MaxBytesReader(w, r.Body, MaxBody)); err != nil {
		a.Fail(w, SerializationError("The request could not be read: %v.", err))
		return
	}
	body := read.Bytes()
	name, ok := strings.CutPrefix(r.Header.Get("X-Amz-Target"), a.Target)
	if raw := a.Raw[name]; ok && raw != nil {
		if err := raw(server, w, r, body); err != nil {
			a.Fail(w, err)
		}
		return
	}
	run := a.Operations[name]
	if !ok || run == nil {
		a.Fail(w, a.unknown(r.Header.Get("X-Amz-Target")))
		return
	}
	answer, err := run(server, r, body)
	if err != nil {
		a.Fail(w, err)
		return
	}
	a.write(w, http.StatusOK, answer)
}

func (a API[S]) unknown(target string) *Error {
	name, ok := strings.CutPrefix(target, a.Target)
	switch {
	case !ok:
		return UnknownOperation("%q is not an operation of %s.", target, a.Name)
	case slices.Contains(a.Unsupported, name):
		return UnknownOperation("%s is not supported by the embedded %s.", name, a.Name)
	}
	return UnknownOperation("%s has no operation %q.", a.Name, name)
}

// Fail responds with [AsError] of err.
func (a API[S]) Fail(w http.ResponseWriter, err error) {
	e := AsError(err)
	if a.QueryErrors {
		w.Header().Set("X-Amzn-Query-Error", e.ErrorCode()+";"+e.fault())
	}
	body, _ := json.Marshal(e) // services put only what encodes into More
	a.write(w, e.Status, body)
}

// write responds with JSON and a new request ID.
func (a API[S]) write(w http.ResponseWriter, status int, body []byte) {
	SetHeaders(w.Header(), a.Version)
	w.Header().Set("Content-Length", strconv.Itoa(len(body))) // or net/http would send a long body in chunks
	w.WriteHeader(status)
	w.Write(body) // an error means that the client is gone
}

// SetHeaders sets the content type of the JSON protocol in that version, and a new request ID.
func SetHeaders(h http.Header, version string) {
	h.Set("Content-Type", "application/x-amz-json-"+version)
	h.Set("X-Amzn-Requestid", uuid.NewString())
}

// Decode decodes the body of a request into a struct. As on AWS, unknown members are ignored and an empty body is an empty
// object. It returns a SerializationException if body is not JSON or a member has the wrong type, and passes on an
// [*Error] returned by an UnmarshalJSON method.
func Decode(body []byte, in any) error {
	if len(body) == 0 {
		return nil
	}
	err := json.Unmarshal(body, in)
	if err == nil {
		return nil
	}
	if e, ok := errors.AsType[*Error](err); ok {
		return e
	}
	if mistyped, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		return SerializationError("%s: %s can not be converted to %s.", mistyped.Field, mistyped.Value, mistyped.Type)
	}
	return SerializationError("The request could not be decoded: %v.", err)
}
