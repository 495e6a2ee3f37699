package sns

import (
	"bytes"
	"cmp"
	"encoding/json"
	"net/url"
	"strings"
	"time"
)

// An attribute is a message attribute in an envelope. A binary Value is in base64.
type attribute struct{ Type, Value string }

func readAttributes(f form) (map[string]attribute, error) {
	all := make(map[string]attribute)
	for _, entry := range f.list("MessageAttributes.entry") {
		a := attribute{entry.text("Value.DataType"), cmp.Or(entry.text("Value.StringValue"), entry.text("Value.BinaryValue"))}
		if a.Type == "" || a.Value == "" {
			return nil, invalidParameter("The message attribute '%s' must contain a non-empty type and value", entry.text("Name"))
		}
		all[entry.text("Name")] = a
	}
	return all, nil
}

// A notification is the envelope of a message. AWS: "Amazon SNS message and JSON formats".
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
	MessageAttributes map[string]attribute `json:",omitempty"`
}

// envelope wraps a message for a subscription. Its signature is a placeholder.
func (s *Server) envelope(to subscription, id, host string, f form, attributes map[string]attribute) string {
	var body bytes.Buffer
	enc := json.NewEncoder(&body)
	enc.SetEscapeHTML(false)
	_ = enc.Encode(notification{ // strings always encode
		Type: "Notification", MessageId: id, TopicArn: to.topic, Subject: f.text("Subject"), Message: f.text("Message"),
		Timestamp:        time.Now().UTC().Format("2006-01-02T15:04:05.000Z"),
		SignatureVersion: "1", Signature: "RW1iZWRkZWQ=",
		SigningCertURL:    "https://sns." + s.Account.OrDefault().Region + ".amazonaws.com/SimpleNotificationService-0000000000000000.pem",
		UnsubscribeURL:    host + "/?Action=Unsubscribe&SubscriptionArn=" + url.QueryEscape(to.arn),
		MessageAttributes: attributes,
	})
	return strings.TrimSuffix(body.String(), "\n")
}
