package sqs

import (
	"errors"

	"github.com/esm-run/esm/sources/internal/answers"
)

// What an error of a [Queue] may be, besides trouble with the network or the service.
var (
	// ErrNoQueue says that the queue does not exist, not yet or no longer.
	ErrNoQueue = errors.New("the queue does not exist")

	// ErrSlowDown says that the caller is too fast: it was throttled, or too many messages are in flight (OverLimit).
	ErrSlowDown = errors.New("slow down")

	// ErrDenied says that the credentials are refused or lack a permission: sqs:ReceiveMessage, sqs:DeleteMessage and
	// sqs:GetQueueAttributes are needed, and kms:Decrypt for an encrypted queue.
	ErrDenied = errors.New("access is denied")

	// ErrChecksum says that the body of a message was damaged on its way.
	ErrChecksum = errors.New("the body does not fit its MD5")
)

// Codes of the older query protocol, which some services still use, stand beside those of the JSON protocol.
var kinds = answers.Kinds{SlowDown: ErrSlowDown, Denied: ErrDenied, Codes: map[string]error{
	"QueueDoesNotExist":                           ErrNoQueue,
	"AWS.SimpleQueueService.NonExistentQueue":     ErrNoQueue,
	"QueueDeletedRecently":                        ErrNoQueue,
	"AWS.SimpleQueueService.QueueDeletedRecently": ErrNoQueue,

	"OverLimit":               ErrSlowDown,
	"KmsThrottled":            ErrSlowDown,
	"KMS.ThrottlingException": ErrSlowDown,

	"AccessDenied":              ErrDenied,
	"AccessDeniedException":     ErrDenied,
	"KmsAccessDenied":           ErrDenied,
	"KMS.AccessDeniedException": ErrDenied,
	"InvalidSecurity":           ErrDenied,
}}

// answerLost reports whether a call that failed with err may have taken effect all the same: whatever the service did
// not itself refuse.
func answerLost(err error) bool { return answers.Code(err) == "" || answers.Internal(err) }
