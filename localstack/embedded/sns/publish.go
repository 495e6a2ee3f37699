package sns

import (
	"cmp"
	"context"
	"regexp"

	"github.com/esm-run/esm/localstack/embedded/relay"
	"github.com/esm-run/esm/localstack/embedded/wire"
)

// publishOne is the operation Publish.
func (s *Server) publishOne(r request) (any, error) {
	if r.text("PhoneNumber") != "" {
		return nil, unsupportedValue("PhoneNumber", "a text message")
	}
	to, err := s.subscriptionsAt(cmp.Or(r.text("TopicArn"), r.text("TargetArn")))
	if err != nil {
		return nil, err
	}
	m, err := readMessage(r.form, r)
	if err != nil {
		return nil, err
	}
	if err := s.publish(r.http.Context(), to, m); err != nil {
		return nil, err
	}
	return struct{ MessageId string }{m.id}, nil
}

var _ relay.Target = (*Server)(nil)

// Has reports whether there is a topic with that ARN.
func (s *Server) Has(arn string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.topics[arn] != nil
}

// Deliver publishes a message of another service to the topic with that ARN.
func (s *Server) Deliver(ctx context.Context, arn string, of relay.Message) error {
	to, err := s.subscriptionsAt(arn)
	if err != nil {
		return err
	}
	m, err := s.relayed(of)
	if err != nil {
		return err
	}
	return s.publish(ctx, to, m)
}

// subscriptionsAt returns the current subscriptions of a topic.
func (s *Server) subscriptionsAt(arn string) ([]subscription, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	t, err := s.topicAt(arn)
	if err != nil {
		return nil, err
	}
	var all []subscription
	for _, sub := range s.subscriptionsOf(t.arn) {
		all = append(all, *sub)
	}
	return all, nil
}

// publish delivers a message to subscriptions.
func (s *Server) publish(ctx context.Context, to []subscription, m message) error {
	for _, sub := range to {
		if err := s.deliver(ctx, sub, m); err != nil {
			return err
		}
	}
	return nil
}

// deliver delivers a message to one subscription, if its filter accepts the message. The error is one that publishing again
// may help against: as on AWS, the publisher does not learn that a subscriber refused the message.
func (s *Server) deliver(ctx context.Context, to subscription, m message) error {
	switch {
	case to.pending || !to.accepts(m):
		return nil
	case to.protocol == "lambda":
		return s.Targets.Send(ctx, to.endpoint, relay.Message{Body: s.event(to, m), Trace: m.trace}, s.letter(to, m))
	case to.protocol == "sqs":
		return s.Targets.Send(ctx, to.endpoint, s.queued(to, m), s.letter(to, m))
	default:
		s.post(ctx, to, m)
		return nil
	}
}

// queued returns the message as a queue gets it: in the envelope, or as it is with its attributes.
func (s *Server) queued(to subscription, m message) relay.Message {
	if to.raw {
		return relay.Message{Body: m.text, Attributes: m.attributes, Trace: m.trace}
	}
	return relay.Message{Body: s.envelope(to, m), Trace: m.trace}
}

// letter returns the dead letter of a message by the subscription's RedrivePolicy, or nil without one. AWS: "Amazon SNS
// dead-letter queues".
func (s *Server) letter(to subscription, m message) relay.Letter {
	if to.deadQueue == "" {
		return nil
	}
	return func(error) (string, relay.Message) { return to.deadQueue, s.queued(to, m) }
}

type (
	published struct{ Id, MessageId string }
	failed    struct {
		Id, Code, Message string
		SenderFault       bool
	}
)

// publishBatch publishes entry by entry: one that fails does not affect the others.
func (s *Server) publishBatch(r request) (any, error) {
	batch := r.list("PublishBatchRequestEntries.member")
	to, err := s.subscriptionsAt(r.text("TopicArn"))
	if err != nil {
		return nil, err
	}
	if err := checkBatch(batch); err != nil {
		return nil, err
	}
	var result struct {
		Successful members[published]
		Failed     members[failed]
	}
	for _, f := range batch {
		m, err := readMessage(f, r)
		if err == nil {
			err = s.publish(r.http.Context(), to, m)
		}
		if err != nil {
			reason := wire.AsError(err)
			result.Failed.Member = append(result.Failed.Member, failed{f.text("Id"), reason.ErrorCode(), reason.Message, reason.Status < 500})
			continue
		}
		result.Successful.Member = append(result.Successful.Member, published{f.text("Id"), m.id})
	}
	return result, nil
}

// AWS: "PublishBatch".
var batchID = regexp.MustCompile(`^[A-Za-z0-9_-]{1,80}$`)

func checkBatch(batch []form) error {
	if len(batch) == 0 {
		return errorf("EmptyBatchRequest", "The batch request doesn't contain any entries.")
	}
	if len(batch) > 10 {
		return errorf("TooManyEntriesInBatchRequest", "The batch request contains more entries than permissible.")
	}
	seen, size := make(map[string]bool), 0
	for _, f := range batch {
		id := f.text("Id")
		if !batchID.MatchString(id) {
			return errorf("InvalidBatchEntryId", "The Id of a batch entry in a batch request doesn't abide by the specification.")
		}
		if seen[id] {
			return errorf("BatchEntryIdsNotDistinct", "Two or more batch entries in the request have the same Id.")
		}
		seen[id] = true
		size += len(f.text("Message"))
	}
	if size > maxMessage {
		return errorf("BatchRequestTooLong", "The length of all the batch messages put together is more than the limit.")
	}
	return nil
}
