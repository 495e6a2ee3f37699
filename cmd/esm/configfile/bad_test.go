package configfile

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/esm-run/esm/config"
)

// orders is the beginning of most files below: lines 1 to 4.
const orders = `Functions:
  orders:
    Command: [bin/bootstrap]
EventSourceMappings:
`

// mapped is a complete mapping: lines 5 and 6, after orders.
const mapped = `  - FunctionName: orders
    EventSourceArn: arn:aws:sqs:us-east-1:000000000000:orders
`

// queues is the beginning of a file with queues. Items of Resources.Queues follow, from line 4 on.
const queues = `Aws: {Endpoint: embedded}
Resources:
  Queues:
`

// bad lists files with errors. The JSON Schema must refuse those that break a shape, and accept those whose error is between
// parts.
var bad = slices.Concat(badFiles, badStreams, badAsync, badWays, badContainers)

type badFile struct {
	name  string
	text  string
	shape bool
	want  []string
}

var badFiles = []badFile{
	{"out of range", orders + mapped + "    BatchSize: 20000\n", true, []string{
		`7:5: EventSourceMappings[0].BatchSize: 20000 is above 10000`}},
	{"below the range", orders + mapped + "    BatchSize: 0\n    MaximumBatchingWindowInSeconds: -1\n", true, []string{
		`7:5: EventSourceMappings[0].BatchSize: 0 is below 1`,
		`8:5: EventSourceMappings[0].MaximumBatchingWindowInSeconds: -1 is below 0`}},
	{"too large for an integer", orders + mapped + "    BatchSize: 99999999999999999999\n", true, []string{
		`7:5: EventSourceMappings[0].BatchSize: 99999999999999999999 should be a whole number from 1 to 10000`}},
	{"a quoted number", orders + mapped + "    BatchSize: \"10\"\n", true, []string{
		`7:5: EventSourceMappings[0].BatchSize: "10" is text and should be a whole number from 1 to 10000: remove the quotes`}},
	{"a word for a number", orders + mapped + "    BatchSize: ten\n", true, []string{
		`7:5: EventSourceMappings[0].BatchSize: "ten" is text and should be a whole number from 1 to 10000`}},
	{"a fraction", orders + mapped + "    BatchSize: 1.5\n", true, []string{
		`7:5: EventSourceMappings[0].BatchSize: 1.5 is a number and should be a whole number from 1 to 10000`}},
	{"a variable for a number", orders + mapped + "    BatchSize: ${SIZE}\n", true, []string{
		`7:5: EventSourceMappings[0].BatchSize: "${SIZE}" is text and should be a whole number from 1 to 10000: ${…} stands for text only`}},
	{"a list for a number", orders + mapped + "    BatchSize: [10]\n", true, []string{
		`7:5: EventSourceMappings[0].BatchSize: is a list and should be a whole number from 1 to 10000`}},
	{"nothing", orders + mapped + "    BatchSize:\n", true, []string{
		`7:5: EventSourceMappings[0].BatchSize: is empty and should be a whole number from 1 to 10000: give it, or remove the key`}},
	{"a number for text", "Aws:\n  AccountId: 123456789012\n", true, []string{
		`2:3: Aws.AccountId: 123456789012 is a whole number and should be text: write it in quotes, "123456789012"`}},
	{"YAML 1.1's booleans", orders + mapped + "    Enabled: yes\n", true, []string{
		`7:5: EventSourceMappings[0].Enabled: "yes" is text and should be true or false`}},
	{"text for a list", orders + mapped + "    FunctionResponseTypes: ReportBatchItemFailures\n", true, []string{
		`7:5: EventSourceMappings[0].FunctionResponseTypes: "ReportBatchItemFailures" is text and should be a list: [ReportBatchItemFailures]`}},
	{"a list for an object", "Functions:\n  - orders\n", true, []string{
		`1:1: Functions: is a list and should be an object (key: value)`}},
	{"an object for a list", "EventSourceMappings:\n  orders: {}\n", true, []string{
		`1:1: EventSourceMappings: is an object and should be a list`}},
	{"text for an item", "EventSourceMappings: [orders]\n", true, []string{
		`1:23: EventSourceMappings[0]: "orders" is text and should be an object with keys such as FunctionName`}},
	{"a list for the whole", "- a\n", true, []string{
		`1:1: is a list and should be an object with keys such as Aws`}},

	{"an unknown key", orders + mapped + "    Frequency: 3\n", true, []string{
		`7:5: EventSourceMappings[0].Frequency: unknown key: the keys here are FunctionName, EventSourceArn, Enabled, BatchSize, ` +
			`MaximumBatchingWindowInSeconds, FilterCriteria, FunctionResponseTypes, ScalingConfig, ProvisionedPollerConfig, StartingPosition, StartingPositionTimestamp, ` +
			`ParallelizationFactor, MaximumRecordAgeInSeconds, MaximumRetryAttempts, BisectBatchOnFunctionError, TumblingWindowInSeconds, DestinationConfig, MetricsConfig, Tags, UUID, Endpoint, Region`}},
	{"a slip in a key", orders + mapped + "    BatchSzie: 3\n", true, []string{
		`7:5: EventSourceMappings[0].BatchSzie: unknown key; did you mean BatchSize?`}},
	{"wrong case of a key", "functions:\n  orders: {}\n", true, []string{
		`1:1: functions: unknown key; did you mean Functions?`}},
	{"a slip in a required key", orders + "  - functionName: orders\n    EventSourceARN: x\n", true, []string{
		`5:5: EventSourceMappings[0].functionName: unknown key; did you mean FunctionName?`,
		`6:5: EventSourceMappings[0].EventSourceARN: unknown key; did you mean EventSourceArn?`}},
	{"a key given twice", orders + mapped + "    BatchSize: 1\n    Enabled: true\n    BatchSize: 2\n", false, []string{
		`9:5: EventSourceMappings[0].BatchSize: is given twice, first in line 7: remove one`}},
	{"a function given twice", "Functions:\n  a: {Command: [x]}\n  a: {Command: [y]}\n", false, []string{
		`3:3: Functions.a: is given twice, first in line 2: remove one`}},
	{"required keys are missing", orders + "  - Enabled: true\n", true, []string{
		`5:5: EventSourceMappings[0].EventSourceArn: is missing: The source: ` + config.ValidSources() + `.`,
		`5:5: EventSourceMappings[0].FunctionName: is missing: The function: a name from Functions, with or without :qualifier, or its ARN.`}},

	{"more is provisioned than there is", "Engine: {Concurrency: 5}\nFunctions:\n  a: {Command: [x], ProvisionedConcurrentExecutions: 4}\n" +
		"  b: {Command: [x], ReservedConcurrentExecutions: 9, ProvisionedConcurrentExecutions: 9}\n  c: {Command: [x], ProvisionedConcurrentExecutions: 2}\n", false, []string{
		`5:21: Functions.c.ProvisionedConcurrentExecutions: is 2, above 1, which is left of Engine.Concurrency: raise that, or give the function ReservedConcurrentExecutions`}},

	{"an empty file", "", true, []string{
		`1:1: is empty: a mappings file is an object with the keys Functions and EventSourceMappings`}},
	{"only a comment", "# nothing\n---\n", true, []string{
		`1:1: is empty: a mappings file is an object with the keys Functions and EventSourceMappings`}},
	{"two documents", "Functions: {}\n---\nFunctions: {}\n", true, []string{
		`2:1: begins a second document: a mappings file is a single one`}},
	{"a tab", "Functions:\n\torders: {}\n", true, []string{
		`2:1: is not YAML: a tab where blanks are wanted; indent with blanks alone`}},
	{"a list that does not end", "Functions: {a: {Command: [x}}\n", true, []string{
		`1:28: is not YAML: ',' or ']' must be specified`}},
	{"a value too many", "Functions: a: b\n", true, []string{
		`1:12: is not YAML: mapping value is not allowed in this context`}},
	{"a text that does not end", "Functions: 'a\n", true, []string{
		`1:12: is not YAML: could not find end character of single-quoted text`}},
	{"an unknown anchor", "Functions: *functions\n", true, []string{
		`1:12: *functions has no anchor &functions before it`}},
	{"an anchor inside of itself", "Functions: &a {b: *a}\n", true, []string{
		`1:19: *a has no anchor &a before it`}},
	{"a tag", "Functions: !Ref orders\n", true, []string{
		`1:12: the tag !Ref has no meaning here: remove it`}},
	{"not UTF-8", "Functions: {}\n# \xff\n", true, []string{
		`2:1: is not UTF-8 text`}},
	{"too deep", strings.Repeat("[", 101) + strings.Repeat("]", 101), true, []string{
		`1:101: is nested more than 100 deep`}},
	{"too large", strings.Repeat("#", maxBytes+1), true, []string{
		`is larger than 524288 bytes`}},
	{"too much", "a:\n" + strings.Repeat("- b\n", maxTokens/2), true, []string{
		`25001:1: has more than 50000 words and signs: split the file`}},
	{"<< of a text", "Functions:\n  a:\n    <<: b\n    Command: [x]\n", false, []string{
		`3:9: Functions.a["<<"][0]: "b" is text and should be an object: << merges its keys in`}},

	{"a variable that is not set", orders + "  - FunctionName: ${NAME}\n    EventSourceArn: arn:aws:sqs:us-east-1:000000000000:${QUEUE}\n", false, []string{
		`5:5: EventSourceMappings[0].FunctionName: the environment has no variable NAME: set it, or give a default with ${NAME:-default}`,
		`6:5: EventSourceMappings[0].EventSourceArn: the environment has no variable QUEUE: set it, or give a default with ${QUEUE:-default}`}},
	{"a variable that is not closed", "Aws: {Region: \"${R\"}\n", false, []string{
		`1:7: Aws.Region: has ${ without }: write $${ for a literal ${`}},
	{"a form that shells have", "Aws: {Region: \"${R-x}\"}\n", false, []string{
		`1:7: Aws.Region: ${R-x} is neither ${NAME} nor ${NAME:-default}: write $${ for a literal ${`}},
	{"a variable in a default", "Aws: {Region: \"${R:-${S}}\"}\n", false, []string{
		`1:7: Aws.Region: ${R:-${S} is neither ${NAME} nor ${NAME:-default}: write $${ for a literal ${`}},

	{"keys of streams", orders + mapped + "    StartingPosition: LATEST\n    BisectBatchOnFunctionError: true\n    DestinationConfig: {OnFailure: {Destination: 'arn:aws:s3:::failures'}}\n", false, []string{
		`7:5: EventSourceMappings[0].StartingPosition: Unsupported StartingPosition parameter for given event source mapping type. It is for streams: remove it.`,
		`8:5: EventSourceMappings[0].BisectBatchOnFunctionError: Unsupported BisectBatchOnFunctionError parameter for given event source mapping type. It is for streams: remove it.`,
		`9:5: EventSourceMappings[0].DestinationConfig: Unsupported DestinationConfig parameter for given event source mapping type. Retries of queues end by their RedrivePolicy: set VisibilityTimeout and maxReceiveCount on the queue, and remove it.`}},
	{"keys of other sources", orders + mapped + "    Topics: [a]\n    ProvisionedPollerConfig: {PollerGroupName: a}\n    DestinationConfig: {OnSuccess: {}}\n", true, []string{
		`7:5: EventSourceMappings[0].Topics: is for a source that is not supported by this version: remove it`,
		`8:31: EventSourceMappings[0].ProvisionedPollerConfig.PollerGroupName: is for Kafka only: remove it`,
		`9:25: EventSourceMappings[0].DestinationConfig.OnSuccess: OnSuccess configuration is not supported for event source mappings.`}},
	{"an unrecognized source", orders + "  - {FunctionName: orders, EventSourceArn: orders}\n  - {FunctionName: orders, EventSourceArn: 'arn:aws:s3:::b'}\n  - {FunctionName: orders, EventSourceArn: 'arn:aws:sqs:us-east-1::q'}\n", false, []string{
		`5:28: EventSourceMappings[0].EventSourceArn: is not an ARN (arn:aws:<service>:<region>:<account>:<resource>)`,
		`6:28: EventSourceMappings[1].EventSourceArn: Unrecognized event source: give ` + config.ValidSources(),
		`7:28: EventSourceMappings[2].EventSourceArn: is a queue's ARN without a region or an account of 12 digits (arn:aws:sqs:<region>:<account>:<queue>)`}},

	{"rules of addresses", "Aws: {Endpoint: localhost, Region: US}\nEngine: {Listen: '9001', GracePeriod: 30, TimeScale: 0, IdlePoll: 0s}\n", true, []string{
		`1:7: Aws.Endpoint: "localhost" is neither a URL such as http://localhost:4566 nor embedded nor embedded:<port>`,
		`1:28: Aws.Region: "US" is not a region such as us-east-1`,
		`2:10: Engine.Listen: "9001" is not host:port, such as 127.0.0.1:9001`,
		`2:26: Engine.GracePeriod: 30 has no unit: write 30s for seconds, 30m for minutes`,
		`2:43: Engine.TimeScale: 0 should be a number above 0 and at most 1000`,
		`2:57: Engine.IdlePoll: "0s" should be longer than 0s`}},
	{"a word outside a set", "Functions:\n  a:\n    Command: [x]\n    LoggingConfig: {LogFormat: json}\n", true, []string{
		`4:21: Functions.a.LoggingConfig.LogFormat: "json" should be Text or JSON; did you mean JSON?`}},

	{"no way to run", "Functions:\n  a: {Timeout: 3}\n", false, []string{
		`2:3: Functions.a.Runtime: is missing, and so are ImageUri, Command and InvokeEndpoint: give exactly one of them`}},
	{"two ways to run", "Functions:\n  a: {Command: [x], InvokeEndpoint: http://localhost:8080}\n", false, []string{
		`2:21: Functions.a.InvokeEndpoint: is given together with Command: give exactly one of ImageUri, Command, Runtime and InvokeEndpoint`}},
	{"a wrong way to run", "Functions:\n  a: {Comand: [x]}\n  b: {Command: x}\n  c: {Runtime: ruby3.3}\n", true, []string{
		`2:7: Functions.a.Comand: unknown key; did you mean Command?`,
		`3:7: Functions.b.Command: "x" is text and should be a list: [x]`,
		`4:7: Functions.c.Runtime: is none of python3.x, nodejs*.x, provided.al2023 and provided.al2: run another language with Command and its runtime interface client, or in a container`}},
	{"handlers", "Functions:\n  a: {Runtime: python3.12}\n  b: {Runtime: nodejs22.x, Handler: index}\n  c: {InvokeEndpoint: http://h, Handler: x.y, MemorySize: 128, Environment: {Variables: {AB: c}}}\n", false, []string{
		`2:3: Functions.a.Handler: is missing: this runtime needs it as module.function, such as app.lambda_handler`,
		`3:28: Functions.b.Handler: is not of the form module.function, such as app.lambda_handler or dist/index.handler`,
		`4:33: Functions.c.Handler: has no effect together with InvokeEndpoint: set it where that function runs, and leave it out here`,
		`4:47: Functions.c.MemorySize: has no effect together with InvokeEndpoint: set it where that function runs, and leave it out here`,
		`4:64: Functions.c.Environment: has no effect together with InvokeEndpoint: set it where that function runs, and leave it out here`}},
	{"code", "Functions:\n  a: {Command: [x], CodeUri: nowhere}\n  b: {Command: [x], CodeUri: full.yaml}\n  c: {Command: [x], CodeUri: 's3://bucket/code.zip'}\n", false, []string{
		`2:21: Functions.a.CodeUri: does not exist (relative to this file)`,
		`3:21: Functions.b.CodeUri: is neither a directory nor a .zip file`,
		`4:21: Functions.c.CodeUri: is a URL, and this version does not fetch code: name a local directory or .zip file`}},
	{"names of functions", "Functions:\n  a.b: {Command: [x]}\n  'c d': {Timeout: 3}\n", false, []string{
		`2:3: Functions["a.b"]: a function's name must have 1 to 64 letters, digits, - and _`,
		`3:3: Functions["c d"]: a function's name must have 1 to 64 letters, digits, - and _`,
		`3:3: Functions["c d"].Runtime: is missing, and so are ImageUri, Command and InvokeEndpoint: give exactly one of them`}},
	{"variables", "Functions:\n  a:\n    Command: [x]\n    Environment:\n      Variables:\n        AWS_REGION: eu-west-1\n        _X: a\n        A-B: b\n        PORT: 8080\n", true, []string{
		`6:9: Functions.a.Environment.Variables.AWS_REGION: is reserved, since Lambda sets it: choose another name`,
		`7:9: Functions.a.Environment.Variables._X: a variable's name must have two or more letters, digits and _, and begin with a letter`,
		`8:9: Functions.a.Environment.Variables.A-B: a variable's name must have two or more letters, digits and _, and begin with a letter`,
		`9:9: Functions.a.Environment.Variables.PORT: 8080 is a whole number and should be text: write it in quotes, "8080"`}},
	{"variables that are too many", "Functions:\n  a:\n    Command: [x]\n    Environment: {Variables: {BIG: '" + strings.Repeat("x", 4094) + "'}}\n", false, []string{
		`4:19: Functions.a.Environment.Variables: has 4097 bytes of names and values, above 4096`}},

	{"a function that is not there", orders + "  - FunctionName: order\n    EventSourceArn: arn:aws:sqs:us-east-1:000000000000:a\n  - FunctionName: payments:live\n    EventSourceArn: arn:aws:sqs:us-east-1:000000000000:a\n", false, []string{
		`5:5: EventSourceMappings[0].FunctionName: names no function of this file: did you mean orders?`,
		`7:5: EventSourceMappings[1].FunctionName: names no function of this file: it has orders`}},
	{"a function that is elsewhere", orders + "  - FunctionName: 111122223333:function:orders\n    EventSourceArn: arn:aws:sqs:us-east-1:000000000000:a\n", false, []string{
		`5:5: EventSourceMappings[0].FunctionName: is the ARN of a function in another region or account than this file's, us-east-1 and 000000000000`}},
	{"a function's name that is none", orders + "  - FunctionName: orders:a:b\n    EventSourceArn: arn:aws:sqs:us-east-1:000000000000:a\n", false, []string{
		`5:5: EventSourceMappings[0].FunctionName: is neither a function's name (1 to 64 letters, digits, - and _) nor its ARN, with or without :qualifier (a version, an alias or $LATEST)`}},
	{"the same mapping twice", orders + mapped + mapped, false, []string{
		`7:5: EventSourceMappings[1]: joins the same function and source as EventSourceMappings[0]: remove one`}},
	{"the same UUID twice", orders + mapped + "    UUID: 3f0c6a52-7d1e-4b7a-9c55-0b8f6f6c1a2e\n  - FunctionName: orders:1\n    EventSourceArn: arn:aws:sqs:us-east-1:000000000000:orders\n    UUID: 3f0c6a52-7d1e-4b7a-9c55-0b8f6f6c1a2e\n", false, []string{
		`10:5: EventSourceMappings[1].UUID: is that of EventSourceMappings[0]`}},
	{"a batch without its window", orders + mapped + "    BatchSize: 11\n", false, []string{
		`7:5: EventSourceMappings[0].BatchSize: Maximum batch window in seconds must be greater than 0 if maximum batch size is greater than 10`}},
	{"rules of FIFO queues", orders + "  - FunctionName: orders\n    EventSourceArn: arn:aws:sqs:us-east-1:000000000000:a.fifo\n    BatchSize: 11\n    MaximumBatchingWindowInSeconds: 1\n", false, []string{
		`7:5: EventSourceMappings[0].BatchSize: 11 is above 10, the maximum for a FIFO queue`,
		`8:5: EventSourceMappings[0].MaximumBatchingWindowInSeconds: Batching window is not supported for FIFO queues`}},
	{"provisioned pollers", orders + mapped + "    ProvisionedPollerConfig: {MinimumPollers: 9, MaximumPollers: 3}\n    ScalingConfig: {MaximumConcurrency: 5}\n", false, []string{
		`7:31: EventSourceMappings[0].ProvisionedPollerConfig.MinimumPollers: MinimumPollers should be between [2, 200] and MaximumPollers should be between [MinimumPollers, 10000]`,
		`8:5: EventSourceMappings[0].ScalingConfig: Provisioned mode for SQS ESM does not support maximum concurrency feature. Use MaximumPollers as the control mechanism and remove maximum concurrency.`}},
	{"a region beside the source's", orders + mapped + "    Region: eu-west-1\n", false, []string{
		`7:5: EventSourceMappings[0].Region: eu-west-1 is not the region of EventSourceArn, us-east-1: leave it out`}},
	{"metrics", orders + mapped + "    MetricsConfig: {Metrics: [ErrorCount]}\n", true, []string{
		`7:31: EventSourceMappings[0].MetricsConfig.Metrics[0]: "ErrorCount" should be EventCount`}},
	{"response types", orders + mapped + "    FunctionResponseTypes: [reportBatchItemFailures]\n", true, []string{
		`7:29: EventSourceMappings[0].FunctionResponseTypes[0]: "reportBatchItemFailures" should be ReportBatchItemFailures; did you mean ReportBatchItemFailures?`}},
	{"patterns", orders + mapped + "    FilterCriteria:\n      Filters:\n        - Pattern: 'null'\n        - Pattern: '{\"body\": \"stop\"}'\n        - {}\n", true, []string{
		`9:11: EventSourceMappings[0].FilterCriteria.Filters[0].Pattern: …`,
		`10:11: EventSourceMappings[0].FilterCriteria.Filters[1].Pattern: at body: …`,
		`11:11: EventSourceMappings[0].FilterCriteria.Filters[2].Pattern: is missing: One event pattern: JSON text, such as '{"body": {"kind": ["paid"]}}'.`}},
	{"too many patterns", orders + mapped + "    FilterCriteria: {Filters: [" + strings.Repeat(`{Pattern: '{"body": ["a"]}'}, `, 11) + "]}\n", true, []string{
		`7:22: EventSourceMappings[0].FilterCriteria.Filters: has 11 items, above 10`}},

	{"resources on AWS", "Resources: {Queues: [{QueueName: a}]}\n", false, []string{
		`1:1: Resources: are created only where an endpoint is set, never on AWS itself: give Aws.Endpoint, or remove them`}},
	{"attributes", queues + "    - QueueName: a\n      Attributes:\n        VisibilityTimeout: 30\n        DelaySeconds: '901'\n        Visibility: x\n        RedrivePolicy: '{}'\n        FifoQueue: 'true'\n", true, []string{
		`6:9: Resources.Queues[0].Attributes.VisibilityTimeout: 30 is a whole number and should be text: write it in quotes, "30"`,
		`7:9: Resources.Queues[0].Attributes.DelaySeconds: "901" should be from 0 to 900`,
		`8:9: Resources.Queues[0].Attributes.Visibility: unknown key: the keys here are DelaySeconds, MaximumMessageSize, MessageRetentionPeriod, ReceiveMessageWaitTimeSeconds, VisibilityTimeout, RedrivePolicy, RedriveAllowPolicy, Policy, KmsMasterKeyId, KmsDataKeyReusePeriodSeconds, SqsManagedSseEnabled, FifoQueue, ContentBasedDeduplication, DeduplicationScope, FifoThroughputLimit`,
		`9:9: Resources.Queues[0].Attributes.RedrivePolicy: "{}" is not JSON such as {"deadLetterTargetArn": "arn:aws:sqs:…", "maxReceiveCount": "5"}, with a count from 1 to 1000`,
		`10:9: Resources.Queues[0].Attributes.FifoQueue: is only for FIFO queues, whose names end in .fifo`}},
	{"queues of one name", queues + "    - QueueName: a\n    - QueueName: a\n    - QueueName: a b\n", true, []string{
		`5:7: Resources.Queues[1].QueueName: is that of Resources.Queues[0]`,
		`6:7: Resources.Queues[2].QueueName: "a b" is not a queue's name: up to 80 letters, digits, - and _, optionally ending in .fifo`}},
	{"messages of FIFO queues", queues + "    - QueueName: a.fifo\n      Messages:\n        - x\n        - {MessageBody: x, MessageGroupId: g}\n        - {MessageBody: x, MessageGroupId: g, MessageDeduplicationId: d, DelaySeconds: 1}\n    - QueueName: b\n      Messages: [{MessageBody: x, MessageDeduplicationId: d}]\n", false, []string{
		`6:11: Resources.Queues[0].Messages[0]: has no MessageGroupId, which FIFO queues need: {MessageBody: …, MessageGroupId: …}`,
		`7:11: Resources.Queues[0].Messages[1]: has no MessageDeduplicationId: give it, or set ContentBasedDeduplication to "true"`,
		`8:74: Resources.Queues[0].Messages[2].DelaySeconds: is not for single messages of FIFO queues: set it on the queue`,
		`10:35: Resources.Queues[1].Messages[0].MessageDeduplicationId: is only for FIFO queues, whose names end in .fifo`}},
	{"attributes of messages", queues + "    - QueueName: a\n      Messages:\n        - {MessageBody: x, MessageAttributes: {k: {DataType: String}}}\n        - {MessageBody: x, MessageAttributes: {k: {DataType: Text, BinaryValue: '?'}}}\n", true, []string{
		`6:48: Resources.Queues[0].Messages[0].MessageAttributes.k: should have StringValue, or BinaryValue where DataType is Binary, and not both`,
		`7:52: Resources.Queues[0].Messages[1].MessageAttributes.k.DataType: "Text" should be String, Number or Binary, with or without a .suffix`,
		`7:68: Resources.Queues[0].Messages[1].MessageAttributes.k.BinaryValue: "?" is not base64`}},
	{"a cycle of dead-letter queues", queues + deadLetters("a", "b") + deadLetters("b", "a") + deadLetters("c", "d.fifo"), false, []string{
		`5:20: Resources.Queues[0].Attributes.RedrivePolicy: is part of a cycle: a dead-letter queue must be created before the queues that name it`,
		`9:20: Resources.Queues[2].Attributes.RedrivePolicy: joins a FIFO queue and one that is not: both must be of one kind`}},
	{"a timeout above the visibility", queues + "    - QueueName: orders\n" + orders + mapped + "Extra: 1\n", true, []string{
		`11:1: Extra: unknown key: the keys here are Aws, Engine, Resources, Functions, EventSourceMappings`}},
	{"a timeout above the visibility timeout", queues + "    - QueueName: orders\nFunctions: {orders: {Command: [x], Timeout: 60}}\nEventSourceMappings:\n" + mapped, false, []string{
		`8:5: EventSourceMappings[0].EventSourceArn: Queue visibility timeout: 30 seconds is less than Function timeout: 60 seconds`}},
	{"one value too many by aliases", laughs(), false, []string{
		`6:29983: Functions.f4.Command[9987]: is one value too many: the file has more than 50000, aliases counted each time`}},
	{"billions of values by <<", "Functions:\n" + merges(), false, []string{
		`2:11: Functions.f14["<<"][1]: is one value too many: the file has more than 50000, aliases counted each time`}},
}

