package dynamodb

// A projection lists the attributes to return of each item. Nil is all.
type projection []string

// projection parses a ProjectionExpression.
func (a *aliases) projection(text *string) (list projection, err error) {
	if text == nil {
		return nil, nil
	}
	p := a.parser("ProjectionExpression", *text)
	p.list(func() { list = append(list, p.path()) })
	if p.more() {
		p.unexpected()
	}
	return list, p.err
}

// of returns the part of an item that is to be returned.
func (p projection) of(i item) item {
	if p == nil || i == nil {
		return i
	}
	part := item{}
	for _, name := range p {
		if v, there := i[name]; there {
			part[name] = v
		}
	}
	return part
}
