// Package sqs is the stand-in's SQS: standard and FIFO queues in memory, for SDK clients that speak the AWS JSON protocol.
//
// Queues behave as the SQS developer guide and API reference describe them: visibility timeouts, delays, long polling,
// retention, redrive to a dead-letter queue, message groups, deduplication, receive attempts, limits, and errors in the
// shape that SDKs turn into their typed exceptions. Where AWS promises little, the server is regular: a standard queue
// hands out messages in the order in which they became visible, a receive returns as many as there are, and the
// approximate numbers are exact.
//
// Where AWS leaves room, these choices were made:
//
//   - A receipt handle that a later receive replaced: on a standard queue DeleteMessage succeeds and deletes nothing (AWS:
//     "the request will succeed, but the message might not be deleted") and ChangeMessageVisibility takes effect, as
//     observed on AWS. A FIFO queue refuses both.
//   - A FIFO group hands out its oldest messages up to the first one in flight. Groups take turns in the order in which
//     their first message became visible.
//   - A message whose producer sent no AWSTraceHeader has the X-Amzn-Trace-Id of the request as its AWSTraceHeader (AWS:
//     "Amazon SQS and AWS X-Ray").
//   - ApproximateReceiveCount continues in the dead-letter queue (AWS: "across all queues"); that queue's own
//     maxReceiveCount counts from zero.
//
// Time is that of package time, which is virtual inside a testing/synctest bubble. A queue runs a timer only while a long
// poll waits on it.
//
// Permissions (AddPermission, RemovePermission) and message move tasks are refused by name. Policies, KMS and encryption
// attributes are stored and returned, and have no effect.
package sqs
