package destinations

import (
	"context"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge/types"
	"github.com/aws/smithy-go"

	"github.com/esm-run/esm"
)

// bus puts each record of an asynchronous event as an event on an EventBridge bus.
type bus struct {
	client *eventbridge.Client
	arn    string
}

// Send implements [esm.Destination] by one PutEvents of one entry, which needs events:PutEvents.
func (b *bus) Send(ctx context.Context, n esm.Notice) error {
	if err := b.put(ctx, n); err != nil {
		return failed("put on event bus", b.arn, err)
	}
	return nil
}

func (b *bus) put(ctx context.Context, n esm.Notice) error {
	entry, err := b.entry(n)
	if err != nil {
		return err
	}
	in := &eventbridge.PutEventsInput{Entries: []types.PutEventsRequestEntry{entry}}
	out, err := b.client.PutEvents(ctx, in, func(o *eventbridge.Options) { o.Retryer = aws.NopRetryer{} })
	if err != nil {
		return err
	}
	return refusedEntry(out)
}

// entry returns the event about a notice, as Lambda puts it.
func (b *bus) entry(n esm.Notice) (entry types.PutEventsRequestEntry, err error) {
	if n.Event == nil {
		return entry, errNoRecord
	}
	record, err := document(n, true)
	if err != nil {
		return entry, err
	}
	result := "Failure"
	if n.Condition == esm.Success {
		result = "Success"
	}
	entry = types.PutEventsRequestEntry{
		EventBusName: &b.arn,
		Source:       aws.String("lambda"),
		DetailType:   aws.String("Lambda Function Invocation Result - " + result),
		Resources:    []string{b.arn, qualified(n.FunctionArn)},
		Detail:       aws.String(string(record)),
	}
	if header := traceHeader(n); header != "" {
		entry.TraceHeader = &header
	}
	return entry, nil
}

// refusedEntry returns the error of the entry that a successful answer reports as failed (AWS: API reference of
// PutEventsResultEntry). It is permanent, except for codes that are known to be temporary.
func refusedEntry(out *eventbridge.PutEventsOutput) error {
	var code, text string
	for _, e := range out.Entries {
		if code = aws.ToString(e.ErrorCode); code != "" {
			text = aws.ToString(e.ErrorMessage)
			break
		}
	}
	switch {
	case code != "":
		err := error(&smithy.GenericAPIError{Code: code, Message: text})
		if !passes(err) {
			err = fmt.Errorf("%w: %w", esm.ErrUndeliverable, err)
		}
		return err
	case out.FailedEntryCount > 0:
		return fmt.Errorf("the answer reports %d failed entries without a reason", out.FailedEntryCount)
	}
	return nil
}

// Reach implements [Reachable] by DescribeEventBus.
func (b *bus) Reach(ctx context.Context) error {
	_, err := b.client.DescribeEventBus(ctx, &eventbridge.DescribeEventBusInput{Name: &b.arn})
	return reached("event bus", b.arn, err)
}
