package awstest

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
)

// Golden compares an event with a file below testdata, whose text is indented.
func Golden(t *testing.T, file string, event []byte) {
	t.Helper()
	golden, err := os.ReadFile(filepath.Join("testdata", file))
	if err != nil {
		t.Fatal(err)
	}
	var want bytes.Buffer
	if err := json.Compact(&want, golden); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(event, want.Bytes()) {
		t.Errorf("got  %s\nwant %s", event, &want)
	}
}

// Decode decodes an event as handlers in Go do, with a type of aws-lambda-go.
func Decode[Event any](t testing.TB, event []byte) (decoded Event) {
	t.Helper()
	dec := json.NewDecoder(bytes.NewReader(event))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&decoded); err != nil {
		t.Fatalf("%s: %v", event, err)
	}
	return decoded
}
