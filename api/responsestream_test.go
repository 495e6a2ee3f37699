package api

import (
	"context"
	"fmt"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"

	"github.com/esm-run/esm"
	"github.com/esm-run/esm/trace"
)

// client returns an SDK's client of r, behind its guard.
func (r *rig) client(t testing.TB) *lambda.Client {
	t.Helper()
	server := httptest.NewServer(r.guarded())
	t.Cleanup(server.Close)
	return lambda.New(lambda.Options{
		Region: "us-east-1", BaseEndpoint: aws.String(server.URL), RetryMaxAttempts: 1,
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: "test", SecretAccessKey: "test"}, nil
		}),
	})
}

// received returns what a client receives of a streamed response: its chunks, and how it ended.
func received(t *testing.T, client *lambda.Client, in *lambda.InvokeWithResponseStreamInput) (chunks []string, end types.InvokeWithResponseStreamCompleteEvent) {
	t.Helper()
	out, err := client.InvokeWithResponseStream(t.Context(), in)
	if err != nil {
		t.Fatal(err)
	}
	stream := out.GetStream()
	defer stream.Close()
	for event := range stream.Events() {
		switch e := event.(type) {
		case *types.InvokeWithResponseStreamResponseEventMemberPayloadChunk:
			chunks = append(chunks, string(e.Value.Payload))
		case *types.InvokeWithResponseStreamResponseEventMemberInvokeComplete:
			end = e.Value
		default:
			t.Errorf("got %T", e)
		}
	}
	if err := stream.Err(); err != nil || out.StatusCode != 200 || aws.ToString(out.ExecutedVersion) != "$LATEST" {
		t.Errorf("%v: got %+v", err, out)
	}
	return chunks, end
}

func TestInvokeWithResponseStream(t *testing.T) {
	for _, tt := range []struct {
		name    string
		handler func(esm.Call) esm.Response
		chunks  []string
		end     types.InvokeWithResponseStreamCompleteEvent
	}{
		{"streamed", func(c esm.Call) esm.Response {
			c.Stream.Begin("text/plain")
			fmt.Fprint(c.Stream, "Hello, ")
			fmt.Fprint(c.Stream, "world!")
			return esm.Response{Streamed: true}
		}, []string{"Hello, ", "world!"}, types.InvokeWithResponseStreamCompleteEvent{}},
		{"streamed, and failed", func(c esm.Call) esm.Response {
			c.Stream.Begin("")
			fmt.Fprint(c.Stream, "Hello")
			return esm.Response{Streamed: true, Fault: "Unhandled", Payload: []byte(`{"errorType":"Error"}`)}
		}, []string{"Hello"}, types.InvokeWithResponseStreamCompleteEvent{ErrorCode: aws.String("Unhandled"), ErrorDetails: aws.String(`{"errorType":"Error"}`)}},
		{"buffered", func(c esm.Call) esm.Response { return esm.Response{Payload: c.Payload, Version: "$LATEST"} },
			[]string{`{"a":"<é>"}`}, types.InvokeWithResponseStreamCompleteEvent{}},
		{"buffered, of 6 MB", func(esm.Call) esm.Response {
			return esm.Response{Payload: []byte(strings.Repeat("x", esm.MaxResponse))}
		},
			[]string{strings.Repeat("x", esm.MaxResponse)}, types.InvokeWithResponseStreamCompleteEvent{}},
		{"failed", func(esm.Call) esm.Response {
			return esm.Response{Payload: []byte(`{"errorType":"Sandbox.Timedout"}`), Fault: "Sandbox.Timedout"}
		}, nil, types.InvokeWithResponseStreamCompleteEvent{ErrorCode: aws.String("Sandbox.Timedout"), ErrorDetails: aws.String(`{"errorType":"Sandbox.Timedout"}`)}},
	} {
		r := newRig(t)
		r.handler = func(_ context.Context, c esm.Call) (esm.Response, error) { return tt.handler(c), nil }
		chunks, end := received(t, r.client(t), &lambda.InvokeWithResponseStreamInput{FunctionName: aws.String("f"), Payload: []byte(`{"a":"<é>"}`)})
		if fmt.Sprint(chunks) != fmt.Sprint(tt.chunks) || aws.ToString(end.ErrorCode) != aws.ToString(tt.end.ErrorCode) ||
			aws.ToString(end.ErrorDetails) != aws.ToString(tt.end.ErrorDetails) || end.LogResult != nil {
			t.Errorf("%s: got %.100q, %+v", tt.name, chunks, end)
		}
		if c := r.called()[0]; c.Function != "f" || string(c.Payload) != `{"a":"<é>"}` {
			t.Errorf("%s: the function was called with %+v", tt.name, c)
		}
	}
}

func TestLogOfStream(t *testing.T) {
	r := newRig(t)
	r.handler = func(_ context.Context, c esm.Call) (esm.Response, error) {
		r.Tails.Trace(trace.Output{ID: c.ID, Line: "hello"})
		return esm.Response{Payload: []byte("1")}, nil
	}
	_, end := received(t, r.client(t), &lambda.InvokeWithResponseStreamInput{FunctionName: aws.String("f"), LogType: types.LogTypeTail})
	if got := aws.ToString(end.LogResult); got != "aGVsbG8K" {
		t.Errorf("got %q", got)
	}
}

func TestStreamRefusals(t *testing.T) {
	const path = "/2021-11-15/functions/f/response-streaming-invocations"
	r := newRig(t)
	r.handler = func(context.Context, esm.Call) (esm.Response, error) { return esm.Response{}, esm.ErrThrottled }
	for _, tt := range []struct{ path, body, kind, want string }{
		{path, "{}", "DryRun", "204  "},
		{path, "{}", "Event", `400 ValidationException {"message":"1 validation error detected: Value 'Event' at 'invocationType' failed to satisfy constraint: ` +
			`Member must satisfy enum value set: [RequestResponse, DryRun]"}`},
		{path, "{}", "", `429 TooManyRequestsException {"Reason":"ConcurrentInvocationLimitExceeded","Type":"User","message":"Rate Exceeded."}`},
		{path, "{", "", `400 InvalidRequestContentException {"Type":"User","message":"Could not parse request body into json: Could not parse payload into json: unexpected end of JSON input"}`},
		{path, `"` + strings.Repeat("x", esm.MaxPayload) + `"`, "", `413 RequestEntityTooLargeException {"Message":"Request must be smaller than 6291456 bytes for the InvokeWithResponseStream operation"}`},
		{"/2021-11-15/functions/nope/response-streaming-invocations", "{}", "", `404 ResourceNotFoundException {"Type":"User","Message":"Function not found: ` + functionARN + `nope:$LATEST"}`},
	} {
		if got := errorOf(r.ask("POST", tt.path, tt.body, "X-Amz-Invocation-Type", tt.kind)); got != tt.want {
			t.Errorf("%s %s:\ngot  %s\nwant %s", tt.path, tt.kind, got, tt.want)
		}
	}
}
