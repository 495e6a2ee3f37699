package sqs

import (
	"bytes"
	"context"
	"fmt"
	"io"

	sdk "github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/smithy-go/middleware"
	smithyhttp "github.com/aws/smithy-go/transport/http"
)

// checkHere leaves the check of bodies' MD5s to this package: the SDK's would refuse all messages of a receive because
// of one.
func checkHere(o *sdk.Options) { o.DisableMessageChecksumValidation = true }

// waitAsTold makes a wait of 0 seconds mean none. The SDK leaves a WaitTimeSeconds of 0 out of the request, and SQS then
// waits as long as the queue's ReceiveMessageWaitTimeSeconds says.
func waitAsTold(seconds int32) func(*sdk.Options) {
	return func(o *sdk.Options) {
		if seconds == 0 {
			o.APIOptions = append(o.APIOptions, func(stack *middleware.Stack) error {
				return stack.Serialize.Add(middleware.SerializeMiddlewareFunc("WaitZeroSeconds", waitZero), middleware.After)
			})
		}
	}
}

// waitZero adds the member to the request's JSON, which holds others already.
func waitZero(ctx context.Context, in middleware.SerializeInput, next middleware.SerializeHandler) (
	out middleware.SerializeOutput, metadata middleware.Metadata, err error,
) {
	req, ok := in.Request.(*smithyhttp.Request)
	if !ok {
		return out, metadata, fmt.Errorf("a request of type %T", in.Request)
	}
	body, err := io.ReadAll(req.GetStream())
	if err != nil {
		return out, metadata, err
	}
	body = append(bytes.TrimSuffix(body, []byte("}")), `,"WaitTimeSeconds":0}`...)
	if in.Request, err = req.SetStream(bytes.NewReader(body)); err != nil {
		return out, metadata, err
	}
	return next.HandleSerialize(ctx, in)
}
