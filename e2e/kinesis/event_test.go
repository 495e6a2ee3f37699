// Package kinesis_test shows mappings of Kinesis streams: what they do not share with those of DynamoDB tables.
package kinesis_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"testing"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-sdk-go-v2/service/kinesis/types"

	"github.com/esm-run/esm/e2e/rig"
)

const jsonWithSpaces = "{ \"order\" : 42,  \"note\":\"caf\u00e9 <&>\",\"order\":42.0 }"

// everyByte is data that is neither JSON nor text.
var everyByte = func() string {
	data := make([]byte, 256)
	for i := range data {
		data[i] = byte(i)
	}
	return string(data)
}()

func TestEvent(t *testing.T) {
	rig.On(t, rig.Streams, func(t *testing.T, e *rig.Env) {
		s, f := e.Stream("event", 2), e.Function("order", rig.Succeed)
		s.PutInto(0, "cust-9", `{"order":"A-17","qty":3}`)
		s.PutInto(0, `ключ "<&>" \ é`, jsonWithSpaces)
		s.PutInto(1, strings.Repeat("k", 256), everyByte)
		e.Run(f.On(s.ARN))
		rig.Eventually(t, "all are handled", func() bool { return len(f.Texts()) == 3 })
		want := map[string]bool{}
		records, shards := s.Records()
		for text, r := range records {
			want[eventRecord(s, r, shards[text])] = true
		}
		for _, c := range f.Calls() {
			var got map[string][]json.RawMessage
			var second events.KinesisEvent
			if err := json.Unmarshal(c.Event, &got); err != nil || len(got) != 1 || !bytes.HasPrefix(c.Event, []byte(`{"Records":[{`)) {
				t.Fatalf("event %s (%v)", c.Event, err)
			}
			if err := json.Unmarshal(c.Event, &second); err != nil || second.Records[0].Kinesis.ApproximateArrivalTimestamp.IsZero() {
				t.Errorf("aws-lambda-go cannot read the event: %v", err)
			}
			for _, r := range got["Records"] {
				if !want[string(r)] {
					t.Errorf("record\n%s, want one of\n%v", r, want)
				}
				delete(want, string(r))
			}
		}
		if len(want) > 0 {
			t.Errorf("these do not come: %v", want)
		}
	})
}

// eventRecord returns a record as the event of the function order shows it, with AWS's keys in AWS's order.
func eventRecord(s *rig.Stream, r types.Record, shard string) string {
	seconds := strconv.FormatFloat(float64(r.ApproximateArrivalTimestamp.UnixMilli())/1000, 'f', -1, 64)
	if !strings.Contains(seconds, ".") {
		seconds += ".0"
	}
	return fmt.Sprintf(`{"kinesis":{"kinesisSchemaVersion":"1.0","partitionKey":%s,"sequenceNumber":%q,"data":%q,"approximateArrivalTimestamp":%s},`+
		`"eventSource":"aws:kinesis","eventVersion":"1.0","eventID":"%[5]s:%[2]s","eventName":"aws:kinesis:record",`+
		`"invokeIdentityArn":"arn:aws:iam::000000000000:role/order","awsRegion":"us-east-1","eventSourceARN":%[6]q}`,
		rig.Quote(*r.PartitionKey), *r.SequenceNumber, base64.StdEncoding.EncodeToString(r.Data), seconds, shard, s.ARN)
}

// What filters want is passed on byte for byte. What is not JSON matches no pattern for data.
func TestFilters(t *testing.T) {
	rig.On(t, rig.Streams, func(t *testing.T, e *rig.Env) {
		const one, two = `{ "event_type" : "function_1",  "n":1.0, "n":2 }`, `{"event_type":"function_2","text":"caf` + "\u00e9" + ` <&>"}`
		s := e.Stream("filter", 1)
		s.Put(one, "function_1", `["function_1"]`)
		s.PutInto(0, "raw", everyByte)
		s.Put(two, `"function_1"`, "{", "end")
		tests := []struct {
			patterns []string
			want     []string
		}{
			{[]string{`{"data":{"event_type":["function_1"]}}`}, []string{one}},
			{[]string{`{"data":{"event_type":["function_2","no"]}}`}, []string{two}},
			{[]string{`{"data":{"n":[{"exists":true}]}}`, `{"partitionKey":["raw"]}`}, []string{one, everyByte}},
			{nil, []string{one, "function_1", `["function_1"]`, everyByte, two, `"function_1"`, "{", "end"}},
		}
		var functions []*rig.Function
		var entries []rig.Entry
		for i, test := range tests {
			f := e.Function(fmt.Sprint("f", i), rig.Succeed)
			var filters []string
			for _, p := range test.patterns {
				filters = append(filters, "{Pattern: '"+p+"'}")
			}
			functions, entries = append(functions, f), append(entries, f.On(s.ARN, "FilterCriteria: {Filters: ["+strings.Join(filters, ", ")+"]}"))
		}
		engine := e.Run(entries...)
		engine.WaitHandled(8 * len(tests))
		engine.Stop()
		for i, test := range tests {
			if got := functions[i].Texts(); fmt.Sprintf("%q", got) != fmt.Sprintf("%q", test.want) {
				t.Errorf("%q let pass %q, want %q", test.patterns, got, test.want)
			}
		}
	})
}

// Seven records of 900 kB are more than an event holds.
func TestBatchesFitEvent(t *testing.T) {
	rig.On(t, rig.Streams, func(t *testing.T, e *rig.Env) {
		s, f := e.Stream("large", 1), e.Function("f", rig.Succeed)
		var texts []string
		for i := range 7 {
			texts = append(texts, strconv.Itoa(i)+strings.Repeat("x", 900_000))
			s.Put(texts[i])
		}
		e.Run(f.On(s.ARN, rig.BatchSize(10)))
		rig.Eventually(t, "all are handled", func() bool { return len(f.Texts()) >= 7 })
		for i, text := range f.Texts() {
			if text != texts[i] {
				t.Errorf("record %d is %.10s… of %d bytes", i, text, len(text))
			}
		}
		for _, c := range f.Calls() {
			if len(c.Event) > 6<<20 || len(c.Records) > 5 {
				t.Errorf("an event of %d records and %d bytes", len(c.Records), len(c.Event))
			}
		}
	})
}

// A record that alone is larger than an event spends its tries without an invocation, and is dropped. The emulators take
// no record that large.
func TestRecordTooLargeForEvent(t *testing.T) {
	t.Parallel()
	e := rig.New(t)
	large := "2" + strings.Repeat("x", 5<<20) // more than 6 MB as base64
	for retries, tries := range map[int]int{0: 1, 2: 3} {
		s, dlq := e.Stream(fmt.Sprint("large", retries), 1), e.Queue(fmt.Sprint("large", retries), nil)
		s.Put("1", large, "3")
		f := e.Function("f", rig.Succeed)
		engine := e.Run(f.On(s.ARN, rig.Retries(retries), rig.BatchSize(3), rig.OnFailure(dlq.ARN)))
		f.Want(t, "1", "3")
		notice := dlq.TakeNotices(1)[0]
		rig.Notice{Records: large, Tries: tries, NoResponse: true}.Check(t, notice, s, f, rig.ParseNotice(t, notice).RequestID)
		engine.Stop()
	}
}
