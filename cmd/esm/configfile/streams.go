package configfile

import "fmt"

// Stream is a Kinesis data stream to create, with the fields of CreateStream.
type Stream struct {
	StreamName string
	ShardCount int            // at least 1
	Records    []StreamRecord // put once, in order, by the run that creates the stream
}

// StreamRecord is a record to put, with the fields of PutRecord.
type StreamRecord struct {
	PartitionKey string
	Data         string // put as written, not base64
}

var streamShape = objectFrom(Stream{ShardCount: 1}, inStream,
	required(field("StreamName", func(s *Stream) *string { return &s.StreamName },
		textOf(matching(`[A-Za-z0-9_.-]{1,128}`, "is not a stream's name: 1 to 128 letters, digits, ., - and _")),
		"The stream's name.")),
	field("ShardCount", func(s *Stream) *int { return &s.ShardCount }, integerOf(1, 10000),
		"How many shards the stream is created with. Default 1."),
	field("Records", func(s *Stream) *[]StreamRecord { return &s.Records }, listOf(0, 0, streamRecord),
		"Records that are put once, by the run that creates the stream."),
)

var streamRecord = objectOf("stream record",
	required(field("PartitionKey", func(r *StreamRecord) *string { return &r.PartitionKey },
		textOf(matching(`[\s\S]{1,256}`, "is not 1 to 256 characters long")),
		"The key that selects the record's shard: 1 to 256 characters.")),
	required(field("Data", func(r *StreamRecord) *string { return &r.Data }, textOf(notEmpty),
		"The record's data, as it is: not in base64.")),
)

// checkResources checks the rules common to all resources: an endpoint is set, and names are unique.
func (d *decoder) checkResources(f *File) {
	for _, k := range resourceKinds {
		names, _ := f.names(k)
		if len(names) > 0 && f.Aws.EndpointOf(k.service) == "" {
			d.errorf("Resources", "are created only where an endpoint is set, never on AWS itself: give Aws.Endpoint, or remove them")
		}
		first := map[string]int{}
		for i, name := range names {
			if other, twice := first[name]; twice && name != "" {
				d.errorf(fmt.Sprintf("%s[%d].%s", k.list, i, k.key), "is that of %s[%d]", k.list, other)
				continue
			}
			first[name] = i
		}
	}
}
