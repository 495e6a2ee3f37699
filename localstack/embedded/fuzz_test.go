package embedded

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"unicode/utf8"
)

// FuzzRequest sends anything to any operation: the answer is always JSON, and a refusal is always the caller's fault.
func FuzzRequest(f *testing.F) {
	for _, seed := range [][2]string{
		{"CreateQueue", `{"QueueName":"a.fifo","Attributes":{"FifoQueue":"true","RedrivePolicy":"{\"deadLetterTargetArn\":\"arn:aws:sqs:us-east-1:000000000000:q.fifo\",\"maxReceiveCount\":\"1\"}"}}`},
		{"SendMessage", `{` + queueURL + `,"MessageBody":"\ud83d\ude00","MessageAttributes":{"a.b":{"DataType":"Binary","BinaryValue":"AAE="}}}`},
		{"SendMessageBatch", `{` + fifoURL + `,"Entries":[{"Id":"1","MessageBody":"x","MessageGroupId":"g","MessageDeduplicationId":"d"}]}`},
		{"ReceiveMessage", `{` + queueURL + `,"MaxNumberOfMessages":10,"AttributeNames":["All"],"MessageAttributeNames":["a.*"],"VisibilityTimeout":0}`},
		{"DeleteMessageBatch", `{` + queueURL + `,"Entries":[{"Id":"1","ReceiptHandle":"AQEBAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"}]}`},
		{"ChangeMessageVisibility", `{` + queueURL + `,"ReceiptHandle":"x","VisibilityTimeout":0}`},
		{"SetQueueAttributes", `{` + queueURL + `,"Attributes":{"RedriveAllowPolicy":"{}"}}`},
		{"ListQueues", `{"MaxResults":1,"NextToken":"cQ=="}`},
		{"TagQueue", `{` + queueURL + `,"Tags":{"a":"b"}}`},
	} {
		f.Add(seed[0], seed[1])
	}
	f.Fuzz(func(t *testing.T, operation, body string) {
		synctest.Test(t, func(t *testing.T) { // a long poll takes no time here
			s := new(Server)
			mustPost(t, s, "CreateQueue", `{"QueueName":"q"}`)
			mustPost(t, s, "CreateQueue", `{"QueueName":"q.fifo","Attributes":{"FifoQueue":"true"}}`)
			mustPost(t, s, "SendMessage", `{`+queueURL+`,"MessageBody":"x","MessageAttributes":{"a":{"DataType":"String","StringValue":"b"}}}`)
			w, _ := post(t, s, operation, body)
			if w.Code >= 500 {
				t.Errorf("%s %s: got %d %s", operation, body, w.Code, w.Body)
			}
		})
	})
}

// FuzzHTTP sends anything that is not an operation.
func FuzzHTTP(f *testing.F) {
	f.Add("GET", "/", "", "")
	f.Add("POST", "/000000000000/q", "", "Action=SendMessage&MessageBody=x")
	f.Add("POST", "/", "DynamoDB_20120810.ListTables", "{}")
	f.Add("POST", "/", "DynamoDBStreams_20120810.ListStreams", "{}")
	f.Add("POST", "/", "Kinesis_20131202.ListStreams", "{}")
	f.Add("GET", "/bucket/key", "", "")
	f.Fuzz(func(t *testing.T, method, path, name, body string) {
		r := httptest.NewRequest("POST", "/", strings.NewReader(body))
		r.Method, r.URL.Path = method, path
		r.Header.Set("X-Amz-Target", name)
		w := httptest.NewRecorder()
		new(Server).ServeHTTP(w, r)
		if w.Code >= 500 && w.Code != http.StatusNotImplemented {
			t.Errorf("got %d %s", w.Code, w.Body)
		}
	})
}

// FuzzSignedFor reads anything as credentials, which decide where a request goes.
func FuzzSignedFor(f *testing.F) {
	f.Add("AWS4-HMAC-SHA256 Credential=AKID/20260101/us-east-1/s3/aws4_request, SignedHeaders=host, Signature=0", "")
	f.Add("", "X-Amz-Credential=A%2FB%2F20260101%2Fus-east-1%2Fsns%2Faws4_request")
	f.Add("Credential=/aws4_request", "")
	f.Fuzz(func(t *testing.T, authorization, query string) {
		r := httptest.NewRequest("GET", "/", nil)
		r.Header.Set("Authorization", authorization)
		r.URL.RawQuery = query
		if got := signedFor(r); strings.Contains(got, "/") {
			t.Errorf("got the service %q", got)
		}
		w := httptest.NewRecorder()
		new(Server).ServeHTTP(w, r)
		if w.Code >= 500 && w.Code != http.StatusNotImplemented {
			t.Errorf("got %d %s", w.Code, w.Body)
		}
	})
}

// FuzzString compares the hand-written JSON strings with those of encoding/json.
func FuzzString(f *testing.F) {
	f.Add("plain")
	f.Add("tab\t \"quoted\" back\\slash \x00\x1f é 😀 \u2028")
	f.Fuzz(func(t *testing.T, text string) {
		if !utf8.ValidString(text) {
			t.Skip("a message is valid UTF-8")
		}
		encoded := appendString(nil, text)
		var decoded string
		if err := json.Unmarshal(encoded, &decoded); err != nil || decoded != text {
			t.Errorf("%q became %s, which is %q (%v)", text, encoded, decoded, err)
		}
	})
}

// FuzzReceipt reads anything as a receipt handle.
func FuzzReceipt(f *testing.F) {
	f.Add(string(receipt{1, 2, 3}.append(nil)))
	f.Add("AQEB")
	f.Fuzz(func(t *testing.T, text string) {
		r, ok := readReceipt(text)
		if ok && !slices.Equal(r.append(nil), []byte(text)) {
			t.Errorf("%q is read as %v, which is written %q", text, r, r.append(nil))
		}
	})
}
