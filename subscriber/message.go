package subscriber

import (
	"bytes"
	"encoding/json"
	"net/http"
)

// message is what SNS sends to an HTTP endpoint (AWS: "Amazon SNS message and JSON formats").
type message struct {
	Type           string
	MessageId      string
	Token          string // of a confirmation
	TopicArn       string
	Subject        *string
	Message        string
	SubscribeURL   string // of a confirmation
	UnsubscribeURL string
	Timestamp      string

	SignatureVersion string
	Signature        string // base64
	SigningCertURL   string

	MessageAttributes map[string]attribute

	subscription string // its ARN, from a header
}

type attribute struct{ Type, Value string }

// snsEvent is the event of a topic's Lambda subscription (AWS: "Invoking Lambda functions with Amazon SNS notifications").
// Its members are in AWS's order.
type snsEvent struct{ Records [1]snsRecord }

type snsRecord struct {
	EventSource          string
	EventVersion         string
	EventSubscriptionArn string
	Sns                  snsMessage
}

type snsMessage struct {
	Type              string
	MessageId         string
	TopicArn          string
	Subject           *string
	Message           string
	Timestamp         string
	SignatureVersion  string
	Signature         string
	SigningCertUrl    string
	UnsubscribeUrl    string
	MessageAttributes map[string]attribute
}

// event returns the event of a notification, or nil if there is none: S3's test message.
func (m message) event(unwrap Unwrap) (json.RawMessage, error) {
	if unwrap == Whole {
		return m.whole()
	}
	payload := json.RawMessage(m.Message)
	if !json.Valid(payload) {
		return nil, refuse(http.StatusBadRequest, "the message cannot be unwrapped: it is not JSON")
	}
	if unwrap == S3 && m.tests() {
		return nil, nil
	}
	return payload, nil
}

func (m message) whole() (json.RawMessage, error) {
	attributes := m.MessageAttributes
	if attributes == nil {
		attributes = map[string]attribute{}
	}
	var body bytes.Buffer
	enc := json.NewEncoder(&body)
	enc.SetEscapeHTML(false)
	err := enc.Encode(snsEvent{[1]snsRecord{{
		EventSource: "aws:sns", EventVersion: "1.0", EventSubscriptionArn: m.subscription,
		Sns: snsMessage{
			Type: m.Type, MessageId: m.MessageId, TopicArn: m.TopicArn, Subject: m.Subject, Message: m.Message, Timestamp: m.Timestamp,
			SignatureVersion: m.SignatureVersion, Signature: m.Signature, SigningCertUrl: m.SigningCertURL, UnsubscribeUrl: m.UnsubscribeURL,
			MessageAttributes: attributes,
		},
	}}})
	return bytes.TrimSuffix(body.Bytes(), []byte("\n")), err
}

// tests reports whether the message is the one that S3 sends when notifications are configured (AWS: "Event message
// structure" of S3).
func (m message) tests() bool {
	var test struct{ Event string }
	return json.Unmarshal([]byte(m.Message), &test) == nil && test.Event == "s3:TestEvent"
}
