package sqs

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"github.com/aws/smithy-go"

	"github.com/esm-run/esm"
)

const (
	batchEntries  = 10 // of one call
	batchParallel = 4  // calls at a time: 10,000 records are a thousand calls
)

// entryIDs are the names of a call's entries, by index.
var entryIDs = [batchEntries]string{"0", "1", "2", "3", "4", "5", "6", "7", "8", "9"}

// batchCall makes one call about up to batchEntries records.
type batchCall func(ctx context.Context, url string, recs []esm.Record) (batchAnswer, error)

type batchAnswer struct {
	successful []*string // the ids of entries
	failed     []types.BatchResultErrorEntry
}

// batchOutcome is what a call did not settle, and why.
type batchOutcome struct {
	left []esm.Record
	err  error
}

// inBatches makes as many calls as recs need, a few at a time. Once a call settles nothing, no further one is started. It
// returns the records that are not settled and the first reason.
func (q *Queue) inBatches(ctx context.Context, recs []esm.Record, call batchCall) ([]esm.Record, error) {
	if len(recs) == 0 {
		return nil, nil
	}
	url, err := q.address(ctx)
	if err != nil {
		return slices.Clone(recs), err
	}
	batches := slices.Collect(slices.Chunk(recs, batchEntries))
	outcomes := make([]batchOutcome, len(batches))
	for i, batch := range batches {
		outcomes[i].left = batch // if it is not tried
	}
	var next atomic.Int64
	var stop atomic.Bool
	work := func() {
		for i := int(next.Add(1)) - 1; i < len(batches) && !stop.Load(); i = int(next.Add(1)) - 1 {
			answer, err := call(ctx, url, batches[i])
			outcomes[i] = answer.outcome(batches[i], err)
			if len(outcomes[i].left) == len(batches[i]) {
				stop.Store(true)
			}
		}
	}
	var workers sync.WaitGroup
	for range min(batchParallel, len(batches)) - 1 {
		workers.Go(work)
	}
	work()
	workers.Wait()
	return join(outcomes)
}

func join(outcomes []batchOutcome) (left []esm.Record, err error) {
	for _, o := range outcomes {
		left = append(left, o.left...)
		if err == nil {
			err = o.err
		}
	}
	return left, err
}

// outcome reads the answer to a call about batch, or its failure: an entry that is neither settled nor gone is left.
func (a batchAnswer) outcome(batch []esm.Record, err error) batchOutcome {
	if err != nil {
		return batchOutcome{left: batch, err: err}
	}
	var o batchOutcome
	var settled [batchEntries]bool
	settle := func(id *string) {
		if i := slices.Index(entryIDs[:], aws.ToString(id)); i >= 0 {
			settled[i] = true
		}
	}
	for _, id := range a.successful {
		settle(id)
	}
	for _, entry := range a.failed {
		if gone(aws.ToString(entry.Code)) {
			settle(entry.Id)
		} else if o.err == nil {
			o.err = refusal(entry)
		}
	}
	for i := range batch {
		if !settled[i] {
			o.left = append(o.left, batch[i])
		}
	}
	if len(o.left) > 0 && o.err == nil {
		o.err = fmt.Errorf("the answer does not mention %d of %d entries", len(o.left), len(batch))
	}
	return o
}

// gone reports whether an entry's error code means that the receipt is no longer valid. An entry has no parameter besides
// the receipt that could be invalid.
func gone(code string) bool {
	switch code {
	case "ReceiptHandleIsInvalid", "InvalidParameterValue", "InvalidParameterValueException",
		"MessageNotInflight", "AWS.SimpleQueueService.MessageNotInflight":
		return true
	}
	return false
}

// refusal returns the error of one entry.
func refusal(entry types.BatchResultErrorEntry) error {
	fault := smithy.FaultServer
	if entry.SenderFault {
		fault = smithy.FaultClient
	}
	return &smithy.GenericAPIError{Code: aws.ToString(entry.Code), Message: aws.ToString(entry.Message), Fault: fault}
}
