package config

import (
	"cmp"
	"regexp"
	"strings"
)

// KinesisStream is the kind of a Kinesis data stream, read by polling or through an enhanced fan-out consumer.
var KinesisStream = &Kind{
	Name:              "Kinesis stream",
	Forms:             []string{"a Kinesis stream", "a consumer of one"},
	Service:           Kinesis,
	EndpointKey:       Kinesis,
	Stream:            true,
	Title:             kinesisTitle,
	DefaultBatchSize:  DefaultStreamBatchSize,
	FilterText:        "data",
	FilterTextIsJSON:  true,
	StartingPositions: []string{Latest, AtTimestamp, TrimHorizon},
	Refused:           refusedByStreams,
	CheckARN:          checkKinesisARN,
	CheckPosition:     checkKinesisPosition,
	CheckShard:        checkShard,
	ShortShard:        shardNumber,
	Part:              "/consumer/",
	Notice:            NoticeFormat{Key: "KinesisBatchInfo", Time: NoticeMilliseconds},
}

// refusedByStreams are the members of mappings that only queues have.
var refusedByStreams = map[string]string{
	"ScalingConfig":           onlyQueues,
	"ProvisionedPollerConfig": onlyQueues,
}

const onlyQueues = " It is for queues: remove it, and choose ParallelizationFactor for a stream."

var (
	streamForm = regexp.MustCompile(`^stream/[A-Za-z0-9_.-]{1,128}(/consumer/[A-Za-z0-9_.-]{1,128}:\d+)?$`)

	// sequenceNumber is the form of sequence numbers (AWS API references: "GetRecords" of both services). Those of
	// emulators may have leading zeros.
	sequenceNumber = regexp.MustCompile(`^[0-9]{1,129}$`)

	// withinAggregate is the position of a record within an aggregated one.
	withinAggregate = regexp.MustCompile(`^[0-9]{1,129}/[0-9]{1,9}$`)
)

func checkKinesisARN(a ARN) string {
	if !a.placed() || !streamForm.MatchString(a.Resource) {
		return "is neither the ARN of a stream (arn:aws:kinesis:<region>:<account>:stream/<name>) nor of a consumer of one " +
			"(…/consumer/<name>:<creation timestamp>)"
	}
	return ""
}

func checkKinesisPosition(position string) string {
	if sequenceNumber.MatchString(position) || withinAggregate.MatchString(position) {
		return ""
	}
	return "is not a sequence number: give digits, with /n for a record within an aggregated record"
}

// shardForm is the form of a shard's ID (AWS API reference of Kinesis: "Shard"). IDs of tables' shards fit it too.
var shardForm = regexp.MustCompile(`^[a-zA-Z0-9_.-]{1,128}$`)

func checkShard(name string) string {
	if shardForm.MatchString(name) {
		return ""
	}
	return "is not the ID of a shard, such as shardId-000000000000"
}

// shardNumber returns the number of a shard without leading zeros.
func shardNumber(id string) string {
	return cmp.Or(strings.TrimLeft(strings.TrimPrefix(id, shardPrefix), "0"), "0")
}

const shardPrefix = "shardId-"

// kinesisTitle returns the stream's name, followed by the consumer's if there is one.
func kinesisTitle(a ARN) string {
	parts := strings.Split(a.Resource, "/") // stream/NAME or stream/NAME/consumer/NAME:TIMESTAMP
	switch {
	case len(parts) == 4 && parts[2] == "consumer":
		consumer, _, _ := strings.Cut(parts[3], ":")
		return parts[1] + "/" + consumer
	case len(parts) >= 2:
		return parts[1]
	}
	return a.Resource
}
