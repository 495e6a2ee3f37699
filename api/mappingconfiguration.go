package api

import (
	"cmp"
	"fmt"
	"time"

	"github.com/esm-run/esm/config"
	"github.com/esm-run/esm/mappings"
)

// mappingConfiguration is a mapping as Lambda's answers show it (AWS: API reference of Lambda,
// EventSourceMappingConfiguration). Members that only streams have are nil for queues. Enabled and Tags are never shown.
type mappingConfiguration struct {
	UUID                  string
	EventSourceMappingArn string
	EventSourceArn        string
	FunctionArn           string

	StartingPosition               string `json:",omitempty"`
	StartingPositionTimestamp      *epoch `json:",omitempty"`
	BatchSize                      *int
	MaximumBatchingWindowInSeconds *int
	ParallelizationFactor          *int  `json:",omitempty"`
	MaximumRecordAgeInSeconds      *int  `json:",omitempty"`
	MaximumRetryAttempts           *int  `json:",omitempty"`
	BisectBatchOnFunctionError     *bool `json:",omitempty"`
	TumblingWindowInSeconds        *int  `json:",omitempty"`
	FunctionResponseTypes          []string

	DestinationConfig       *destinationConfig              `json:",omitempty"`
	FilterCriteria          *config.FilterCriteria          `json:",omitempty"`
	ScalingConfig           *config.ScalingConfig           `json:",omitempty"`
	ProvisionedPollerConfig *config.ProvisionedPollerConfig `json:",omitempty"`
	MetricsConfig           *config.MetricsConfig           `json:",omitempty"`

	State                 string
	StateTransitionReason string
	LastModified          epoch
	LastProcessingResult  string `json:",omitempty"`
}

// destinationConfig shows OnFailure even if it is empty, and no OnSuccess, which mappings cannot have.
type destinationConfig struct {
	OnFailure struct {
		Destination string `json:",omitempty"`
	}
}

// epoch is a time that is written as Lambda does: in seconds since 1970, with a fraction.
type epoch time.Time

func (e epoch) MarshalJSON() ([]byte, error) {
	ms := time.Time(e).UnixMilli()
	return fmt.Appendf(nil, "%d.%03d", ms/1000, ms%1000), nil
}

func describeMapping(r mappings.Registered) mappingConfiguration {
	m := r.Mapping.Defaults()
	c := mappingConfiguration{
		UUID: m.UUID, EventSourceMappingArn: mappingARN(r), EventSourceArn: m.EventSourceArn, FunctionArn: r.FunctionArn,
		BatchSize: m.BatchSize, MaximumBatchingWindowInSeconds: m.MaximumBatchingWindowInSeconds,
		FunctionResponseTypes: m.FunctionResponseTypes,
		FilterCriteria:        m.FilterCriteria, MetricsConfig: m.MetricsConfig,
		State: r.State, LastModified: epoch(r.LastModified),
	}
	if m.OfStream() {
		c.describeStream(m, r.LastProcessingResult)
		return c
	}
	c.StateTransitionReason = "USER_INITIATED"
	c.ScalingConfig, c.ProvisionedPollerConfig = m.ScalingConfig, m.ProvisionedPollerConfig
	return c
}

// describeStream adds the members that only streams have. Lambda words the reason of a transition differently for streams.
func (c *mappingConfiguration) describeStream(m config.Mapping, last string) {
	c.StateTransitionReason = "User action"
	c.LastProcessingResult = cmp.Or(last, "No records processed")
	c.StartingPosition = m.StartingPosition
	if m.StartingPosition == config.AtTimestamp {
		at := epoch(m.StartingPositionTimestamp)
		c.StartingPositionTimestamp = &at
	}
	c.ParallelizationFactor = m.ParallelizationFactor
	c.MaximumRecordAgeInSeconds, c.MaximumRetryAttempts = m.MaximumRecordAgeInSeconds, m.MaximumRetryAttempts
	c.BisectBatchOnFunctionError, c.TumblingWindowInSeconds = m.BisectBatchOnFunctionError, m.TumblingWindowInSeconds
	c.DestinationConfig = &destinationConfig{}
	c.DestinationConfig.OnFailure.Destination = m.DestinationConfig.OnFailure.Destination
}

// mappingARN returns the ARN of the mapping itself, whose region and account are those of its function.
func mappingARN(r mappings.Registered) string {
	a, _ := config.ParseARN(r.FunctionArn) // FunctionArn is an ARN
	a.Resource = "event-source-mapping:" + r.UUID
	return a.String()
}
