// Package sns is an SNS that lives inside the process: standard topics whose messages go to SQS queues, over the query
// protocol that SDKs and the AWS CLI speak with SNS. It forgets everything when the process ends.
//
// A message goes to every subscription at once, within the call that publishes it: in the envelope that AWS documents as
// "Amazon SNS message and JSON formats", or as it is where the subscription has RawMessageDelivery. As on AWS, publishing
// succeeds whatever becomes of the deliveries: what a queue does not take is lost for it.
//
// FIFO topics, protocols other than sqs, filter policies, redrive policies and messages by protocol (MessageStructure)
// are refused in words that say so, and so is every operation that is not here. Signatures are not checked and not made.
// Message attributes arrive in the envelope; a raw delivery has none. Tags are accepted and not kept.
package sns
