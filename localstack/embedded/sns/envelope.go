package sns

import (
	"net/url"

	"github.com/esm-run/esm/localstack/embedded/relay"
)

// signature is a placeholder: the stand-in has no certificate.
const signature = "RW1iZWRkZWQ="

// A notification is the envelope of a message for a queue and an HTTP(S) endpoint. AWS: "Amazon SNS message and JSON formats".
type notification struct {
	Type              string
	MessageId         string
	TopicArn          string
	Subject           string `json:",omitempty"`
	Message           string
	Timestamp         string
	SignatureVersion  string
	Signature         string
	SigningCertURL    string
	UnsubscribeURL    string
	MessageAttributes map[string]relay.Attribute `json:",omitempty"`
}

// envelope wraps a message for a subscription.
func (s *Server) envelope(to subscription, m message) string {
	return string(relay.JSON(notification{
		Type: "Notification", MessageId: m.id, TopicArn: to.topic, Subject: m.subject, Message: m.text, Timestamp: m.stamp(),
		SignatureVersion: "1", Signature: signature, SigningCertURL: s.certificate(),
		UnsubscribeURL: m.unsubscribe(to), MessageAttributes: m.attributes,
	}))
}

// A functionEvent is the event of a message for a function: one record, with other names than in a notification. AWS: "Invoking
// Lambda functions with Amazon SNS notifications".
type functionEvent struct{ Records [1]functionRecord }

type functionRecord struct {
	EventSource          string
	EventVersion         string
	EventSubscriptionArn string
	Sns                  functionNotification
}

type functionNotification struct {
	Type              string
	MessageId         string
	TopicArn          string
	Subject           *string // null if there is none
	Message           string
	Timestamp         string
	SignatureVersion  string
	Signature         string
	SigningCertUrl    string
	UnsubscribeUrl    string
	MessageAttributes map[string]relay.Attribute // never null
}

// event wraps a message for a subscribed function.
func (s *Server) event(to subscription, m message) string {
	n := functionNotification{
		Type: "Notification", MessageId: m.id, TopicArn: to.topic, Message: m.text, Timestamp: m.stamp(),
		SignatureVersion: "1", Signature: signature, SigningCertUrl: s.certificate(),
		UnsubscribeUrl: m.unsubscribe(to), MessageAttributes: m.attributes,
	}
	if m.subject != "" {
		n.Subject = &m.subject
	}
	if n.MessageAttributes == nil {
		n.MessageAttributes = make(map[string]relay.Attribute)
	}
	return string(relay.JSON(functionEvent{[1]functionRecord{{"aws:sns", "1.0", to.arn, n}}}))
}

// A confirmation asks an HTTP(S) endpoint to confirm its subscription. AWS: "HTTP/HTTPS subscription confirmation JSON format".
type confirmation struct {
	Type             string
	MessageId        string
	Token            string
	TopicArn         string
	Message          string
	SubscribeURL     string
	Timestamp        string
	SignatureVersion string
	Signature        string
	SigningCertURL   string
}

// confirmation wraps the token of a subscription, in place of m's text.
func (s *Server) confirmation(of subscription, m message) string {
	return string(relay.JSON(confirmation{
		Type: "SubscriptionConfirmation", MessageId: m.id, Token: of.token, TopicArn: of.topic,
		Message: "You have chosen to subscribe to the topic " + of.topic +
			".\nTo confirm the subscription, visit the SubscribeURL included in this message.",
		SubscribeURL: m.host + "/?Action=ConfirmSubscription&TopicArn=" + url.QueryEscape(of.topic) + "&Token=" + of.token,
		Timestamp:    m.stamp(), SignatureVersion: "1", Signature: signature, SigningCertURL: s.certificate(),
	}))
}

func (m message) stamp() string { return m.at.UTC().Format("2006-01-02T15:04:05.000Z") }

func (m message) unsubscribe(to subscription) string {
	return m.host + "/?Action=Unsubscribe&SubscriptionArn=" + url.QueryEscape(to.arn)
}

func (s *Server) certificate() string {
	return "https://sns." + s.Account.OrDefault().Region + ".amazonaws.com/SimpleNotificationService-0000000000000000.pem"
}
