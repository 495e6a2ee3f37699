package dynamodb

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/esm-run/esm/localstack/embedded/wire"
)

// The largest number of writes in one request (API reference: "BatchWriteItem", "TransactWriteItems").
const (
	maxBatch       = 25
	maxTransaction = 100
)

type batchWriteItemInput struct{ RequestItems map[string][]writeRequest }

type writeRequest struct {
	PutRequest    *struct{ Item item }
	DeleteRequest *struct{ Key item }
}

type batchWriteItemOutput struct{ UnprocessedItems struct{} }

// batchWriteItem performs all writes, or none if one of them is invalid.
func (s *Server) batchWriteItem(now time.Time, in batchWriteItemInput) (out batchWriteItemOutput, _ error) {
	var writes []write
	for _, name := range slices.Sorted(maps.Keys(in.RequestItems)) {
		for _, w := range in.RequestItems[name] {
			write, err := s.batchWrite(name, w)
			if err != nil {
				return out, err
			}
			writes = append(writes, write)
		}
	}
	switch {
	case len(writes) == 0:
		return out, constraint("{}", "requestItems", "have length greater than or equal to 1")
	case len(writes) > maxBatch:
		return out, invalid("Too many items requested for the BatchWriteItem call")
	case repeated(writes):
		return out, invalid("Provided list of item keys contains duplicates")
	}
	for _, w := range writes {
		if _, err := s.do(w, now); err != nil {
			return out, err
		}
	}
	return out, nil
}

func (s *Server) batchWrite(table string, w writeRequest) (write, error) {
	switch {
	case w.PutRequest != nil && w.DeleteRequest == nil:
		return s.put(putInput{Item: w.PutRequest.Item, writeInput: writeInput{TableName: table}})
	case w.DeleteRequest != nil && w.PutRequest == nil:
		return s.remove(keyInput{Key: w.DeleteRequest.Key, writeInput: writeInput{TableName: table}})
	}
	return write{}, invalid("Supplied WriteRequest must contain exactly one of PutRequest and DeleteRequest")
}

// repeated reports whether two writes are of the same item.
func repeated(writes []write) bool {
	type place struct {
		table *table
		path  string
	}
	places := make(map[place]bool)
	for _, w := range writes {
		places[place{w.table, w.path}] = true
	}
	return len(places) < len(writes)
}

type transactWriteItemsInput struct{ TransactItems []transactItem }

type transactItem struct {
	ConditionCheck *keyInput
	Put            *putInput
	Delete         *keyInput
	Update         *updateInput
}

// transactWriteItems performs all writes, or none if a condition fails.
func (s *Server) transactWriteItems(now time.Time, in transactWriteItemsInput) (out wire.Empty, _ error) {
	if n := len(in.TransactItems); n < 1 || n > maxTransaction {
		return out, constraint(n, "transactItems", fmt.Sprintf("have length between 1 and %d", maxTransaction))
	}
	writes := make([]write, len(in.TransactItems))
	for i, item := range in.TransactItems {
		var err error
		if writes[i], err = s.transactionWrite(item); err != nil {
			return out, err
		}
	}
	if repeated(writes) {
		return out, invalid("Transaction request cannot include multiple operations on one item")
	}
	changes, err := decideAll(writes)
	if err != nil {
		return out, err
	}
	for i, c := range changes {
		s.apply(writes[i].table, c, now)
	}
	return out, nil
}

func (s *Server) transactionWrite(t transactItem) (write, error) {
	switch {
	case t.Put != nil:
		return s.put(*t.Put)
	case t.Delete != nil:
		return s.remove(*t.Delete)
	case t.Update != nil:
		return s.update(*t.Update)
	case t.ConditionCheck != nil:
		return s.check(*t.ConditionCheck)
	}
	return write{}, invalid("Invalid Request: TransactWriteRequest should contain Delete or Put or Update request")
}

// decideAll returns the changes that the writes make together now.
func decideAll(writes []write) ([]change, error) {
	changes, reasons := make([]change, len(writes)), make([]map[string]any, len(writes))
	codes, failed := make([]string, len(writes)), false
	for i, w := range writes {
		var err error
		changes[i], err = w.decide()
		reasons[i], codes[i] = cancellationReason(err)
		failed = failed || err != nil
	}
	if !failed {
		return changes, nil
	}
	e := wire.Errorf(namespace+"TransactionCanceledException",
		"Transaction cancelled, please refer cancellation reasons for specific reasons [%s]", strings.Join(codes, ", "))
	e.More = map[string]any{"CancellationReasons": reasons}
	return nil, e
}

// cancellationReason describes the result of one write in a transaction.
func cancellationReason(err error) (reason map[string]any, code string) {
	if err == nil {
		return map[string]any{"Code": "None"}, "None"
	}
	e := wire.AsError(err)
	if code = strings.TrimSuffix(e.ErrorCode(), "Exception"); code == "Validation" {
		code = "ValidationError"
	}
	reason = map[string]any{"Code": code, "Message": e.Message}
	maps.Copy(reason, e.More)
	return reason, code
}
