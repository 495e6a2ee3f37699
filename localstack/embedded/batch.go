package embedded

import (
	"cmp"
	"errors"
	"net/http"
	"strings"
)

const maxBatch = 10 // entries; AWS: "Amazon SQS message quotas"

// A batchResult is what became of each entry of a batch. Both lists are always there.
type batchResult[T any] struct {
	Successful []T
	Failed     []batchFailure
}

type batchFailure struct {
	Id          string
	SenderFault bool
	Code        string
	Message     string
}

type batchSuccess struct{ Id string }

// checkBatch looks at the IDs of a batch's entries. A batch that fails here is refused whole.
func checkBatch(operation string, ids []string) error {
	if len(ids) == 0 {
		return refuseOld("EmptyBatchRequest", "There should be at least one %sRequestEntry in the request.", operation)
	}
	if len(ids) > maxBatch {
		return refuseOld("TooManyEntriesInBatchRequest", "Maximum number of entries per request are %d. You have sent %d.", maxBatch, len(ids))
	}
	seen := make(map[string]bool, len(ids))
	for _, id := range ids {
		if id == "" || len(id) > 80 || strings.ContainsFunc(id, func(r rune) bool { return !isWordRune(r) }) {
			return refuseOld("InvalidBatchEntryId", "A batch entry id can only contain alphanumeric characters, hyphens and underscores. It can be at most 80 letters long.")
		}
		if seen[id] {
			return refuseOld("BatchEntryIdsNotDistinct", "Id %s repeated.", id)
		}
		seen[id] = true
	}
	return nil
}

// each performs a batch entry by entry: one that is refused does not keep the others back.
func each[E, T any](entries []E, id func(E) string, perform func(E) (T, error)) batchResult[T] {
	result := batchResult[T]{Successful: []T{}, Failed: []batchFailure{}}
	for _, e := range entries {
		done, err := perform(e)
		if err == nil {
			result.Successful = append(result.Successful, done)
			continue
		}
		failure := batchFailure{Id: id(e), SenderFault: true, Code: "InternalFailure", Message: err.Error()}
		if refused, ok := errors.AsType[*refusal](err); ok {
			failure.Code, failure.Message = refused.OldName(), refused.Message
		}
		result.Failed = append(result.Failed, failure)
	}
	return result
}

func idsOf[E any](entries []E, id func(E) string) []string {
	ids := make([]string, len(entries))
	for i, e := range entries {
		ids[i] = id(e)
	}
	return ids
}

type sendBatchEntry struct {
	Id string
	sendEntry
}

func (e sendBatchEntry) id() string { return e.Id }

type sendBatchInput struct {
	QueueUrl string
	Entries  []sendBatchEntry
}

type sendBatchSuccess struct {
	Id string
	sendOutput
}

func (s *Server) sendMessageBatch(_ *http.Request, in sendBatchInput) (result batchResult[sendBatchSuccess], err error) {
	q, err := s.queueAt(in.QueueUrl)
	if err != nil {
		return result, err
	}
	if err := cmp.Or(checkBatch("SendMessageBatch", idsOf(in.Entries, sendBatchEntry.id)), in.check(q)); err != nil {
		return result, err
	}
	return each(in.Entries, sendBatchEntry.id, func(e sendBatchEntry) (sendBatchSuccess, error) {
		out, err := q.accept(e.sendEntry)
		return sendBatchSuccess{e.Id, out}, err
	}), nil
}

// check looks at what makes SQS refuse a batch whole: its size, and what a FIFO queue needs of every message.
func (in sendBatchInput) check(q *queue) error {
	total, set := 0, q.settings()
	for _, e := range in.Entries {
		total += e.size()
		if q.fifo && e.MessageDeduplicationId == nil && !set.contentBased {
			return invalidParameter("%s", noDedupID)
		}
		if q.fifo && e.MessageGroupId == nil {
			return invalidParameter("The request must contain the parameter MessageGroupId.")
		}
	}
	if total > maxMessageSize {
		return refuseOld("BatchRequestTooLong", "Batch requests cannot be longer than %d bytes. You have sent %d bytes.", maxMessageSize, total)
	}
	return nil
}

type deleteEntry struct{ Id, ReceiptHandle string }

func (e deleteEntry) id() string { return e.Id }

type deleteBatchInput struct {
	QueueUrl string
	Entries  []deleteEntry
}

func (s *Server) deleteMessageBatch(_ *http.Request, in deleteBatchInput) (result batchResult[batchSuccess], err error) {
	q, err := s.queueAt(in.QueueUrl)
	if err != nil {
		return result, err
	}
	if err := checkBatch("DeleteMessageBatch", idsOf(in.Entries, deleteEntry.id)); err != nil {
		return result, err
	}
	return each(in.Entries, deleteEntry.id, func(e deleteEntry) (batchSuccess, error) {
		return batchSuccess{e.Id}, q.delete(e.ReceiptHandle)
	}), nil
}

type visibilityEntry struct {
	Id, ReceiptHandle string
	VisibilityTimeout *int
}

func (e visibilityEntry) id() string { return e.Id }

type visibilityBatchInput struct {
	QueueUrl string
	Entries  []visibilityEntry
}

func (s *Server) changeVisibilityBatch(_ *http.Request, in visibilityBatchInput) (result batchResult[batchSuccess], err error) {
	q, err := s.queueAt(in.QueueUrl)
	if err != nil {
		return result, err
	}
	if err := checkBatch("ChangeMessageVisibilityBatch", idsOf(in.Entries, visibilityEntry.id)); err != nil {
		return result, err
	}
	return each(in.Entries, visibilityEntry.id, func(e visibilityEntry) (batchSuccess, error) {
		return batchSuccess{e.Id}, q.setVisibility(e)
	}), nil
}
