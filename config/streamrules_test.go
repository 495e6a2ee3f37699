package config_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/esm-run/esm/config"
)

const (
	clicks   = "arn:aws:kinesis:us-east-1:000000000000:stream/clicks"
	consumer = clicks + "/consumer/fast:1772600765"
	carts    = "arn:aws:dynamodb:us-east-1:000000000000:table/carts"
	changes  = carts + "/stream/2026-03-01T09:10:11.345"
)

// streaming returns a valid mapping of a stream, changed.
func streaming(arn string, change func(*config.Mapping)) config.Mapping {
	m := config.Mapping{FunctionName: "orders", EventSourceArn: arn, StartingPosition: config.TrimHorizon}
	change(&m)
	return m
}

// messages returns the path and message of each problem.
func messages(found []config.Problem) (all []string) {
	for _, p := range found {
		all = append(all, p.Path+": "+p.Message)
	}
	return all
}

func onFailure(to string) *config.DestinationConfig {
	return &config.DestinationConfig{OnFailure: config.OnFailure{Destination: to}}
}

func TestValidateStreamMapping(t *testing.T) {
	one := &config.FilterCriteria{Filters: []config.Filter{{Pattern: "{}"}}}
	at := func(position string, when time.Time) func(*config.Mapping) {
		return func(m *config.Mapping) { m.StartingPosition, m.StartingPositionTimestamp = position, when }
	}
	for _, c := range []struct {
		name, arn string
		change    func(*config.Mapping)
		want      []string
	}{
		{"a stream", clicks, func(*config.Mapping) {}, nil},
		{"a table", carts, func(*config.Mapping) {}, nil},
		{"every member", clicks, func(m *config.Mapping) {
			m.BatchSize, m.ParallelizationFactor, m.MaximumRecordAgeInSeconds = new(10000), new(10), new(604800)
			m.MaximumRetryAttempts, m.BisectBatchOnFunctionError, m.DestinationConfig = new(10000), new(true), onFailure(queue)
			m.FilterCriteria, m.FunctionResponseTypes = one, []string{config.ReportBatchItemFailures}
			m.MetricsConfig = &config.MetricsConfig{Metrics: []string{"EventCount"}}
		}, nil},
		{"windows", changes, func(m *config.Mapping) {
			m.TumblingWindowInSeconds, m.ParallelizationFactor, m.FilterCriteria = new(900), new(1), &config.FilterCriteria{}
		}, nil},
		{"the smallest values", clicks, func(m *config.Mapping) {
			m.BatchSize, m.MaximumRecordAgeInSeconds, m.MaximumRetryAttempts, m.TumblingWindowInSeconds = new(1), new(60), new(0), new(0)
		}, nil},

		{"no position", clicks, at("", time.Time{}), []string{
			"StartingPosition: 1 validation error detected: Value null at 'startingPosition' failed to satisfy constraint: Member must not be null."}},
		{"an unknown position", clicks, at("latest", time.Time{}), []string{
			"StartingPosition: is none of LATEST, AT_TIMESTAMP and TRIM_HORIZON"}},
		{"a time", clicks, at(config.AtTimestamp, now), nil},
		{"a time of a second that has begun", clicks, at(config.AtTimestamp, now.Add(900*time.Millisecond)), nil},
		{"a time to come", clicks, at(config.AtTimestamp, now.Add(time.Second)), []string{
			"StartingPositionTimestamp: Received Exception while reading from provided stream. The timestampInMillis parameter cannot be greater than the currentTimestampInMillis. " +
				"timestampInMillis: 1772600768000, currentTimestampInMillis: 1772600767008"}},
		{"no time", clicks, at(config.AtTimestamp, time.Time{}), []string{
			"StartingPositionTimestamp: is missing: StartingPosition AT_TIMESTAMP needs it"}},
		{"a time for another position", clicks, at(config.Latest, now), []string{
			"StartingPositionTimestamp: Timestamp only valid with StartingPosition AT_TIMESTAMP"}},
		{"a time for a table", changes, at(config.AtTimestamp, now), []string{
			"StartingPosition: Unsupported starting position for arn type: " + changes}},

		{"too large", clicks, func(m *config.Mapping) {
			m.BatchSize, m.MaximumBatchingWindowInSeconds, m.ParallelizationFactor = new(10001), new(301), new(11)
			m.MaximumRecordAgeInSeconds, m.MaximumRetryAttempts, m.TumblingWindowInSeconds = new(604801), new(10001), new(901)
		}, []string{
			"BatchSize: 10001 is above 10000", "MaximumBatchingWindowInSeconds: 301 is above 300",
			"MaximumRecordAgeInSeconds: 604801 is above 604800", "MaximumRetryAttempts: 10001 is above 10000",
			"ParallelizationFactor: 11 is above 10", "TumblingWindowInSeconds: 901 is above 900"}},
		{"too small", changes, func(m *config.Mapping) {
			m.BatchSize, m.ParallelizationFactor, m.TumblingWindowInSeconds = new(0), new(0), new(-1)
			m.MaximumRecordAgeInSeconds, m.MaximumRetryAttempts = new(-2), new(-2)
		}, []string{
			"BatchSize: 0 is below 1", "MaximumRecordAgeInSeconds: -2 is below -1", "MaximumRetryAttempts: -2 is below -1",
			"ParallelizationFactor: 0 is below 1", "TumblingWindowInSeconds: -1 is below 0"}},
		{"an age below a minute", clicks, func(m *config.Mapping) { m.MaximumRecordAgeInSeconds = new(59) }, []string{
			"MaximumRecordAgeInSeconds: MaximumRecordAgeInSeconds must be either -1 (forever) or between 60 and 604800 (inclusive)"}},
		{"windows, lanes and filters", changes, func(m *config.Mapping) {
			m.TumblingWindowInSeconds, m.ParallelizationFactor, m.FilterCriteria = new(1), new(2), one
		}, []string{
			"ParallelizationFactor: Parallelization factor must be equal to 1 when tumbling window period is configured",
			"FilterCriteria: Filter criteria are not supported when tumbling window period is configured"}},
		{"members of queues", clicks, func(m *config.Mapping) {
			m.ScalingConfig = &config.ScalingConfig{MaximumConcurrency: new(5)}
			m.ProvisionedPollerConfig = &config.ProvisionedPollerConfig{MinimumPollers: new(5)}
		}, []string{
			"ScalingConfig: Unsupported ScalingConfig parameter for given event source mapping type.",
			"ProvisionedPollerConfig: Unsupported ProvisionedPollerConfig parameter for given event source mapping type."}},
		{"empty members", changes, func(m *config.Mapping) {
			m.ScalingConfig, m.ProvisionedPollerConfig, m.DestinationConfig = &config.ScalingConfig{}, &config.ProvisionedPollerConfig{}, onFailure("")
		}, nil},
		{"a destination for successes", clicks, func(m *config.Mapping) {
			m.DestinationConfig = &config.DestinationConfig{OnSuccess: config.OnSuccess{Destination: queue}}
		}, []string{"DestinationConfig.OnSuccess: OnSuccess configuration is not supported for event source mappings."}},
	} {
		if got := messages(streaming(c.arn, c.change).Validate(now)); !slices.Equal(got, c.want) {
			t.Errorf("%s: got\n%s\nwant\n%s", c.name, strings.Join(got, "\n"), strings.Join(c.want, "\n"))
		}
	}
}

