package destinations

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"
	"github.com/google/uuid"

	"github.com/esm-run/esm"
	"github.com/esm-run/esm/config"
)

// ownFunction invokes a function of this engine asynchronously with each record. The event is one like any other: it has
// tries, destinations and a request ID of its own.
type ownFunction struct {
	acceptor esm.Acceptor // may be nil: then nothing can be sent
	name     string       // with its qualifier, if any
}

var errNotRunning = fmt.Errorf("%w: it is a function of this engine, which is not running", esm.ErrUndeliverable)

// Send implements [esm.Destination] by one [esm.Acceptor].Accept. The request ID is the same at every try to send n, so
// that the function can recognize a repetition.
func (f *ownFunction) Send(ctx context.Context, n esm.Notice) error {
	if err := f.send(ctx, n); err != nil {
		return failed("invoke function", f.name, err)
	}
	return nil
}

func (f *ownFunction) send(ctx context.Context, n esm.Notice) error {
	record, err := eventFrom(n)
	switch {
	case err != nil:
		return err
	case f.acceptor == nil:
		return errNotRunning
	}
	err = f.acceptor.Accept(ctx, esm.Event{ID: derivedID(n), Function: f.name, Payload: record, TraceHeader: n.Event.TraceHeader})
	if errors.Is(err, esm.ErrRefused) {
		return fmt.Errorf("%w: %w", esm.ErrUndeliverable, err)
	}
	return err
}

// Reach implements [Reachable]. A function of this engine that could be opened exists.
func (f *ownFunction) Reach(context.Context) error { return nil }

// eventFrom returns the event of the invocation by which a function receives a notice.
func eventFrom(n esm.Notice) ([]byte, error) {
	if n.Event == nil {
		return nil, errNoRecord
	}
	record, err := document(n, true)
	if err == nil && len(record) > esm.MaxEvent {
		return nil, tooLarge(record, esm.MaxEvent)
	}
	return record, err
}

// idSpace is the namespace of derived IDs: a version 5 UUID of this URL.
var idSpace = uuid.NewSHA1(uuid.NameSpaceURL, []byte("https://github.com/esm-run/esm/notices"))

// derivedID returns a UUID that depends on the notice's ID alone. It has version 4, as request IDs must.
func derivedID(n esm.Notice) string {
	return uuid.NewHash(sha256.New(), idSpace, []byte(n.ID), 4).String()
}

// remoteFunction invokes a function asynchronously, with each record, by Lambda's Invoke API.
type remoteFunction struct {
	client *lambda.Client
	name   config.FunctionName
	arn    string // without the qualifier
}

// Send implements [esm.Destination] by one Invoke, which needs lambda:InvokeFunction. The endpoint chooses the request ID.
func (f *remoteFunction) Send(ctx context.Context, n esm.Notice) error {
	record, err := eventFrom(n)
	if err == nil {
		in := &lambda.InvokeInput{FunctionName: &f.arn, Qualifier: f.qualifier(), InvocationType: types.InvocationTypeEvent, Payload: record}
		_, err = f.client.Invoke(ctx, in, func(o *lambda.Options) {
			o.Retryer, o.APIOptions = aws.NopRetryer{}, append(o.APIOptions, traced(n)...)
		})
	}
	if err != nil {
		return failed("invoke function", f.arn, err)
	}
	return nil
}

func (f *remoteFunction) qualifier() *string {
	if f.name.Qualifier == "" {
		return nil
	}
	return &f.name.Qualifier
}

// Reach implements [Reachable] by GetFunctionConfiguration.
func (f *remoteFunction) Reach(ctx context.Context) error {
	_, err := f.client.GetFunctionConfiguration(ctx, &lambda.GetFunctionConfigurationInput{FunctionName: &f.arn, Qualifier: f.qualifier()})
	return reached("function", f.arn, err)
}
