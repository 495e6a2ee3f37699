package configfile

import (
	"slices"
	"strings"

	"github.com/esm-run/esm/config"
)

// resourceKind is one kind of resources: what it is called, where its list stands, and which key names one.
type resourceKind struct{ service, noun, list, name string }

var resourceKinds = []resourceKind{
	{config.SQS, "queue", "Resources.Queues", "QueueName"},
	{config.Kinesis, "stream", "Resources.Streams", "StreamName"},
	{config.DynamoDB, "table", "Resources.Tables", "TableName"},
	{config.SNS, "topic", "Resources.Topics", "Name"},
	{config.S3, "bucket", "Resources.Buckets", "Bucket"},
}

// names are the names of the resources of one service, in the order of the file, and the ARN that each has once it is
// made.
func (f *File) names(service string) (names, arns []string) {
	add := func(name, arn string) { names, arns = append(names, name), append(arns, arn) }
	region, account := f.Aws.Region, f.Aws.AccountId
	switch service {
	case config.SQS:
		for _, q := range f.Resources.Queues {
			add(q.QueueName, config.QueueARN(region, account, q.QueueName))
		}
	case config.Kinesis:
		for _, s := range f.Resources.Streams {
			add(s.StreamName, config.StreamARN(region, account, s.StreamName))
		}
	case config.DynamoDB:
		for _, t := range f.Resources.Tables {
			add(t.TableName, config.TableARN(region, account, t.TableName))
		}
	case config.SNS:
		for _, t := range f.Resources.Topics {
			add(t.Name, config.TopicARN(region, account, t.Name))
		}
	case config.S3:
		for _, b := range f.Resources.Buckets {
			add(b.Bucket, config.BucketARN(region, b.Bucket))
		}
	}
	return names, arns
}

// warnUnmade tells of an ARN of a resource that is not made by this file, where that is probably a slip. The ARN may be of
// what belongs to a resource: a stream's consumer, a table's stream.
func (d *decoder) warnUnmade(f *File, arn, at string) {
	a, err := config.ParseARN(arn)
	i := slices.IndexFunc(resourceKinds, func(k resourceKind) bool { return k.service == a.Service })
	if err != nil || i < 0 || d.failed[at] {
		return
	}
	whole, _, _ := strings.Cut(config.TableOf(arn), "/consumer/")
	names, arns := f.names(a.Service)
	_, standIn := f.Aws.Embedded()
	switch k := resourceKinds[i]; {
	case slices.Contains(arns, whole):
	case slices.Contains(names, whole[strings.LastIndexAny(whole, ":/")+1:]):
		d.warnf(at, "is not the %s of that name among %s, which is made in %s and account %s", k.noun, k.list, f.Aws.Region, f.Aws.AccountId)
	case standIn && strings.HasPrefix(f.Aws.EndpointOf(a.Service), embedded):
		d.warnf(at, "is not among %s: the embedded stand-in starts without any other %s", k.list, k.noun)
	}
}
