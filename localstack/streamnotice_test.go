package localstack_test

import (
	"cmp"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/sqs"
)

// told is a notice that is to be sent.
type told struct {
	records   string // as in "2-4"
	count     int    // approximateInvokeCount
	condition string // RetryAttemptsExhausted unless it says otherwise
	fault     string // functionError: "Unhandled", or "" for null
	unasked   bool   // the function was not invoked, or its answer counts for nothing: there is no responseContext
}

// noticed is what a notice says that only its sender can know, and where its records begin.
type noticed struct {
	ID        string
	First     string
	Timestamp string
}

// readNotice reads what nobody but the sender of a notice can know.
func readNotice(t *testing.T, text string) noticed {
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
	first := n.KinesisBatchInfo.StartSequenceNumber + n.DDBStreamBatchInfo.StartSequenceNumber // of which there is one
	return noticed{n.RequestContext.RequestID, first, n.Timestamp}
}

// notices takes so many notices out of a queue, and tells if there are more. They are in the order of their records.
func (h *house) notices(url string, n int) (texts []string) {
	h.Helper()
	eventually(h.T, fmt.Sprintf("there are %d notices", n), func() bool {
		got, err := h.sqs.ReceiveMessage(h.Context(), &sqs.ReceiveMessageInput{
			QueueUrl: &url, MaxNumberOfMessages: 10, MessageAttributeNames: []string{"All"},
		})
		if err != nil {
			h.Fatal(err)
		}
		for _, m := range got.Messages {
			if len(m.MessageAttributes) > 0 {
				h.Errorf("the notice %s has attributes", *m.Body)
			}
			texts = append(texts, *m.Body)
			if _, err := h.sqs.DeleteMessage(h.Context(), &sqs.DeleteMessageInput{QueueUrl: &url, ReceiptHandle: m.ReceiptHandle}); err != nil {
				h.Fatal(err)
			}
		}
		return len(texts) >= n
	})
	if more := h.count(url); more > 0 || len(texts) > n {
		h.Errorf("%d notices, want %d", len(texts)+more, n)
	}
	slices.SortFunc(texts, func(a, b string) int {
		x, y := readNotice(h.T, a).First, readNotice(h.T, b).First
		return cmp.Or(cmp.Compare(len(x), len(y)), strings.Compare(x, y))
	})
	return texts
}

var (
	milliseconds = regexp.MustCompile(`^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$`)
	uuidText     = regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$`)
)

// wantNotice checks a notice to the byte: its keys in AWS's order, and all values but the time of sending.
func wantNotice(t *testing.T, got, want string) {
	t.Helper()
	n := readNotice(t, got)
	sent, err := time.Parse(time.RFC3339, n.Timestamp)
	if err != nil || !milliseconds.MatchString(n.Timestamp) || time.Since(sent).Abs() > 5*time.Minute {
		t.Errorf("the notice %s is of %s", got, n.Timestamp)
	}
	if got := strings.Replace(got, n.Timestamp, "NOW", 1); got != want {
		t.Errorf("notice\n%s, want\n%s", got, want)
	}
}

// notice is a notice of records of the stream, in AWS's words. Payload are the members that a bucket's notice has besides.
func (s *stream) notice(w told, f follower, id string, payload ...string) string {
	s.Helper()
	all := s.records()
	first, last, count := ends(w.records)
	a, z := all[first], all[last]
	response := fmt.Sprintf(`"responseContext":{"statusCode":200,"executedVersion":"$LATEST","functionError":%s},`, orNull(w.fault))
	if w.unasked {
		response = ""
	}
	condition := w.condition
	if condition == "" {
		condition = "RetryAttemptsExhausted"
	}
	return fmt.Sprintf(`{"requestContext":{"requestId":%q,"functionArn":%q,"condition":%q,"approximateInvokeCount":%d},%s"version":"1.0",%s`+
		`"timestamp":"NOW","KinesisBatchInfo":{"shardId":%q,"startSequenceNumber":%q,"endSequenceNumber":%q,`+
		`"approximateArrivalOfFirstRecord":%q,"approximateArrivalOfLastRecord":%q,"batchSize":%d,"streamArn":%q}}`,
		id, f.functionARN(), condition, w.count, response, strings.Join(payload, ""),
		a.shard, *a.SequenceNumber, *z.SequenceNumber, arrival(a), arrival(z), count, s.arn)
}

func arrival(r stored) string {
	return r.ApproximateArrivalTimestamp.UTC().Format("2006-01-02T15:04:05.000Z")
}

func orNull(text string) string {
	if text == "" {
		return "null"
	}
	return fmt.Sprintf("%q", text)
}
