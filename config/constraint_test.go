package config_test

import (
	"strings"
	"testing"
	"time"

	"github.com/esm-run/esm/config"
)

func TestConstraints(t *testing.T) {
	stream := func(change func(*config.Mapping)) config.Mapping {
		m := config.Mapping{FunctionName: "f", EventSourceArn: "arn:aws:kinesis:us-east-1:000000000000:stream/s", StartingPosition: config.Latest}
		change(&m)
		return m
	}
	for want, m := range map[string]config.Mapping{
		"Value '10001' at 'batchSize' failed to satisfy constraint: Member must have value less than or equal to 10000":                                                                                   stream(func(m *config.Mapping) { m.BatchSize = new(10001) }),
		"Value '0' at 'batchSize' failed to satisfy constraint: Member must have value greater than or equal to 1":                                                                                        stream(func(m *config.Mapping) { m.BatchSize = new(0) }),
		"Value '301' at 'maximumBatchingWindowInSeconds' failed to satisfy constraint: Member must have value less than or equal to 300":                                                                  stream(func(m *config.Mapping) { m.MaximumBatchingWindowInSeconds = new(301) }),
		"Value '11' at 'parallelizationFactor' failed to satisfy constraint: Member must have value less than or equal to 10":                                                                             stream(func(m *config.Mapping) { m.ParallelizationFactor = new(11) }),
		"Value '901' at 'tumblingWindowInSeconds' failed to satisfy constraint: Member must have value less than or equal to 900":                                                                         stream(func(m *config.Mapping) { m.TumblingWindowInSeconds = new(901) }),
		"Value 'BOGUS' at 'startingPosition' failed to satisfy constraint: Member must satisfy enum value set: [LATEST, AT_TIMESTAMP, TRIM_HORIZON]":                                                      stream(func(m *config.Mapping) { m.StartingPosition = "BOGUS" }),
		"Value '[Bad]' at 'functionResponseTypes' failed to satisfy constraint: Member must satisfy constraint: [Member must satisfy enum value set: [ReportBatchItemFailures], Member must not be null]": stream(func(m *config.Mapping) { m.FunctionResponseTypes = []string{"Bad"} }),
		"Value '1' at 'scalingConfig.maximumConcurrency' failed to satisfy constraint: Member must have value greater than or equal to 2": {
			FunctionName: "f", EventSourceArn: "arn:aws:sqs:us-east-1:000000000000:q", ScalingConfig: &config.ScalingConfig{MaximumConcurrency: new(1)},
		},
	} {
		found := m.Validate(time.Now())
		if len(found) != 1 || found[0].Constraint != want {
			t.Errorf("got %+v\nwant %s", found, want)
		}
	}
	long := stream(func(m *config.Mapping) {
		m.FilterCriteria = &config.FilterCriteria{Filters: []config.Filter{{Pattern: "{}"}, {Pattern: strings.Repeat("x", 4097)}}}
	})
	if found := long.Validate(time.Now()); len(found) != 1 || !strings.Contains(found[0].Constraint, "at 'filterCriteria.filters.2.member.pattern' failed to satisfy constraint: Member must have length less than or equal to 4096") {
		t.Errorf("got %+v", found)
	}
	for _, found := range stream(func(m *config.Mapping) { m.StartingPosition = "" }).Validate(time.Now()) {
		if found.Constraint != "" {
			t.Errorf("a problem that Lambda's service finds has a constraint: %+v", found)
		}
	}
}
