package configfile

import (
	"slices"
	"strings"

	"github.com/esm-run/esm/config"
)

// resourceKind is one kind of Resources.
type resourceKind struct {
	service, noun string
	list, key     string // the list in the file, and the key of a name in it
	names         func(Resources) []string
	arn           func(region, account, name string) string
}

var resourceKinds = []resourceKind{
	{config.SQS, "queue", "Resources.Queues", "QueueName", func(r Resources) []string { return namesOf(r.Queues, Queue.name) }, config.QueueARN},
	{config.Kinesis, "stream", "Resources.Streams", "StreamName", func(r Resources) []string { return namesOf(r.Streams, Stream.name) }, config.StreamARN},
	{config.DynamoDB, "table", "Resources.Tables", "TableName", func(r Resources) []string { return namesOf(r.Tables, Table.name) }, config.TableARN},
	{config.SNS, "topic", "Resources.Topics", "Name", func(r Resources) []string { return namesOf(r.Topics, Topic.name) }, config.TopicARN},
	{config.S3, "bucket", "Resources.Buckets", "Bucket", func(r Resources) []string { return namesOf(r.Buckets, Bucket.name) }, bucketARN},
	{config.EventBridge, "event bus", "Resources.EventBuses", "Name", func(r Resources) []string { return namesOf(r.EventBuses, EventBus.name) }, config.BusARN},
}

func bucketARN(region, _, name string) string { return config.BucketARN(region, name) }

func namesOf[T any](list []T, name func(T) string) (names []string) {
	for _, one := range list {
		names = append(names, name(one))
	}
	return names
}

func (q Queue) name() string  { return q.QueueName }
func (s Stream) name() string { return s.StreamName }
func (t Table) name() string  { return t.TableName }
func (t Topic) name() string  { return t.Name }
func (b Bucket) name() string { return b.Bucket }

func (b EventBus) name() string { return b.Name }

// names returns the names and the ARNs of the file's resources of one kind.
func (f *File) names(k resourceKind) (names, arns []string) {
	names = k.names(f.Resources)
	for _, name := range names {
		arns = append(arns, k.arn(f.Aws.Region, f.Aws.AccountId, name))
	}
	return names, arns
}

// warnUnmade warns of an ARN that names none of the file's Resources where that is probably a mistake. The ARN may
// name a part of a resource: a stream's consumer, a table's stream.
func (d *decoder) warnUnmade(f *File, arn, at string) {
	a, err := config.ParseARN(arn)
	i := slices.IndexFunc(resourceKinds, func(k resourceKind) bool { return k.service == a.Service })
	if err != nil || i < 0 || d.failed[at] {
		return
	}
	whole := config.ParseSource(arn).Whole()
	k := resourceKinds[i]
	names, arns := f.names(k)
	switch {
	case slices.Contains(arns, whole), strings.HasSuffix(whole, ":event-bus/"+DefaultBus):
	case slices.Contains(names, whole[strings.LastIndexAny(whole, ":/")+1:]):
		d.warnf(at, "is not the %s of that name in %s, which is created in %s and account %s", k.noun, k.list, f.Aws.Region, f.Aws.AccountId)
	case IsEmbedded(f.Aws.EndpointOf(a.Service)):
		d.warnf(at, "is not in %s: the embedded stand-in starts without any other %s", k.list, k.noun)
	}
}
