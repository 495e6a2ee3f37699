package configfile

import (
	"time"

	"github.com/esm-run/esm/config"
)

var mappingShape = objectOf(inMapping,
	required(field("FunctionName", func(m *config.Mapping) *string { return &m.FunctionName }, textOf(notEmpty),
		"The function: a name from Functions, with or without :qualifier, or its ARN.")),
	required(field("EventSourceArn", func(m *config.Mapping) *string { return &m.EventSourceArn }, textOf(notEmpty),
		"The source: "+config.ValidSources()+".")),
	field("Enabled", func(m *config.Mapping) **bool { return &m.Enabled }, pointerTo(trueOrFalse),
		"Whether the source is polled. Default true."),
	field("BatchSize", func(m *config.Mapping) **int { return &m.BatchSize }, pointerTo(integerOf(1, config.MaxBatchSize)),
		"The most records of one invocation: 1 to 10000, for FIFO queues 1 to 10. Above 10 queues need a batching window. Default 10 for queues, 100 for streams."),
	field("MaximumBatchingWindowInSeconds", func(m *config.Mapping) **int { return &m.MaximumBatchingWindowInSeconds },
		pointerTo(integerOf(0, config.MaxBatchingWindow)),
		"How long a batch may be gathered: 0 to 300 seconds. Not for FIFO queues. Default 0."),
	field("FilterCriteria", func(m *config.Mapping) **config.FilterCriteria { return &m.FilterCriteria }, pointerTo(criteriaShape),
		"Which records reach the function. Records that match no pattern are not delivered; messages are deleted."),
	field("FunctionResponseTypes", func(m *config.Mapping) *[]string { return &m.FunctionResponseTypes },
		listOf(0, 1, textOf(oneOf(config.ReportBatchItemFailures))),
		"[ReportBatchItemFailures] lets the function's answer name the records that failed."),
	field("ScalingConfig", func(m *config.Mapping) **config.ScalingConfig { return &m.ScalingConfig }, pointerTo(scalingShape),
		"For queues: limits how many invocations this mapping runs at a time."),
	field("ProvisionedPollerConfig", func(m *config.Mapping) **config.ProvisionedPollerConfig { return &m.ProvisionedPollerConfig },
		pointerTo(pollersShape), "For queues: a fixed range of pollers in place of automatic scaling."),
	field("StartingPosition", func(m *config.Mapping) *string { return &m.StartingPosition },
		textOf(oneOf(config.Latest, config.AtTimestamp, config.TrimHorizon)),
		"Where reading of a stream starts: TRIM_HORIZON, LATEST or, for Kinesis, AT_TIMESTAMP. Streams need it."),
	field("StartingPositionTimestamp", func(m *config.Mapping) *time.Time { return &m.StartingPositionTimestamp }, moment,
		"For AT_TIMESTAMP: seconds since 1970, or text such as 2026-03-04T05:06:07Z. Not in the future."),
	field("ParallelizationFactor", func(m *config.Mapping) **int { return &m.ParallelizationFactor },
		pointerTo(integerOf(1, config.MaxParallelizationFactor)),
		"For streams: the batches of one shard at a time, 1 to 10. Default 1."),
	field("MaximumRecordAgeInSeconds", func(m *config.Mapping) **int { return &m.MaximumRecordAgeInSeconds },
		pointerTo(integerOf(config.Forever, config.MaxMaximumRecordAge)),
		"For streams: records older than this are given up. 60 to 604800, or -1, the default, for never."),
	field("MaximumRetryAttempts", func(m *config.Mapping) **int { return &m.MaximumRetryAttempts },
		pointerTo(integerOf(config.Forever, config.MaxMaximumRetryAttempts)),
		"For streams: how often a failing batch is retried. 0 to 10000, or -1, the default, until its records expire."),
	field("BisectBatchOnFunctionError", func(m *config.Mapping) **bool { return &m.BisectBatchOnFunctionError }, pointerTo(trueOrFalse),
		"For streams: whether a failing batch is cut in two. Default false."),
	field("TumblingWindowInSeconds", func(m *config.Mapping) **int { return &m.TumblingWindowInSeconds },
		pointerTo(integerOf(0, config.MaxTumblingWindow)),
		"For streams: the length of the windows within which the function's state is passed on, 1 to 900 seconds. Default 0, no windows."),
	field("DestinationConfig", func(m *config.Mapping) **config.DestinationConfig { return &m.DestinationConfig }, pointerTo(destinationsShape),
		"For streams: where notices of records that were given up are sent."),
	field("MetricsConfig", func(m *config.Mapping) **config.MetricsConfig { return &m.MetricsConfig }, pointerTo(metricsShape),
		"Opts in to metrics on AWS. Here they are always on."),
	field("Tags", func(m *config.Mapping) *map[string]string { return &m.Tags }, mapOf(textOf()),
		"The mapping's tags: texts by their keys."),
	field("UUID", func(m *config.Mapping) *string { return &m.UUID },
		textOf(matching(`[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}`, "is not a UUID in lower case, such as 3f0c6a52-7d1e-4b7a-9c55-0b8f6f6c1a2e")),
		"The mapping's identity. Default: a UUID made from function and source, the same at every start."),
	field("Endpoint", func(m *config.Mapping) *string { return &m.Endpoint }, textOf(urlRule),
		"The endpoint of this mapping's source, when it differs from Aws."),
	field("Region", func(m *config.Mapping) *string { return &m.Region }, textOf(regionRule),
		"The region of this mapping's source. Default: that of EventSourceArn."),
)

var criteriaShape = objectOf("criteria",
	field("Filters", func(c *config.FilterCriteria) *[]config.Filter { return &c.Filters }, listOf(0, config.MaxFilters, filterShape),
		"The patterns; a record must match one. At most 10; on AWS, more than 5 need a raised quota."),
)

var filterShape = objectOf("filter",
	required(field("Pattern", func(f *config.Filter) *string { return &f.Pattern }, textOf(notEmpty),
		`One event pattern: JSON text, such as '{"body": {"kind": ["paid"]}}'.`)),
)

var scalingShape = objectOf("scaling",
	field("MaximumConcurrency", func(s *config.ScalingConfig) **int { return &s.MaximumConcurrency },
		pointerTo(integerOf(config.MinMaximumConcurrency, config.MaxMaximumConcurrency)),
		"The most invocations of this mapping at a time: 2 to 1000. Without it this mapping has no limit of its own."),
)

var pollersShape = objectOf(inPollers,
	field("MinimumPollers", func(p *config.ProvisionedPollerConfig) **int { return &p.MinimumPollers },
		pointerTo(integerOf(2, config.MaxMinimumPollers)), "2 to 200. Default 2."),
	field("MaximumPollers", func(p *config.ProvisionedPollerConfig) **int { return &p.MaximumPollers },
		pointerTo(integerOf(2, config.MaxMaximumPollers)), "2 to 10000. Default 200."),
)

var destinationsShape = objectOf(inDestinations,
	field("OnFailure", func(c *config.DestinationConfig) *config.OnFailure { return &c.OnFailure }, onFailureShape,
		"Where the notices are sent."),
)

var onFailureShape = objectOf("on failure",
	field("Destination", func(o *config.OnFailure) *string { return &o.Destination }, textOf(),
		"The ARN of a standard SQS queue, a standard SNS topic or an S3 bucket. Empty means none."),
)

var metricsShape = objectOf("metrics",
	field("Metrics", func(m *config.MetricsConfig) *[]string { return &m.Metrics }, listOf(0, 1, textOf(oneOf("EventCount"))),
		"[EventCount], the only value with an effect on queues and streams."),
)
