package config

import "time"

// Mapping is the user's description of an event source mapping, in the names of Lambda's CreateEventSourceMapping
// request. Nil and empty members mean that the user said nothing.
type Mapping struct {
	UUID           string
	FunctionName   string // with or without :qualifier
	EventSourceArn string
	Enabled        *bool

	BatchSize                      *int
	MaximumBatchingWindowInSeconds *int
	FilterCriteria                 *FilterCriteria
	FunctionResponseTypes          []string
	MetricsConfig                  *MetricsConfig
	Tags                           map[string]string

	// Of queues alone.
	ScalingConfig           *ScalingConfig
	ProvisionedPollerConfig *ProvisionedPollerConfig

	// Of streams alone.
	StartingPosition           string    // TrimHorizon, Latest or AtTimestamp
	StartingPositionTimestamp  time.Time // of AtTimestamp; whole seconds count
	ParallelizationFactor      *int
	MaximumRecordAgeInSeconds  *int // -1 means for ever
	MaximumRetryAttempts       *int // -1 likewise
	BisectBatchOnFunctionError *bool
	TumblingWindowInSeconds    *int // 0 means no windows
	DestinationConfig          *DestinationConfig

	Endpoint string // of this mapping's source, if it differs from Aws
	Region   string // of this mapping's source, if it differs from Aws

	source Source // EventSourceArn, parsed by Defaults
}

// FilterCriteria lists patterns of which one must match.
type FilterCriteria struct {
	Filters []Filter
}

// Filter holds one event pattern: JSON text.
type Filter struct {
	Pattern string
}

// ScalingConfig caps the batches of one mapping that are in hand at the same time.
type ScalingConfig struct {
	MaximumConcurrency *int
}

// ProvisionedPollerConfig replaces automatic scaling by a range of pollers, each with ten invocations at a time and ten
// receives a second.
type ProvisionedPollerConfig struct {
	MinimumPollers *int
	MaximumPollers *int
}

// MetricsConfig opts in to metrics on AWS. Here they are always on.
type MetricsConfig struct {
	Metrics []string
}

// DestinationConfig says where notices of records that were given up are sent.
type DestinationConfig struct {
	OnFailure OnFailure
	OnSuccess OnSuccess // event source mappings cannot have it
}

// OnFailure holds the ARN of a standard SQS queue, a standard SNS topic or an S3 bucket. Empty means that notices are sent
// nowhere.
type OnFailure struct {
	Destination string
}

// OnSuccess is what Lambda's API knows and refuses for event source mappings.
type OnSuccess struct {
	Destination string
}

// Values of StartingPosition: where a mapping begins to read a stream.
const (
	TrimHorizon = "TRIM_HORIZON" // at the oldest record that there is
	Latest      = "LATEST"       // at the records that come from now on
	AtTimestamp = "AT_TIMESTAMP" // at those that arrived at a time or later; Kinesis only
)

// ReportBatchItemFailures is the one value of FunctionResponseTypes.
const ReportBatchItemFailures = "ReportBatchItemFailures"

// Defaults and limits of mappings (AWS: "Using Lambda with Amazon SQS", "Using Lambda to process records from Amazon
// Kinesis Data Streams", and the API reference of CreateEventSourceMapping).
const (
	DefaultBatchSize       = 10
	DefaultStreamBatchSize = 100
	MaxBatchSize           = 10000
	MaxBatchSizeFIFO       = 10

	MaxBatchingWindow = 300 // seconds

	UsualFilters     = 5    // more need a raised quota on AWS
	MaxFilters       = 10   // what the quota can be raised to
	MaxPatternLength = 4096 // characters

	MinMaximumConcurrency = 2
	MaxMaximumConcurrency = 1000

	DefaultMinimumPollers = 2
	MaxMinimumPollers     = 200
	DefaultMaximumPollers = 200
	MaxMaximumPollers     = 10000

	MinMaximumRecordAge      = 60 // seconds
	MaxMaximumRecordAge      = 604800
	MaxMaximumRetryAttempts  = 10000
	MaxParallelizationFactor = 10
	MaxTumblingWindow        = 900 // seconds
	MaxDestinationLength     = 350 // characters
)

// ReportsFailures says whether the function's answer may name the records that failed.
func (m Mapping) ReportsFailures() bool {
	return len(m.FunctionResponseTypes) > 0 && m.FunctionResponseTypes[0] == ReportBatchItemFailures
}

// Defaults is m with what the user left out filled in, as Lambda does for its kind of source. Members that were given
// empty, such as an empty ScalingConfig, become nil: they mean nothing. m itself is not changed.
func (m Mapping) Defaults() Mapping {
	m.source = m.Source()
	m.Enabled = or(m.Enabled, true)
	m.BatchSize = or(m.BatchSize, m.defaultBatchSize())
	m.MaximumBatchingWindowInSeconds = or(m.MaximumBatchingWindowInSeconds, 0)
	if m.FunctionResponseTypes == nil {
		m.FunctionResponseTypes = []string{}
	}
	if m.FilterCriteria != nil && len(m.FilterCriteria.Filters) == 0 {
		m.FilterCriteria = nil
	}
	if m.ScalingConfig != nil && m.ScalingConfig.MaximumConcurrency == nil {
		m.ScalingConfig = nil
	}
	if m.MetricsConfig != nil && len(m.MetricsConfig.Metrics) == 0 {
		m.MetricsConfig = nil
	}
	if m.DestinationConfig != nil && *m.DestinationConfig == (DestinationConfig{}) {
		m.DestinationConfig = nil
	}
	m.ProvisionedPollerConfig = m.ProvisionedPollerConfig.defaults()
	if m.OfStream() {
		return m.streamDefaults()
	}
	return m
}

func (m Mapping) defaultBatchSize() int {
	if kind := m.Source().Kind; kind != nil {
		return kind.DefaultBatchSize
	}
	return DefaultBatchSize
}

// streamDefaults fills in what only streams have. DestinationConfig is never nil then: Lambda's replies show it empty.
func (m Mapping) streamDefaults() Mapping {
	m.StartingPositionTimestamp = m.StartingPositionTimestamp.Truncate(time.Second)
	m.ParallelizationFactor = or(m.ParallelizationFactor, 1)
	m.MaximumRecordAgeInSeconds = or(m.MaximumRecordAgeInSeconds, Forever)
	m.MaximumRetryAttempts = or(m.MaximumRetryAttempts, Forever)
	m.BisectBatchOnFunctionError = or(m.BisectBatchOnFunctionError, false)
	m.TumblingWindowInSeconds = or(m.TumblingWindowInSeconds, 0)
	m.DestinationConfig = or(m.DestinationConfig, DestinationConfig{})
	return m
}

func (p *ProvisionedPollerConfig) defaults() *ProvisionedPollerConfig {
	if p == nil || p.MinimumPollers == nil && p.MaximumPollers == nil {
		return nil
	}
	return &ProvisionedPollerConfig{
		MinimumPollers: or(p.MinimumPollers, DefaultMinimumPollers),
		MaximumPollers: or(p.MaximumPollers, DefaultMaximumPollers),
	}
}

// or is p, or a pointer to what stands for nil.
func or[T any](p *T, otherwise T) *T {
	if p != nil {
		return p
	}
	return &otherwise
}
