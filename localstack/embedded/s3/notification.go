package s3

import (
	"cmp"
	"context"
	"encoding/json"
	"encoding/xml"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/esm-run/esm/localstack/embedded/relay"
)

// A notification is the notification configuration of a bucket. AWS: "PutBucketNotificationConfiguration".
type notification struct {
	Topics    []subject `xml:"TopicConfiguration"`
	Queues    []subject `xml:"QueueConfiguration"`
	Functions []subject `xml:"CloudFunctionConfiguration"`
	Bus       *eventBus `xml:"EventBridgeConfiguration"` // nil sends nothing to EventBridge
}

type eventBus struct{}

// The documents that hold a configuration. Requests may be without the namespace.
type (
	sentNotification struct {
		XMLName xml.Name `xml:"NotificationConfiguration"`
		notification
	}
	shownNotification struct {
		XMLName xml.Name `xml:"http://s3.amazonaws.com/doc/2006-03-01/ NotificationConfiguration"`
		notification
	}
)

// A subject says which events a target gets. One of Topic, Queue and Function is the target's ARN.
type subject struct {
	ID       string   `xml:"Id"`
	Topic    string   `xml:",omitempty"`
	Queue    string   `xml:",omitempty"`
	Function string   `xml:"CloudFunction,omitempty"`
	Events   []string `xml:"Event"`
	Filter   *filter  `xml:",omitempty"`
}

// target returns the ARN of the target.
func (s subject) target() string { return cmp.Or(s.Topic, s.Queue, s.Function) }

type filter struct {
	Rules []filterRule `xml:"S3Key>FilterRule"`
}

type filterRule struct{ Name, Value string }

// bounds returns the prefix and the suffix that keys must have.
func (s subject) bounds() (prefix, suffix string) {
	if s.Filter == nil {
		return "", ""
	}
	for _, rule := range s.Filter.Rules {
		if strings.EqualFold(rule.Name, "prefix") {
			prefix = rule.Value
		} else {
			suffix = rule.Value
		}
	}
	return prefix, suffix
}

// wants reports whether the target gets an event of that name, without s3:, for a key.
func (s subject) wants(name, key string) bool {
	prefix, suffix := s.bounds()
	if !strings.HasPrefix(key, prefix) || !strings.HasSuffix(key, suffix) {
		return false
	}
	for _, event := range s.Events {
		if covers(event, "s3:"+name) {
			return true
		}
	}
	return false
}

// covers reports whether an event of a configuration, which may end with a star, covers another.
func covers(event, other string) bool {
	family, all := strings.CutSuffix(event, "*")
	return event == other || all && strings.HasPrefix(other, family)
}

// all returns the subjects of a configuration.
func (n notification) all() []subject {
	return append(append(append([]subject(nil), n.Topics...), n.Queues...), n.Functions...)
}

// maxConfiguration is the longest body of a configuration in bytes: S3 takes 100 subjects.
const maxConfiguration = 1 << 20

// putNotification replaces the configuration of a bucket and sends queues and topics a test event.
func (s *Server) putNotification(c call) error {
	body, err := io.ReadAll(http.MaxBytesReader(c.w, c.Body, maxConfiguration))
	if err != nil {
		return errCut
	}
	var sent sentNotification
	if err := xml.Unmarshal(body, &sent); err != nil {
		return errXML
	}
	n := sent.notification
	if err := s.hasBucket(c.bucket); err != nil { // before its configuration is looked at
		return err
	}
	if err := s.checkNotification(n, c.Header.Get("X-Amz-Skip-Destination-Validation") == "true"); err != nil {
		return err
	}
	if err := s.test(c, n); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	b, err := s.bucketNamed(c.bucket)
	if err != nil {
		return err
	}
	b.notification = n
	c.w.WriteHeader(http.StatusOK)
	return nil
}

func (s *Server) hasBucket(name string) error {
	s.mu.RLock()
	defer s.mu.RUnlock()
	_, err := s.bucketNamed(name)
	return err
}

func (s *Server) getNotification(c call) error {
	s.mu.RLock()
	defer s.mu.RUnlock()
	b, err := s.bucketNamed(c.bucket)
	if err != nil {
		return err
	}
	c.write(http.StatusOK, shownNotification{notification: b.notification})
	return nil
}

// A testEvent is sent when a configuration is put. AWS: "Notification content structure".
type testEvent struct{ Service, Event, Time, Bucket, RequestId, HostId string }

// test sends a test event to the queues and topics of a configuration.
func (s *Server) test(c call, n notification) error {
	header := c.w.Header()
	body, _ := json.Marshal(testEvent{ // texts always encode
		"Amazon S3", "s3:TestEvent", stamp(time.Now()), c.bucket, header.Get(requestID), header.Get(hostID),
	})
	for _, target := range append(append([]subject(nil), n.Queues...), n.Topics...) {
		if err := s.send(c.Context(), target.target(), string(body), relay.TraceOf(c.Request)); err != nil {
			return err
		}
	}
	return nil
}

// send delivers a document to a target. On AWS, S3 knows no dead-letter queues.
func (s *Server) send(ctx context.Context, arn, body, trace string) error {
	err := s.Targets.Send(ctx, arn, relay.Message{Subject: "Amazon S3 Notification", Body: body, Trace: trace}, nil)
	if err != nil {
		return errorf(http.StatusInternalServerError, "InternalError", "The event for %s was not accepted: %v", arn, err)
	}
	return nil
}
