package configfile

const (
	notThisSource = "is for a kind of source that this version does not read: remove it"
	noContainers  = "containers are not run by this version: use Command, Runtime or InvokeEndpoint"
	noAsync       = "asynchronous invocations are not taken by this version: remove it"
	noKey         = "filter criteria are kept in this file and not encrypted by a key: remove it"
	notCalled     = "no part of this version calls that service: remove it"
	notAProcess   = "is a container's and not enforced for processes: remove it"
	notPackaged   = "no code is fetched or unpacked by this version: name its directory by CodeUri"
	notOnOneHost  = "has no meaning outside of AWS: remove it"
	notCollected  = "is where AWS sends logs; here they are printed: remove it"
	notKafka      = "is for Kafka only: remove it"
	versionsAsOne = "functions have one version here, $LATEST: remove it"
)

// refused lists what AWS or the file's format knows and this version cannot honour: in which object, which key, and why,
// with what to do about it. To honour a key, delete its line and add the key to its table.
var refused = []struct{ in, key, why string }{
	{inMapping, "Topics", notThisSource},
	{inMapping, "Queues", "is for Amazon MQ: name an SQS queue by EventSourceArn, and remove it"},
	{inMapping, "SourceAccessConfigurations", notThisSource},
	{inMapping, "SelfManagedEventSource", notThisSource},
	{inMapping, "SelfManagedKafkaEventSourceConfig", notThisSource},
	{inMapping, "AmazonManagedKafkaEventSourceConfig", notThisSource},
	{inMapping, "DocumentDBEventSourceConfig", notThisSource},
	{inMapping, "LoggingConfig", notThisSource},
	{inMapping, "KMSKeyArn", noKey},
	{inDestinations, "OnSuccess", "OnSuccess configuration is not supported for event source mappings."},
	{inPollers, "PollerGroupName", notKafka},

	{inFunction, "ImageUri", noContainers},
	{inFunction, "ImageConfig", noContainers},
	{inFunction, "PackageType", noContainers},
	{inFunction, "DeadLetterConfig", noAsync},
	{inFunction, "EventInvokeConfig", noAsync},
	{inFunction, "ProvisionedConcurrentExecutions", "environments are not started ahead by this version: remove it"},
	{inFunction, "EphemeralStorage", notAProcess},
	{inFunction, "Code", notPackaged},
	{inFunction, "InlineCode", notPackaged},
	{inFunction, "Layers", "layers are not fetched by this version: put their content into CodeUri"},
	{inFunction, "FunctionName", "a function's name is its key under Functions: remove it"},
	{inFunction, "AutoPublishAlias", versionsAsOne},
	{inFunction, "Events", "sources are told under EventSourceMappings: move them there"},
	{inFunction, "VpcConfig", notOnOneHost},
	{inFunction, "FileSystemConfigs", notOnOneHost},
	{inFunction, "TracingConfig", notOnOneHost},
	{inFunction, "Tracing", notOnOneHost},
	{inFunction, "SnapStart", notOnOneHost},
	{inFunction, "KmsKeyArn", "the environment is kept in this file and not encrypted by a key: remove it"},
	{inLogging, "LogGroup", notCollected},
	{inLogging, "ApplicationLogLevel", "log lines are not selected by level by this version: remove it"},
	{inLogging, "SystemLogLevel", "log lines are not selected by level by this version: remove it"},

	{inEndpoints, "events", notCalled},
	{inEndpoints, "lambda", "functions are reached by their own InvokeEndpoint: remove it"},

	{inTable, "GlobalSecondaryIndexes", "indexes are not made by this version, whose streams do not show them: remove it"},
	{inTable, "LocalSecondaryIndexes", "indexes are not made by this version, whose streams do not show them: remove it"},
	{inTable, "Tags", "tags are not put on tables by this version: remove it"},
	{inStream, "StreamModeDetails", "streams are made with the shards that ShardCount tells: remove it"},
	{inStream, "Tags", "tags are not put on streams by this version: remove it"},
	{inTopic, "Attributes", "topics are made with the defaults of SNS: remove it"},
	{inTopic, "Tags", "tags are not put on topics by this version: remove it"},
	{inBucket, "CreateBucketConfiguration", "buckets are made in Aws.Region: remove it"},
	{inQueue, "Tags", "tags are not put on queues by this version: remove it"},
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
)

// refusal is why an object cannot have a key, if that is known.
func refusal(object, key string) (why string, known bool) {
	for _, r := range refused {
		if r.in == object && r.key == key {
			return r.why, true
		}
	}
	return "", false
}
