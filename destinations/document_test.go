package destinations

import (
	"bytes"
	"encoding/json"
	"errors"
	"maps"
	"os"
	"testing"
	"time"

	"github.com/esm-run/esm"
)

const (
	kinesisARN  = "arn:aws:kinesis:eu-west-1:111122223333:stream/orders"
	dynamodbARN = "arn:aws:dynamodb:eu-west-1:111122223333:table/carts/stream/2026-03-01T09:10:11.345"
)

var discarded = time.Date(2026, 3, 4, 5, 6, 7, 21_999_999, time.UTC)

// exhausted is a batch of a Kinesis shard whose retries are exhausted.
func exhausted() esm.Notice {
	return esm.Notice{
		ID:      "b6a0c1de-2f34-4a56-9c78-0d1e2f3a4b5c",
		Mapping: "3f0c9a54-6d1e-4e0b-8f43-9b7d2c5a1e88",
		Time:    discarded.In(time.FixedZone("elsewhere", 3600)),

		RequestID:   "5b1f0f3e-8a77-4c1d-9f0a-2d6c7e81b9aa",
		FunctionArn: "arn:aws:lambda:eu-west-1:111122223333:function:orders-fn:live",
		Condition:   "RetryAttemptsExhausted",
		Invokes:     3,
		Response:    &esm.NoticeResponse{Status: 200, Version: "7", Fault: "Unhandled"},

		Stream: &esm.StreamBatch{
			Source: kinesisARN,
			Shard:  "shardId-000000000002",
			First:  esm.RecordMark{SequenceNumber: "49660123456789012345678901234567890123456789012345678914", Arrived: time.UnixMilli(1772600765118)},
			Last:   esm.RecordMark{SequenceNumber: "49660123456789012345678901234567890123456789012345678930", Arrived: time.UnixMilli(1772600765640)},
			Size:   5,
		},

		Payload: json.RawMessage(`{"Records":[{"kinesis":{"partitionKey":"<a>&\"b\""}}]}`),
	}
}

func reported() esm.Notice {
	n := exhausted()
	n.Response = &esm.NoticeResponse{Status: 200, Version: "$LATEST"}
	n.Stream.Source += "/consumer/orders-fn:1772600000"
	return n
}

// aged is a batch that was never invoked.
func aged() esm.Notice {
	n := exhausted()
	n.Condition, n.Invokes, n.Response = "RecordAgeExceeded", 1, nil
	return n
}

func ofTable() esm.Notice {
	n := exhausted()
	n.Stream = &esm.StreamBatch{
		Source: dynamodbARN, Shard: "shardId-00000001772600700000-1a2b3c4d", Size: 2,
		First: esm.RecordMark{SequenceNumber: "4500001234567890123456", Arrived: time.Unix(1772600765, 0)},
		Last:  esm.RecordMark{SequenceNumber: "4700000987654321098765", Arrived: time.Unix(1772600766, 0)},
	}
	return n
}

func windowed() esm.Notice {
	n := exhausted()
	start := time.Date(2026, 3, 4, 5, 6, 0, 0, time.UTC)
	n.Stream.Window = &esm.NoticeWindow{Start: start, End: start.Add(30 * time.Second), Terminated: true}
	return n
}

// last is the final invocation of a window, which has no records.
func last() esm.Notice {
	n, window := windowed(), *windowed().Stream.Window
	window.Final, window.Terminated = true, false
	n.Stream = &esm.StreamBatch{Source: dynamodbARN, Shard: "shardId-00000001772600700000-1a2b3c4d", Window: &window}
	n.Payload = json.RawMessage(`{"Records":[],"state":{"cust-9":4},"isFinalInvokeForWindow":true}`)
	return n
}

// shapes are notices by the golden file of their document without the event.
var shapes = map[string]esm.Notice{
	"exhausted": exhausted(), "reported": reported(), "aged": aged(), "dynamodb": ofTable(), "windowed": windowed(), "final": last(),
}

// bucketShapes are those with the event.
var bucketShapes = map[string]esm.Notice{"s3": exhausted(), "s3-final": last()}

// golden returns the text of a file of testdata without white space.
func golden(t *testing.T, name string) []byte {
	t.Helper()
	text, err := os.ReadFile("testdata/" + name + ".json")
	if err != nil {
		t.Fatal(err)
	}
	var compact bytes.Buffer
	if err := json.Compact(&compact, text); err != nil {
		t.Fatal(err)
	}
	return compact.Bytes()
}

func TestGoldenNotices(t *testing.T) {
	all := maps.Clone(shapes)
	maps.Copy(all, bucketShapes)
	for name, n := range all {
		t.Run(name, func(t *testing.T) {
			_, payload := bucketShapes[name]
			got, err := document(n, payload)
			if err != nil {
				t.Fatal(err)
			}
			if want := golden(t, name); !bytes.Equal(got, want) {
				t.Errorf("got  %s\nwant %s", got, want)
			}
		})
	}
}

func TestNoticesWithoutAStreamAreNotSent(t *testing.T) {
	for _, source := range []string{"", "orders", "arn:aws:sqs:eu-west-1:111122223333:orders"} {
		n := exhausted()
		n.Stream.Source = source
		if text, err := document(n, false); !errors.Is(err, esm.ErrUndeliverable) {
			t.Errorf("%q: %s, %v", source, text, err)
		}
	}
	for service, d := range (&service{}).each(t, "") {
		if err := d.Send(t.Context(), esm.Notice{ID: "n"}); !errors.Is(err, esm.ErrUndeliverable) {
			t.Errorf("%s: a notice without a subject: %v", service, err)
		}
	}
}

// FuzzNotice writes documents of arbitrary notices, which must be valid JSON with no other keys.
func FuzzNotice(f *testing.F) {
	f.Add("a", "Unhandled", []byte(`{"Records":[]}`), 3)
	f.Add("\"\\\x00", "", []byte("\xff\u2028<"), 0)
	f.Fuzz(func(t *testing.T, id, fault string, payload []byte, size int) {
		n := exhausted()
		n.RequestID, n.Response.Fault, n.Payload, n.Stream.Size = id, fault, payload, size
		text, err := document(n, true)
		if err != nil {
			t.Fatal(err)
		}
		var got struct {
			Request   requestContext  `json:"requestContext"`
			Response  responseContext `json:"responseContext"`
			Kinesis   batchInfo       `json:"KinesisBatchInfo"`
			Version   string
			Timestamp string
			Payload   string
		}
		dec := json.NewDecoder(bytes.NewReader(text))
		dec.DisallowUnknownFields()
		if err := dec.Decode(&got); err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		if want := string([]rune(id)); got.Request.ID != want || got.Payload != string([]rune(string(payload))) {
			t.Errorf("%s of %q and %q", text, id, payload)
		}
		if (got.Response.Fault == nil) != (fault == "") || got.Kinesis.Size != size {
			t.Errorf("%s of %q and %d", text, fault, size)
		}
	})
}
