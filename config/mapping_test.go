package config_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/esm-run/esm/config"
)

// now is the time of the tests.
var now = time.Date(2026, 3, 4, 5, 6, 7, 8e6, time.UTC)

const (
	queue = "arn:aws:sqs:us-east-1:000000000000:orders"
	fifo  = queue + ".fifo"
)

func mapping(change func(*config.Mapping)) config.Mapping {
	m := config.Mapping{FunctionName: "orders", EventSourceArn: queue}
	change(&m)
	return m
}

// paths returns the paths of problems, without repetitions.
func paths(found []config.Problem) []string {
	var all []string
	for _, p := range found {
		all = append(all, p.Path)
	}
	return slices.Compact(all)
}

func TestValidateMapping(t *testing.T) {
	filters := func(n int, pattern string) *config.FilterCriteria {
		return &config.FilterCriteria{Filters: slices.Repeat([]config.Filter{{Pattern: pattern}}, n)}
	}
	for _, c := range []struct {
		name   string
		change func(*config.Mapping)
		want   []string
	}{
		{"no optional member", func(m *config.Mapping) {}, nil},
		{"no source", func(m *config.Mapping) { m.EventSourceArn = "" }, []string{"EventSourceArn"}},
		{"no function", func(m *config.Mapping) { m.FunctionName = "" }, []string{"FunctionName"}},
		{"largest", func(m *config.Mapping) {
			m.BatchSize, m.MaximumBatchingWindowInSeconds = new(10000), new(300)
			m.ScalingConfig = &config.ScalingConfig{MaximumConcurrency: new(1000)}
			m.FilterCriteria = filters(10, strings.Repeat("é", 4096))
		}, nil},
		{"too large", func(m *config.Mapping) {
			m.BatchSize, m.MaximumBatchingWindowInSeconds = new(10001), new(301)
			m.ScalingConfig = &config.ScalingConfig{MaximumConcurrency: new(1001)}
			m.FilterCriteria = filters(11, "")
		}, []string{"BatchSize", "MaximumBatchingWindowInSeconds", "FilterCriteria.Filters", "ScalingConfig.MaximumConcurrency"}},
		{"too small", func(m *config.Mapping) {
			m.BatchSize, m.MaximumBatchingWindowInSeconds = new(0), new(-1)
			m.ScalingConfig = &config.ScalingConfig{MaximumConcurrency: new(1)}
		}, []string{"BatchSize", "MaximumBatchingWindowInSeconds", "ScalingConfig.MaximumConcurrency"}},
		{"a long pattern", func(m *config.Mapping) { m.FilterCriteria = filters(1, strings.Repeat("x", 4097)) }, []string{"FilterCriteria.Filters[0].Pattern"}},
		{"11 with a window", func(m *config.Mapping) { m.BatchSize, m.MaximumBatchingWindowInSeconds = new(11), new(1) }, nil},
		{"11 without", func(m *config.Mapping) { m.BatchSize = new(11) }, []string{"BatchSize"}},
		{"FIFO", func(m *config.Mapping) { m.EventSourceArn, m.BatchSize = fifo, new(10) }, nil},
		{"FIFO, 11", func(m *config.Mapping) { m.EventSourceArn, m.BatchSize = fifo, new(11) }, []string{"BatchSize"}},
		{"FIFO, window", func(m *config.Mapping) { m.EventSourceArn, m.MaximumBatchingWindowInSeconds = fifo, new(1) }, []string{"MaximumBatchingWindowInSeconds"}},
		{"provisioned", func(m *config.Mapping) {
			m.ProvisionedPollerConfig = &config.ProvisionedPollerConfig{MinimumPollers: new(200), MaximumPollers: new(10000)}
		}, nil},
		{"provisioned, too many", func(m *config.Mapping) {
			m.ProvisionedPollerConfig = &config.ProvisionedPollerConfig{MinimumPollers: new(201), MaximumPollers: new(10001)}
		}, []string{"ProvisionedPollerConfig.MinimumPollers", "ProvisionedPollerConfig.MaximumPollers"}},
		{"provisioned, minimum above maximum", func(m *config.Mapping) {
			m.ProvisionedPollerConfig = &config.ProvisionedPollerConfig{MinimumPollers: new(4), MaximumPollers: new(3)}
		}, []string{"ProvisionedPollerConfig.MinimumPollers"}},
		{"provisioned and capped", func(m *config.Mapping) {
			m.ProvisionedPollerConfig = &config.ProvisionedPollerConfig{MaximumPollers: new(3)}
			m.ScalingConfig = &config.ScalingConfig{MaximumConcurrency: new(5)}
		}, []string{"ScalingConfig"}},
		{"empty members", func(m *config.Mapping) {
			m.ProvisionedPollerConfig, m.ScalingConfig, m.FilterCriteria, m.MetricsConfig = &config.ProvisionedPollerConfig{}, &config.ScalingConfig{}, &config.FilterCriteria{}, &config.MetricsConfig{}
		}, nil},
		{"response types", func(m *config.Mapping) { m.FunctionResponseTypes = []string{"ReportBatchItemFailures", "x"} }, []string{"FunctionResponseTypes", "FunctionResponseTypes[1]"}},
		{"metrics", func(m *config.Mapping) {
			m.MetricsConfig = &config.MetricsConfig{Metrics: []string{"EventCount", "KafkaMetrics"}}
		}, []string{"MetricsConfig.Metrics[1]"}},
		{"UUID", func(m *config.Mapping) { m.UUID = "3F0C6A52-7D1E-4B7A-9C55-0B8F6F6C1A2E" }, []string{"UUID"}},
		{"its own region", func(m *config.Mapping) { m.Region = "us-east-1" }, nil},
		{"another region", func(m *config.Mapping) { m.Region = "us-east-2" }, []string{"Region"}},
	} {
		if found := mapping(c.change).Validate(now); !slices.Equal(paths(found), c.want) {
			t.Errorf("%s: got %q, want problems of %q", c.name, found, c.want)
		}
	}
}

