package localstack_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"testing"

	"github.com/aws/aws-lambda-go/events"
)

// asJSON is a JSON string of a text without control characters.
func asJSON(text string) string {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	_ = enc.Encode(text)
	return strings.TrimSuffix(b.String(), "\n")
}

// eventOf is a record in the event of a function, with AWS's keys in AWS's order.
func (s *stream) eventOf(r stored, function string) string {
	return fmt.Sprintf(`{"kinesis":{"kinesisSchemaVersion":"1.0","partitionKey":%s,"sequenceNumber":%q,"data":%q,`+
		`"approximateArrivalTimestamp":%s},"eventSource":"aws:kinesis","eventVersion":"1.0","eventID":"%s:%s",`+
		`"eventName":"aws:kinesis:record","invokeIdentityArn":"arn:aws:iam::000000000000:role/%s","awsRegion":"us-east-1","eventSourceARN":%q}`,
		asJSON(*r.PartitionKey), *r.SequenceNumber, base64.StdEncoding.EncodeToString(r.Data), seconds(r),
		r.shard, *r.SequenceNumber, function, s.arn)
}

// seconds is when a record arrived: with milliseconds as a fraction, one digit at the least.
func seconds(r stored) string {
	text := strconv.FormatFloat(float64(r.ApproximateArrivalTimestamp.UnixMilli())/1000, 'f', -1, 64)
	if !strings.Contains(text, ".") {
		text += ".0"
	}
	return text
}

// everyByte is data that is neither JSON nor text.
func everyByte() string {
	data := make([]byte, 256)
	for i := range data {
		data[i] = byte(i)
	}
	return string(data)
}

func TestKinesisEvent(t *testing.T) {
	overStreams(t, kinesisServices, func(t *testing.T, c *corner) {
		s := c.stream("event", 2)
		f := c.follow("order", s.arn, succeed)
		put := []struct {
			shard     int
			key, data string
		}{
			{0, "cust-9", `{"order":"A-17","qty":3}`}, {0, `ключ "<&>" \ é`, bodyWithSpaces}, {1, strings.Repeat("k", 256), everyByte()},
		}
		for _, p := range put {
			s.putInto(p.shard, p.key, p.data)
		}
		c.run(fileOf(f))
		eventually(t, "all are handled", func() bool { return len(f.fn.texts()) == len(put) })
		want := map[string]bool{}
		for _, rec := range s.records() {
			want[s.eventOf(rec, "order")] = true
		}
		for _, e := range f.fn.seen() {
			secondReader(t, e.Raw)
			var got map[string][]json.RawMessage
			if err := json.Unmarshal(e.Raw, &got); err != nil || len(got) != 1 || !bytes.HasPrefix(e.Raw, []byte(`{"Records":[{`)) {
				t.Fatalf("event %s (%v)", e.Raw, err)
			}
			for _, rec := range got["Records"] {
				if !want[string(rec)] {
					t.Errorf("record\n%s, want one of\n%v", rec, want)
				}
				delete(want, string(rec))
			}
		}
		if len(want) > 0 {
			t.Errorf("there is no %v", want)
		}
	})
}

// secondReader decodes an event as Go handlers do.
func secondReader(t *testing.T, payload []byte) {
	t.Helper()
	var e events.KinesisEvent
	if err := json.Unmarshal(payload, &e); err != nil || e.Records[0].Kinesis.ApproximateArrivalTimestamp.IsZero() {
		t.Errorf("aws-lambda-go cannot read the event: %v", err)
	}
}

// What filters want is handed on byte by byte. What is not JSON matches no pattern for data.
func TestFiltersOfKinesis(t *testing.T) {
	overStreams(t, kinesisServices, func(t *testing.T, c *corner) {
		s := c.stream("filter", 1)
		const one, two = `{ "event_type" : "function_1",  "n":1.0, "n":2 }`, `{"event_type":"function_2","text":"caf` + "\u00e9" + ` <&>"}`
		followers := []follower{
			c.follow("one", s.arn, succeed, `FilterCriteria: {Filters: [{Pattern: '{"data":{"event_type":["function_1"]}}'}]}`),
			c.follow("two", s.arn, succeed, `FilterCriteria: {Filters: [{Pattern: '{"data":{"event_type":["function_2","no"]}}'}]}`),
			c.follow("any", s.arn, succeed, `FilterCriteria: {Filters: [{Pattern: '{"data":{"n":[{"exists":true}]}}'}, {Pattern: '{"partitionKey":["raw"]}'}]}`),
			c.follow("all", s.arn, succeed),
		}
		s.put(one, "function_1", `["function_1"]`)
		s.putInto(0, "raw", everyByte())
		s.put(two, `"function_1"`, "{")
		c.run(fileOf(followers...))
		want := [][]string{{one}, {two}, {one, everyByte()}, {one, "function_1", `["function_1"]`, everyByte(), two, `"function_1"`, "{"}}
		for i, f := range followers {
			eventually(t, f.name+" has what it wants", func() bool { return len(f.fn.texts()) >= len(want[i]) })
		}
		s.put(strings.Replace(one, "1.0", "3", 1)) // a last one for two of them
		eventually(t, "one has the last one", func() bool { return len(followers[0].fn.texts()) == 2 })
		for i, f := range followers {
			if got := fmt.Sprintf("%q", f.fn.texts()); !strings.HasPrefix(got, strings.TrimSuffix(fmt.Sprintf("%q", want[i]), "]")) {
				t.Errorf("%s got %s, want %q", f.name, got, want[i])
			}
		}
		if got := followers[1].fn.texts(); len(got) != 1 {
			t.Errorf("two got %q", got)
		}
	})
}

// Seven records of 900 kB are more than an event holds.
func TestBatchesFitAnEvent(t *testing.T) {
	overStreams(t, kinesisServices, func(t *testing.T, c *corner) {
		s := c.stream("large", 1)
		large := strings.Repeat("x", 900_000)
		for i := range 7 {
			s.put(strconv.Itoa(i) + large)
		}
		f := c.follow("f", s.arn, succeed, "BatchSize: 10")
		c.run(fileOf(f))
		eventually(t, "all are handled", func() bool { return f.fn.records() == 7 })
		for i, text := range f.fn.texts() {
			if text != strconv.Itoa(i)+large {
				t.Errorf("record %d is %.10s… of %d bytes", i, text, len(text))
			}
		}
		for i, e := range f.fn.seen() {
			n := len(kinesisOf(e).Records)
			if len(e.Raw) > 6<<20 {
				t.Errorf("an event of %d bytes", len(e.Raw))
			}
			if i == 0 && n > 5 {
				t.Errorf("%d records are in an event", n)
			}
		}
	})
}
