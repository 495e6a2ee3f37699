package configfile

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/esm-run/esm/config"
)

// reading returns a file with a mapping of the table carts, followed by more.
func reading(function, more string) string {
	return strings.Replace(carting, "orders", function, 1) + "    MaximumRetryAttempts: 2\n" + more
}

func TestFullFileStreams(t *testing.T) {
	f := mustLoad(t, full(t), "TABLE=x")
	if got, want := f.Resources.Streams[0], (Stream{"clicks", 4, []StreamRecord{{"u1", `{"page": "/"}`}, {"u2", "plain text"}}}); !equalJSON(got, want) {
		t.Errorf("stream = %+v, want %+v", got, want)
	}
	carts := f.Resources.Tables[0]
	if got, want := carts.KeySchema, []KeyElement{{"pk", "HASH"}, {"sk", "RANGE"}}; !equalJSON(got, want) || !carts.Streams() || carts.BillingMode != "PROVISIONED" {
		t.Errorf("table = %+v", carts)
	}
	item, err := json.Marshal(carts.Items[0])
	if want := `{"bytes":{"B":"AAH+/w=="},"nested":{"M":{"empty":{"L":[]},"none":{"NULL":true},"yes":{"BOOL":true}}},"pk":{"S":"a"},` +
		`"sets":{"L":[{"SS":["x","y"]},{"NS":["1","2"]},{"BS":["AAE="]}]},"sk":{"N":"1.5e3"}}`; err != nil || string(item) != want {
		t.Errorf("item = %s, %v, want %s", item, err, want)
	}
	clicks, windows := f.Mappings[3], f.Mappings[4]
	if got, want := clicks.StartingPositionTimestamp, time.Date(2026, 2, 28, 23, 0, 0, 0, time.UTC); clicks.StartingPosition != config.AtTimestamp || !got.Equal(want) {
		t.Errorf("reading begins %s %v, want %v", clicks.StartingPosition, got, want)
	}
	if *clicks.BatchSize != 100 || *clicks.ParallelizationFactor != 4 || *clicks.MaximumRecordAgeInSeconds != 3600 ||
		*clicks.MaximumRetryAttempts != 5 || !*clicks.BisectBatchOnFunctionError || clicks.DestinationConfig.OnFailure.Destination != "arn:aws:s3:::failures" {
		t.Errorf("mapping of clicks = %+v", clicks)
	}
	if *windows.TumblingWindowInSeconds != 60 || *windows.MaximumRecordAgeInSeconds != -1 || windows.StartingPosition != config.TrimHorizon {
		t.Errorf("mapping of carts = %+v", windows)
	}
	if table := f.TableOf(windows); table == nil || table.TableName != "carts" {
		t.Errorf("the table of %s is %v", windows.EventSourceArn, table)
	}
}

func equalJSON(a, b any) bool {
	one, err := json.Marshal(a)
	other, err2 := json.Marshal(b)
	return err == nil && err2 == nil && string(one) == string(other)
}

func TestEndpointOf(t *testing.T) {
	a := Aws{Endpoint: "embedded", Endpoints: Endpoints{config.Kinesis: "http://k", config.DynamoDBStreams: "http://d"}}
	for service, want := range map[string]string{
		config.SQS: "embedded", config.Kinesis: "http://k", config.DynamoDB: "embedded", "dynamodbstreams": "http://d", config.SNS: "embedded", config.S3: "embedded",
	} {
		if got := a.EndpointOf(service); got != want {
			t.Errorf("%s: got %s, want %s", service, got, want)
		}
	}
}

// Every endpoint that is asked for is a key of the file: that of another one would silently be Aws.Endpoint.
func TestEndpointKeys(t *testing.T) {
	known := map[string]bool{}
	for _, e := range endpoints {
		if known[e.key] || e.instead != "" && !known[e.instead] {
			t.Errorf("%s is listed twice, or before %q, which stands in for it", e.key, e.instead)
		}
		known[e.key] = true
	}
	for _, kind := range config.Kinds {
		if !known[kind.EndpointKey] {
			t.Errorf("%s: Aws.Endpoints has no key %q", kind.Name, kind.EndpointKey)
		}
	}
	for _, kind := range config.DestinationKinds {
		if !known[kind.Service] {
			t.Errorf("%s: Aws.Endpoints has no key %q", kind.Name, kind.Service)
		}
	}
	for _, kind := range resourceKinds {
		if !known[kind.service] {
			t.Errorf("%s: Aws.Endpoints has no key %q", kind.list, kind.service)
		}
	}
}

