package wire

import (
	"encoding/json"
	"io"
	"net/http"
	"slices"
	"strings"
)

// MaxBody is the longest request body that is read, in bytes: the longest requests of all services (a batch of 1 MiB to
// SQS in JSON's longest escapes, 10 MiB in base64 to Kinesis, 16 MiB to DynamoDB) and room for the rest.
const MaxBody = 17 << 20

// An API is the operations of one service under one target. S is what performs them, a pointer to the service's server.
// An API is a constant of its service: it may be used side by side and is not changed.
type API[S any] struct {
	// Name is the service's, for messages: "SQS".
	Name string
	// Target is what X-Amz-Target begins with, with its dot: "AmazonSQS.".
	Target string
	// Version is the protocol's, "1.0" or "1.1". It only shows in the Content-Type.
	Version string
	// Operations are those that answer at once, by their names.
	Operations map[string]Operation[S]
	// Streams are those that write their answers themselves, by their names.
	Streams map[string]Stream[S]
	// Lacks names the operations that the service has on AWS and not here. They are refused with an
	// UnknownOperationException that says so.
	Lacks []string
	// OldNames makes errors carry X-Amzn-Query-Error too, as the services do that spoke the query protocol before.
	OldNames bool
}

// An Operation performs one request with that body and returns the JSON of the answer. An error that is, or wraps, a
// [*Refusal] is answered as such; any other is an InternalFailure with HTTP status 500, which SDKs try again. It may block
// as long as the request's context lives. Most are made by [Call].
type Operation[S any] func(server S, r *http.Request, body []byte) ([]byte, error)

// A Stream performs one request whose answer takes a while or is not JSON. It writes all of the answer to w, headers
// included, and ends when the request's context does. With an error it has written nothing: the error is the answer then.
type Stream[S any] func(server S, w http.ResponseWriter, r *http.Request, body []byte) error

// None is the answer of operations that only succeed: an empty JSON object.
type None struct{}

// Call makes an Operation of a function, usually a method, from a struct that is decoded with [Decode] to anything that
// encoding/json encodes.
func Call[S, In, Out any](perform func(server S, r *http.Request, in In) (Out, error)) Operation[S] {
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

// Serve answers one request. A target of another service is refused as an unknown operation; so is an operation that AWS
// does not have, and one that it has and the API lacks, each in words of its own.
func (a API[S]) Serve(server S, w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, MaxBody))
	if err != nil {
		a.Fail(w, Unreadable("The request could not be read: %v.", err))
		return
	}
	name, ok := strings.CutPrefix(r.Header.Get("X-Amz-Target"), a.Target)
	if stream, streams := a.Streams[name]; ok && streams {
		if err := stream(server, w, r, body); err != nil {
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
	a.Write(w, http.StatusOK, answer)
}

func (a API[S]) unknown(target string) *Refusal {
	name, ok := strings.CutPrefix(target, a.Target)
	switch {
	case !ok:
		return UnknownOperation("%q is not an operation of %s.", target, a.Name)
	case slices.Contains(a.Lacks, name):
		return UnknownOperation("%s is not supported by the embedded %s.", name, a.Name)
	}
	return UnknownOperation("%s has no operation %q.", a.Name, name)
}
