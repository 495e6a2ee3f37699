package configfile

import "strings"

// clicking is a complete mapping of a stream: lines 5 to 7, after orders.
const clicking = `  - FunctionName: orders
    EventSourceArn: arn:aws:kinesis:us-east-1:000000000000:stream/clicks
    StartingPosition: LATEST
`

// carting is a complete mapping of a table's stream: lines 5 to 7, after orders.
const carting = `  - FunctionName: orders
    EventSourceArn: arn:aws:dynamodb:us-east-1:000000000000:table/carts
    StartingPosition: LATEST
`

// carts is a table to create: lines 3 to 6, after made.
const carts = `  Tables:
    - TableName: carts
      AttributeDefinitions: [{AttributeName: pk, AttributeType: S}]
      KeySchema: [{AttributeName: pk, KeyType: HASH}]
`

// made is the beginning of a file with resources of streams: lines 1 and 2.
const made = "Aws: {Endpoint: embedded}\nResources:\n"

var badStreams = []badFile{
	{"no starting position", orders + strings.Replace(clicking, "    StartingPosition: LATEST\n", "", 1), false, []string{
		`5:5: EventSourceMappings[0].StartingPosition: 1 validation error detected: Value null at 'startingPosition' failed to satisfy constraint: Member must not be null. ` +
			`Streams need it: TRIM_HORIZON for all that the stream holds, or LATEST for what arrives from now on.`}},
	{"a slip in the starting position", orders + strings.Replace(clicking, "LATEST", "TRIM_HORISON", 1), true, []string{
		`7:5: EventSourceMappings[0].StartingPosition: "TRIM_HORISON" should be LATEST, AT_TIMESTAMP or TRIM_HORIZON; did you mean TRIM_HORIZON?`}},
	{"times", orders + clicking + "    StartingPositionTimestamp: 1\n" + strings.NewReplacer("LATEST", "AT_TIMESTAMP", "orders", "orders:1").Replace(clicking) +
		"    StartingPositionTimestamp: 2026-03-04T05:06:08Z\n" + strings.NewReplacer("LATEST", "AT_TIMESTAMP", "orders", "orders:2").Replace(clicking), false, []string{
		`8:5: EventSourceMappings[0].StartingPositionTimestamp: Timestamp only valid with StartingPosition AT_TIMESTAMP`,
		`12:5: EventSourceMappings[1].StartingPositionTimestamp: Received Exception while reading from provided stream. The timestampInMillis parameter cannot be greater than the currentTimestampInMillis. timestampInMillis: 1772600768000, currentTimestampInMillis: 1772600767000`,
		`13:5: EventSourceMappings[2].StartingPositionTimestamp: is missing: StartingPosition AT_TIMESTAMP needs it`}},
	{"invalid times", orders + strings.Replace(clicking, "LATEST", "AT_TIMESTAMP", 1) + "    StartingPositionTimestamp: yesterday\n" +
		strings.NewReplacer("LATEST", "AT_TIMESTAMP", "orders", "orders:1").Replace(clicking) + "    StartingPositionTimestamp: 1772600767000\n" +
		strings.NewReplacer("LATEST", "AT_TIMESTAMP", "orders", "orders:2").Replace(clicking) + "    StartingPositionTimestamp: [1]\n", true, []string{
		`8:5: EventSourceMappings[0].StartingPositionTimestamp: "yesterday" is not a time such as 2026-03-04T05:06:07Z`,
		`12:5: EventSourceMappings[1].StartingPositionTimestamp: 1772600767000 should be a number of seconds since 1970, or text such as 2026-03-04T05:06:07Z`,
		`16:5: EventSourceMappings[2].StartingPositionTimestamp: is a list and should be a number of seconds since 1970, or text such as 2026-03-04T05:06:07Z`}},
	{"a time for a table", orders + strings.Replace(carting, "LATEST", "AT_TIMESTAMP", 1) + "    StartingPositionTimestamp: 1.5\n", false, []string{
		`7:5: EventSourceMappings[0].StartingPosition: AT_TIMESTAMP is not for a DynamoDB stream: choose LATEST or TRIM_HORIZON`}},
	{"ranges of streams", orders + clicking + "    ParallelizationFactor: 11\n    MaximumRecordAgeInSeconds: -2\n    MaximumRetryAttempts: 10001\n    TumblingWindowInSeconds: 901\n", true, []string{
		`8:5: EventSourceMappings[0].ParallelizationFactor: 11 is above 10`,
		`9:5: EventSourceMappings[0].MaximumRecordAgeInSeconds: -2 is below -1`,
		`10:5: EventSourceMappings[0].MaximumRetryAttempts: 10001 is above 10000`,
		`11:5: EventSourceMappings[0].TumblingWindowInSeconds: 901 is above 900`}},
	{"an age below a minute", orders + clicking + "    MaximumRecordAgeInSeconds: 59\n", false, []string{
		`8:5: EventSourceMappings[0].MaximumRecordAgeInSeconds: MaximumRecordAgeInSeconds must be either -1 (forever) or between 60 and 604800 (inclusive)`}},
	{"members that exclude windows", orders + clicking + "    TumblingWindowInSeconds: 60\n    ParallelizationFactor: 2\n    FilterCriteria: {Filters: [{Pattern: '{\"data\": {\"a\": [1]}}'}]}\n", false, []string{
		`9:5: EventSourceMappings[0].ParallelizationFactor: Parallelization factor must be equal to 1 when tumbling window period is configured`,
		`10:5: EventSourceMappings[0].FilterCriteria: Filter criteria are not supported when tumbling window period is configured`}},
	{"members of queues", orders + clicking + "    ScalingConfig: {MaximumConcurrency: 5}\n", false, []string{
		`8:5: EventSourceMappings[0].ScalingConfig: Unsupported ScalingConfig parameter for given event source mapping type. It is for queues: remove it, and choose ParallelizationFactor for a stream.`}},
	{"patterns of streams", orders + clicking + "    FilterCriteria:\n      Filters:\n        - Pattern: '{\"data\": [\"stop\"]}'\n        - Pattern: '{\"$or\": [{\"data\": {\"a\": [1]}}, {\"data\": [\"stop\"]}]}'\n        - Pattern: 'stop'\n", false, []string{
		`10:11: EventSourceMappings[0].FilterCriteria.Filters[0].Pattern: at data: …`,
		`11:11: EventSourceMappings[0].FilterCriteria.Filters[1].Pattern: at data: …`,
		`12:11: EventSourceMappings[0].FilterCriteria.Filters[2].Pattern: …`}},
	{"destinations", orders + clicking + "    DestinationConfig: {OnFailure: {Destination: 'arn:aws:sqs:us-east-1:000000000000:a.fifo'}}\n" + carting +
		"    DestinationConfig: {OnFailure: {Destination: 'kafka://failures'}}\n", false, []string{
		`8:37: EventSourceMappings[0].DestinationConfig.OnFailure.Destination: is FIFO, which cannot be a destination: give the ARN of a standard SQS queue, a standard SNS topic or an S3 bucket`,
		`12:37: EventSourceMappings[1].DestinationConfig.OnFailure.Destination: is not an ARN (arn:aws:<service>:<region>:<account>:<resource>)`}},

	{"streams on AWS", "Aws: {Endpoints: {sqs: 'http://localhost:1'}}\nResources: {Streams: [{StreamName: a}]}\n", false, []string{
		`2:1: Resources: are created only where an endpoint is set, never on AWS itself: give Aws.Endpoint, or remove them`}},
	{"streams to make", made + "  Streams:\n    - {StreamName: a, ShardCount: 0, StreamModeDetails: {}}\n    - {StreamName: a, Records: [{Data: x}, x, {PartitionKey: '', Data: {a: 1}}]}\n", true, []string{
		`4:23: Resources.Streams[0].ShardCount: 0 is below 1`,
		`4:38: Resources.Streams[0].StreamModeDetails: streams are created with ShardCount shards: remove it`,
		`5:8: Resources.Streams[1].StreamName: is that of Resources.Streams[0]`,
		`5:33: Resources.Streams[1].Records[0].PartitionKey: is missing: The key that selects the record's shard: 1 to 256 characters.`,
		`5:44: Resources.Streams[1].Records[1]: "x" is text and should be an object with keys such as PartitionKey`,
		`5:48: Resources.Streams[1].Records[2].PartitionKey: "" is not 1 to 256 characters long`,
		`5:66: Resources.Streams[1].Records[2].Data: is an object and should be text`}},
	{"topics and buckets", made + "  Topics: [{Name: a.fifo}, {Attributes: {}}]\n  Buckets: [{Bucket: Failures}, {Bucket: abc}, {Bucket: abc}]\n", true, []string{
		`3:13: Resources.Topics[0].Name: "a.fifo" is not the name of a standard topic: 1 to 256 letters, digits, - and _`,
		`3:28: Resources.Topics[1].Name: is missing: The topic's name.`,
		`3:29: Resources.Topics[1].Attributes: topics are created with the defaults of SNS: remove it`,
		`4:14: Resources.Buckets[0].Bucket: "Failures" is not a bucket's name: 3 to 63 small letters, digits, . and -`,
		`4:49: Resources.Buckets[2].Bucket: is that of Resources.Buckets[1]`}},
	{"shapes of tables", made + carts + "      GlobalSecondaryIndexes: []\n      StreamSpecification: {StreamViewType: ALL}\n    - {TableName: ab, KeySchema: []}\n    - x\n", true, []string{
		`7:7: Resources.Tables[0].GlobalSecondaryIndexes: indexes are not supported by this version: remove it`,
		`8:7: Resources.Tables[0].StreamSpecification.StreamEnabled: is missing: Whether there is a stream.`,
		`8:29: Resources.Tables[0].StreamSpecification.StreamViewType: "ALL" should be KEYS_ONLY, NEW_IMAGE, OLD_IMAGE or NEW_AND_OLD_IMAGES`,
		`9:7: Resources.Tables[1].AttributeDefinitions: is missing: The types of the key's attributes.`,
		`9:8: Resources.Tables[1].TableName: "ab" is not a table's name: 3 to 255 letters, digits, ., - and _`,
		`9:23: Resources.Tables[1].KeySchema: has 0 items, below 1`,
		`10:7: Resources.Tables[2]: "x" is text and should be an object with keys such as TableName`}},
	{"rules of tables", made + carts + `      BillingMode: PROVISIONED
      StreamSpecification: {StreamEnabled: true}
    - TableName: two
      AttributeDefinitions: [{AttributeName: pk, AttributeType: S}, {AttributeName: x, AttributeType: N}]
      KeySchema: [{AttributeName: pk, KeyType: HASH}, {AttributeName: sk, KeyType: RANGE}]
      BillingMode: PAY_PER_REQUEST
      ProvisionedThroughput: {ReadCapacityUnits: 1, WriteCapacityUnits: 1}
      Items: [{pk: {S: a}}, {pk: {N: "1"}}, {}]
    - TableName: three
      AttributeDefinitions: [{AttributeName: pk, AttributeType: S}]
      KeySchema: [{AttributeName: pk, KeyType: RANGE}]
`, false, []string{
		`7:7: Resources.Tables[0].BillingMode: PROVISIONED needs ProvisionedThroughput: give it, or choose PAY_PER_REQUEST`,
		`8:7: Resources.Tables[0].StreamSpecification: should have a StreamViewType where StreamEnabled is true, and none where it is false`,
		`10:69: Resources.Tables[1].AttributeDefinitions[1]: is of no attribute of KeySchema: other attributes need no definition`,
		`11:55: Resources.Tables[1].KeySchema[1]: has an attribute without a type: add it to AttributeDefinitions`,
		`13:7: Resources.Tables[1].ProvisionedThroughput: stands beside BillingMode PAY_PER_REQUEST: remove one`,
		`14:29: Resources.Tables[1].Items[1]: should have the key's attribute 1, of type S`,
		`14:45: Resources.Tables[1].Items[2]: should have the key's attribute 1, of type S`,
		`17:7: Resources.Tables[2].KeySchema: should be an attribute of type HASH, and perhaps one of type RANGE behind it`}},
	{"items", made + carts + "      Items:\n        - {pk: a}\n        - {pk: {S: a, N: '1'}}\n        - {pk: {}}\n        - {pk: {S: a}, n: {N: 1}, o: {N: one}, l: {L: [{X: a}]}, b: {B: '?'}, z: {NULL: false}, m: {M: {a: {SS: []}}}}\n", true, []string{
		`8:12: Resources.Tables[0].Items[0].pk: "a" is text and should be an object with keys such as S`,
		`9:12: Resources.Tables[0].Items[1].pk: has 2 keys and should have one, which names its type: {S: text}, {N: "1"}`,
		`10:12: Resources.Tables[0].Items[2].pk: has 0 keys and should have one, which names its type: {S: text}, {N: "1"}`,
		`11:28: Resources.Tables[0].Items[3].n.N: 1 is a whole number and should be text: write it in quotes, "1"`,
		`11:39: Resources.Tables[0].Items[3].o.N: "one" is not the text of a number`,
		`11:57: Resources.Tables[0].Items[3].l.L[0].X: unknown key: the keys here are S, N, B, SS, NS, BS, M, L, BOOL, NULL`,
		`11:70: Resources.Tables[0].Items[3].b.B: "?" is not base64`,
		`11:83: Resources.Tables[0].Items[3].z.NULL: false should be true: there is no other value`,
		`11:109: Resources.Tables[0].Items[3].m.M.a.SS: has 0 items, below 1`}},
	{"a table without a stream", made + carts + orders + carting, false, []string{
		`12:5: EventSourceMappings[0].EventSourceArn: is of a table among Resources.Tables that has no stream: give it StreamSpecification: {StreamEnabled: true, StreamViewType: NEW_AND_OLD_IMAGES}`}},
	{"a stream that will not exist", made + carts + "      StreamSpecification: {StreamEnabled: true, StreamViewType: KEYS_ONLY}\n" + orders +
		strings.Replace(carting, "table/carts", "table/carts/stream/2026-03-01T09:10:11.345", 1), false, []string{
		`13:5: EventSourceMappings[0].EventSourceArn: names a stream of a table among Resources.Tables, whose stream gets another name when it is made: leave out /stream/…`}},
}
