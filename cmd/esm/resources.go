package main

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"maps"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"github.com/aws/smithy-go"

	"github.com/esm-run/esm/cmd/esm/config"
)

// makeResources makes what the file's Resources say is to be there, in their order. It waits for an endpoint that does
// not answer yet, which it says once, until ctx ends.
func makeResources(ctx context.Context, file *config.File, c *clients, v *voice) error {
	if len(file.Resources.Queues) == 0 {
		return nil
	}
	client, err := c.sqs(ctx, file.Aws.SqsEndpoint(), "")
	if err != nil {
		return err
	}
	said := ""
	for _, q := range file.Resources.Queues {
		made, err := makeQueue(ctx, client, q)
		for err != nil && !made && unreachable(err) && ctx.Err() == nil {
			if err.Error() != said {
				said = err.Error()
				v.warn("%v; trying again until it answers", err)
			}
			pause(ctx, lookAgain)
			made, err = makeQueue(ctx, client, q)
		}
		switch {
		case ctx.Err() != nil:
			return nil
		case err != nil:
			return err
		case made:
			v.info("queue %s: made, with %d messages", q.QueueName, len(q.Messages))
		}
	}
	return nil
}

// unreachable reports whether err says that nothing answers, in contrast to an answer that says no.
func unreachable(err error) bool {
	_, answered := errors.AsType[smithy.APIError](err)
	return !answered
}

// pause waits for d or the end of ctx.
func pause(ctx context.Context, d time.Duration) {
	select {
	case <-time.After(d):
	case <-ctx.Done():
	}
}

// makeQueue makes a queue of the file unless there is one of its name, and only then puts its messages in. It reports
// whether it made it.
func makeQueue(ctx context.Context, client *sqs.Client, q config.Queue) (made bool, err error) {
	_, err = client.GetQueueUrl(ctx, &sqs.GetQueueUrlInput{QueueName: aws.String(q.QueueName)})
	if err == nil {
		return false, nil
	}
	if !noQueue(err) {
		return false, fmt.Errorf("queue %s: look for it: %w", q.QueueName, err)
	}
	attributes := maps.Clone(q.Attributes)
	if q.FIFO() {
		if attributes == nil {
			attributes = map[string]string{}
		}
		attributes["FifoQueue"] = "true"
	}
	created, err := client.CreateQueue(ctx, &sqs.CreateQueueInput{QueueName: aws.String(q.QueueName), Attributes: attributes})
	if err != nil {
		return false, fmt.Errorf("queue %s: create it: %w", q.QueueName, err)
	}
	for i, m := range q.Messages {
		if err := put(ctx, client, created.QueueUrl, m); err != nil {
			return true, fmt.Errorf("queue %s: put message %d: %w", q.QueueName, i, err)
		}
	}
	return true, nil
}

// noQueue reports whether err says that there is no such queue, in the old words or the new.
func noQueue(err error) bool {
	_, missing := errors.AsType[*types.QueueDoesNotExist](err)
	return missing
}

func put(ctx context.Context, client *sqs.Client, queueURL *string, m config.Message) error {
	input := &sqs.SendMessageInput{
		QueueUrl:          queueURL,
		MessageBody:       aws.String(m.MessageBody),
		DelaySeconds:      int32(m.DelaySeconds), //nolint:gosec // the file's decoder allows 900 at the most
		MessageAttributes: map[string]types.MessageAttributeValue{},
	}
	if m.MessageGroupId != "" {
		input.MessageGroupId = aws.String(m.MessageGroupId)
	}
	if m.MessageDeduplicationId != "" {
		input.MessageDeduplicationId = aws.String(m.MessageDeduplicationId)
	}
	for name, a := range m.MessageAttributes {
		value, err := attribute(a)
		if err != nil {
			return fmt.Errorf("attribute %s: %w", name, err)
		}
		input.MessageAttributes[name] = value
	}
	_, err := client.SendMessage(ctx, input)
	return err
}

func attribute(a config.MessageAttribute) (types.MessageAttributeValue, error) {
	value := types.MessageAttributeValue{DataType: aws.String(a.DataType)}
	if a.BinaryValue == "" {
		value.StringValue = aws.String(a.StringValue)
		return value, nil
	}
	data, err := base64.StdEncoding.DecodeString(a.BinaryValue)
	value.BinaryValue = data
	return value, err
}
