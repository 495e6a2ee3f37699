package kinesis

import (
	"bytes"
	"encoding/json"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/kinesis"
	"github.com/aws/aws-sdk-go-v2/service/kinesis/types"

	"github.com/esm-run/esm/sources/internal/awstest"
)

const role = "arn:aws:iam::111122223333:role/orders-fn"

func shapeOf(t testing.TB, text string) shape {
	t.Helper()
	a, err := newARN(awstest.ARN(text))
	if err != nil {
		t.Fatal(err)
	}
	return newShape(a, role)
}

func recordOf(key, data string) types.Record {
	return types.Record{
		PartitionKey:                aws.String(key),
		SequenceNumber:              aws.String("49660123456789012345678901234567890123456789012345678914"),
		Data:                        []byte(data),
		ApproximateArrivalTimestamp: aws.Time(time.UnixMilli(1772600765118)),
		EncryptionType:              types.EncryptionTypeKms,
	}
}

func TestGoldenRecord(t *testing.T) {
	r := recordOf("cust-9", `{"order":"A-17","qty":3}`)
	awstest.Golden(t, "record.json", shapeOf(t, streamARN).event("shardId-000000000002", &r))
}

func decode(t testing.TB, event []byte) events.KinesisEventRecord {
	t.Helper()
	return awstest.Decode[events.KinesisEventRecord](t, event)
}

func TestViews(t *testing.T) {
	const rest = `,"partitionKey":"k","sequenceNumber":"49660123456789012345678901234567890123456789012345678914",` +
		`"approximateArrivalTimestamp":1772600765.118,"kinesisSchemaVersion":"1.0"}`
	for data, want := range map[string]string{
		`{"a":"b\n"}`:      `{"data":"{\"a\":\"b\\n\"}"` + rest,
		"plain":            `{"data":"plain"` + rest,
		"":                 `{"data":""` + rest,
		"{\"a\":\"\xff\"}": `{"data":"{\"a\":\"` + "\ufffd" + `\"}` + "\ufffd" + `"` + rest,
	} {
		r := recordOf("k", data)
		if got := string(view(&r)); got != want {
			t.Errorf("%q: got  %s\nwant %s", data, got, want)
		}
	}
}

func TestViewOnlyIfFiltered(t *testing.T) {
	s := streamOf(t, &awstest.Service{}, streamARN, "", nil)
	r := recordOf("k", "x")
	if got := s.record(firstShard, &r); got.View != nil {
		t.Errorf("view %s", got.View)
	}
	s.filtered = true
	if got := s.record(firstShard, &r); got.View == nil {
		t.Error("no view")
	}
}

func TestARNs(t *testing.T) {
	for _, text := range []string{
		"", "orders", "arn:aws:sqs:eu-west-1:111122223333:orders", "arn:aws:kinesis:eu-west-1:111122223333:orders",
		"arn:aws:kinesis:eu-west-1:111122223333:stream/", "arn:aws:kinesis::111122223333:stream/orders",
		streamARN + "/consumer", streamARN + "/consumer/x", streamARN + "/konsument/x:1",
	} {
		if s, err := New(Config{Client: sdk.New(sdk.Options{}), ARN: awstest.ARN(text)}); err == nil {
			t.Errorf("%q is taken: %+v", text, s.arn)
		}
	}
	for _, text := range []string{streamARN, consumerARN} {
		s, err := New(Config{Client: sdk.New(sdk.Options{}), ARN: awstest.ARN(text)})
		if err != nil || s.arn.stream != streamARN || s.arn.name != "orders" || s.arn.consumer != (text == consumerARN) {
			t.Errorf("%q: %+v, %v", text, s.arn, err)
		}
	}
}

// FuzzRecord builds events and views of arbitrary records.
func FuzzRecord(f *testing.F) {
	for _, s := range []string{"", "a", "\x00\"\\\n\r\t\x1f", "é\u2028😀", "\xff\xc0\x80\xed\xa0\x80", `{"a":[1]}`, "\"\xff\""} {
		f.Add(s, []byte(s))
	}
	shape := shapeOf(f, streamARN)
	f.Fuzz(func(t *testing.T, key string, data []byte) {
		r := recordOf(key, string(data))
		got := decode(t, shape.event(firstShard, &r))
		if got.EventSourceArn != streamARN || got.AwsRegion != "eu-west-1" || got.EventID != firstShard+":"+*r.SequenceNumber {
			t.Errorf("got %+v", got)
		}
		if want := string([]rune(key)); got.Kinesis.PartitionKey != want || !bytes.Equal(got.Kinesis.Data, data) {
			t.Errorf("decoded %+v of %q and %q", got, key, data)
		}
		var seen struct{ Data, PartitionKey string }
		if err := json.Unmarshal(view(&r), &seen); err != nil {
			t.Fatalf("view %q: %v", view(&r), err)
		}
		if utf8.Valid(data) && seen.Data != string(data) {
			t.Errorf("view of %q is %q", data, seen.Data)
		}
		if !utf8.Valid(data) && json.Valid([]byte(seen.Data)) {
			t.Errorf("bytes that are not UTF-8 became JSON: %q", seen.Data)
		}
	})
}
