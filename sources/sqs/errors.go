package sqs

import (
	"errors"

	"github.com/esm-run/esm/awserr"
)

// Errors of a [Queue], besides those of the network or the service.
var (
	// ErrNoQueue says that the queue does not exist.
	ErrNoQueue = errors.New("the queue does not exist")

	// ErrSlowDown says that the caller is too fast: it was throttled, or too many messages are in flight (OverLimit).
	ErrSlowDown = awserr.ErrSlowDown

	// ErrDenied says that the credentials are refused or lack a permission: sqs:ReceiveMessage, sqs:DeleteMessage,
	// sqs:ChangeMessageVisibility and sqs:GetQueueAttributes are needed, and kms:Decrypt for an encrypted queue.
	ErrDenied = awserr.ErrDenied

	// ErrChecksum says that the body of a message was damaged on its way.
	ErrChecksum = errors.New("the body does not match its MD5")
)

// codes has those of the JSON protocol and those of the older query protocol, which some services still use.
var codes = awserr.Codes{
	"QueueDoesNotExist":                           ErrNoQueue,
	"AWS.SimpleQueueService.NonExistentQueue":     ErrNoQueue,
	"QueueDeletedRecently":                        ErrNoQueue,
	"AWS.SimpleQueueService.QueueDeletedRecently": ErrNoQueue,

	"KmsAccessDenied":           ErrDenied,
	"KMS.AccessDeniedException": ErrDenied,
}

// answerLost reports whether a call that failed with err may have taken effect: the service itself did not refuse it.
func answerLost(err error) bool { return awserr.Code(err) == "" || awserr.Internal(err) }