func TestStreamMembersOfQueues(t *testing.T) {
	m := mapping(func(m *config.Mapping) {
		m.StartingPosition, m.StartingPositionTimestamp = config.Latest, now
		m.ParallelizationFactor, m.MaximumRecordAgeInSeconds, m.MaximumRetryAttempts = new(1), new(-1), new(-1)
		m.BisectBatchOnFunctionError, m.TumblingWindowInSeconds, m.DestinationConfig = new(false), new(0), onFailure(queue)
	})
	var want []string
	for _, member := range []string{"DestinationConfig", "StartingPosition", "StartingPositionTimestamp", "ParallelizationFactor",
		"MaximumRecordAgeInSeconds", "MaximumRetryAttempts", "BisectBatchOnFunctionError", "TumblingWindowInSeconds"} {
		want = append(want, fmt.Sprintf("%s: Unsupported %s parameter for given event source mapping type.", member, member))
	}
	if got := messages(m.Validate(now)); !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func TestStreamSources(t *testing.T) {
	for arn, ok := range map[string]bool{
		clicks: true, consumer: true, carts: true, changes: true,
		"arn:aws-cn:kinesis:cn-north-1:000000000000:stream/a.b-c_d":         true,
		"arn:aws:dynamodb:ddblocal:000000000000:table/carts":                true,
		"arn:aws:kinesis:us-east-1:000000000000:clicks":                     false,
		"arn:aws:kinesis:us-east-1:000000000000:stream/":                    false,
		"arn:aws:kinesis:us-east-1:12:stream/clicks":                        false,
		"arn:aws:kinesis::000000000000:stream/clicks":                       false,
		clicks + "/consumer/fast":                                           false,
		clicks + "/" + strings.Repeat("x", 129):                             false,
		"arn:aws:dynamodb:us-east-1:000000000000:carts":                     false,
		"arn:aws:dynamodb:us-east-1:000000000000:table/ab":                  false,
		carts + "/stream/":                                                  false,
		carts + "/index/by-user":                                            false,
		"arn:aws:dynamodb::000000000000:table/carts/stream/2026-03-01T09:1": false,
	} {
		got := paths(streaming(arn, func(*config.Mapping) {}).Validate(now))
		if want := []string{"EventSourceArn"}; ok != (got == nil) || !ok && !slices.Equal(got, want) {
			t.Errorf("%s: problems of %q, want none: %v", arn, got, ok)
		}
	}
}

// TestDestinations tests that a mapping's destination is checked; TestParseDestination has the forms.
func TestDestinations(t *testing.T) {
	for arn, ok := range map[string]bool{
		"": true, queue: true, fifo: false, "orders": false, "arn:aws:s3:::failures" + strings.Repeat("x", 1000): false,
	} {
		got := paths(streaming(clicks, func(m *config.Mapping) { m.DestinationConfig = onFailure(arn) }).Validate(now))
		if want := []string{"DestinationConfig.OnFailure.Destination"}; ok != (got == nil) || !ok && !slices.Equal(got, want) {
			t.Errorf("%s: problems of %q, want none: %v", arn, got, ok)
		}
	}
}

func TestStreamMappingDefaults(t *testing.T) {
	for _, arn := range []string{clicks, consumer, carts, changes} {
		m := streaming(arn, func(m *config.Mapping) { m.StartingPositionTimestamp = now })
		got := m.Defaults()
		numbers := []int{*got.BatchSize, *got.MaximumBatchingWindowInSeconds, *got.ParallelizationFactor,
			*got.MaximumRecordAgeInSeconds, *got.MaximumRetryAttempts, *got.TumblingWindowInSeconds}
		if want := []int{100, 0, 1, -1, -1, 0}; !slices.Equal(numbers, want) {
			t.Errorf("%s: got %v, want %v", arn, numbers, want)
		}
		if *got.BisectBatchOnFunctionError || *got.DestinationConfig != (config.DestinationConfig{}) || !*got.Enabled {
			t.Errorf("%s: got %+v", arn, got)
		}
		if want := now.Truncate(time.Second); !got.StartingPositionTimestamp.Equal(want) {
			t.Errorf("%s: from %v, want %v", arn, got.StartingPositionTimestamp, want)
		}
		if m.BatchSize != nil || m.DestinationConfig != nil {
			t.Errorf("%s: the mapping itself was changed: %+v", arn, m)
		}
	}
	q := mapping(func(m *config.Mapping) { m.DestinationConfig = onFailure("") }).Defaults()
	if q.ParallelizationFactor != nil || q.DestinationConfig != nil || q.BisectBatchOnFunctionError != nil {
		t.Errorf("a queue's mapping got %+v", q)
	}
}

func TestSource(t *testing.T) {
	for arn, want := range map[string]struct {
		service, text string
		stream, fifo  bool
	}{
		queue:    {config.SQS, "body", false, false},
		fifo:     {config.SQS, "body", false, true},
		clicks:   {config.Kinesis, "data", true, false},
		consumer: {config.Kinesis, "data", true, false},
		carts:    {config.DynamoDB, "", true, false},
		changes:  {config.DynamoDB, "", true, false},
		"arn:aws:kinesis:us-east-1:000000000000:stream/a.fifo": {config.Kinesis, "data", true, false},
	} {
		got := want
		m := config.Mapping{EventSourceArn: arn}.Defaults()
		s := m.Source()
		got.service, got.text, got.stream, got.fifo = s.Kind.Service, s.Kind.FilterText, m.OfStream(), s.FIFO()
		if got != want {
			t.Errorf("%s: got %+v, want %+v", arn, got, want)
		}
	}
	for got, want := range map[string]string{
		config.StreamARN("us-east-1", "000000000000", "clicks"): clicks,
		config.TableARN("us-east-1", "000000000000", "carts"):   carts,
		config.ParseSource(changes).Whole():                     carts,
		config.ParseSource(carts).Whole():                       carts,
		config.ParseSource(clicks + "/consumer/c:1").Whole():    clicks,
		config.ParseSource(clicks).Whole():                      clicks,
		config.TopicARN("cn-north-1", "000000000000", "alerts"): "arn:aws-cn:sns:cn-north-1:000000000000:alerts",
		config.BucketARN("us-gov-west-1", "failures"):           "arn:aws-us-gov:s3:::failures",
	} {
		if got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}

func TestShards(t *testing.T) {
	for _, c := range []struct{ source, id, short string }{
		{clicks, "shardId-000000000000", "0"},
		{clicks, "shardId-000000000042", "42"},
		{clicks, "shardId-123456789012", "123456789012"},
		{clicks, "shardId-1234567890123", "…234567890123"},
		{clicks, "shardId-", "0"},
		{clicks, "a", "a"},
		{carts, "shardId-00000001772600700000-1a2b3c4d", "1a2b3c4d"},
		{carts, "orders-0", "0"},
		{carts, "shardId-000000000042", "42"},
		{carts, "x-", "x-"},
		{queue, "shardId-000000000000", "…000000000000"},
		{"", strings.Repeat("é", 20), "…" + strings.Repeat("é", 12)},
	} {
		if got := config.ParseSource(c.source).ShortShard(c.id); got != c.short {
			t.Errorf("%s: %s is %q for short, want %q", c.source, c.id, got, c.short)
		}
	}
	for _, source := range []string{clicks, carts} {
		s := config.ParseSource(source)
		if wrong := s.CheckShard("shardId-000000000000") + s.CheckPosition("42"); wrong != "" {
			t.Errorf("%s: %s", source, wrong)
		}
		if s.CheckShard("") == "" || s.CheckShard("a b") == "" || s.CheckPosition("x") == "" {
			t.Errorf("%s: accepts what is neither a shard nor a position", source)
		}
	}
	if s := config.ParseSource(queue); s.CheckShard("shardId-000000000000") == "" || s.CheckPosition("42") == "" {
		t.Error("a queue has shards and positions")
	}
}
