package api

import (
	"cmp"
	"fmt"
	"time"

	"github.com/esm-run/esm/config"
	"github.com/esm-run/esm/mappings"
)

// configuration is a mapping as Lambda's answers show it (AWS: API reference of Lambda, EventSourceMappingConfiguration).
// What is of streams alone is nil for queues. Enabled and Tags are never shown.
type configuration struct {
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

// destinationConfig shows OnFailure even when there is none, and no OnSuccess: mappings cannot have it.
type destinationConfig struct {
	OnFailure struct {
		Destination string `json:",omitempty"`
	}
}

// epoch is a time as Lambda's answers write it: seconds since 1970 with a fraction.
type epoch time.Time

func (e epoch) MarshalJSON() ([]byte, error) {
	ms := time.Time(e).UnixMilli()
	return fmt.Appendf(nil, "%d.%03d", ms/1000, ms%1000), nil
}

func describe(r mappings.Registered) configuration {
	m := r.Mapping.Defaults()
	c := configuration{
		UUID: m.UUID, EventSourceMappingArn: mappingARN(r), EventSourceArn: m.EventSourceArn, FunctionArn: r.FunctionArn,
		BatchSize: m.BatchSize, MaximumBatchingWindowInSeconds: m.MaximumBatchingWindowInSeconds,
		FunctionResponseTypes: m.FunctionResponseTypes,
		FilterCriteria:        m.FilterCriteria, MetricsConfig: m.MetricsConfig,
		State: r.State, LastModified: epoch(r.LastModified),
	}
	if m.OfStream() {
		c.ofStream(m, r.LastProcessingResult)
		return c
	}
	c.StateTransitionReason = "USER_INITIATED"
	c.ScalingConfig, c.ProvisionedPollerConfig = m.ScalingConfig, m.ProvisionedPollerConfig
	return c
}

// ofStream adds what Lambda shows of streams alone. It words the reason of a transition in another way, too.
func (c *configuration) ofStream(m config.Mapping, last string) {
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

// mappingARN is the ARN of the mapping itself, which is where its function is.
func mappingARN(r mappings.Registered) string {
	a, _ := config.ParseARN(r.FunctionArn) // of a function that was registered
	a.Resource = "event-source-mapping:" + r.UUID
	return a.String()
}
