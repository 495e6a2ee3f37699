package sqs

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"

	sdk "github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"github.com/aws/smithy-go"

	"github.com/esm-run/esm"
)

const (
	deleteEntries  = 10 // of one DeleteMessageBatch
	deleteParallel = 4  // calls at a time: a batch of 10,000 records is a thousand of them
)

// Delete is [esm.Queue].Delete by as many DeleteMessageBatch calls as it takes, a few at a time. Once a call deletes
// nothing no further one is started. Errors may be those of [Queue.Receive].
//
// A record whose receipt is refused as invalid or expired is not left: its message is deleted already, or it came back
// and has a newer receipt.
func (q *Queue) Delete(ctx context.Context, recs []esm.Record) (left []esm.Record, err error) {
	if len(recs) == 0 {
		return nil, nil
	}
	url, err := q.address(ctx)
	if err != nil {
		return slices.Clone(recs), q.failed("delete from", err)
	}
	batches := slices.Collect(slices.Chunk(recs, deleteEntries))
	outcomes := q.deleteAll(ctx, url, batches)
	for _, o := range outcomes {
		left = append(left, o.left...)
		if err == nil {
			err = o.err
		}
	}
	if err != nil {
		return left, q.failed(fmt.Sprintf("delete: %d of %d left in", len(left), len(recs)), err)
	}
	return nil, nil
}

// outcome is what came of one batch.
type outcome struct {
	left []esm.Record
	err  error
}

func (q *Queue) deleteAll(ctx context.Context, url string, batches [][]esm.Record) []outcome {
	outcomes := make([]outcome, len(batches))
	for i, batch := range batches {
		outcomes[i].left = batch // unless it is tried
	}
	var next atomic.Int64
	var stop atomic.Bool
	var workers sync.WaitGroup
	for range min(deleteParallel, len(batches)) {
		workers.Go(func() {
			for i := next.Add(1) - 1; int(i) < len(batches) && !stop.Load(); i = next.Add(1) - 1 {
				outcomes[i] = q.deleteBatch(ctx, url, batches[i])
				if len(outcomes[i].left) == len(batches[i]) {
					stop.Store(true)
				}
			}
		})
	}
	workers.Wait()
	return outcomes
}

// deleteBatch is one DeleteMessageBatch. Entries are named by their place in the batch.
func (q *Queue) deleteBatch(ctx context.Context, url string, batch []esm.Record) outcome {
	in := &sdk.DeleteMessageBatchInput{QueueUrl: &url, Entries: make([]types.DeleteMessageBatchRequestEntry, len(batch))}
	for i := range batch {
		id := strconv.Itoa(i)
		in.Entries[i] = types.DeleteMessageBatchRequestEntry{Id: &id, ReceiptHandle: &batch[i].Receipt}
	}
	out, err := q.client.DeleteMessageBatch(ctx, in)
	if err != nil {
		return outcome{left: batch, err: err}
	}
	return sift(batch, out)
}

// sift reads the answer to a batch: what it does not call deleted or gone is left.
func sift(batch []esm.Record, out *sdk.DeleteMessageBatchOutput) outcome {
	settled := make([]bool, len(batch))
	settle := func(id *string) {
		if i, err := strconv.Atoi(deref(id)); err == nil && 0 <= i && i < len(batch) {
			settled[i] = true
		}
	}
	var o outcome
	for _, entry := range out.Successful {
		settle(entry.Id)
	}
	for _, entry := range out.Failed {
		if gone(deref(entry.Code)) {
			settle(entry.Id)
		} else if o.err == nil {
			o.err = refusal(entry)
		}
	}
	for i, done := range settled {
		if !done {
			o.left = append(o.left, batch[i])
		}
	}
	if len(o.left) > 0 && o.err == nil {
		o.err = fmt.Errorf("the answer does not mention %d of %d entries", len(o.left), len(batch))
	}
	return o
}

// gone reports whether an entry's error code says that its receipt is of no use any more. The receipt is all that is in
// an entry, so that it is what an invalid parameter means.
func gone(code string) bool {
	switch code {
	case "ReceiptHandleIsInvalid", "InvalidParameterValue", "InvalidParameterValueException":
		return true
	}
	return false
}

// refusal is the error of one entry.
func refusal(entry types.BatchResultErrorEntry) error {
	fault := smithy.FaultServer
	if entry.SenderFault {
		fault = smithy.FaultClient
	}
	return &smithy.GenericAPIError{Code: deref(entry.Code), Message: deref(entry.Message), Fault: fault}
}

func deref(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}
