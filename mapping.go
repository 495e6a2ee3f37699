package esm

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
	ScalingConfig                  *ScalingConfig
	ProvisionedPollerConfig        *ProvisionedPollerConfig
	MetricsConfig                  *MetricsConfig
	Tags                           map[string]string

	Endpoint string // this mapping's source, when it differs from Aws
	Region   string // likewise
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