func TestSources(t *testing.T) {
	for arn, ok := range map[string]bool{
		queue: true, fifo: true,
		"arn:aws:sqs:elasticmq:000000000000:q":                                    true,
		"arn:aws-cn:sqs:cn-north-1:000000000000:q":                                true,
		"arn:aws:sqs:us-east-1:000000000000:" + strings.Repeat("q", 80):           true,
		"arn:aws:sqs:us-east-1:000000000000:" + strings.Repeat("q", 81):           false,
		"arn:aws:sqs:us-east-1:000000000000:" + strings.Repeat("q", 76) + ".fifo": false,
		"arn:aws:sqs:us-east-1:000000000000:.fifo":                                false,
		"arn:aws:sqs:us-east-1:000000000000:a.b":                                  false,
		"arn:aws:sqs::000000000000:q":                                             false,
		"arn:aws:sqs:us-east-1:12:q":                                              false,
		"arn:aws:lambda:us-east-1:000000000000:function:f":                        false,
		"arn:aws:firehose:us-east-1:000000000000:deliverystream/d":                false,
		"https://sqs.us-east-1.amazonaws.com/000000000000/q":                      false,
	} {
		found := mapping(func(m *config.Mapping) { m.EventSourceArn = arn }).Validate(now)
		if want := []string{"EventSourceArn"}; ok != (len(found) == 0) || !ok && !slices.Equal(paths(found), want) {
			t.Errorf("%s: %q, want none: %v", arn, found, ok)
		}
	}
}

func TestMappingDefaults(t *testing.T) {
	m := mapping(func(m *config.Mapping) {
		m.ScalingConfig, m.FilterCriteria, m.MetricsConfig = &config.ScalingConfig{}, &config.FilterCriteria{}, &config.MetricsConfig{}
		m.ProvisionedPollerConfig = &config.ProvisionedPollerConfig{MaximumPollers: new(7)}
	})
	got := m.Defaults()
	if *got.BatchSize != 10 || *got.MaximumBatchingWindowInSeconds != 0 || !*got.Enabled || got.FunctionResponseTypes == nil {
		t.Errorf("got %+v", got)
	}
	if got.ScalingConfig != nil || got.FilterCriteria != nil || got.MetricsConfig != nil {
		t.Errorf("empty members stay: %+v", got)
	}
	if p := got.ProvisionedPollerConfig; *p.MinimumPollers != 2 || *p.MaximumPollers != 7 {
		t.Errorf("pollers %d to %d, want 2 to 7", *p.MinimumPollers, *p.MaximumPollers)
	}
	if m.BatchSize != nil || m.ScalingConfig == nil || m.ProvisionedPollerConfig.MinimumPollers != nil {
		t.Errorf("the mapping itself was changed: %+v", m)
	}
	if again := got.Defaults(); fmt.Sprint(*again.BatchSize, again.ScalingConfig) != fmt.Sprint(*got.BatchSize, got.ScalingConfig) {
		t.Errorf("defaults of defaults differ")
	}
}
