package sns

import (
	"cmp"
	"errors"
	"net/http"
	"regexp"
	"unicode/utf8"

	"github.com/google/uuid"
)

// maxMessage is how long a message may be, and all of a batch together, in bytes. AWS: "Publish".
const maxMessage = 256 << 10

// publishOne is the operation Publish.
func (s *Server) publishOne(r request) (any, error) {
	if r.text("PhoneNumber") != "" {
		return nil, unsupportedValue("PhoneNumber", "a text message")
	}
	subscribed, err := s.subscribed(cmp.Or(r.text("TopicArn"), r.text("TargetArn")))
	if err != nil {
		return nil, err
	}
	id, err := s.publish(subscribed, r.form, r.host)
	if err != nil {
		return nil, err
	}
	return struct{ MessageId string }{id}, nil
}

// subscribed is who gets the messages of a topic now.
func (s *Server) subscribed(arn string) ([]subscription, error) {
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

// publish checks one message and delivers it. Host is how the caller calls this server.
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
			body = envelope(sub, id, host, f, attributes)
		}
		if s.Deliver != nil {
			_ = s.Deliver(sub.endpoint, body) // as on AWS the publisher does not learn of it
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

// publishBatch publishes message by message: one that is refused does not keep the others back.
func (s *Server) publishBatch(r request) (any, error) {
	batch := r.list("PublishBatchRequestEntries.member")
	subscribed, err := s.subscribed(r.text("TopicArn"))
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
		id, err := s.publish(subscribed, f, r.host)
		if refused, ok := errors.AsType[*refusal](err); ok {
			result.Failed.Member = append(result.Failed.Member, failed{f.text("Id"), refused.code, refused.text, true})
			continue
		}
		result.Successful.Member = append(result.Successful.Member, published{f.text("Id"), id})
	}
	return result, nil
}

// AWS: "PublishBatch".
var batchID = regexp.MustCompile(`^[A-Za-z0-9_-]{1,80}$`)

func checkBatch(batch []form) error {
	refuse := func(code, text string) error { return &refusal{http.StatusBadRequest, code, text} }
	if len(batch) == 0 {
		return refuse("EmptyBatchRequest", "The batch request doesn't contain any entries.")
	}
	if len(batch) > 10 {
		return refuse("TooManyEntriesInBatchRequest", "The batch request contains more entries than permissible.")
	}
	seen, size := make(map[string]bool), 0
	for _, f := range batch {
		id := f.text("Id")
		if !batchID.MatchString(id) {
			return refuse("InvalidBatchEntryId", "The Id of a batch entry in a batch request doesn't abide by the specification.")
		}
		if seen[id] {
			return refuse("BatchEntryIdsNotDistinct", "Two or more batch entries in the request have the same Id.")
		}
		seen[id] = true
		size += len(f.text("Message"))
	}
	if size > maxMessage {
		return refuse("BatchRequestTooLong", "The length of all the batch messages put together is more than the limit.")
	}
	return nil
}
