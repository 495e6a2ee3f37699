// Package sns is the stand-in's SNS: standard topics that deliver to SQS queues, over the query protocol that SDKs and the
// AWS CLI use for SNS.
//
// Publish delivers to every subscription before it returns: in the envelope that AWS documents as "Amazon SNS message and
// JSON formats", or as the bare message where the subscription has RawMessageDelivery. As on AWS, Publish succeeds even if
// deliveries fail; a message that a queue does not take is lost.
//
// FIFO topics, protocols other than sqs, filter policies, redrive policies and messages by protocol (MessageStructure) are
// refused by name, and so is every operation that is not here. Signatures are neither checked nor made. Message attributes
// are part of the envelope; a raw delivery has none. Tags are accepted and ignored.
package sns
