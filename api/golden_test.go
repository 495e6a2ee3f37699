package api

import (
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

const (
	queue  = "arn:aws:sqs:us-east-1:123456789012:orders"
	fifo   = "arn:aws:sqs:us-east-1:123456789012:orders.fifo"
	stream = "arn:aws:kinesis:us-east-1:123456789012:stream/clicks"
	table  = "arn:aws:dynamodb:us-east-1:123456789012:table/users/stream/2025-11-22T10:00:00.000"
	first  = "00000001-0000-4000-8000-000000000000"
	second = "00000002-0000-4000-8000-000000000000"
)

// A story is calls one after the other and the answers to each, as AWS was recorded to give them but for the names.
type story struct {
	Calls []struct {
		Call   string // method and path
		Body   json.RawMessage
		Settle bool // what was begun before this call is over
		Status int
		Answer json.RawMessage
	}
}

// TestGolden compares every key of every answer, so that one that is absent, null or empty shows.
func TestGolden(t *testing.T) {
	files, _ := filepath.Glob("testdata/*.json")
	if len(files) < 4 {
		t.Fatalf("only %d stories", len(files))
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) { tell(t, file) })
	}
}

func tell(t *testing.T, file string) {
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var s story
	if err := json.Unmarshal(text, &s); err != nil {
		t.Fatal(err)
	}
	f := serve(t)
	for i, c := range s.Calls {
		if c.Settle {
			f.register.settle()
		}
		method, path, _ := strings.Cut(c.Call, " ")
		w := f.ask(method, path, string(c.Body))
		if got, want := w.Code, c.Status; got != want {
			t.Errorf("%d %s: status %d, want %d: %s", i, c.Call, got, want, w.Body)
		}
		if got, want := value(t, w.Body.Bytes()), value(t, c.Answer); !reflect.DeepEqual(got, want) {
			t.Errorf("%d %s:\ngot  %s\nwant %s", i, c.Call, w.Body, c.Answer)
		}
	}
	if w := f.warnings(); w != "" {
		t.Errorf("warned: %s", w)
	}
}

func value(t *testing.T, text []byte) (v any) {
	t.Helper()
	if len(text) == 0 {
		return nil
	}
	if err := json.Unmarshal(text, &v); err != nil {
		t.Errorf("%v: %s", err, text)
	}
	return v
}
