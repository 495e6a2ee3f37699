package dynamodb

import (
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/esm-run/esm/localstack/embedded/wire"
)

// How many writes there can be in one request (API reference: "BatchWriteItem", "TransactWriteItems").
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

// batchWriteItem does all writes or, when one of them is no valid request, none.
func (s *Server) batchWriteItem(now time.Time, in batchWriteItemInput) (out batchWriteItemOutput, _ error) {
	var actions []action
	for _, name := range slices.Sorted(maps.Keys(in.RequestItems)) {
		for _, w := range in.RequestItems[name] {
			a, err := s.written(name, w)
			if err != nil {
				return out, err
			}
			actions = append(actions, a)
		}
	}
	switch {
	case len(actions) == 0:
		return out, constraint("{}", "requestItems", "have length greater than or equal to 1")
	case len(actions) > maxBatch:
		return out, invalid("Too many items requested for the BatchWriteItem call")
	case repeated(actions):
		return out, invalid("Provided list of item keys contains duplicates")
	}
	for _, a := range actions {
		if _, err := s.do(a, now); err != nil {
			return out, err
		}
	}
	return out, nil
}

func (s *Server) written(table string, w writeRequest) (action, error) {
	switch {
	case w.PutRequest != nil && w.DeleteRequest == nil:
		return s.put(putInput{Item: w.PutRequest.Item, writing: writing{TableName: table}})
	case w.DeleteRequest != nil && w.PutRequest == nil:
		return s.remove(keyInput{Key: w.DeleteRequest.Key, writing: writing{TableName: table}})
	}
	return action{}, invalid("Supplied WriteRequest must contain exactly one of PutRequest and DeleteRequest")
}

// repeated tells whether two actions are about the same item.
func repeated(actions []action) bool {
	type place struct {
		table *table
		path  string
	}
	seen := make(map[place]bool)
	for _, a := range actions {
		at := place{a.table, a.path}
		if seen[at] {
			return true
		}
		seen[at] = true
	}
	return false
}

type transactWriteItemsInput struct{ TransactItems []transactItem }

type transactItem struct {
	ConditionCheck *keyInput
	Put            *putInput
	Delete         *keyInput
	Update         *updateInput
}

// transactWriteItems does all writes, or none if the condition of one does not hold.
func (s *Server) transactWriteItems(now time.Time, in transactWriteItemsInput) (out wire.None, _ error) {
	if n := len(in.TransactItems); n < 1 || n > maxTransaction {
		return out, constraint(n, "transactItems", fmt.Sprintf("have length between 1 and %d", maxTransaction))
	}
	actions := make([]action, len(in.TransactItems))
	for i, item := range in.TransactItems {
		var err error
		if actions[i], err = s.transacted(item); err != nil {
			return out, err
		}
	}
	if repeated(actions) {
		return out, invalid("Transaction request cannot include multiple operations on one item")
	}
	changes, err := decideAll(actions)
	if err != nil {
		return out, err
	}
	for i, c := range changes {
		s.apply(actions[i].table, c, now)
	}
	return out, nil
}

func (s *Server) transacted(t transactItem) (action, error) {
	switch {
	case t.Put != nil:
		return s.put(*t.Put)
	case t.Delete != nil:
		return s.remove(*t.Delete)
	case t.Update != nil:
		return s.update(*t.Update)
	case t.ConditionCheck != nil:
		return s.confirm(*t.ConditionCheck)
	}
	return action{}, invalid("Invalid Request: TransactWriteRequest should contain Delete or Put or Update request")
}

// decideAll is what all actions would do now, or why they cannot be done together.
func decideAll(actions []action) ([]change, error) {
	changes, reasons := make([]change, len(actions)), make([]map[string]any, len(actions))
	codes, failed := make([]string, len(actions)), false
	for i, a := range actions {
		var err error
		changes[i], err = a.decide()
		reasons[i], codes[i] = reasonOf(err)
		failed = failed || err != nil
	}
	if !failed {
		return changes, nil
	}
	return nil, &wire.Refusal{
		Status: http.StatusBadRequest, Type: namespace + "TransactionCanceledException",
		Message: "Transaction cancelled, please refer cancellation reasons for specific reasons [" + strings.Join(codes, ", ") + "]",
		More:    map[string]any{"CancellationReasons": reasons},
	}
}

// reasonOf says in the words of a transaction what became of an action.
func reasonOf(err error) (reason map[string]any, code string) {
	refused, ok := errors.AsType[*wire.Refusal](err)
	if !ok {
		return map[string]any{"Code": "None"}, "None"
	}
	if code = strings.TrimSuffix(refused.OldName(), "Exception"); code == "Validation" {
		code = "ValidationError"
	}
	reason = map[string]any{"Code": code, "Message": refused.Message}
	maps.Copy(reason, refused.More)
	return reason, code
}
