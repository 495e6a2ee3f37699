package sns

import (
	"cmp"
	"regexp"
	"unicode/utf8"

	"github.com/google/uuid"

	"github.com/esm-run/esm/localstack/embedded/wire"
)

// maxMessage is the limit on a message, and on the messages of a batch together, in bytes. AWS: "Publish".
const maxMessage = 256 << 10

// publishOne is the operation Publish.
func (s *Server) publishOne(r request) (any, error) {
	if r.text("PhoneNumber") != "" {
		return nil, unsupportedValue("PhoneNumber", "a text message")
	}
	to, err := s.subscriptionsAt(cmp.Or(r.text("TopicArn"), r.text("TargetArn")))
	if err != nil {
		return nil, err
	}
	id, err := s.publish(to, r.form, r.host)
	if err != nil {
		return nil, err
	}
	return struct{ MessageId string }{id}, nil
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

// publish checks one message and delivers it. Host is the one the caller used, for the link that unsubscribes.
func (s *Server) publish(to []subscription, f form, host string) (id string, err error) {
	if err := checkMessage(f); err != nil {
		return "", err
	}
	attributes, err := readAttributes(f)
	if err != nil {
		return "", err
	}
	id = uuid.NewString()
	for _, sub := range to {
		body := f.text("Message")
		if !sub.raw {
			body = s.envelope(sub, id, host, f, attributes)
		}
		if s.Deliver != nil {
			_ = s.Deliver(sub.endpoint, body) // as on AWS, the publisher does not learn of an error
		}
	}
	return id, nil
}

func checkMessage(f form) error {
	switch message := f.text("Message"); {
	case message == "":
		return invalidParameter("Empty message")
	case len(message) > maxMessage:
		return invalidParameter("Message too long")
	case !utf8.ValidString(message):
		return invalidParameter("Message Reason: must be UTF-8")
	case utf8.RuneCountInString(f.text("Subject")) > 100:
		return invalidParameter("Subject")
	case f.text("MessageStructure") != "":
		return unsupportedValue("MessageStructure", f.text("MessageStructure"))
	case f.text("MessageDeduplicationId") != "":
		return invalidParameter("MessageDeduplicationId Reason: The request includes MessageDeduplicationId parameter that is not valid for this topic type")
	}
	return nil
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
		id, err := s.publish(to, f, r.host)
		if err != nil {
			reason := wire.AsError(err)
			result.Failed.Member = append(result.Failed.Member, failed{f.text("Id"), reason.ErrorCode(), reason.Message, true})
			continue
		}
		result.Successful.Member = append(result.Successful.Member, published{f.text("Id"), id})
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
