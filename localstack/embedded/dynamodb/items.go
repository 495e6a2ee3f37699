package dynamodb

import (
	"encoding/json"
	"time"
)

// legacy is what requests had before there were expressions.
type legacy struct {
	AttributesToGet, AttributeUpdates, ConditionalOperator, Expected json.RawMessage
	KeyConditions, QueryFilter, ScanFilter                           json.RawMessage
}

func (l legacy) check() error {
	return refuse(lack{"AttributesToGet", l.AttributesToGet}, lack{"AttributeUpdates", l.AttributeUpdates},
		lack{"ConditionalOperator", l.ConditionalOperator}, lack{"Expected", l.Expected}, lack{"KeyConditions", l.KeyConditions},
		lack{"QueryFilter", l.QueryFilter}, lack{"ScanFilter", l.ScanFilter})
}

type attributesOutput struct {
	Attributes item `json:",omitempty"`
}

func (s *Server) putItem(now time.Time, in putInput) (attributesOutput, error) {
	a, err := s.put(in)
	return s.replace(a, err, in.ReturnValues, now)
}

func (s *Server) deleteItem(now time.Time, in keyInput) (attributesOutput, error) {
	a, err := s.remove(in)
	return s.replace(a, err, in.ReturnValues, now)
}

// replace does an action that leaves nothing of the item that was there.
func (s *Server) replace(a action, err error, returns string, now time.Time) (out attributesOutput, _ error) {
	if returns != "" && returns != "NONE" && returns != "ALL_OLD" {
		return out, invalid("Return values set to invalid value: ReturnValues can only be ALL_OLD or NONE")
	}
	if err != nil {
		return out, err
	}
	c, err := s.do(a, now)
	if err == nil && returns == "ALL_OLD" {
		out.Attributes = c.old
	}
	return out, err
}

func (s *Server) updateItem(now time.Time, in updateInput) (out attributesOutput, _ error) {
	switch in.ReturnValues {
	case "", "NONE", "ALL_OLD", "ALL_NEW":
	default:
		return out, lacking("ReturnValues " + in.ReturnValues)
	}
	a, err := s.update(in)
	if err != nil {
		return out, err
	}
	c, err := s.do(a, now)
	if err != nil {
		return out, err
	}
	switch in.ReturnValues {
	case "ALL_OLD":
		out.Attributes = c.old
	case "ALL_NEW":
		out.Attributes = c.new
	}
	return out, nil
}

type getInput struct {
	TableName            string
	Key                  item
	ProjectionExpression json.RawMessage
	legacy
}

type getOutput struct {
	Item item `json:",omitempty"`
}

func (s *Server) getItem(_ time.Time, in getInput) (getOutput, error) {
	if err := refuse(lack{"ProjectionExpression", in.ProjectionExpression}); err != nil {
		return getOutput{}, err
	}
	if err := in.legacy.check(); err != nil {
		return getOutput{}, err
	}
	t, err := s.tableOf(in.TableName)
	if err != nil {
		return getOutput{}, err
	}
	if err := t.schema.checkKey(in.Key); err != nil {
		return getOutput{}, err
	}
	return getOutput{t.items[t.schema.path(in.Key)]}, nil
}
