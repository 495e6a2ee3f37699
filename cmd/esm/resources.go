package main

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"github.com/esm-run/esm/cmd/esm/config"
)

// lookAgain is the pause before a service that did not answer is asked again.
const lookAgain = 5 * time.Second

// makeResources makes what the file's Resources say is to be there.
func makeResources(ctx context.Context, file *config.File, c *clients, v *voice) error {
	if len(file.Resources.Queues) == 0 {
		return nil
	}
	client, err := c.sqs(ctx, file.Aws.SqsEndpoint(), file.Aws.Region)
	if err != nil {
		return err
	}
	for _, q := range file.Resources.Queues {
		m := &making{client: client, queue: q}
		if err := m.finish(ctx, v); err != nil {
			return fmt.Errorf("queue %s: %w", q.QueueName, err)
		}
	}
	return nil
}

// making is the making of one queue, as far as it has come. A step of which nobody knows whether it was taken is taken
// again: to create a queue twice changes nothing, and a message is rather put twice than not at all.
type making struct {
	client *sqs.Client
	queue  config.Queue

	missing bool    // it was not there when it was looked for: this run makes it, and puts its messages
	url     *string // nil until it is made
	put     int     // messages
}

// finish goes on until the queue is there and, if this run makes it, holds its messages. It waits for an endpoint that
// does not answer, which it says once, until ctx ends. An answer that says no is an error.
func (m *making) finish(ctx context.Context, v *voice) error {
	waiting := false
	for {
		err := m.goOn(ctx)
		switch {
		case err == nil:
			if m.missing {
				v.info("queue %s: made, with %d messages", m.queue.QueueName, m.put)
			}
			return nil
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case !passing(err):
			return err
		case !waiting:
			waiting = true
			v.warn("queue %s: %v; trying again until it answers", m.queue.QueueName, err)
		}
		pause(ctx, lookAgain)
	}
}

// goOn takes the steps that are left, as far as they succeed.
func (m *making) goOn(ctx context.Context) error {
	if !m.missing {
		there, err := m.look(ctx)
		if there || err != nil {
			return err
		}
		m.missing = true
	}
	if m.url == nil {
		created, err := m.client.CreateQueue(ctx, &sqs.CreateQueueInput{QueueName: &m.queue.QueueName, Attributes: m.queue.Attributes})
		if err != nil {
			return fmt.Errorf("create it: %w", err)
		}
		m.url = created.QueueUrl
	}
	for ; m.put < len(m.queue.Messages); m.put++ {
		if err := m.send(ctx, m.queue.Messages[m.put]); err != nil {
			return fmt.Errorf("put message %d: %w", m.put, err)
		}
	}
	return nil
}

// look reports whether there is a queue of that name.
func (m *making) look(ctx context.Context) (there bool, err error) {
	_, err = m.client.GetQueueUrl(ctx, &sqs.GetQueueUrlInput{QueueName: &m.queue.QueueName})
	if _, missing := errors.AsType[*types.QueueDoesNotExist](err); missing {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("look for it: %w", err)
	}
	return true, nil
}

func (m *making) send(ctx context.Context, message config.Message) error {
	input := &sqs.SendMessageInput{
		QueueUrl:               m.url,
		MessageBody:            &message.MessageBody,
		MessageGroupId:         given(message.MessageGroupId),
		MessageDeduplicationId: given(message.MessageDeduplicationId),
		DelaySeconds:           int32(message.DelaySeconds), //nolint:gosec // the file's decoder allows 900 at the most
	}
	var err error
	if input.MessageAttributes, err = attributes(message.MessageAttributes); err != nil {
		return err
	}
	_, err = m.client.SendMessage(ctx, input)
	return err
}

func attributes(given map[string]config.MessageAttribute) (map[string]types.MessageAttributeValue, error) {
	if len(given) == 0 {
		return nil, nil
	}
	values := make(map[string]types.MessageAttributeValue, len(given))
	for name, a := range given {
		value, err := attribute(a)
		if err != nil {
			return nil, fmt.Errorf("attribute %s: %w", name, err)
		}
		values[name] = value
	}
	return values, nil
}

func attribute(a config.MessageAttribute) (types.MessageAttributeValue, error) {
	value := types.MessageAttributeValue{DataType: &a.DataType}
	if a.BinaryValue == "" {
		value.StringValue = &a.StringValue
		return value, nil
	}
	data, err := base64.StdEncoding.DecodeString(a.BinaryValue)
	value.BinaryValue = data
	return value, err
}

// given is nil for a text that was not given.
func given(text string) *string {
	if text == "" {
		return nil
	}
	return aws.String(text)
}

// passing reports whether err says that nothing answers, or something that is in trouble itself, perhaps because it is
// just starting. Any other answer is final.
func passing(err error) bool {
	if _, unanswered := errors.AsType[*smithyhttp.RequestSendError](err); unanswered {
		return true
	}
	answer, answered := errors.AsType[*smithyhttp.ResponseError](err)
	return answered && answer.HTTPStatusCode() >= http.StatusInternalServerError
}

// pause waits for d or the end of ctx.
func pause(ctx context.Context, d time.Duration) {
	select {
	case <-time.After(d):
	case <-ctx.Done():
	}
}
