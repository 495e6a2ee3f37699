package relay

import (
	"bytes"
	"encoding/json"
	"time"
)

// An Event is what is put onto an event bus.
type Event struct {
	Source     string
	DetailType string
	Time       time.Time
	Resources  []string
	Detail     json.RawMessage // an object
}

// JSON returns compact JSON with <, > and & as they are, which is how AWS writes the documents that it sends. A document
// consists of what always encodes.
func JSON(document any) []byte {
	var body bytes.Buffer
	enc := json.NewEncoder(&body)
	enc.SetEscapeHTML(false)
	_ = enc.Encode(document)
	return bytes.TrimSuffix(body.Bytes(), []byte("\n"))
}
