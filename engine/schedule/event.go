package schedule

import (
	"crypto/sha256"
	"encoding/json"
	"time"

	"github.com/google/uuid"
)

// envelope is EventBridge's event. Its members are in EventBridge's order.
type envelope struct {
	Version    string          `json:"version"`
	ID         string          `json:"id"`
	DetailType string          `json:"detail-type"`
	Source     string          `json:"source"`
	Account    string          `json:"account"`
	Time       string          `json:"time"`
	Region     string          `json:"region"`
	Resources  []string        `json:"resources"`
	Detail     json.RawMessage `json:"detail"`
}

// event returns the event of one time at which the rule is due (AWS: "Scheduled Event", in the reference of EventBridge's
// events).
func (f *Feed) event(due time.Time) json.RawMessage {
	text, err := json.Marshal(envelope{
		Version: "0", ID: f.id(due, ""), DetailType: "Scheduled Event", Source: "aws.events", Account: f.Account,
		Time: due.UTC().Format(time.RFC3339), Region: f.Region, Resources: []string{f.Rule}, Detail: json.RawMessage("{}"),
	})
	if err != nil {
		panic(err) // impossible: texts always encode
	}
	return text
}

// namespace is the namespace of IDs of scheduled events.
var namespace = uuid.NewSHA1(uuid.NameSpaceURL, []byte("https://github.com/esm-run/esm/scheduled-events"))

// id returns the ID of the event of one time, or of its delivery to one target. It is the same in every process, so that
// repeated events can be recognized. It has the form of a random UUID, as request IDs have on Lambda.
func (f *Feed) id(due time.Time, target string) string {
	name := f.Rule + "\n" + due.UTC().Format(time.RFC3339Nano) + "\n" + target
	return uuid.NewHash(sha256.New(), namespace, []byte(name), 4).String()
}