func deadLetters(name, target string) string {
	return fmt.Sprintf("    - QueueName: %s\n      Attributes: {RedrivePolicy: '{\"deadLetterTargetArn\": \"arn:aws:sqs:us-east-1:000000000000:%s\", \"maxReceiveCount\": 5}'}\n", name, target)
}

// laughs returns a small file that expands to many values.
func laughs() string {
	var b strings.Builder
	b.WriteString("Functions:\n\n\n\n\n  f0: &f0 {Command: [" + strings.Repeat("x, ", 10000) + "]}\n")
	for i := 1; i < 40; i++ {
		fmt.Fprintf(&b, "  f%d: *f0\n", i)
	}
	return b.String()
}

// merges returns a file whose values double with each line.
func merges() string {
	var b strings.Builder
	b.WriteString("  f0: &f0 {Command: [x]}\n")
	for i := 1; i < 40; i++ {
		fmt.Fprintf(&b, "  f%d: &f%d {<<: [*f%d, *f%d]}\n", i, i, i-1, i-1)
	}
	return b.String()
}

func TestBadFiles(t *testing.T) {
	for _, c := range bad {
		t.Run(c.name, func(t *testing.T) {
			f, report := loadText(t, c.text)
			if f != nil {
				t.Error("a file came back")
			}
			if !slices.EqualFunc(report.Errors, c.want, matches) {
				t.Errorf("got:\n%v\nwant:\n%s", report.Err(), strings.Join(c.want, "\n"))
			}
		})
	}
}

// matches reports whether an error, without the file's name, equals want. In want, … stands for any text of another package.
func matches(got Finding, want string) bool {
	message := strings.TrimLeft(strings.TrimPrefix(got.String(), "mappings.yaml:"), " ")
	start, _, open := strings.Cut(want, "…")
	return message == want || open && strings.HasSuffix(want, "…") && strings.HasPrefix(message, start)
}
