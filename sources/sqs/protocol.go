package sqs

import (
	"context"

	sdk "github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/schemas"
	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"
	"github.com/aws/smithy-go/transport/http/protocol/awsjson"
)

// protocol is the SDK's, except that a wait of 0 seconds is sent: the SDK leaves it out, and SQS then waits as long as the
// queue's ReceiveMessageWaitTimeSeconds says.
type protocol struct{ *awsjson.Protocol }

func newProtocol() protocol { return protocol{awsjson.New10(schemas.AmazonSQS)} }

// SerializeRequest writes the request of an operation.
func (p protocol) SerializeRequest(ctx context.Context, op *smithy.OperationSchema, in smithy.Serializable, req *smithyhttp.Request) error {
	if receive, ok := in.(*sdk.ReceiveMessageInput); ok && receive.WaitTimeSeconds == 0 {
		in = withoutWait{receive}
	}
	return p.Protocol.SerializeRequest(ctx, op, in, req)
}

// withoutWait is a receive that does not wait.
type withoutWait struct{ in *sdk.ReceiveMessageInput }

// Serialize writes all members.
func (w withoutWait) Serialize(s smithy.ShapeSerializer) {
	s.WriteStruct(schemas.ReceiveMessageRequest)
	w.in.SerializeMembers(s)
	s.WriteInt32(schemas.ReceiveMessageRequest_WaitTimeSeconds, 0)
	s.CloseStruct()
}