func TestEndpointFallsBack(t *testing.T) {
	a := Aws{Endpoint: "http://all", Endpoints: Endpoints{config.DynamoDB: "http://tables"}}
	if got := a.EndpointOf(config.DynamoDBStreams); got != "http://tables" {
		t.Errorf("streams of tables are read at %s", got)
	}
}

func TestMoments(t *testing.T) {
	for written, want := range map[string]string{
		"0":                         "1970-01-01T00:00:00Z",
		"1772600767":                "2026-03-04T05:06:07Z",
		"1.772600767e9":             "2026-03-04T05:06:07Z",
		"1772600767.5":              "2026-03-04T05:06:07.5Z",
		"2026-03-04T05:06:07Z":      "2026-03-04T05:06:07Z",
		`"2026-03-04T05:06:07.5Z"`:  "2026-03-04T05:06:07.5Z",
		"2026-03-04T05:06:07+02:00": "2026-03-04T03:06:07Z",
		`"${WHEN}"`:                 "2026-03-04T05:06:07Z",
		"2026-03-04":                "",
		`"1772600767"`:              "",
		"-1":                        "",
		".inf":                      "",
		".nan":                      "",
		"1772600767000":             "",
		"0x10":                      "",
		"~":                         "",
		"true":                      "",
		"{}":                        "",
		"2026-03-04t05:06:07z":      "",
		"2026-13-04T05:06:07Z":      "",
	} {
		root, err := parse([]byte(written + "\n"))
		if err != nil {
			t.Fatalf("%s: %v", written, err)
		}
		got, ok := moment.read(hermetic("WHEN=2026-03-04T05:06:07Z"), root, "x")
		if ok != (want != "") || ok && got.Format(time.RFC3339Nano) != want {
			t.Errorf("%s: got %v, %v, want %s", written, got, ok, want)
		}
	}
}

func TestCompileFilters(t *testing.T) {
	const (
		clicks = "arn:aws:kinesis:us-east-1:000000000000:stream/clicks"
		orders = "arn:aws:sqs:us-east-1:000000000000:orders"
		carts  = "arn:aws:dynamodb:us-east-1:000000000000:table/carts"
	)
	for _, c := range []struct {
		source, pattern string
		ok              bool
	}{
		{clicks, `{"data": {"a": [1]}}`, true},
		{clicks, `{"partitionKey": ["u1"]}`, true},
		{clicks, `{"data": ["stop"]}`, false},
		{clicks, `{"data": [{"prefix": "s"}]}`, false},
		{clicks, `{"data": {"a": [1]}, "data": ["stop"]}`, false},
		{clicks, `{"$or": [{"partitionKey": ["a"]}, {"$or": [{"data": {"a": [1]}}, {"data": ["b"]}]}]}`, false},
		{clicks, `{"data": {"data": ["stop"]}}`, true},
		{orders, `{"body": ["stop"]}`, true},
		{carts, `{"data": ["stop"]}`, true},
		{clicks, `stop`, false},
	} {
		m := config.Mapping{EventSourceArn: c.source, FilterCriteria: &config.FilterCriteria{Filters: []config.Filter{{Pattern: c.pattern}}}}
		if compiled, err := CompileFilters(m); (err == nil) != c.ok || c.ok && compiled == nil {
			t.Errorf("%q of %s: %v, want it to be fine: %v", c.pattern, c.source, err, c.ok)
		}
	}
	if compiled, err := CompileFilters(config.Mapping{EventSourceArn: clicks}); compiled != nil || err != nil {
		t.Errorf("no patterns: %v, %v", compiled, err)
	}
}
