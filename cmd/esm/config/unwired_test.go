package config

import (
	"slices"
	"strings"
	"testing"
)

// What the rest of the program does not carry out yet is refused, once and with its reason.
func TestUnwired(t *testing.T) {
	d := hermetic()
	d.ahead = false
	f, report := d.load([]byte(`Aws: {Endpoint: embedded}
Resources:
  Streams: [{StreamName: clicks}]
  Topics: [{Name: alerts}]
`), "testdata", Overrides{})
	want := []string{
		`3:3: Resources.Streams: is not made by this version, which makes Queues alone: remove it`,
		`4:3: Resources.Topics: is not made by this version, which makes Queues alone: remove it`,
	}
	if f != nil || !slices.EqualFunc(report.Errors, want, says) {
		t.Errorf("got:\n%v\nwant:\n%s", report.Err(), strings.Join(want, "\n"))
	}
}
