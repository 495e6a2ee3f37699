package mappings

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/esm-run/esm/config"
)

var rewrite = flag.Bool("update", false, "write testdata/row.json")

// full returns a mapping with every member set.
func full() config.Mapping {
	number := func(n int) *int { return &n }
	yes := true
	return config.Mapping{
		UUID: uuid1, FunctionName: "f:live", EventSourceArn: streamARN, Enabled: &yes,
		BatchSize: number(1), MaximumBatchingWindowInSeconds: number(2),
		FilterCriteria:        &config.FilterCriteria{Filters: []config.Filter{{Pattern: `{"data": {"kind": ["<&>"]}}`}}},
		FunctionResponseTypes: []string{config.ReportBatchItemFailures},
		MetricsConfig:         &config.MetricsConfig{Metrics: []string{"EventCount"}},
		Tags:                  map[string]string{"a": "1", "b": ""},

		ScalingConfig:           &config.ScalingConfig{MaximumConcurrency: number(3)},
		ProvisionedPollerConfig: &config.ProvisionedPollerConfig{MinimumPollers: number(4), MaximumPollers: number(5)},

		StartingPosition: config.AtTimestamp, StartingPositionTimestamp: before,
		ParallelizationFactor: number(6), MaximumRecordAgeInSeconds: number(-1), MaximumRetryAttempts: number(0),
		BisectBatchOnFunctionError: &yes, TumblingWindowInSeconds: number(7),
		DestinationConfig: &config.DestinationConfig{OnFailure: config.OnFailure{Destination: "arn:aws:s3:::b"}, OnSuccess: config.OnSuccess{Destination: "x"}},
		Endpoint:          "http://localhost:4566", Region: "us-east-1",
	}
}

// TestRowFormat pins the rows that earlier releases have written.
func TestRowFormat(t *testing.T) {
	m, other := full(), inFile(uuid1, ofStream("f"))
	if v := reflect.ValueOf(m); true {
		for i := range v.NumField() {
			if v.Type().Field(i).IsExported() && v.Field(i).IsZero() {
				t.Errorf("%s is not set", v.Type().Field(i).Name)
			}
		}
	}
	want := row{Origin: OriginFile, File: &other, HTTP: &m, Deleted: true, Forget: true, LastModified: before.Add(time.Millisecond)}
	golden := filepath.Join("testdata", "row.json")
	if *rewrite {
		if err := os.WriteFile(golden, append(want.encode(), '\n'), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	text, err := os.ReadFile(golden)
	if err != nil || strings.TrimSpace(string(text)) != string(want.encode()) {
		t.Errorf("got  %s\nwant %s (%v)", want.encode(), text, err)
	}
	if got, err := decodeRow(uuid1, text); err != nil || !bytes.Equal(got.encode(), want.encode()) {
		t.Errorf("got  %+v (%v)\nwant %+v", got, err, want)
	}
	if got := clone(m); !reflect.DeepEqual(got, m) {
		t.Errorf("got  %+v\nwant %+v", got, m)
	}
}

func TestInvalidRows(t *testing.T) {
	for _, text := range []string{
		``, `null`, `[]`, `{}`, `{"Origin":"HTTP"}`, `{"Origin":"HTTP","HTTP":{"UUID":"other"}}`,
		`{"Origin":"HTTP","HTTP":{"UUID":"` + uuid1 + `","Unheard":1}}`, `{"Origin":"HTTP","Deleted":true,"Unheard":1}`,
	} {
		if r, err := decodeRow(uuid1, []byte(text)); err == nil || !strings.Contains(err.Error(), uuid1) {
			t.Errorf("%s: %+v, %v", text, r, err)
		}
	}
}

func FuzzDecodeRow(f *testing.F) {
	m := full()
	f.Add(row{Origin: OriginFile, File: &m, LastModified: before}.encode())
	f.Add(row{Origin: OriginHTTP, Deleted: true, Forget: true}.encode())
	f.Fuzz(func(t *testing.T, text []byte) {
		r, err := decodeRow(uuid1, text)
		if err != nil {
			return
		}
		again, err := decodeRow(uuid1, r.encode())
		if err != nil || string(again.encode()) != string(r.encode()) {
			t.Errorf("%+v, then %+v (%v)", r, again, err)
		}
	})
}
