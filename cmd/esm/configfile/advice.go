package configfile

import "github.com/esm-run/esm/config"

// Lambda's own words say what is wrong. A file's errors say also what would be right.
const (
	byTheQueue  = " Retries of queues end by their RedrivePolicy: set VisibilityTimeout and maxReceiveCount on the queue, and remove it."
	onlyStreams = " It is for streams: remove it."
	onlyQueues  = " It is for queues: remove it, and choose ParallelizationFactor for a stream."
	chooseStart = " Streams need it: TRIM_HORIZON for all that the stream holds, or LATEST for what comes from now on."
)

// forFiles is what Lambda would refuse in a mapping, with advice, and without texts that came from the environment.
func forFiles(m config.Mapping, found []config.Problem) []config.Problem {
	for i, p := range found {
		switch {
		case p.Path == "StartingPosition" && m.OfStream() && m.StartingPosition == "":
			found[i].Message += chooseStart
		case p.Path == "StartingPosition" && m.Service() == config.DynamoDB:
			found[i].Message = "AT_TIMESTAMP is for Kinesis: choose TRIM_HORIZON or LATEST"
		case m.Service() == config.SQS:
			found[i].Message += advice[p.Path]
		case p.Path == "ScalingConfig" || p.Path == "ProvisionedPollerConfig":
			found[i].Message += onlyQueues
		}
	}
	return found
}

// advice is for mappings of queues.
var advice = map[string]string{
	"StartingPosition":           onlyStreams,
	"StartingPositionTimestamp":  onlyStreams,
	"ParallelizationFactor":      onlyStreams,
	"TumblingWindowInSeconds":    onlyStreams,
	"BisectBatchOnFunctionError": onlyStreams,
	"MaximumRecordAgeInSeconds":  byTheQueue,
	"MaximumRetryAttempts":       byTheQueue,
	"DestinationConfig":          byTheQueue,
}
