package config

import (
	"fmt"

	"github.com/esm-run/esm"
)

// StreamTraps are the known ways in which a mapping of a stream stands still or loses records unseen, with paths in the
// mapping (AWS: "Using Lambda to process records from Amazon Kinesis Data Streams", "Configuring partial batch response
// with Kinesis Data Streams and Lambda").
func StreamTraps(m esm.Mapping) []esm.Problem {
	if m = m.Defaults(); !m.OfStream() {
		return nil
	}
	endless := *m.MaximumRetryAttempts == esm.Forever && *m.MaximumRecordAgeInSeconds == esm.Forever
	switch {
	case endless:
		return []esm.Problem{{Path: "MaximumRetryAttempts", Message: "-1 without MaximumRecordAgeInSeconds: a record that always fails blocks its shard " +
			"until it leaves the stream: set one of them, and BisectBatchOnFunctionError so that its batch is not given up with it"}}
	case m.ReportsFailures() && !*m.BisectBatchOnFunctionError:
		return []esm.Problem{{Path: "FunctionResponseTypes", Message: "without BisectBatchOnFunctionError, a record that is given up takes all behind it in its batch with it, " +
			"those that would succeed too"}}
	}
	return nil
}

// advisedReaders is how many may read one shard of a table's stream (AWS: "Using Lambda with Amazon DynamoDB").
const advisedReaders = 2

// ReaderTraps tell which mappings, by index, read a stream of DynamoDB that as many as AWS allows read already.
func ReaderTraps(mappings []esm.Mapping) map[int]esm.Problem {
	readers, found := map[string]int{}, map[int]esm.Problem{}
	for i, m := range mappings {
		if m = m.Defaults(); m.Service() != esm.DynamoDB || !*m.Enabled {
			continue
		}
		stream := esm.TableOf(m.EventSourceArn) + "\n" + m.Endpoint
		if readers[stream]++; readers[stream] > advisedReaders {
			found[i] = esm.Problem{Path: "EventSourceArn", Message: fmt.Sprintf("is read by %d mappings up to this one, above %d, the most of a table's stream on AWS: expect throttling",
				readers[stream], advisedReaders)}
		}
	}
	return found
}
