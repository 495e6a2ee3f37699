package filter_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/esm-run/esm/engine/filter"
)

// view makes the record of a message as a source does, shortened.
func view(body string) []byte {
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

func order(extra string) []byte {
	return view(`{"type":"order","id":4711,"total":99.95,"customer":{"name":"Zoë","city":"K\u00f6ln","vip":true},` +
		`"note":"a \"quoted\" word and a \\ backslash"` + extra + `}`)
}

var common = []struct {
	name     string
	patterns []string
	view     []byte
	want     bool
}{
	{"Equality", []string{`{"body":{"type":["order","return"]}}`}, order(""), true},
	{"Prefix", []string{`{"body":{"customer":{"name":[{"prefix":"Zo"}]}}}`}, order(""), true},
	{"Numeric", []string{`{"body":{"id":[{"numeric":[">",1000,"<=",5000]}]}}`}, order(""), true},
	{"NumericFraction", []string{`{"body":{"total":[{"numeric":["<",100]}]}}`}, order(""), true},
	{"Exists", []string{`{"body":{"customer":{"vip":[{"exists":true}],"fax":[{"exists":false}]}}}`}, order(""), true},
	{"IgnoreCase", []string{`{"body":{"customer":{"city":[{"equals-ignore-case":"KÖLN"}]}}}`}, order(""), true},
	{"AnythingBut", []string{`{"body":{"type":[{"anything-but":["return","refund"]}]}}`}, order(""), true},
	{"Wildcard", []string{`{"body":{"note":[{"wildcard":"a*word*"}]}}`}, order(""), true},
	{"Or", []string{`{"body":{"$or":[{"type":["return"]},{"total":[{"numeric":[">",50]}]}]}}`}, order(""), true},
	{"Text", []string{`{"body":[{"prefix":"Result: "}]}`}, view("Result: fine"), true},
	{"NotJSON", []string{`{"body":{"type":["order"]}}`}, view("order"), false},
	{"OtherKeys", []string{`{"attributes":{"ApproximateReceiveCount":["1"]}}`}, order(""), true},
	{"NoMatch", []string{`{"body":{"type":["return"]}}`}, order(""), false},
	{"FiveFilters", []string{`{"body":{"type":["a"]}}`, `{"body":{"id":[1]}}`, `{"body":{"total":[2]}}`,
		`{"body":{"customer":{"name":["x"]}}}`, `{"body":{"note":[{"suffix":"backslash"}]}}`}, order(""), true},
	{"Array", []string{`{"body":{"items":{"sku":["x7"],"count":[{"numeric":[">",2]}]}}}`},
		order(`,"items":[{"sku":"x7","count":1},{"sku":"x8","count":5},{"sku":"x7","count":3}]`), true},
}

func BenchmarkMatch(b *testing.B) {
	for _, c := range common {
		b.Run(c.name, func(b *testing.B) { benchmark(b, compile(b, "body", c.patterns...), c.view) })
	}
}

func BenchmarkMatchLarge(b *testing.B) {
	f := compile(b, "body", `{"body":{"items":{"sku":["none"],"count":[{"numeric":[">",2]}]}}}`)
	item := `{"sku":"x7","count":3,"text":"some words that nobody asks for"}`
	for _, n := range []int{100, 10000} {
		b.Run(fmt.Sprint(n, "Items"), func(b *testing.B) {
			benchmark(b, f, view(`{"items":[`+strings.Repeat(item+",", n)+item+`]}`))
		})
	}
}

func benchmark(b *testing.B, f *filter.Filter, view []byte) {
	b.ReportAllocs()
	b.SetBytes(int64(len(view)))
	for b.Loop() {
		f.Match(view)
	}
}

func TestMatchDoesNotAllocate(t *testing.T) {
	if raceDetector {
		t.Skip("the race detector makes sync.Pool forget")
	}
	for _, c := range common {
		f := compile(t, "body", c.patterns...)
		if got := f.Match(c.view); got != c.want {
			t.Errorf("%s: Match = %v, want %v", c.name, got, c.want)
		}
		if got := testing.AllocsPerRun(200, func() { f.Match(c.view) }); got != 0 {
			t.Errorf("%s: %v allocations for a match, want none", c.name, got)
		}
	}
}

func compile(t testing.TB, text string, patterns ...string) *filter.Filter {
	t.Helper()
	f, err := filter.Compile(patterns, text)
	if err != nil {
		t.Fatalf("Compile(%s): %v", patterns, err)
	}
	return f
}
