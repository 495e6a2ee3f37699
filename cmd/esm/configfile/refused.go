package configfile

import (
	"slices"

	"github.com/esm-run/esm/config"
)

const (
	notThisSource = "is for a source that is not supported by this version: remove it"
	noKey         = "filter criteria are in this file and not encrypted: remove it"
	notPackaged   = "this version does not fetch code: name its directory or .zip file with CodeUri, or its image with ImageUri"
	notOnOneHost  = "has no effect outside AWS: remove it"
	notCollected  = "is where AWS sends logs; here they are printed: remove it"
	notKafka      = "is for Kafka only: remove it"
	versionsAsOne = "functions have one version here, $LATEST: remove it"
)

// refused lists keys of AWS's formats that this version does not support: the object, the key, and the reason with a remedy.
// To support a key, delete its line and add the key to its table. The other members of mappings that are refused are listed in
// package config.
var refused = []struct{ in, key, why string }{
	{inMapping, "Queues", "is for Amazon MQ: name an SQS queue by EventSourceArn, and remove it"},
	{inMapping, "KMSKeyArn", noKey},
	{inDestinations, "OnSuccess", "OnSuccess configuration is not supported for event source mappings."},
	{inPollers, "PollerGroupName", notKafka},

	{inFunction, "PackageType", "follows from ImageUri: remove it"},
	{inFunction, "Code", notPackaged},
	{inFunction, "InlineCode", notPackaged},
	{inFunction, "FunctionName", "a function's name is its key under Functions: remove it"},
	{inFunction, "AutoPublishAlias", versionsAsOne},
	{inFunction, "Events", "sources are listed under EventSourceMappings: move them there"},
	{inFunction, "VpcConfig", notOnOneHost},
	{inFunction, "FileSystemConfigs", notOnOneHost},
	{inFunction, "TracingConfig", notOnOneHost},
	{inFunction, "Tracing", notOnOneHost},
	{inFunction, "SnapStart", notOnOneHost},
	{inFunction, "KmsKeyArn", "the environment is in this file and not encrypted: remove it"},
	{inLogging, "LogGroup", notCollected},
	{inManagedInstances, "CapacityProviderArn", "environments run on this machine: remove it"},
	{inManagedInstances, "ExecutionEnvironmentMemoryGiBPerVCpu", "environments run on this machine, whose CPUs they share: remove it"},

	{inTable, "GlobalSecondaryIndexes", "indexes are not supported by this version: remove it"},
	{inTable, "LocalSecondaryIndexes", "indexes are not supported by this version: remove it"},
	{inTable, "Tags", "tags of tables are not supported by this version: remove it"},
	{inStream, "StreamModeDetails", "streams are created with ShardCount shards: remove it"},
	{inStream, "Tags", "tags of streams are not supported by this version: remove it"},
	{inTopic, "Attributes", "topics are created with the defaults of SNS: remove it"},
	{inSubscription, "RedrivePolicy", "dead-letter queues of subscriptions are not supported by this version: remove it"},
	{inSubscription, "DeliveryPolicy", "delivery policies are not supported by this version: remove it"},
	{inSubscription, "SubscriptionRoleArn", notOnOneHost},
	{inRule, "RoleArn", notOnOneHost},
	{inRule, "Description", "is only shown on AWS: remove it, or make it a comment"},
	{inRule, "Tags", "tags of rules are not supported by this version: remove it"},
	{inRuleTarget, "RoleArn", notOnOneHost},
	{inRuleTarget, "InputTransformer", "transformers are not supported by this version: use Input or InputPath"},
	{inRuleTarget, "DeadLetterConfig", "dead-letter queues of targets are not supported by this version: configure the function's"},
	{inRuleTarget, "RetryPolicy", "retry policies of targets are not supported by this version: configure the function's"},
	{inRuleTarget, "SqsParameters", "FIFO queues cannot be targets in this version: give a standard queue, and remove it"},
	{inTopic, "Tags", "tags of topics are not supported by this version: remove it"},
	{inBucket, "CreateBucketConfiguration", "buckets are created in Aws.Region: remove it"},
	{inQueue, "Tags", "tags of queues are not supported by this version: remove it"},
}

// The objects whose keys may be refused.
const (
	inMapping      = "mapping"
	inPollers      = "pollers"
	inDestinations = "destinations"
	inFunction     = "function"
	inLogging      = "logging"
	inEndpoints    = "endpoints"
	inResources    = "resources"
	inQueue        = "queue"
	inStream       = "stream"
	inTable        = "table"
	inTopic        = "topic"
	inBucket       = "bucket"
	inSubscription = "subscription"
	inRule         = "rule"
	inRuleTarget   = "rule target"

	inManagedInstances = "managed instances"
)

// refusal returns why a key is refused in an object, if it is listed.
func refusal(object, key string) (why string, known bool) {
	for _, r := range refused {
		if r.in == object && r.key == key {
			return r.why, true
		}
	}
	if object == inMapping && (slices.Contains(config.UnsupportedMembers, key) || slices.Contains(config.UnsupportedOnCreate, key)) {
		return notThisSource, true
	}
	return "", false
}
