package sns

import (
	"bytes"
	"cmp"
	"encoding/json"
	"net/url"
	"strings"
	"time"
)

// An attribute of a message as an envelope has it. The Value of a binary one is base64.
type attribute struct{ Type, Value string }

func readAttributes(f form) (map[string]attribute, error) {
	var all map[string]attribute
	for _, entry := range f.list("MessageAttributes.entry") {
		a := attribute{entry.text("Value.DataType"), cmp.Or(entry.text("Value.StringValue"), entry.text("Value.BinaryValue"))}
		if a.Type == "" || a.Value == "" {
			return nil, invalidParameter("The message attribute '%s' must contain a non-empty type and value", entry.text("Name"))
		}
		if all == nil {
			all = make(map[string]attribute)
		}
		all[entry.text("Name")] = a
	}
	return all, nil
}

// A notification is the envelope. AWS: "Amazon SNS message and JSON formats".
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

// envelope wraps a message for a subscription. Its signature is none: nobody could check it.
func envelope(to subscription, id, host string, f form, attributes map[string]attribute) string {
	region := strings.Split(to.topic, ":")[3]
	var body bytes.Buffer
	enc := json.NewEncoder(&body)
	enc.SetEscapeHTML(false)
	_ = enc.Encode(notification{ // texts can always be encoded
		Type: "Notification", MessageId: id, TopicArn: to.topic, Subject: f.text("Subject"), Message: f.text("Message"),
		Timestamp:        time.Now().UTC().Format("2006-01-02T15:04:05.000Z"),
		SignatureVersion: "1", Signature: "RW1iZWRkZWQ=",
		SigningCertURL:    "https://sns." + region + ".amazonaws.com/SimpleNotificationService-0000000000000000.pem",
		UnsubscribeURL:    host + "/?Action=Unsubscribe&SubscriptionArn=" + url.QueryEscape(to.arn),
		MessageAttributes: attributes,
	})
	return strings.TrimSuffix(body.String(), "\n")
}
