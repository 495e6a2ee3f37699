package sqs

import (
	"slices"
	"strings"

	"github.com/esm-run/esm/localstack/embedded/wire"
)

const maxBatch = 10 // entries; AWS: "Amazon SQS message quotas"

type batch[E any] struct {
	queueInput
	Entries []E
}

// An entryID identifies an entry within its batch.
type entryID struct{ Id string }

func (e entryID) id() string { return e.Id }

// A batchResult reports on every entry of a batch. Neither list is nil, so that JSON shows both.
type batchResult[T any] struct {
	Successful []T
	Failed     []batchFailure
}

type batchFailure struct {
	entryID
	SenderFault bool
	Code        string
	Message     string
}

// performBatch performs a batch entry by entry: one that fails does not affect the others. It refuses the whole batch if
// the entries' IDs are wrong.
func performBatch[E interface{ id() string }, T any](operation string, entries []E, perform func(E) (T, error)) (batchResult[T], error) {
	result := batchResult[T]{Successful: make([]T, 0, len(entries)), Failed: []batchFailure{}}
	if err := checkBatch(operation, entries); err != nil {
		return result, err
	}
	for _, e := range entries {
		done, err := perform(e)
		if err == nil {
			result.Successful = append(result.Successful, done)
			continue
		}
		reason := wire.AsError(err)
		result.Failed = append(result.Failed, batchFailure{entryID{e.id()}, true, reason.ErrorCode(), reason.Message})
	}
	return result, nil
}

func checkBatch[E interface{ id() string }](operation string, entries []E) error {
	if len(entries) == 0 {
		return prefixedErrorf("EmptyBatchRequest", "There should be at least one %sRequestEntry in the request.", operation)
	}
	if len(entries) > maxBatch {
		return prefixedErrorf("TooManyEntriesInBatchRequest", "Maximum number of entries per request are %d. You have sent %d.", maxBatch, len(entries))
	}
	for i, e := range entries {
		id := e.id()
		if id == "" || len(id) > 80 || strings.ContainsFunc(id, isNoWordRune) {
			return prefixedErrorf("InvalidBatchEntryId", "A batch entry id can only contain alphanumeric characters, hyphens and underscores. It can be at most 80 letters long.")
		}
		if slices.ContainsFunc(entries[:i], func(earlier E) bool { return earlier.id() == id }) {
			return prefixedErrorf("BatchEntryIdsNotDistinct", "Id %s repeated.", id)
		}
	}
	return nil
}

type sendBatchEntry struct {
	entryID
	sendEntry
}

type sendBatchSuccess struct {
	entryID
	sendOutput
}

func (q *queue) sendMessageBatch(in batch[sendBatchEntry], trace string) (batchResult[sendBatchSuccess], error) {
	if err := q.checkSendBatch(in.Entries); err != nil {
		return batchResult[sendBatchSuccess]{}, err
	}
	return performBatch("SendMessageBatch", in.Entries, func(e sendBatchEntry) (sendBatchSuccess, error) {
		e.trace = trace
		out, err := q.accept(e.sendEntry)
		return sendBatchSuccess{e.entryID, out}, err
	})
}

// checkSendBatch checks what makes SQS refuse a whole batch: its size, and what a FIFO queue requires of every message.
func (q *queue) checkSendBatch(entries []sendBatchEntry) error {
	total, set := 0, q.settings()
	for _, e := range entries {
		total += e.size()
		if q.fifo && e.MessageDeduplicationId == nil && !set.contentBased {
			return invalidParameter("%s", noDedupID)
		}
		if q.fifo && e.MessageGroupId == nil {
			return invalidParameter("The request must contain the parameter MessageGroupId.")
		}
	}
	if total > maxMessageSize {
		return prefixedErrorf("BatchRequestTooLong", "Batch requests cannot be longer than %d bytes. You have sent %d bytes.", maxMessageSize, total)
	}
	return nil
}

type deleteEntry struct {
	entryID
	ReceiptHandle string
}

func (q *queue) deleteMessageBatch(in batch[deleteEntry]) (batchResult[entryID], error) {
	now := q.lock()
	defer q.unlock(now)
	return performBatch("DeleteMessageBatch", in.Entries, func(e deleteEntry) (entryID, error) {
		return e.entryID, q.delete(e.ReceiptHandle)
	})
}

type visibilityBatchEntry struct {
	entryID
	visibilityEntry
}

func (q *queue) changeVisibilityBatch(in batch[visibilityBatchEntry]) (batchResult[entryID], error) {
	return performBatch("ChangeMessageVisibilityBatch", in.Entries, func(e visibilityBatchEntry) (entryID, error) {
		return e.entryID, q.setVisibility(e.visibilityEntry)
	})
}
