package dynamodb

import "time"

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
	}
	return out, nil
}

func (s *Server) updateItem(now time.Time, in updateInput) (attributesOutput, error) {
	switch in.ReturnValues {
	case "", "NONE", "ALL_OLD", "ALL_NEW":
	default:
		return attributesOutput{}, notSupported("ReturnValues " + in.ReturnValues)
	}
	w, err := s.update(in)
	return s.doAndReturn(w, err, in.ReturnValues, now)
}

type getInput struct {
	TableName string
	Key       item
}

type getOutput struct {
	Item item `json:",omitempty"`
}

func (s *Server) getItem(_ time.Time, in getInput) (out getOutput, err error) {
	t, err := s.dataTable(in.TableName)
	if err != nil {
		return out, err
	}
	return getOutput{t.items[t.schema.path(in.Key)]}, t.schema.checkKey(in.Key)
}
