package config

import (
	"fmt"
	"regexp"
	"strings"
	"time"
)

// Validate returns everything that Lambda would refuse in a mapping that is made now, and what this engine cannot run, in
// the order in which Lambda checks. It checks the number and length of filter patterns, not their language, which package
// engine/filter knows. A message is that of Lambda's service where that is known; limits of Lambda's API model have messages
// of this package's own.
func (m Mapping) Validate(now time.Time) []Problem {
	var found problems
	m.checkNames(&found)
	m.checkSource(&found)
	m.checkDestination(&found)
	m.checkBatching(&found)
	m.checkFilters(&found)
	m.checkLists(&found)
	if kind := m.Kind(); kind != nil {
		if kind.Stream {
			m.checkStream(&found, now)
		} else {
			m.checkScaling(&found)
		}
		m.checkRefused(&found)
	}
	return found
}

var uuidForm = regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$`)

func (m Mapping) checkNames(found *problems) {
	if m.UUID != "" && !uuidForm.MatchString(m.UUID) {
		found.add("UUID", "is not a UUID in lower case: 8-4-4-4-12 hexadecimal digits")
	}
	if _, err := ParseFunctionName(m.FunctionName); err != nil {
		found.add("FunctionName", "%s", err)
	}
}

func (m Mapping) checkBatching(found *problems) {
	found.within("BatchSize", *or(m.BatchSize, m.defaultBatchSize()), 1, MaxBatchSize)
	found.within("MaximumBatchingWindowInSeconds", *or(m.MaximumBatchingWindowInSeconds, 0), 0, MaxBatchingWindow)
	if s := m.Source(); s.Kind != nil && s.Kind.checkBatch != nil {
		s.Kind.checkBatch(m, s.ARN, found)
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
		found.violate(types, given, "have length less than or equal to 1", fmt.Sprintf("has %d items, above 1", n))
	}
	for i, t := range m.FunctionResponseTypes {
		if t != ReportBatchItemFailures {
			found.add(fmt.Sprintf("%s[%d]", types, i), "is not ReportBatchItemFailures, the only value")
			(*found)[len(*found)-1].Constraint = Violation(given, modelPath(types),
				"satisfy constraint: [Member must satisfy enum value set: [ReportBatchItemFailures], Member must not be null]")
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
