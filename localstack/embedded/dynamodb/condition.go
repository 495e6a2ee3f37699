package dynamodb

import (
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// A condition reports whether an item fulfils a ConditionExpression or FilterExpression. Nil holds for every item, and no
// item is one without attributes (AWS: "Condition and filter expressions, operators, and functions in DynamoDB").
type condition func(item) bool

func (c condition) holds(i item) bool { return c == nil || c(i) }

// A term is an operand of a condition. It returns false for an item that lacks the attribute.
type term struct {
	of      func(item) (value, bool)
	literal *value
	path    string // empty if the term is not an attribute
}

// condition parses the expression that a request's member holds. Nil has no condition.
func (a *aliases) condition(member string, text *string) (condition, error) {
	if text == nil {
		return nil, nil
	}
	p := a.parser(member, *text)
	c := p.or()
	if p.more() {
		p.unexpected()
	}
	return c, p.err
}

func (p *parser) or() condition {
	c := p.and()
	for p.take("OR") {
		left, right := c, p.and()
		c = func(i item) bool { return left(i) || right(i) }
	}
	return c
}

func (p *parser) and() condition {
	c := p.not()
	for p.take("AND") {
		left, right := c, p.not()
		c = func(i item) bool { return left(i) && right(i) }
	}
	return c
}

func (p *parser) not() condition {
	if p.take("NOT") {
		c := p.not()
		return func(i item) bool { return !c(i) }
	}
	if p.take("(") {
		c := p.or()
		p.want(")")
		return c
	}
	if p.calls() && p.tokens[p.at] != "size" {
		return p.function()
	}
	return p.comparison(p.term())
}

// calls reports whether a function is next.
func (p *parser) calls() bool { return p.at+1 < len(p.tokens) && p.tokens[p.at+1] == "(" }

// function parses a function whose value is true or false.
func (p *parser) function() condition {
	name := p.tokens[p.at]
	p.at += 2
	defer p.want(")")
	path := p.path()
	switch name {
	case "attribute_exists":
		return func(i item) bool { _, there := i[path]; return there }
	case "attribute_not_exists":
		return func(i item) bool { _, there := i[path]; return !there }
	case "attribute_type":
		kind := p.argument(name, "S")
		return func(i item) bool { v, there := i[path]; return there && v.kind == kind.text }
	case "begins_with":
		prefix := p.argument(name, "S", "B")
		return func(i item) bool { return i[path].beginsWith(prefix) }
	case "contains":
		p.want(",")
		part := p.term()
		return func(i item) bool { v, there := part.of(i); return there && i[path].contains(v) }
	}
	p.fail("Invalid function name; function: %s", name)
	return nil
}

// argument parses a function's second argument, a value of one of these kinds.
func (p *parser) argument(function string, kinds ...string) value {
	p.want(",")
	v := p.literal()
	if p.err == nil && !slices.Contains(kinds, v.kind) {
		p.wrongOperand(function, v)
	}
	return v
}

func (p *parser) wrongOperand(operator string, v value) {
	p.fail("Incorrect operand type for operator or function; operator or function: %s, operand type: %s", operator, v.kind)
}

// term parses an attribute, a value or the size of an attribute.
func (p *parser) term() term {
	switch {
	case p.more() && p.tokens[p.at][0] == ':':
		v := p.literal()
		return term{of: func(item) (value, bool) { return v, true }, literal: &v}
	case p.calls() && p.tokens[p.at] == "size":
		p.at += 2
		path := p.path()
		p.want(")")
		return term{of: func(i item) (value, bool) { return i[path].length() }}
	}
	path := p.path()
	return term{of: func(i item) (value, bool) { v, there := i[path]; return v, there }, path: path}
}

// comparison parses what follows the first term of a comparison.
func (p *parser) comparison(left term) condition {
	if p.take("BETWEEN") {
		from := p.ordered("BETWEEN")
		p.want("AND")
		return conjunction(compare(">=", left, from), compare("<=", left, p.ordered("BETWEEN")))
	}
	if p.take("IN") {
		return p.among(left)
	}
	operator := p.operator()
	if operator == "=" || operator == "<>" {
		return compare(operator, left, p.term())
	}
	return compare(operator, left, p.ordered(operator))
}

func conjunction(a, b condition) condition { return func(i item) bool { return a(i) && b(i) } }

// among parses a list of terms, one of which left has to equal.
func (p *parser) among(left term) condition {
	var all []condition
	p.want("(")
	p.list(func() { all = append(all, compare("=", left, p.term())) })
	p.want(")")
	return func(i item) bool { return slices.ContainsFunc(all, func(c condition) bool { return c(i) }) }
}

// ordered parses a term of a kind that has an order.
func (p *parser) ordered(operator string) term {
	t := p.term()
	if t.literal != nil && p.err == nil && !t.literal.ordered() {
		p.wrongOperand(operator, *t.literal)
	}
	return t
}

// operator parses a comparator.
func (p *parser) operator() string {
	var operator strings.Builder
	for p.peek() == "<" || p.peek() == ">" || p.peek() == "=" {
		operator.WriteString(p.peek())
		p.at++
	}
	if !slices.Contains([]string{"=", "<>", "<", "<=", ">", ">="}, operator.String()) {
		p.unexpected()
	}
	return operator.String()
}

// compare compares two terms. An attribute that is missing, or of another kind, only differs.
func compare(operator string, left, right term) condition {
	return func(i item) bool {
		v, has := left.of(i)
		w, hasToo := right.of(i)
		switch {
		case operator == "<>":
			return !has || !hasToo || !v.equal(w)
		case !has || !hasToo:
			return false
		case operator == "=":
			return v.equal(w)
		case v.kind != w.kind || !v.ordered():
			return false
		}
		order := v.compare(w)
		return strings.Contains(operator, "=") && order == 0 || operator[0] == '<' && order < 0 || operator[0] == '>' && order > 0
	}
}

// ordered reports whether values of v's kind have an order.
func (v value) ordered() bool { return v.kind == "S" || v.kind == "N" || v.kind == "B" }

func (v value) beginsWith(prefix value) bool {
	return v.kind == prefix.kind && strings.HasPrefix(v.text, prefix.text)
}

// contains reports whether w is a part of a text or of bytes, or an element of a set or list.
func (v value) contains(w value) bool {
	switch v.kind {
	case "S", "B":
		return v.kind == w.kind && strings.Contains(v.text, w.text)
	case "SS", "NS", "BS":
		return v.kind == w.kind+"S" && slices.Contains(v.set, w.text)
	case "L":
		return slices.ContainsFunc(v.list, w.equal)
	}
	return false
}

// length is the value of the function size, which not every kind has.
func (v value) length() (size value, has bool) {
	n := 0
	switch v.kind {
	case "S":
		n = utf8.RuneCountInString(v.text)
	case "B":
		n = len(v.text)
	case "SS", "NS", "BS":
		n = len(v.set)
	case "L":
		n = len(v.list)
	case "M":
		n = len(v.fields)
	default:
		return value{}, false
	}
	d, _ := scanNumber(strconv.Itoa(n))
	return value{kind: "N", text: d.String()}, true
}
