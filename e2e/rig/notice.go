package rig

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

// Notice is an expected notice of dropped records.
type Notice struct {
	Records    string // as in "2-4"
	Tries      int
	Condition  string // RetryAttemptsExhausted unless it says otherwise
	Fault      string // functionError: "Unhandled", or "" for null
	Version    string // executedVersion: $LATEST unless it says otherwise
	NoResponse bool   // the function did not answer, or its answer counts for nothing
	Payload    string // the event, which an object holds besides
}

// Sent holds the values of a notice that a test cannot know beforehand, and its first sequence number.
type Sent struct{ RequestID, Timestamp, First string }

// ParseNotice reads a notice.
func ParseNotice(t testing.TB, text string) Sent {
	t.Helper()
	var n struct {
		RequestContext     struct{ RequestID string }
		Timestamp          string
		KinesisBatchInfo   struct{ StartSequenceNumber string }
		DDBStreamBatchInfo struct{ StartSequenceNumber string }
	}
	if err := json.Unmarshal([]byte(text), &n); err != nil {
		t.Fatalf("the notice %s: %v", text, err)
	}
	return Sent{n.RequestContext.RequestID, n.Timestamp, n.KinesisBatchInfo.StartSequenceNumber + n.DDBStreamBatchInfo.StartSequenceNumber}
}

// TakeNotices waits for n notices in the queue, and checks that there are no more. They are in the order of their records.
func (q *Queue) TakeNotices(n int) (texts []string) {
	q.Helper()
	Eventually(q.TB, fmt.Sprintf("there are %d notices", n), func() bool {
		for _, m := range q.receive() {
			if len(m.MessageAttributes) > 0 {
				q.Errorf("the notice %s has attributes", *m.Body)
			}
			texts = append(texts, *m.Body)
		}
		return len(texts) >= n
	})
	if more := q.Count(); more > 0 || len(texts) > n {
		q.Errorf("%d notices, want %d", len(texts)+more, n)
	}
	slices.SortFunc(texts, func(a, b string) int {
		x, y := ParseNotice(q.TB, a).First, ParseNotice(q.TB, b).First
		return cmp.Or(cmp.Compare(len(x), len(y)), strings.Compare(x, y))
	})
	return texts
}

// Check checks a notice of a source's records to the byte: its keys in AWS's order, and all values but the time of
// sending.
func (n Notice) Check(t testing.TB, got string, s Source, f *Function, requestID string) {
	t.Helper()
	all := s.Stored()
	first, last, count := spanEnds(n.Records)
	key, layout := s.noticeForm()
	batch := fmt.Sprintf(`"startSequenceNumber":%q,"endSequenceNumber":%q,`+
		`"approximateArrivalOfFirstRecord":%q,"approximateArrivalOfLastRecord":%q,"batchSize":%d,`,
		all[first].Sequence, all[last].Sequence, all[first].Arrived.UTC().Format(layout), all[last].Arrived.UTC().Format(layout), count)
	n.check(t, got, f, requestID, fmt.Sprintf(`"%s":{"shardId":%q,%s"streamArn":%q}`, key, all[first].Shard, batch, s.StreamARN()))
}

// CheckWindow checks a notice of a final invocation, which has no records.
func (n Notice) CheckWindow(t testing.TB, got string, s Source, f *Function, final Call) {
	t.Helper()
	key, _ := s.noticeForm()
	n.check(t, got, f, final.RequestID, fmt.Sprintf(`"%s":{"shardId":%q,"streamArn":%q},"timeWindowInfo":{"window":{"start":%q,"end":%q},`+
		`"isFinalInvokeForWindow":true,"isWindowTerminatedEarly":false}`,
		key, final.Window.Shard, s.StreamARN(), final.Window.Start.Format(time.RFC3339), final.Window.End.Format(time.RFC3339)))
}

func (n Notice) check(t testing.TB, got string, f *Function, requestID, subject string) {
	t.Helper()
	response, payload, fault := "", "", "null"
	if n.Fault != "" {
		fault = fmt.Sprintf("%q", n.Fault)
	}
	if !n.NoResponse {
		response = fmt.Sprintf(`"responseContext":{"statusCode":200,"executedVersion":%q,"functionError":%s},`, cmp.Or(n.Version, "$LATEST"), fault)
	}
	if n.Payload != "" {
		payload = `"payload":` + Quote(n.Payload) + ","
	}
	want := fmt.Sprintf(`{"requestContext":{"requestId":%q,"functionArn":%q,"condition":%q,"approximateInvokeCount":%d},%s"version":"1.0",%s"timestamp":"NOW",%s}`,
		requestID, f.ARN(), cmp.Or(n.Condition, "RetryAttemptsExhausted"), n.Tries, response, payload, subject)
	CheckTime(t, ParseNotice(t, got).Timestamp)
	if got := strings.Replace(got, ParseNotice(t, got).Timestamp, "NOW", 1); got != want {
		t.Errorf("notice\n%s, want\n%s", got, want)
	}
}

var milliseconds = regexp.MustCompile(`^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$`)

// CheckTime checks that a record has the time of now, in milliseconds.
func CheckTime(t testing.TB, text string) {
	t.Helper()
	sent, err := time.Parse(time.RFC3339, text)
	if err != nil || !milliseconds.MatchString(text) || time.Since(sent).Abs() > 5*time.Minute {
		t.Errorf("a notice of the time %s", text)
	}
}

// UUID matches a UUID.
var UUID = regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$`)

// Quote returns a text as a JSON string, as AWS writes it.
func Quote(text string) string {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	_ = enc.Encode(text)
	return strings.TrimSuffix(b.String(), "\n")
}
