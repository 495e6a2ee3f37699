// Package destinations sends notices to standard SQS queues, standard SNS topics, S3 buckets, EventBridge event buses and
// Lambda functions, as the documents that Lambda sends there. [Opener] opens a destination by its ARN, [Retrying] retries a few times, and [Kept] stores a notice
// that is not accepted even then.
//
// The documents follow AWS's guides ("Retain discarded records for a Kinesis Data Streams event source in Lambda" and its
// counterpart for DynamoDB, "Capturing records of Lambda asynchronous invocations") and recorded behaviour of Lambda.
package destinations
