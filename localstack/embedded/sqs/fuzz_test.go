package sqs

import (
	"encoding/json"
	"slices"
	"testing"
	"testing/synctest"
	"unicode/utf8"
)

// FuzzRequest sends anything to any operation: the response is always JSON, and an error is always the caller's fault.
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

// FuzzString decodes hand-written JSON strings with encoding/json.
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

// FuzzReceipt parses anything as a receipt handle.
func FuzzReceipt(f *testing.F) {
	f.Add(string(receipt{1, 2, 3}.append(nil)))
	f.Add("AQEB")
	f.Fuzz(func(t *testing.T, text string) {
		r, ok := parseReceipt(text)
		if ok && !slices.Equal(r.append(nil), []byte(text)) {
			t.Errorf("%q is parsed as %v, whose handle is %q", text, r, r.append(nil))
		}
	})
}
