package config

import (
	"slices"
	"testing"
	"time"
)

// A row may refuse each member, also of a stream's mapping, whose defaults are filled in before it is validated.
func TestRowRefusesMembers(t *testing.T) {
	base := Mapping{FunctionName: "f", EventSourceArn: "arn:aws:kinesis:us-east-1:000000000000:stream/s", StartingPosition: TrimHorizon}
	for member, set := range map[string]func(*Mapping){
		"ParallelizationFactor":      func(m *Mapping) { m.ParallelizationFactor = new(2) },
		"MaximumRecordAgeInSeconds":  func(m *Mapping) { m.MaximumRecordAgeInSeconds = new(60) },
		"MaximumRetryAttempts":       func(m *Mapping) { m.MaximumRetryAttempts = new(1) },
		"BisectBatchOnFunctionError": func(m *Mapping) { m.BisectBatchOnFunctionError = new(true) },
		"TumblingWindowInSeconds":    func(m *Mapping) { m.TumblingWindowInSeconds = new(10) },
	} {
		kind := *KinesisStream
		kind.Refused = map[string]string{member: "advice"}
		refusals := func(m Mapping) (paths []string) {
			m = m.Defaults()
			m.source.Kind = &kind
			for _, p := range m.Validate(time.Now()) {
				paths = append(paths, p.Path)
			}
			return paths
		}
		if got := refusals(base); len(got) > 0 {
			t.Errorf("%s: refused in a mapping that does not set it: %v", member, got)
		}
		m := base
		set(&m)
		if got := refusals(m); !slices.Equal(got, []string{member}) {
			t.Errorf("%s: got problems with %v, want it refused", member, got)
		}
	}
}

// The table of kinds comes before the list of services that are not supported: a row is all that one of them takes.
func TestRowComesFirst(t *testing.T) {
	defer func(kinds []*Kind) { Kinds = kinds }(Kinds)
	const service = "firehose" // made up: Lambda does not read from it
	notSupported[service] = "Amazon Firehose"
	defer delete(notSupported, service)
	arn := "arn:aws:" + service + ":us-east-1:000000000000:cluster/c/1"
	if wrong := ParseSource(arn).wrong(); wrong == "" {
		t.Errorf("%s is valid without a row", arn)
	}
	Kinds = append(slices.Clone(Kinds), &Kind{Name: "Firehose", Service: service, CheckARN: func(ARN) string { return "" }})
	if wrong := ParseSource(arn).wrong(); wrong != "" {
		t.Errorf("with a row %s %s", arn, wrong)
	}
}
