// Package remote invokes functions that run elsewhere: in AWS Lambda, in LocalStack, or anywhere else that answers
// Lambda's Invoke API over HTTP (POST /2015-03-31/functions/{name}/invocations).
//
// AWS's Runtime Interface Emulator answers it too, with differences that this package does not hide. It has one
// function, named function. An error of the handler is a 200 without X-Amz-Function-Error, so it counts as a success;
// so does the function's timeout, whose payload is the plain text "Task timed out after 3.00 seconds". A concurrent
// invocation is refused with a 400: give such a function a concurrency of one.
package remote

import (
	"cmp"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"github.com/esm-run/esm"
	"github.com/esm-run/esm/config"
)

// Remote invokes functions through the Client of one endpoint. Calls may be concurrent.
type Remote struct {
	// Client sends the requests. Its Retryer is not used: only the caller knows whether an event may run twice.
	Client *lambda.Client

	// Timeout bounds one invocation: the function's timeout and some slack. Zero means no bound but the context.
	Timeout time.Duration

	whole atomic.Bool // the endpoint does not have InvokeWithResponseStream
}

// Invoke runs c once, synchronously, and blocks until there is an answer, at most for the Timeout. It invokes c.Function
// with its qualifier. The handler sees a request id that the endpoint makes, not c.ID. If c.Stream is set and the endpoint has
// InvokeWithResponseStream, every response arrives there, also one that the handler did not stream.
//
// A function that failed is a Response with a Fault, as in [esm.Invoker]. An error is an [esm.ErrThrottled],
// [esm.ErrNotRun] or [esm.ErrRefused] where that is certain. After any other error, such as a timeout or a connection
// that was lost after the request was sent, the handler may have run, or may still run.
func (r *Remote) Invoke(ctx context.Context, c esm.Call) (esm.Response, error) {
	if err := context.Cause(ctx); err != nil {
		return esm.Response{}, fmt.Errorf("remote: invoke %s: %w: %w", c.Function, esm.ErrNotRun, err)
	}
	if r.Timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeoutCause(ctx, r.Timeout, errors.New("no answer within "+r.Timeout.String()))
		defer cancel()
	}
	resp, err := r.invoke(ctx, c)
	if err != nil {
		err = fmt.Errorf("remote: invoke %s: %w", c.Function, err)
	}
	return resp, err
}

func (r *Remote) invoke(ctx context.Context, c esm.Call) (esm.Response, error) {
	if c.Stream != nil && !r.whole.Load() {
		resp, err := r.invokeStreaming(ctx, c)
		if !errors.Is(err, errNoStreams) {
			return resp, err
		}
		r.whole.Store(true)
	}
	return r.invokeWhole(ctx, c)
}

// invokeWhole runs c with Invoke.
func (r *Remote) invokeWhole(ctx context.Context, c esm.Call) (esm.Response, error) {
	var s sending
	out, err := r.Client.Invoke(s.watch(ctx), input(c), once, traced(c.TraceHeader))
	if err != nil {
		return esm.Response{}, s.explain(ctx, err)
	}
	if out.StatusCode != http.StatusOK {
		return esm.Response{}, fmt.Errorf("status %d instead of an answer", out.StatusCode)
	}
	return esm.Response{
		Payload: out.Payload,
		Fault:   aws.ToString(out.FunctionError),
		Status:  int(out.StatusCode),
		Version: cmp.Or(aws.ToString(out.ExecutedVersion), "$LATEST"),
	}, nil
}

func input(c esm.Call) *lambda.InvokeInput {
	name, qualifier := config.SplitQualifier(c.Function)
	in := &lambda.InvokeInput{FunctionName: &name, Payload: c.Payload}
	if qualifier != "" {
		in.Qualifier = &qualifier
	}
	if c.ClientContext != "" {
		in.ClientContext = aws.String(base64.StdEncoding.EncodeToString([]byte(c.ClientContext)))
	}
	return in
}

func once(o *lambda.Options) { o.Retryer = aws.NopRetryer{} }

// traced sets the header that carries a trace from service to service (AWS: "Visualize Lambda function invocations
// using AWS X-Ray").
func traced(header string) func(*lambda.Options) {
	return func(o *lambda.Options) {
		if header != "" {
			o.APIOptions = append(o.APIOptions, smithyhttp.SetHeaderValue("X-Amzn-Trace-Id", header))
		}
	}
}
