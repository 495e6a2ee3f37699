package sqs

import (
	"bytes"
	"context"
	"sync"

	sdk "github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/schemas"
	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"
	"github.com/aws/smithy-go/transport/http/protocol/awsjson"
)

// protocol is the SDK's, except that a wait of 0 seconds is sent. The SDK omits it, and SQS then waits for the queue's
// ReceiveMessageWaitTimeSeconds.
type protocol struct{ *awsjson.Protocol }

func newProtocol() protocol { return protocol{awsjson.New10(schemas.AmazonSQS)} }

// SerializeRequest writes the request of an operation.
func (p protocol) SerializeRequest(ctx context.Context, op *smithy.OperationSchema, in smithy.Serializable, req *smithyhttp.Request) error {
	if receive, ok := in.(*sdk.ReceiveMessageInput); ok && receive.WaitTimeSeconds == 0 {
		in = withoutWait{receive}
	}
	return p.Protocol.SerializeRequest(ctx, op, in, req)
}

// withoutWait is the input of a receive that does not wait.
type withoutWait struct{ in *sdk.ReceiveMessageInput }

// Serialize writes all members.
func (w withoutWait) Serialize(s smithy.ShapeSerializer) {
	s.WriteStruct(schemas.ReceiveMessageRequest)
	w.in.SerializeMembers(s)
	s.WriteInt32(schemas.ReceiveMessageRequest_WaitTimeSeconds, 0)
	s.CloseStruct()
}

// receiveProtocol is the protocol of one ReceiveMessage, whose answer it decodes.
type receiveProtocol struct {
	protocol
	decoder *decoder
}

// DeserializeResponse reads the answer to an operation.
func (p receiveProtocol) DeserializeResponse(ctx context.Context, op *smithy.OperationSchema, known *smithy.TypeRegistry, resp *smithyhttp.Response, out smithy.Deserializable) error {
	if resp.StatusCode < 200 || resp.StatusCode > 299 {
		return p.protocol.DeserializeResponse(ctx, op, known, resp, out)
	}
	buf := buffers.Get().(*bytes.Buffer)
	defer buffers.Put(buf)
	buf.Reset()
	_, err := buf.ReadFrom(resp.Body)
	if err == nil {
		err = p.decoder.decode(buf.Bytes())
	}
	if err != nil {
		return &smithy.DeserializationError{Err: err}
	}
	return nil
}

var buffers = sync.Pool{New: func() any { return new(bytes.Buffer) }}
