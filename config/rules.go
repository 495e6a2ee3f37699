package config

import (
	"fmt"
	"regexp"
	"strings"
	"time"
)

// Validate tells everything that Lambda would refuse in a mapping that is made now, and what this engine cannot honour.
// Filter patterns are checked for their number and length only; package engine/filter knows their language. Where the
// message of Lambda's service is known, it is used; limits that its API model sets are told in words of our own.
func (m Mapping) Validate(now time.Time) []Problem {
	var found problems
	m.checkNames(&found)
	m.checkSource(&found)
	m.checkDestination(&found)
	m.checkBatching(&found)
	m.checkFilters(&found)
	m.checkLists(&found)
	switch {
	case m.OfStream():
		m.checkStream(&found, now)
	case m.Service() == SQS:
		m.checkQueue(&found)
	}
	return found
}

var uuidForm = regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$`)

func (m Mapping) checkNames(found *problems) {
	if m.UUID != "" && !uuidForm.MatchString(m.UUID) {
		found.add("UUID", "is not a UUID in lower case: 8-4-4-4-12 hexadecimal digits")
	}
	if _, err := ParseFunctionName(m.FunctionName); err != nil {
		found.breaks("FunctionName", m.FunctionName, "Member must satisfy regular expression pattern: "+FunctionNamePattern, err.Error())
	}
}

func (m Mapping) checkBatching(found *problems) {
	size, window := *or(m.BatchSize, m.defaultBatchSize()), *or(m.MaximumBatchingWindowInSeconds, 0)
	sizeOK := found.within("BatchSize", size, 1, MaxBatchSize)
	windowOK := found.within("MaximumBatchingWindowInSeconds", window, 0, MaxBatchingWindow)
	switch {
	case m.FIFO():
		if window > 0 && windowOK {
			found.add("MaximumBatchingWindowInSeconds", "Batching window is not supported for FIFO queues")
		}
		if size > MaxBatchSizeFIFO && sizeOK {
			found.add("BatchSize", "%d is above %d, the most of a FIFO queue", size, MaxBatchSizeFIFO)
		}
	case m.Service() == SQS && size > 10 && window == 0 && sizeOK:
		found.add("BatchSize", "Maximum batch window in seconds must be greater than 0 if maximum batch size is greater than 10")
	}
}

func (m Mapping) checkFilters(found *problems) {
	if m.FilterCriteria == nil {
		return
	}
	filters := m.FilterCriteria.Filters
	if len(filters) > MaxFilters {
		found.add("FilterCriteria.Filters", "has %d filters, above %d", len(filters), MaxFilters)
	}
	for i, f := range filters {
		found.notLonger(fmt.Sprintf("FilterCriteria.Filters[%d].Pattern", i), f.Pattern, MaxPatternLength)
	}
}

// checkQueue checks what only queues have, and that nothing is given that they have not.
func (m Mapping) checkQueue(found *problems) {
	m.checkScaling(found)
	found.unsupported("StartingPosition", m.StartingPosition != "")
	found.unsupported("StartingPositionTimestamp", !m.StartingPositionTimestamp.IsZero())
	found.unsupported("ParallelizationFactor", m.ParallelizationFactor != nil)
	found.unsupported("MaximumRecordAgeInSeconds", m.MaximumRecordAgeInSeconds != nil)
	found.unsupported("MaximumRetryAttempts", m.MaximumRetryAttempts != nil)
	found.unsupported("BisectBatchOnFunctionError", m.BisectBatchOnFunctionError != nil)
	found.unsupported("TumblingWindowInSeconds", m.TumblingWindowInSeconds != nil)
}

// unsupported adds a problem when a member is given that the kind of source does not have.
func (p *problems) unsupported(path string, given bool) {
	if given {
		p.add(path, "Unsupported %s parameter for given event source mapping type.", path)
	}
}

func (m Mapping) checkScaling(found *problems) {
	capped := m.ScalingConfig != nil && m.ScalingConfig.MaximumConcurrency != nil
	if capped {
		found.within("ScalingConfig.MaximumConcurrency", *m.ScalingConfig.MaximumConcurrency, MinMaximumConcurrency, MaxMaximumConcurrency)
	}
	pollers := m.ProvisionedPollerConfig.defaults()
	if pollers == nil {
		return
	}
	if capped {
		found.add("ScalingConfig", "Provisioned mode for SQS ESM does not support maximum concurrency feature. "+
			"Use MaximumPollers as the control mechanism and remove maximum concurrency.")
	}
	const rule = "MinimumPollers should be between [2, %d] and MaximumPollers should be between [MinimumPollers, %d]"
	low, high := *pollers.MinimumPollers, *pollers.MaximumPollers
	highOK := DefaultMinimumPollers <= high && high <= MaxMaximumPollers
	if low < DefaultMinimumPollers || low > MaxMinimumPollers || highOK && low > high {
		found.add("ProvisionedPollerConfig.MinimumPollers", rule, MaxMinimumPollers, MaxMaximumPollers)
	}
	if !highOK {
		found.add("ProvisionedPollerConfig.MaximumPollers", rule, MaxMinimumPollers, MaxMaximumPollers)
	}
}

func (m Mapping) checkLists(found *problems) {
	const types = "FunctionResponseTypes"
	given := "[" + strings.Join(m.FunctionResponseTypes, ", ") + "]"
	if n := len(m.FunctionResponseTypes); n > 1 {
		found.breaks(types, given, "Member must have length less than or equal to 1", fmt.Sprintf("has %d items, above 1", n))
	}
	for i, t := range m.FunctionResponseTypes {
		if t != ReportBatchItemFailures {
			*found = append(*found, Problem{
				Path: fmt.Sprintf("%s[%d]", types, i), Message: "is not ReportBatchItemFailures, the only value",
				Constraint: broken(types, given, "Member must satisfy constraint: [Member must satisfy enum value set: [ReportBatchItemFailures], Member must not be null]"),
			})
		}
	}
	if m.MetricsConfig == nil {
		return
	}
	for i, name := range m.MetricsConfig.Metrics {
		if name != "EventCount" {
			found.add(fmt.Sprintf("MetricsConfig.Metrics[%d]", i), "is not EventCount, the only value with an effect on queues and streams")
		}
	}
}
