package ddbstreams

import (
	"bytes"
	"encoding/json"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/dynamodbstreams"
	"github.com/aws/aws-sdk-go-v2/service/dynamodbstreams/types"

	"github.com/esm-run/esm/sources/internal/awstest"
)

func text(s string) types.AttributeValue { return &types.AttributeValueMemberS{Value: s} }

type item = map[string]types.AttributeValue

// expiredItem returns the record of an item with an attribute of each type that time to live removed.
func expiredItem() types.Record {
	keys := item{"sk": &types.AttributeValueMemberN{Value: "17"}, "pk": text("cust#9")}
	return types.Record{
		EventID: aws.String("7f3e0c5d1b9a48e2a6c4d8f0b1e2a3c4"), EventName: types.OperationTypeRemove,
		EventVersion: aws.String("1.1"), EventSource: aws.String("aws:dynamodb"), AwsRegion: aws.String("eu-west-1"),
		UserIdentity: &types.Identity{PrincipalId: aws.String("dynamodb.amazonaws.com"), Type: aws.String("Service")},
		Dynamodb: &types.StreamRecord{
			ApproximateCreationDateTime: aws.Time(time.Unix(1772600765, 0)),
			Keys:                        keys,
			OldImage: item{
				"pk": keys["pk"], "sk": keys["sk"],
				"blob":    &types.AttributeValueMemberB{Value: []byte{1, 2, 3}},
				"tags":    &types.AttributeValueMemberSS{Value: []string{"b", "a"}},
				"counts":  &types.AttributeValueMemberNS{Value: []string{"3", "-1.5"}},
				"blobs":   &types.AttributeValueMemberBS{Value: [][]byte{{0xff}, {}}},
				"paid":    &types.AttributeValueMemberBOOL{Value: true},
				"open":    &types.AttributeValueMemberBOOL{},
				"gone":    &types.AttributeValueMemberNULL{Value: true},
				"nothing": &types.AttributeValueMemberL{},
				"lines": &types.AttributeValueMemberL{Value: []types.AttributeValue{
					&types.AttributeValueMemberM{Value: item{"sku": text("A-17"), "qty": &types.AttributeValueMemberN{Value: "3"}}},
					text("<\"&\">"),
				}},
			},
			SequenceNumber: aws.String("4500001234567890123456"), SizeBytes: aws.Int64(74),
			StreamViewType: types.StreamViewTypeNewAndOldImages,
		},
	}
}

func shapeOf(t testing.TB) shape {
	t.Helper()
	a, err := newARN(awstest.ARN(streamARN))
	if err != nil {
		t.Fatal(err)
	}
	return newShape(a)
}

func TestGoldenRecords(t *testing.T) {
	insert := expiredItem()
	insert.EventName, insert.UserIdentity = types.OperationTypeInsert, nil
	insert.EventVersion, insert.EventSource, insert.AwsRegion = nil, nil, nil // are always the same
	insert.Dynamodb.NewImage = item{"pk": text("cust#9"), "sk": insert.Dynamodb.Keys["sk"]}
	insert.Dynamodb.OldImage = nil
	keys := expiredItem()
	keys.EventName, keys.UserIdentity = types.OperationTypeModify, nil
	keys.Dynamodb.OldImage, keys.Dynamodb.StreamViewType = nil, types.StreamViewTypeKeysOnly
	for file, r := range map[string]types.Record{"remove": expiredItem(), "insert": insert, "keysonly": keys} {
		t.Run(file, func(t *testing.T) { awstest.Golden(t, file+".json", shapeOf(t).record(&r).Event) })
	}
}

func decode(t testing.TB, event []byte) events.DynamoDBEventRecord {
	t.Helper()
	return awstest.Decode[events.DynamoDBEventRecord](t, event)
}

func TestGroupIsStable(t *testing.T) {
	r := expiredItem()
	want := `{"pk":{"S":"cust#9"},"sk":{"N":"17"}}`
	for range 20 { // maps have no order
		got := shapeOf(t).record(&r)
		if got.Group != want || got.ID != "4500001234567890123456" || got.Receipt != got.ID || got.View != nil {
			t.Fatalf("record %+v, want the group %s", got, want)
		}
		if !got.Arrived.Equal(time.Unix(1772600765, 0)) || !got.Until.IsZero() {
			t.Fatalf("arrived %s, until %s", got.Arrived, got.Until)
		}
	}
}

func TestEmptyRecords(t *testing.T) {
	for _, r := range []types.Record{{}, {Dynamodb: &types.StreamRecord{
		NewImage: item{"new": &types.UnknownUnionMember{Tag: "X"}},
	}}} {
		got := shapeOf(t).record(&r)
		if !json.Valid(got.Event) || time.Since(got.Arrived) > time.Minute {
			t.Errorf("arrived %s: %s", got.Arrived, got.Event)
		}
	}
}

func TestARNs(t *testing.T) {
	for _, text := range []string{
		"", "carts", "arn:aws:kinesis:eu-west-1:111122223333:stream/carts", "arn:aws:dynamodb:eu-west-1:111122223333:table/carts",
		"arn:aws:dynamodb:eu-west-1:111122223333:table/carts/stream", "arn:aws:dynamodb:eu-west-1:111122223333:table/carts/stream/",
		"arn:aws:dynamodb:eu-west-1:111122223333:table//stream/x", "arn:aws:dynamodb::111122223333:table/carts/stream/x",
		"arn:aws:dynamodb:eu-west-1:111122223333:table/carts/index/x",
	} {
		if s, err := New(Config{Client: sdk.New(sdk.Options{}), ARN: awstest.ARN(text)}); err == nil {
			t.Errorf("%q is taken: %+v", text, s.arn)
		}
	}
	s, err := New(Config{Client: sdk.New(sdk.Options{}), ARN: awstest.ARN(streamARN)})
	if want := (arn{streamARN, "eu-west-1", "carts", "2026-03-01T09:10:11.345"}); err != nil || s.arn != want {
		t.Errorf("got %+v, %v, want %+v", s.arn, err, want)
	}
}

// FuzzRecord builds events of arbitrary items.
func FuzzRecord(f *testing.F) {
	for _, s := range []string{"", "a", "\x00\"\\\n\r\t\x1f", "é\u2028😀", "\xff\xc0\x80\xed\xa0\x80", "\ufffd"} {
		f.Add(s, s, []byte(s))
	}
	f.Fuzz(func(t *testing.T, name, value string, data []byte) {
		r := expiredItem()
		r.Dynamodb.OldImage = item{name: &types.AttributeValueMemberM{Value: item{
			"text": text(value), "data": &types.AttributeValueMemberB{Value: data},
		}}}
		image := decode(t, shapeOf(t).record(&r).Event).Change.OldImage
		got, there := image[string([]rune(name))]
		if !there {
			t.Fatalf("no attribute %q in %v", name, image)
		}
		if want := string([]rune(value)); got.Map()["text"].String() != want || !bytes.Equal(got.Map()["data"].Binary(), data) {
			t.Errorf("decoded %v of %q and %q", got, value, data)
		}
	})
}
