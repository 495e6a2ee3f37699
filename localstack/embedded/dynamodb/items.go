package dynamodb

import (
	"cmp"
	"time"
)

type attributesOutput struct {
	Attributes item `json:",omitempty"`
}

func (s *Server) putItem(now time.Time, in putInput) (attributesOutput, error) {
	w, err := s.put(in)
	return s.replace(w, err, in.ReturnValues, now)
}

func (s *Server) deleteItem(now time.Time, in keyInput) (attributesOutput, error) {
	w, err := s.remove(in)
	return s.replace(w, err, in.ReturnValues, now)
}

// replace performs a write that keeps nothing of the earlier item.
func (s *Server) replace(w write, err error, returns string, now time.Time) (out attributesOutput, _ error) {
	if returns != "" && returns != "NONE" && returns != "ALL_OLD" {
		return out, invalid("Return values set to invalid value: ReturnValues can only be ALL_OLD or NONE")
	}
	return s.doAndReturn(w, err, returns, now)
}

// doAndReturn performs a write unless err is set, and returns the attributes that the request asks for.
func (s *Server) doAndReturn(w write, err error, returns string, now time.Time) (out attributesOutput, _ error) {
	if err != nil {
		return out, err
	}
	c, err := s.do(w, now)
	if err != nil {
		return out, err
	}
	switch returns {
	case "ALL_OLD":
		out.Attributes = c.old
	case "ALL_NEW":
		out.Attributes = c.new
	case "UPDATED_OLD":
		out.Attributes = w.touched.of(c.old)
	case "UPDATED_NEW":
		out.Attributes = w.touched.of(c.new)
	}
	return out, nil
}

func (s *Server) updateItem(now time.Time, in updateInput) (attributesOutput, error) {
	switch in.ReturnValues {
	case "", "NONE", "ALL_OLD", "ALL_NEW", "UPDATED_OLD", "UPDATED_NEW":
	default:
		return attributesOutput{}, constraint(in.ReturnValues, "returnValues", "satisfy enum value set: [ALL_NEW, UPDATED_OLD, ALL_OLD, NONE, UPDATED_NEW]")
	}
	w, err := s.update(in)
	return s.doAndReturn(w, err, in.ReturnValues, now)
}

type getInput struct {
	TableName            string
	Key                  item
	ProjectionExpression *string
	expressions
}

type getOutput struct {
	Item item `json:",omitempty"`
}

func (s *Server) getItem(_ time.Time, in getInput) (out getOutput, err error) {
	t, err := s.dataTable(in.TableName)
	if err != nil {
		return out, err
	}
	names := in.aliases()
	shown, err := names.projection(in.ProjectionExpression)
	if err != nil {
		return out, err
	}
	out.Item = shown.of(t.items[t.schema.path(in.Key)])
	return out, cmp.Or(names.unused(), t.schema.checkKey(in.Key))
}
