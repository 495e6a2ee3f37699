package dynamodb

import (
	"encoding/base64"
	"fmt"
	"strings"
	"time"
)

// iteratorLifetime is how long an iterator can be used (API reference: "GetShardIterator").
const iteratorLifetime = 15 * time.Minute

// An iterator is a reader's position. The server keeps none: its text says everything.
type iterator struct {
	stream, shard string    // the stream's ARN and the shard's ID
	next          sequence  // the first one to return
	issued        time.Time // to the millisecond
}

func (i iterator) String() string {
	inner := fmt.Sprintf("%s %d %d", i.shard, uint64(i.next), i.issued.UnixMilli())
	return i.stream + "|1|" + base64.StdEncoding.EncodeToString([]byte(inner))
}

// parseIterator parses what String returned, and nothing else.
func parseIterator(text string) (i iterator, ok bool) {
	arn, encoded, _ := strings.Cut(text, "|1|")
	inner, err := base64.StdEncoding.DecodeString(encoded)
	if err != nil {
		return i, false
	}
	var next uint64
	var issued int64
	if _, err := fmt.Sscanf(string(inner), "%s %d %d", &i.shard, &next, &issued); err != nil {
		return i, false
	}
	i.stream, i.next, i.issued = arn, sequence(next), time.UnixMilli(issued)
	return i, i.String() == text
}

type shardIteratorInput struct {
	StreamArn, ShardId                string
	ShardIteratorType, SequenceNumber string
}

type shardIteratorOutput struct{ ShardIterator string }

func (s *Server) shardIterator(now time.Time, in shardIteratorInput) (shardIteratorOutput, error) {
	st, err := s.stream(in.StreamArn, now)
	if err != nil {
		return shardIteratorOutput{}, err
	}
	sh, err := st.shard(in.ShardId, now)
	if err != nil {
		return shardIteratorOutput{}, err
	}
	next, err := s.seek(sh, in)
	if err != nil {
		return shardIteratorOutput{}, err
	}
	return shardIteratorOutput{iterator{st.arn, sh.id, next, now}.String()}, nil
}

// seek returns the first sequence number to return from a position.
func (s *Server) seek(sh *shard, in shardIteratorInput) (sequence, error) {
	numbered := in.ShardIteratorType == "AT_SEQUENCE_NUMBER" || in.ShardIteratorType == "AFTER_SEQUENCE_NUMBER"
	switch {
	case numbered && in.SequenceNumber == "":
		return 0, invalid("The SequenceNumber is required for the ShardIteratorType %s.", in.ShardIteratorType)
	case !numbered && in.SequenceNumber != "":
		return 0, invalid("The SequenceNumber must not be given with the ShardIteratorType %s.", in.ShardIteratorType)
	}
	switch in.ShardIteratorType {
	case "TRIM_HORIZON":
		return max(sh.first, sh.trimmed) + 1, nil
	case "LATEST":
		return s.last + 1, nil
	case "AT_SEQUENCE_NUMBER":
		return sh.find(in.SequenceNumber)
	case "AFTER_SEQUENCE_NUMBER":
		n, err := sh.find(in.SequenceNumber)
		return n + 1, err
	}
	return 0, constraint(in.ShardIteratorType, "shardIteratorType",
		"satisfy enum value set: [AFTER_SEQUENCE_NUMBER, LATEST, AT_SEQUENCE_NUMBER, TRIM_HORIZON]")
}

// find parses a sequence number of one of the shard's records or ends.
func (sh *shard) find(text string) (sequence, error) {
	n, ok := parseSequence(text)
	switch {
	case ok && n >= sh.first && n <= sh.trimmed:
		return 0, trimmed()
	case ok && (n == sh.first || sh.isClosed() && n == sh.end):
		return n, nil
	case ok:
		if i := sh.from(n); i < len(sh.records) && sh.records[i].number == n {
			return n, nil
		}
	}
	return 0, invalid("Invalid SequenceNumber: %s is not in the shard %s.", text, sh.id)
}
