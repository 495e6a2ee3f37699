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

// advisedReaders is how many may read one shard of a table's stream (AWS: "Using Lambda with Amazon DynamoDB").
const advisedReaders = 2

// ReaderTraps tell which mappings, by index, read a stream of DynamoDB that as many as AWS allows read already.
func ReaderTraps(mappings []config.Mapping) map[int]config.Problem {
	readers, found := map[string]int{}, map[int]config.Problem{}
	for i, m := range mappings {
		if m = m.Defaults(); m.Service() != config.DynamoDB || !*m.Enabled {
			continue
		}
		stream := config.TableOf(m.EventSourceArn) + "\n" + m.Endpoint
		if readers[stream]++; readers[stream] > advisedReaders {
			found[i] = config.Problem{Path: "EventSourceArn", Message: fmt.Sprintf("is read by %d mappings up to this one, above %d, the most of a table's stream on AWS: expect throttling",
				readers[stream], advisedReaders)}
		}
	}
	return found
}
