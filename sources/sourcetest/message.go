package sourcetest

import (
	"bytes"
	"crypto/md5" //nolint:gosec // SQS describes bodies by their MD5
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strconv"
	"time"

	"github.com/esm-run/esm"
)

// The one queue that there is.
const region, arn = "eu-west-1", "arn:aws:sqs:eu-west-1:123456789012:sourcetest"

// message is one message of a Queue. It is guarded by the queue's lock.
type message struct {
	id, body, group string
	fifo            bool
	sent            time.Time
	seq             int

	receives int
	first    time.Time // when it was first received
	until    time.Time // when it comes back; zero while it was never received
	receipt  string
}

func (m *message) hidden(now time.Time) bool { return now.Before(m.until) }

func (m *message) receive(now, until time.Time) {
	if m.receives == 0 {
		m.first = now
	}
	m.receives++
	m.until = until
	m.receipt = fmt.Sprintf("receipt-%s-%d", m.id, m.receives)
}

func (m *message) record() esm.Record {
	r := esm.Record{ID: m.id, Receipt: m.receipt, Arrived: m.sent, Until: m.until, Event: m.event()}
	if m.fifo {
		r.Group = m.group
	}
	return r
}

// event is the element of Records, with the keys of AWS: "Using Lambda with Amazon SQS", for a batching window of 0.
func (m *message) event() json.RawMessage {
	attributes := map[string]string{
		"ApproximateReceiveCount":          strconv.Itoa(m.receives),
		"ApproximateFirstReceiveTimestamp": millis(m.first),
		"SentTimestamp":                    millis(m.sent),
		"SenderId":                         "AIDAEXAMPLEUSERID0001",
	}
	if m.group != "" {
		attributes["MessageGroupId"] = m.group
	}
	arn := arn
	if m.fifo {
		arn += ".fifo"
		attributes["MessageDeduplicationId"] = m.id
		attributes["SequenceNumber"] = fmt.Sprintf("188%017d", m.seq)
	}
	sum := md5.Sum([]byte(m.body)) //nolint:gosec // as above
	return compact(map[string]any{
		"messageId":         m.id,
		"receiptHandle":     m.receipt,
		"body":              m.body,
		"attributes":        attributes,
		"messageAttributes": map[string]any{},
		"md5OfBody":         hex.EncodeToString(sum[:]),
		"eventSource":       "aws:sqs",
		"eventSourceARN":    arn,
		"awsRegion":         region,
	})
}

func compact(v any) json.RawMessage {
	var out bytes.Buffer
	enc := json.NewEncoder(&out)
	enc.SetEscapeHTML(false)
	_ = enc.Encode(v) // strings and maps of them always encode
	return bytes.TrimSuffix(out.Bytes(), []byte("\n"))
}

func millis(t time.Time) string { return strconv.FormatInt(t.UnixMilli(), 10) }
