// Package sns is the stand-in's SNS: standard topics that deliver to SQS queues, Lambda functions and HTTP(S) endpoints, over
// the query protocol that SDKs and the AWS CLI use for SNS.
//
// Publish delivers to queues and functions before it returns: in the envelope that AWS documents as "Amazon SNS message and
// JSON formats" or, where the subscription of a queue or an endpoint has RawMessageDelivery, as the bare message, for a queue
// with its attributes. As on AWS, Publish succeeds even if a subscriber refuses the message or does not exist: the message
// then goes to the queue of the subscription's RedrivePolicy, or is lost. If a function's event cannot be stored, Publish
// fails with InternalFailure, and publishing again repeats the deliveries that were made.
//
// HTTP(S) endpoints are served by [Server.Run] in the background, and not without it. Subscribe sends a
// SubscriptionConfirmation; until its SubscribeURL is visited, or its Token given to ConfirmSubscription, nothing is delivered.
// A delivery that fails is tried three times more, 20 seconds apart. An UnsubscribeConfirmation is not sent.
//
// Filter policies are event patterns (see [Server.Pattern]) that are matched with the body of a message, or with an object
// made of its attributes: texts, numbers, and the elements of a String.Array; other types are left out. They differ from
// EventBridge's in this: by attributes, patterns may not be nested, and a message without attributes is accepted by none;
// by body, a message that is not a JSON object is accepted by none. AWS's limits on the size of policies are not checked.
//
// FIFO topics, other protocols, delivery policies and messages by protocol (MessageStructure) are refused by name, and so is
// every operation that is not here. Signatures are neither checked nor made: those in envelopes are placeholders. Tags are
// accepted and ignored.
package sns
