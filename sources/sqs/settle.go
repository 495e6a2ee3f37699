package sqs

import (
	"context"
	"fmt"

	sdk "github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"github.com/esm-run/esm"
)

// Delete is [esm.Queue].Delete by as many DeleteMessageBatch calls as it takes, a few at a time. Errors may be those of
// [Queue.Receive].
//
// A record whose receipt is refused as invalid or expired is not left: its message is deleted already, or it came back
// and has a newer receipt.
func (q *Queue) Delete(ctx context.Context, recs []esm.Record) (left []esm.Record, err error) {
	left, err = q.inBatches(ctx, recs, q.deleteBatch)
	if err != nil {
		return left, q.failed(fmt.Sprintf("delete: %d of %d left in", len(left), len(recs)), err)
	}
	return nil, nil
}

// Release is [esm.Queue].Release by ChangeMessageVisibilityBatch calls with a timeout of zero, made as those of Delete.
func (q *Queue) Release(ctx context.Context, recs []esm.Record) error {
	left, err := q.inBatches(ctx, recs, q.releaseBatch)
	if err != nil {
		return q.failed(fmt.Sprintf("release: %d of %d left in", len(left), len(recs)), err)
	}
	return nil
}

func (q *Queue) deleteBatch(ctx context.Context, url string, recs []esm.Record) (answer batchAnswer, err error) {
	in := &sdk.DeleteMessageBatchInput{QueueUrl: &url, Entries: make([]types.DeleteMessageBatchRequestEntry, len(recs))}
	for i := range recs {
		in.Entries[i] = types.DeleteMessageBatchRequestEntry{Id: &entryIDs[i], ReceiptHandle: &recs[i].Receipt}
	}
	out, err := q.client.DeleteMessageBatch(ctx, in)
	if err != nil {
		return answer, err
	}
	answer.failed = out.Failed
	for _, entry := range out.Successful {
		answer.successful = append(answer.successful, entry.Id)
	}
	return answer, nil
}

func (q *Queue) releaseBatch(ctx context.Context, url string, recs []esm.Record) (answer batchAnswer, err error) {
	entries := make([]types.ChangeMessageVisibilityBatchRequestEntry, len(recs))
	for i := range recs {
		entries[i] = types.ChangeMessageVisibilityBatchRequestEntry{Id: &entryIDs[i], ReceiptHandle: &recs[i].Receipt}
	}
	out, err := q.client.ChangeMessageVisibilityBatch(ctx, &sdk.ChangeMessageVisibilityBatchInput{QueueUrl: &url, Entries: entries})
	if err != nil {
		return answer, err
	}
	answer.failed = out.Failed
	for _, entry := range out.Successful {
		answer.successful = append(answer.successful, entry.Id)
	}
	return answer, nil
}
