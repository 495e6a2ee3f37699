// Package destinations sends notices to standard SQS queues, standard SNS topics and S3 buckets, as the documents that
// Lambda sends there. [Opener] opens a destination by its ARN, [Retrying] retries a few times, and [Kept] stores a notice
// that is not accepted even then.
//
// The documents follow AWS's guides ("Retain discarded records for a Kinesis Data Streams event source in Lambda" and its
// counterpart for DynamoDB) and recorded behaviour of Lambda.
package destinations
