package configfile

import (
	"fmt"

	"github.com/esm-run/esm/config"
)

// StreamTraps are the known ways in which a mapping of a stream stands still or loses records unseen, with paths in the
// mapping (AWS: "Using Lambda to process records from Amazon Kinesis Data Streams", "Configuring partial batch response
// with Kinesis Data Streams and Lambda").
func StreamTraps(m config.Mapping) []config.Problem {
	if m = m.Defaults(); !m.OfStream() {
		return nil
	}
	endless := *m.MaximumRetryAttempts == config.Forever && *m.MaximumRecordAgeInSeconds == config.Forever
	switch {
	case endless:
		return []config.Problem{{Path: "MaximumRetryAttempts", Message: "-1 without MaximumRecordAgeInSeconds: a record that always fails blocks its shard " +
			"until it leaves the stream: set one of them, and BisectBatchOnFunctionError so that its batch is not given up with it"}}
	case m.ReportsFailures() && !*m.BisectBatchOnFunctionError:
		return []config.Problem{{Path: "FunctionResponseTypes", Message: "without BisectBatchOnFunctionError, a record that is given up takes all behind it in its batch with it, " +
			"those that would succeed too"}}
	}
	return nil
}

// ReaderTraps returns, by index, the mappings that read a source which already has as many readers as AWS advises.
func ReaderTraps(mappings []config.Mapping) map[int]config.Problem {
	readers, found := map[string]int{}, map[int]config.Problem{}
	for i, m := range mappings {
		m = m.Defaults()
		kind := m.Source().Kind
		if kind == nil || kind.MaxReaders == 0 || !*m.Enabled {
			continue
		}
		source := config.TableOf(m.EventSourceArn) + "\n" + m.Endpoint
		if readers[source]++; readers[source] > kind.MaxReaders {
			found[i] = config.Problem{Path: "EventSourceArn", Message: fmt.Sprintf("is read by %d mappings up to this one, above %d, the most of a table's stream on AWS: expect throttling",
				readers[source], kind.MaxReaders)}
		}
	}
	return found
}
