package config

import (
	"regexp"
	"strings"
)

// DynamoDBStream is the kind of a DynamoDB stream, named by its own ARN or by the table's.
var DynamoDBStream = &Kind{
	Name:              "DynamoDB stream",
	Forms:             []string{"a DynamoDB table", "a DynamoDB stream"},
	Service:           DynamoDB,
	EndpointKey:       DynamoDBStreams,
	Stream:            true,
	Title:             tableTitle,
	DefaultBatchSize:  DefaultStreamBatchSize,
	StartingPositions: []string{Latest, TrimHorizon},
	Refused:           refusedByStreams,
	CheckARN:          checkTableARN,
	CheckPosition:     checkTablePosition,
	CheckShard:        checkShard,
	ShortShard:        tableShard,
	Notice:            NoticeFormat{Key: "DDBStreamBatchInfo", Time: NoticeSeconds},
	Part:              inStream,
	MaxReaders:        2, // of one shard (AWS: "Using Lambda with Amazon DynamoDB")
}

var tableForm = regexp.MustCompile(`^table/[A-Za-z0-9_.-]{3,255}(/stream/[^/\s]+)?$`)

func checkTableARN(a ARN) string {
	if !a.placed() || !tableForm.MatchString(a.Resource) {
		return "is neither the ARN of a table, which stands for its current stream (arn:aws:dynamodb:<region>:<account>:table/<name>), " +
			"nor of a stream of one (…/stream/<label>)"
	}
	return ""
}

func checkTablePosition(position string) string {
	if sequenceNumber.MatchString(position) {
		return ""
	}
	return "is not a sequence number: give digits"
}

// tableShard returns the text of its own that the ID of a table's shard ends in: shardId-<time>-<text>.
func tableShard(id string) string {
	if _, own, cut := strings.Cut(strings.TrimPrefix(id, shardPrefix), "-"); cut && own != "" {
		return own
	}
	return shardNumber(id)
}

// tableTitle returns the table's name.
func tableTitle(a ARN) string {
	name, _, _ := strings.Cut(strings.TrimPrefix(a.Resource, "table/"), "/")
	return name
}

// inStream separates a table from one of its streams in an ARN.
const inStream = "/stream/"
