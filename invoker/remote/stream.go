package remote

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"net/http"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"
	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"github.com/esm-run/esm"
)

// errNoStreams means that the endpoint does not have InvokeWithResponseStream. The function did not run.
var errNoStreams = errors.New("the endpoint does not stream responses")

// eventStream is the media type that Lambda answers with. It hides that of the response.
const eventStream = "application/vnd.amazon.eventstream"

// invokeStreaming runs c as Invoke does, with InvokeWithResponseStream. The function's response arrives in parts whether the
// function streams it or not.
func (r *Remote) invokeStreaming(ctx context.Context, c esm.Call) (esm.Response, error) {
	in := input(c)
	var s sending
	out, err := r.Client.InvokeWithResponseStream(s.watch(ctx), &lambda.InvokeWithResponseStreamInput{
		FunctionName: in.FunctionName, Qualifier: in.Qualifier, ClientContext: in.ClientContext, Payload: in.Payload,
	}, once, traced(c.TraceHeader))
	switch {
	case err != nil && lacksStreams(err):
		return esm.Response{}, errNoStreams
	case err != nil:
		return esm.Response{}, s.explain(ctx, err)
	}
	events := out.GetStream()
	defer events.Close() // its error is that of the loop
	resp := esm.Response{Status: http.StatusOK, Version: cmp.Or(aws.ToString(out.ExecutedVersion), "$LATEST")}
	to := &receiver{stream: c.Stream}
	if mediaType := aws.ToString(out.ResponseStreamContentType); mediaType != eventStream {
		to.mediaType = mediaType
	}
	end, err := to.receive(events)
	resp.Streamed = to.begun
	if err != nil {
		return resp, errors.Join(context.Cause(ctx), err)
	}
	if code := aws.ToString(end.ErrorCode); code != "" {
		resp.Fault, resp.Payload = code, failure(code, aws.ToString(end.ErrorDetails))
	}
	return resp, nil
}

// receiver passes a response on. A stream that fails does not end the invocation.
type receiver struct {
	stream      esm.ResponseStream
	mediaType   string
	begun, lost bool
}

// receive passes the response on and returns its end. It begins with the first part; one without parts begins at its end,
// unless the function failed.
func (r *receiver) receive(events *lambda.InvokeWithResponseStreamEventStream) (end types.InvokeWithResponseStreamCompleteEvent, err error) {
	for event := range events.Events() {
		switch e := event.(type) {
		case *types.InvokeWithResponseStreamResponseEventMemberPayloadChunk:
			r.begin()
			r.write(e.Value.Payload)
		case *types.InvokeWithResponseStreamResponseEventMemberInvokeComplete:
			if aws.ToString(e.Value.ErrorCode) == "" {
				r.begin()
			}
			return e.Value, nil
		}
	}
	return end, cmp.Or(events.Err(), errors.New("the response ended too early"))
}

func (r *receiver) begin() {
	if !r.begun {
		r.begun = true
		r.stream.Begin(r.mediaType)
	}
}

func (r *receiver) write(data []byte) {
	if len(data) > 0 && !r.lost {
		_, err := r.stream.Write(data)
		r.lost = err != nil
	}
}

// failure returns the description of a failure as JSON.
func failure(code, details string) json.RawMessage {
	if json.Valid([]byte(details)) {
		return json.RawMessage(details)
	}
	text, err := json.Marshal(map[string]string{"errorType": code, "errorMessage": details})
	if err != nil { // two strings always marshal
		return nil
	}
	return text
}

// lacksStreams reports whether an endpoint refused InvokeWithResponseStream because it does not know it: emulators answer so.
func lacksStreams(err error) bool {
	if exception, ok := errors.AsType[smithy.APIError](err); ok && meaning[exception.ErrorCode()] != nil {
		return false
	}
	exchange, ok := errors.AsType[*smithyhttp.ResponseError](err)
	if !ok {
		return false
	}
	switch exchange.HTTPStatusCode() {
	case http.StatusNotFound, http.StatusMethodNotAllowed, http.StatusNotImplemented:
		return true
	default:
		return false
	}
}
