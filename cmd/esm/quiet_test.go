package main

import (
	"strings"
	"testing"

	"github.com/esm-run/esm/cmd/esm/logging"
)

// quiet returns a Log and what is written to it.
func quiet(t *testing.T) (*logging.Log, *strings.Builder) {
	t.Helper()
	var said strings.Builder
	log, err := logging.New(logging.Flags{Level: "info"}, &said)
	if err != nil {
		t.Fatal(err)
	}
	return log, &said
}
