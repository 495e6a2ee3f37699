package filter_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/esm-run/esm/engine/filter"
)

// message returns the record of a message as the SQS source makes it.
func message(body string) []byte {
	b, err := json.Marshal(map[string]any{
		"messageId":         "7c1f0f6e-2d0b-4a54-9a3e-0f6d8b1c2a11",
		"receiptHandle":     "AQEBinventedStandardHandle0000==",
		"body":              body,
		"attributes":        map[string]string{"ApproximateReceiveCount": "1", "SentTimestamp": "1764000000123"},
		"messageAttributes": map[string]any{},
		"md5OfBody":         "064462713cd63f00bcf73f29175629b2",
		"eventSource":       "aws:sqs",
		"eventSourceARN":    "arn:aws:sqs:eu-west-1:123456789012:orders",
		"awsRegion":         "eu-west-1",
	})
	if err != nil {
		panic(err)
	}
	return b
}

func compile(t testing.TB, text string, patterns ...string) *filter.Filter {
	t.Helper()
	f, err := filter.Compile(patterns, text)
	if err != nil {
		t.Fatalf("Compile(%s): %v", patterns, err)
	}
	return f
}

// order returns an order of about the given size in JSON.
func order(size int) string {
	var b strings.Builder
	b.WriteString(`{"type":"order","id":4711,"version":3,"total":99.95,"currency":"EUR","placedAt":"2026-03-01T09:10:11.345Z",` +
		`"customer":{"id":"cust-17","name":"Zoë \"Zo\" Miller","tier":"gold"},"lines":[`)
	for i := 0; i == 0 || b.Len() < size-60; i++ {
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, `{"sku":"sku-%05d","quantity":%d,"price":%d.95,"title":"A garden chair, green"}`, i*37, i%5+1, i*3+9)
	}
	b.WriteString(`],"channel":"web"}`)
	return b.String()
}

func image(total int) string {
	return fmt.Sprintf(`{"pk":{"S":"cust#9"},"sk":{"N":"17"},"state":{"S":"shipped"},"total":{"N":"%d"},"paid":{"BOOL":true},`+
		`"address":{"M":{"city":{"S":"Bern"},"street":{"S":"Gasse 7"},"zip":{"S":"3011"}}},`+
		`"lines":{"L":[{"M":{"qty":{"N":"3"},"sku":{"S":"A-17"}}},{"M":{"qty":{"N":"1"},"sku":{"S":"B-2"}}}]}}`, total)
}

func BenchmarkMatch(b *testing.B) {
	event := func(data string) []byte {
		return []byte(`{"data":` + marshal(data) + `,"partitionKey":"cust-17","sequenceNumber":"49590338271490256608559692538361571095921575989136588898",` +
			`"approximateArrivalTimestamp":1772600765.123,"kinesisSchemaVersion":"1.0"}`)
	}
	dynamodb := []byte(`{"eventID":"7f3e0c5d1b9a48e2a6c4d8f0b1e2a3c4","eventName":"MODIFY","eventVersion":"1.1","eventSource":"aws:dynamodb",` +
		`"awsRegion":"eu-west-1","dynamodb":{"ApproximateCreationDateTime":1772600765.0,"Keys":{"pk":{"S":"cust#9"},"sk":{"N":"17"}},` +
		`"NewImage":` + image(120) + `,"OldImage":` + image(80) + `,"SequenceNumber":"4500001234567890123456","SizeBytes":740,` +
		`"StreamViewType":"NEW_AND_OLD_IMAGES"},"eventSourceARN":"arn:aws:dynamodb:eu-west-1:111122223333:table/carts/stream/2026-03-01T09:10:11.345"}`)

	one := []string{`{"KEY":{"type":["order"]}}`}
	lines := []string{`{"KEY":{"lines":{"sku":["sku-00037"],"quantity":[{"numeric":[">",1]}]}}}`}
	five := []string{`{"KEY":{"type":["return"]}}`, `{"KEY":{"customer":{"tier":[{"prefix":"plat"}]}}}`,
		`{"KEY":{"total":[{"numeric":[">",1000]}]}}`, `{"KEY":{"channel":[{"anything-but":["web"]}]}}`,
		`{"KEY":{"type":["order"],"customer":{"id":["cust-17"]},"cancelled":[{"exists":false}]}}`}
	ten := append([]string{`{"KEY":{"currency":["USD","GBP"]}}`, `{"KEY":{"version":[1,2]}}`, `{"KEY":{"placedAt":[{"prefix":"2025"}]}}`,
		`{"KEY":{"id":[{"numeric":["<",100]}]}}`, `{"KEY":{"customer":{"name":[{"suffix":"Smith"}]}}}`}, five...)
	change := []string{`{"eventName":["MODIFY"],"dynamodb":{"NewImage":{"state":{"S":["shipped"]}},"OldImage":{"total":{"N":[{"prefix":"8"}]}}}}`}

	for _, c := range []struct {
		name     string
		text     string
		patterns []string
		view     []byte
	}{
		{"SQS/200B/1", "body", one, message(order(200))},
		{"SQS/1KB/1", "body", one, message(order(1000))},
		{"SQS/4KB/1", "body", one, message(order(4000))},
		{"SQS/1KB/5", "body", five, message(order(1000))},
		{"SQS/1KB/10", "body", ten, message(order(1000))},
		{"SQS/4KB/10", "body", ten, message(order(4000))},
		{"SQS/1KB/lines", "body", lines, message(order(1000))},
		{"SQS/4KB/lines", "body", lines, message(order(4000))},
		{"SQS/256KB/lines", "body", lines, message(order(256000))},
		{"Kinesis/1KB/5", "data", five, event(order(1000))},
		{"Kinesis/1KB/lines", "data", lines, event(order(1000))},
		{"DynamoDB/1", "", change, dynamodb},
		{"DynamoDB/none", "", []string{`{"eventName":["REMOVE"]}`}, dynamodb},
	} {
		var patterns []string
		for _, p := range c.patterns {
			patterns = append(patterns, strings.ReplaceAll(p, "KEY", c.text))
		}
		f := compile(b, c.text, patterns...)
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			b.SetBytes(int64(len(c.view)))
			for b.Loop() {
				f.Match(c.view)
			}
		})
	}
}
