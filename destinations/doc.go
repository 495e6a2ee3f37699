// Package destinations sends notices of what a stream mapping gave up to where its OnFailure destination says: a standard
// SQS queue ([SQS]), a standard SNS topic ([SNS]) or an S3 bucket ([S3]), each through the real SDK client, as the document
// that Lambda sends there. [Retrying] tries a few times, and [Kept] keeps what is not taken even then.
//
// Facts are from AWS: "Retain discarded records for a Kinesis Data Streams event source in Lambda", its counterpart for
// DynamoDB, and from what Lambda is seen to send.
package destinations
