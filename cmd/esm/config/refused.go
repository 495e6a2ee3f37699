package config

const (
	notForQueues  = "does not apply to SQS queues: remove it"
	ofTheQueue    = "does not apply to SQS queues, whose retries end by their RedrivePolicy: set VisibilityTimeout and maxReceiveCount on the queue, and remove it"
	noContainers  = "containers are not run by this version: use Command, Runtime or InvokeEndpoint"
	noAsync       = "asynchronous invocations are not taken by this version: remove it"
	noKey         = "filter criteria are kept in this file and not encrypted by a key: remove it"
	notCalled     = "no part of this version calls that service: remove it"
	notMade       = "is not made by this version, which makes Queues alone: remove it"
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
	{inMapping, "StartingPosition", notForQueues},
	{inMapping, "StartingPositionTimestamp", notForQueues},
	{inMapping, "ParallelizationFactor", notForQueues},
	{inMapping, "TumblingWindowInSeconds", notForQueues},
	{inMapping, "BisectBatchOnFunctionError", notForQueues},
	{inMapping, "MaximumRecordAgeInSeconds", ofTheQueue},
	{inMapping, "MaximumRetryAttempts", ofTheQueue},
	{inMapping, "DestinationConfig", ofTheQueue},
	{inMapping, "Topics", notForQueues},
	{inMapping, "Queues", "is for Amazon MQ: name an SQS queue by EventSourceArn, and remove it"},
	{inMapping, "SourceAccessConfigurations", notForQueues},
	{inMapping, "SelfManagedEventSource", notForQueues},
	{inMapping, "SelfManagedKafkaEventSourceConfig", notForQueues},
	{inMapping, "AmazonManagedKafkaEventSourceConfig", notForQueues},
	{inMapping, "DocumentDBEventSourceConfig", notForQueues},
	{inMapping, "LoggingConfig", notForQueues},
	{inMapping, "KMSKeyArn", noKey},
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

	{inEndpoints, "kinesis", notCalled},
	{inEndpoints, "dynamodb", notCalled},
	{inEndpoints, "dynamodbstreams", notCalled},
	{inEndpoints, "sns", notCalled},
	{inEndpoints, "s3", notCalled},
	{inEndpoints, "events", notCalled},
	{inEndpoints, "lambda", "functions are reached by their own InvokeEndpoint: remove it"},

	{inResources, "Streams", notMade},
	{inResources, "Tables", notMade},
	{inResources, "Topics", notMade},
	{inResources, "Buckets", notMade},
	{inQueue, "Tags", "tags are not put on queues by this version: remove it"},
}

// The objects whose keys may be refused.
const (
	inMapping   = "mapping"
	inPollers   = "pollers"
	inFunction  = "function"
	inLogging   = "logging"
	inEndpoints = "endpoints"
	inResources = "resources"
	inQueue     = "queue"
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
