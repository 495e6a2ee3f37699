package config

import (
	"slices"
	"time"
)

// checkStream checks the members that only streams have (AWS: the API reference of CreateEventSourceMapping).
func (m Mapping) checkStream(found *problems, now time.Time) {
	m.checkPosition(found, now)
	m.checkRetries(found)
	m.checkLanes(found)
}

func (m Mapping) checkPosition(found *problems, now time.Time) {
	const position, timestamp = "StartingPosition", "StartingPositionTimestamp"
	at := m.StartingPositionTimestamp.Truncate(time.Second)
	timed := m.StartingPosition == AtTimestamp
	switch m.StartingPosition {
	case TrimHorizon, Latest, AtTimestamp:
		if !slices.Contains(m.Kind().StartingPositions, m.StartingPosition) {
			found.add(position, "Unsupported starting position for arn type: %s", m.EventSourceArn)
		}
	case "":
		found.add(position, "1 validation error detected: Value null at 'startingPosition' failed to satisfy constraint: Member must not be null.")
	default:
		found.violate(position, m.StartingPosition, "satisfy enum value set: [LATEST, AT_TIMESTAMP, TRIM_HORIZON]",
			"is none of LATEST, AT_TIMESTAMP and TRIM_HORIZON")
	}
	switch {
	case !timed && !m.StartingPositionTimestamp.IsZero():
		found.add(timestamp, "Timestamp only valid with StartingPosition AT_TIMESTAMP")
	case timed && m.StartingPositionTimestamp.IsZero():
		found.add(timestamp, "is missing: StartingPosition AT_TIMESTAMP needs it")
	case timed && at.After(now):
		found.add(timestamp, "Received Exception while reading from provided stream. "+
			"The timestampInMillis parameter cannot be greater than the currentTimestampInMillis. "+
			"timestampInMillis: %d, currentTimestampInMillis: %d", at.UnixMilli(), now.UnixMilli())
	}
}

func (m Mapping) checkRetries(found *problems) {
	age := *or(m.MaximumRecordAgeInSeconds, Forever)
	ranged := found.within("MaximumRecordAgeInSeconds", age, Forever, MaxMaximumRecordAge)
	if ranged && age != Forever && age < MinMaximumRecordAge {
		found.add("MaximumRecordAgeInSeconds", "MaximumRecordAgeInSeconds must be either -1 (forever) or between %d and %d (inclusive)",
			MinMaximumRecordAge, MaxMaximumRecordAge)
	}
	found.within("MaximumRetryAttempts", *or(m.MaximumRetryAttempts, Forever), Forever, MaxMaximumRetryAttempts)
}

// checkLanes checks the division of shards: into lanes by ParallelizationFactor or into windows of time, not both.
func (m Mapping) checkLanes(found *problems) {
	lanes, window := *or(m.ParallelizationFactor, 1), *or(m.TumblingWindowInSeconds, 0)
	lanesOK := found.within("ParallelizationFactor", lanes, 1, MaxParallelizationFactor)
	windowOK := found.within("TumblingWindowInSeconds", window, 0, MaxTumblingWindow)
	if window <= 0 || !windowOK {
		return
	}
	if lanes > 1 && lanesOK {
		found.add("ParallelizationFactor", "Parallelization factor must be equal to 1 when tumbling window period is configured")
	}
	if m.FilterCriteria != nil && len(m.FilterCriteria.Filters) > 0 {
		found.add("FilterCriteria", "Filter criteria are not supported when tumbling window period is configured")
	}
}

// checkDestination checks the destination. Lambda does so before it checks anything else except the source.
func (m Mapping) checkDestination(found *problems) {
	if m.DestinationConfig == nil || *m.DestinationConfig == (DestinationConfig{}) {
		return
	}
	kind := m.Kind()
	if kind == nil {
		return
	}
	if _, refused := kind.Refused["DestinationConfig"]; refused {
		found.unsupported("DestinationConfig")
		return
	}
	if m.DestinationConfig.OnSuccess.Destination != "" {
		found.add("DestinationConfig.OnSuccess", "OnSuccess configuration is not supported for event source mappings.")
	}
	const path = "DestinationConfig.OnFailure.Destination"
	arn := m.DestinationConfig.OnFailure.Destination
	found.notLonger(path, arn, MaxDestinationLength)
	if _, err := ParseDestination(arn, StreamFailure); err != nil && arn != "" && len(arn) <= MaxDestinationLength {
		found.add(path, "%s", err.Error())
	}
}
