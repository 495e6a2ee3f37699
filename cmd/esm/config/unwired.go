package config

import (
	"fmt"

	"github.com/esm-run/esm"
)

// unwired lists what this package reads and checks and the rest of the program does not carry out yet, with why it is
// refused until then: keys of the file, and services of mappings' sources. To honour one, delete its line.
var unwired = []struct{ key, source, why string }{
	{source: esm.Kinesis, why: "Kinesis streams are not read by this version: give the ARN of an SQS queue"},
	{source: esm.DynamoDB, why: "DynamoDB Streams are not read by this version: give the ARN of an SQS queue"},
	{key: "Resources.Streams", why: notMade},
	{key: "Resources.Tables", why: notMade},
	{key: "Resources.Topics", why: notMade},
	{key: "Resources.Buckets", why: notMade},
	{key: "Aws.Endpoints.kinesis", why: notCalled},
	{key: "Aws.Endpoints.dynamodb", why: notCalled},
	{key: "Aws.Endpoints.dynamodbstreams", why: notCalled},
	{key: "Aws.Endpoints.sns", why: notCalled},
	{key: "Aws.Endpoints.s3", why: notCalled},
}

// checkWired refuses what is unwired, before anything else is said of it.
func (d *decoder) checkWired(mappings []esm.Mapping) {
	if d.ahead {
		return
	}
	for _, u := range unwired {
		if _, given := d.places[u.key]; given && u.key != "" {
			d.errorf(u.key, "%s", u.why)
		}
		for i, m := range mappings {
			if u.source != "" && m.Service() == u.source {
				at := fmt.Sprintf("EventSourceMappings[%d]", i)
				d.errorf(at+".EventSourceArn", "%s", u.why)
				d.failed[at] = true // so that no more is said of it
			}
		}
	}
}
