package sns

import (
	"cmp"
	"net/http"
	"time"
	"unicode/utf8"

	"github.com/google/uuid"

	"github.com/esm-run/esm/localstack/embedded/relay"
)

// maxMessage is the limit on a message, and on the messages of a batch together, in bytes. AWS: "Publish".
const maxMessage = 256 << 10

// A message is what was published to a topic.
type message struct {
	id, subject, text string
	attributes        map[string]relay.Attribute
	at                time.Time
	host              string // of the link that unsubscribes, with its scheme
	trace             string
}

// readMessage returns the message that a request, or an entry of a batch, publishes. The request is also where its host and
// its trace header come from.
func readMessage(f form, r request) (message, error) {
	m := message{
		id: uuid.NewString(), subject: f.text("Subject"), text: f.text("Message"), at: time.Now(),
		host: r.host, trace: relay.TraceOf(r.http),
	}
	var err error
	switch {
	case f.text("MessageStructure") != "":
		return m, unsupportedValue("MessageStructure", f.text("MessageStructure"))
	case f.text("MessageDeduplicationId") != "":
		return m, invalidParameter("MessageDeduplicationId Reason: The request includes MessageDeduplicationId parameter that is not valid for this topic type")
	}
	if m.attributes, err = readAttributes(f); err != nil {
		return m, err
	}
	return m, m.check()
}

// relayed returns the message that another service publishes.
func (s *Server) relayed(m relay.Message) (message, error) {
	of := message{
		id: uuid.NewString(), subject: m.Subject, text: m.Body, attributes: m.Attributes, at: time.Now(),
		host: "https://sns." + s.Account.OrDefault().Region + ".amazonaws.com", trace: m.Trace,
	}
	return of, of.check()
}

func (m message) check() error {
	switch {
	case m.text == "":
		return invalidParameter("Empty message")
	case len(m.text) > maxMessage:
		return invalidParameter("Message too long")
	case !utf8.ValidString(m.text):
		return invalidParameter("Message Reason: must be UTF-8")
	case utf8.RuneCountInString(m.subject) > 100:
		return invalidParameter("Subject")
	}
	return nil
}

func readAttributes(f form) (map[string]relay.Attribute, error) {
	all := make(map[string]relay.Attribute)
	for _, entry := range f.list("MessageAttributes.entry") {
		a := relay.Attribute{Type: entry.text("Value.DataType"), Value: cmp.Or(entry.text("Value.StringValue"), entry.text("Value.BinaryValue"))}
		if a.Type == "" || a.Value == "" {
			return nil, invalidParameter("The message attribute '%s' must contain a non-empty type and value", entry.text("Name"))
		}
		all[entry.text("Name")] = a
	}
	return all, nil
}

// hostOf returns the address that the caller used. Links in messages have it.
func hostOf(r *http.Request) string { return "http://" + r.Host }
