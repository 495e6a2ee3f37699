// Package embedded is the stand-in for AWS that lives inside the process: SQS, SNS, S3, Kinesis, DynamoDB and DynamoDB
// Streams on one port, spoken to by real SDK clients and the AWS CLI as the services themselves are. It forgets everything
// when the process ends.
//
// It is there for the first minutes with this project and for tests that should take no time. Time is the process's own
// clock, which under testing/synctest is virtual: with [Server.Client] a real SDK client and a real long poll run inside
// a bubble, without a socket. Nothing runs in the background.
//
// # The services
//
// SQS is in this package. The others have packages of their own, which say what they promise and what they refuse:
// sns (topics that queues subscribe to), s3 (buckets and objects), kinesis (streams, with enhanced fan-out) and dynamodb
// (tables and their streams). What speaks the AWS JSON protocol does so through package wire.
//
// A request's X-Amz-Target says which service it is for; where there is none, the scope of its credentials does. Without
// either a form is for SNS and a path is for S3, so that plain HTTP clients work too. An operation that AWS has and a
// service here has not is refused by its name, and so is a service.
//
// # What its SQS promises
//
// Standard and FIFO queues behave as the SQS developer guide and API reference describe them: visibility timeouts,
// delays, long polling, retention, redrive to a dead-letter queue, message groups, deduplication, receive attempts,
// limits, and errors in the shape that makes SDKs raise their typed exceptions. Where AWS promises little, the server
// is regular: a standard queue hands out messages in the order in which they became available, a receive returns as
// many as there are, and the approximate numbers are exact.
//
// Where AWS leaves room, these choices were made:
//
//   - A receipt handle that was overtaken by a later receive: on a standard queue DeleteMessage succeeds and deletes
//     nothing (AWS: "the request will succeed, but the message might not be deleted"), ChangeMessageVisibility works as
//     observed on AWS; a FIFO queue refuses both.
//   - A FIFO group hands out its oldest messages up to the first one in flight. Groups take turns in the order in which
//     their first message became available.
//   - ApproximateReceiveCount goes on counting in the dead-letter queue (AWS: "across all queues"); its own
//     maxReceiveCount counts from zero there.
//
// # What it does not do
//
// Signatures and policies are not checked, nothing is encrypted, and there is one account in one Region. Of SQS,
// permissions (AddPermission, RemovePermission) and message move tasks are refused as unsupported, and so is the older
// query protocol, in words that say which client to upgrade. Policy, KMS and encryption attributes are stored and shown
// again.
package embedded
