package config

import "time"

// Mapping is the user's description of an event source mapping, with the members of Lambda's CreateEventSourceMapping
// request. Members that are nil or empty are not set.
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

	// Queues only.
	ScalingConfig           *ScalingConfig
	ProvisionedPollerConfig *ProvisionedPollerConfig

	// Streams only.
	StartingPosition           string    // TrimHorizon, Latest or AtTimestamp
	StartingPositionTimestamp  time.Time // of AtTimestamp; whole seconds count
	ParallelizationFactor      *int
	MaximumRecordAgeInSeconds  *int // -1 means no limit
	MaximumRetryAttempts       *int // -1 means no limit
	BisectBatchOnFunctionError *bool
	TumblingWindowInSeconds    *int // 0 means no windows
	DestinationConfig          *DestinationConfig

	Endpoint string // of the source, if it is not that of Aws.Endpoint
	Region   string // of the source, if it is not Aws.Region

	source Source // EventSourceArn, parsed by Defaults
}

// FilterCriteria lists filters. A record that matches one of them passes.
type FilterCriteria struct {
	Filters []Filter
}

// Filter holds one event pattern: JSON text.
type Filter struct {
	Pattern string
}

// ScalingConfig limits the concurrent invocations of a queue's mapping.
type ScalingConfig struct {
	MaximumConcurrency *int
}

// ProvisionedPollerConfig replaces automatic scaling with a range of pollers, each of which runs up to ten invocations
// concurrently and up to ten receives a second.
type ProvisionedPollerConfig struct {
	MinimumPollers *int
	MaximumPollers *int
}

// MetricsConfig turns metrics on in AWS. Here they are always on.
type MetricsConfig struct {
	Metrics []string
}

// DestinationConfig holds the destination of notices about records that were given up.
type DestinationConfig struct {
	OnFailure OnFailure
	OnSuccess OnSuccess // refused
}

// OnFailure holds the ARN of a standard SQS queue, a standard SNS topic or an S3 bucket. If it is empty, no notices are
// sent.
type OnFailure struct {
	Destination string
}

// OnSuccess is a member of Lambda's API that event source mappings cannot have.
type OnSuccess struct {
	Destination string
}

// Values of StartingPosition, at which a mapping begins to read a stream.
const (
	TrimHorizon = "TRIM_HORIZON" // the oldest record in the stream
	Latest      = "LATEST"       // the next record that arrives
	AtTimestamp = "AT_TIMESTAMP" // the first record that arrived at StartingPositionTimestamp or later; Kinesis only
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

	UsualFilters     = 5    // AWS's default quota
	MaxFilters       = 10   // the highest quota
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

// ReportsFailures reports whether the function's response may name the records that failed.
func (m Mapping) ReportsFailures() bool {
	return len(m.FunctionResponseTypes) > 0 && m.FunctionResponseTypes[0] == ReportBatchItemFailures
}

// Defaults returns m with Lambda's defaults for the members that are not set, which depend on the kind of source. Empty
// members, such as an empty ScalingConfig, become nil.
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
	if kind := m.Kind(); kind != nil {
		return kind.DefaultBatchSize
	}
	return DefaultBatchSize
}

// streamDefaults returns m with the defaults of the members that only streams have. Its DestinationConfig is never nil:
// Lambda's answers show an empty one.
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

// or returns p, or a pointer to value if p is nil.
func or[T any](p *T, value T) *T {
	if p != nil {
		return p
	}
	return &value
}
