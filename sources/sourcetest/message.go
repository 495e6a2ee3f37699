package sourcetest

import (
	"bytes"
	"container/list"
	"crypto/md5" // SQS returns the MD5 of bodies
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strconv"
	"time"

	"github.com/esm-run/esm"
)

// The ARN of the queue, and its region.
const region, arn = "eu-west-1", "arn:aws:sqs:eu-west-1:123456789012:sourcetest"

// message is one message of a Queue. It is guarded by the queue's lock.
type message struct {
	id, body, group string
	fifo            bool
	sent            time.Time
	seq             int
	trace           string // AWSTraceHeader

	receives int
	first    time.Time // when it was first received
	until    time.Time // when it becomes visible; zero if it was never received
	receipt  string
	place    *list.Element // in the queue's list of visible or of hidden messages
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
	r := esm.Record{ID: m.id, Receipt: m.receipt, Arrived: m.sent, Until: m.until, Event: m.event(), TraceHeader: m.trace}
	if m.fifo {
		r.Group = m.group
	}
	return r
}

// event returns an element of Records (AWS: "Using Lambda with Amazon SQS").
func (m *message) event() json.RawMessage {
	source, sum := arn, md5.Sum([]byte(m.body))
	if m.fifo {
		source += ".fifo"
	}
	var out bytes.Buffer
	enc := json.NewEncoder(&out)
	enc.SetEscapeHTML(false) // no source escapes for HTML
	_ = enc.Encode(struct {  // strings always encode
		MessageID         string            `json:"messageId"`
		ReceiptHandle     string            `json:"receiptHandle"`
		Body              string            `json:"body"`
		Attributes        map[string]string `json:"attributes"`
		MessageAttributes struct{}          `json:"messageAttributes"`
		MD5OfBody         string            `json:"md5OfBody"`
		EventSource       string            `json:"eventSource"`
		EventSourceARN    string            `json:"eventSourceARN"`
		AWSRegion         string            `json:"awsRegion"`
	}{m.id, m.receipt, m.body, m.attributes(), struct{}{}, hex.EncodeToString(sum[:]), "aws:sqs", source, region})
	return bytes.TrimSuffix(out.Bytes(), []byte("\n"))
}

func (m *message) attributes() map[string]string {
	a := map[string]string{
		"ApproximateReceiveCount":          strconv.Itoa(m.receives),
		"ApproximateFirstReceiveTimestamp": millis(m.first),
		"SentTimestamp":                    millis(m.sent),
		"SenderId":                         "AIDAEXAMPLEUSERID0001",
	}
	if m.group != "" {
		a["MessageGroupId"] = m.group
	}
	if m.fifo {
		a["MessageDeduplicationId"] = m.id
		a["SequenceNumber"] = fmt.Sprintf("188%017d", m.seq)
	}
	return a
}

func millis(t time.Time) string { return strconv.FormatInt(t.UnixMilli(), 10) }
