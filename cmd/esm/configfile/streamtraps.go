package configfile

import (
	"fmt"

	"github.com/esm-run/esm/config"
)

// StreamTraps returns the settings of a stream mapping that are known to block a shard or to lose records silently. Paths are
// relative to the mapping (AWS: "Using Lambda to process records from Amazon Kinesis Data Streams", "Configuring partial batch response
// with Kinesis Data Streams and Lambda").
func StreamTraps(m config.Mapping) []config.Problem {
	if m = m.Defaults(); !m.OfStream() {
		return nil
	}
	endless := *m.MaximumRetryAttempts == config.Forever && *m.MaximumRecordAgeInSeconds == config.Forever
	switch {
	case endless:
		return []config.Problem{{Path: "MaximumRetryAttempts", Message: "-1 without MaximumRecordAgeInSeconds: a record that always fails blocks its shard " +
			"until it leaves the stream: set one of them, and BisectBatchOnFunctionError so that the rest of its batch is not given up with it"}}
	case m.ReportsFailures() && !*m.BisectBatchOnFunctionError:
		return []config.Problem{{Path: "FunctionResponseTypes", Message: "without BisectBatchOnFunctionError, giving up one record also gives up all later records of its batch, " +
			"including those that would succeed"}}
	}
	return nil
}

// ReaderTraps returns, by index, the mappings that exceed the number of readers AWS advises for their source.
func ReaderTraps(mappings []config.Mapping) map[int]config.Problem {
	readers, found := map[string]int{}, map[int]config.Problem{}
	for i, m := range mappings {
		m = m.Defaults()
		kind := m.Kind()
		if kind == nil || kind.MaxReaders == 0 || !*m.Enabled {
			continue
		}
		source := m.Source().Whole() + "\n" + m.Endpoint
		if readers[source]++; readers[source] > kind.MaxReaders {
			found[i] = config.Problem{Path: "EventSourceArn", Message: fmt.Sprintf("is read by %d mappings up to this one, above %d, the most that AWS advises for one %s: expect throttling",
				readers[source], kind.MaxReaders, kind.Name)}
		}
	}
	return found
}
