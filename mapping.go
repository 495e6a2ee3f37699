package esm

import (
	"fmt"
	"regexp"
	"strings"
	"unicode/utf8"
)

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

// ReportBatchItemFailures is the one value of FunctionResponseTypes.
const ReportBatchItemFailures = "ReportBatchItemFailures"

// Defaults and limits of mappings of SQS queues (AWS: "Using Lambda with Amazon SQS", and the API reference of
// CreateEventSourceMapping).
const (
	DefaultBatchSize = 10
	MaxBatchSize     = 10000
	MaxBatchSizeFIFO = 10

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
)

// FIFO says whether the source is a FIFO queue: its name tells.
func (m Mapping) FIFO() bool { return strings.HasSuffix(m.EventSourceArn, ".fifo") }

// ReportsFailures says whether the function's answer may name the records that failed.
func (m Mapping) ReportsFailures() bool {
	return len(m.FunctionResponseTypes) > 0 && m.FunctionResponseTypes[0] == ReportBatchItemFailures
}

// Defaults is m with what the user left out filled in, as Lambda does for SQS queues. Members that were given empty, such
// as an empty ScalingConfig, become nil: they mean nothing. m itself is not changed.
func (m Mapping) Defaults() Mapping {
	m.Enabled = or(m.Enabled, true)
	m.BatchSize = or(m.BatchSize, DefaultBatchSize)
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
	m.ProvisionedPollerConfig = m.ProvisionedPollerConfig.defaults()
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

// Validate tells everything that Lambda would refuse in a mapping of an SQS queue, and what this engine cannot honour.
// Filter patterns are checked for their number and length only; package engine/filter knows their language. Where the
// message of Lambda's API is known, it is used.
func (m Mapping) Validate() []Problem {
	var found problems
	m.checkNames(&found)
	m.checkSource(&found)
	m.checkBatching(&found)
	m.checkFilters(&found)
	m.checkScaling(&found)
	m.checkLists(&found)
	return found
}

var uuidForm = regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$`)

func (m Mapping) checkNames(found *problems) {
	if m.UUID != "" && !uuidForm.MatchString(m.UUID) {
		found.add("UUID", "is not a UUID in lower case: 8-4-4-4-12 hexadecimal digits")
	}
	if _, err := ParseFunctionName(m.FunctionName); err != nil {
		found.add("FunctionName", "%v", err)
	}
}

// notYet names the services that Lambda reads from and this engine does not.
var notYet = map[string]string{
	"kinesis":  "Kinesis streams",
	"dynamodb": "DynamoDB Streams",
	"kafka":    "Amazon MSK",
	"mq":       "Amazon MQ",
	"rds":      "Amazon DocumentDB",
}

var (
	regionForm  = regexp.MustCompile(`^[a-z0-9-]+$`)
	accountForm = regexp.MustCompile(`^\d{12}$`)
	queueForm   = regexp.MustCompile(`^[A-Za-z0-9_-]{1,80}$`)
)

// ValidQueueName says whether name can be a queue's: up to 80 letters, digits, - and _, of which .fifo may be the last.
func ValidQueueName(name string) bool {
	return len(name) <= 80 && queueForm.MatchString(strings.TrimSuffix(name, ".fifo"))
}

func (m Mapping) checkSource(found *problems) {
	if m.EventSourceArn == "" {
		found.add("EventSourceArn", "Unrecognized event source.")
		return
	}
	a, err := ParseARN(m.EventSourceArn)
	switch {
	case err != nil:
		found.add("EventSourceArn", "%v", err)
	case notYet[a.Service] != "":
		found.add("EventSourceArn", "%s are not read by this version: give the ARN of an SQS queue", notYet[a.Service])
	case a.Service != "sqs":
		found.add("EventSourceArn", "Unrecognized event source: give the ARN of an SQS queue (arn:aws:sqs:<region>:<account>:<queue>)")
	case !regionForm.MatchString(a.Region) || !accountForm.MatchString(a.Account):
		found.add("EventSourceArn", "is a queue's ARN without a region or an account of 12 digits (arn:aws:sqs:<region>:<account>:<queue>)")
	case !ValidQueueName(a.Resource):
		found.add("EventSourceArn", "does not end in a queue's name: 1 to 80 letters, digits, - and _, with or without .fifo")
	case m.Region != "" && m.Region != a.Region:
		found.add("Region", "%s is not the region of EventSourceArn, %s: leave it out", m.Region, a.Region)
	}
}

func (m Mapping) checkBatching(found *problems) {
	size, window := *or(m.BatchSize, DefaultBatchSize), *or(m.MaximumBatchingWindowInSeconds, 0)
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
	case size > 10 && window == 0 && sizeOK:
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
		if n := utf8.RuneCountInString(f.Pattern); n > MaxPatternLength {
			found.add(fmt.Sprintf("FilterCriteria.Filters[%d].Pattern", i), "is %d characters long, above %d", n, MaxPatternLength)
		}
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
	low, high := *pollers.MinimumPollers, *pollers.MaximumPollers
	lowOK := found.within("ProvisionedPollerConfig.MinimumPollers", low, 2, MaxMinimumPollers)
	highOK := found.within("ProvisionedPollerConfig.MaximumPollers", high, 2, MaxMaximumPollers)
	if lowOK && highOK && low > high {
		found.add("ProvisionedPollerConfig.MinimumPollers", "%d is above MaximumPollers, %d", low, high)
	}
}

func (m Mapping) checkLists(found *problems) {
	if n := len(m.FunctionResponseTypes); n > 1 {
		found.add("FunctionResponseTypes", "has %d items, above 1", n)
	}
	for i, t := range m.FunctionResponseTypes {
		if t != ReportBatchItemFailures {
			found.add(fmt.Sprintf("FunctionResponseTypes[%d]", i), "is not ReportBatchItemFailures, the only value")
		}
	}
	if m.MetricsConfig == nil {
		return
	}
	for i, name := range m.MetricsConfig.Metrics {
		if name != "EventCount" {
			found.add(fmt.Sprintf("MetricsConfig.Metrics[%d]", i), "is not EventCount, the only value with an effect on queues")
		}
	}
}
