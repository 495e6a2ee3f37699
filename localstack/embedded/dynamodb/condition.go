package dynamodb

import "maps"

// A condition says which attributes an item must have and which it must not have.
type condition []presence

const (
	onlyPresence = "More than attribute_exists and attribute_not_exists, joined by AND,"
	onlyEquality = "More than equality of keys"
)

type presence struct {
	path string
	want bool
}

func (c condition) holds(i item) bool {
	for _, p := range c {
		if _, there := i[p.path]; there != p.want {
			return false
		}
	}
	return true
}

// condition parses a ConditionExpression.
func (a *aliases) condition(text *string) (condition, error) {
	if text == nil {
		return nil, nil
	}
	p := a.parser("ConditionExpression", *text)
	c := condition{p.presence()}
	for p.more() {
		if !p.take("AND") {
			p.notSupported(onlyPresence)
		}
		c = append(c, p.presence())
	}
	return c, p.err
}

func (p *parser) presence() (out presence) {
	if !p.more() {
		p.unexpected()
		return out
	}
	switch p.tokens[p.at] {
	case "attribute_exists":
		out.want = true
	case "attribute_not_exists":
	default:
		p.notSupported(onlyPresence)
		return out
	}
	p.at++
	p.want("(")
	out.path = p.path()
	p.want(")")
	return out
}

// keyCondition parses a KeyConditionExpression into the values that keys must have.
func (a *aliases) keyCondition(text string) (item, error) {
	p := a.parser("KeyConditionExpression", text)
	keys := make(item)
	for first := true; first || p.more(); first = false {
		if !first {
			p.want("AND")
		}
		maps.Copy(keys, p.equal(keys))
	}
	return keys, p.err
}

func (p *parser) equal(before item) item {
	if p.peek() == "BEGINS_WITH" || p.peek() == "(" {
		p.notSupported(onlyEquality)
	}
	path := p.path()
	if p.err == nil && p.more() && p.peek() != "=" {
		p.notSupported(onlyEquality)
	}
	if _, twice := before[path]; twice && p.err == nil {
		p.fail("KeyConditionExpressions must only contain one condition per key")
	}
	p.want("=")
	return item{path: p.literal()}
}
