package dynamodb

import (
	"maps"
	"slices"
)

// An update is a parsed UpdateExpression.
type update struct {
	set    []assignment
	remove []string
}

// An assignment sets an attribute to left, or to the sum or difference of left and right.
type assignment struct {
	path        string
	left, right operand
	sign        string // + or -, or empty if there is no right
}

// An operand is a value, or the attribute at path, or fallback if there is no such attribute.
type operand struct {
	value    *value
	path     string
	fallback *operand
}

func (o operand) of(i item) (value, error) {
	if o.value != nil {
		return *o.value, nil
	}
	v, there := i[o.path]
	switch {
	case there:
		return v, nil
	case o.fallback != nil:
		return o.fallback.of(i)
	}
	return value{}, invalid("The provided expression refers to an attribute that does not exist in the item")
}

func (a assignment) of(i item) (value, error) {
	left, err := a.left.of(i)
	if err != nil || a.sign == "" {
		return left, err
	}
	right, err := a.right.of(i)
	if err != nil {
		return value{}, err
	}
	if left.kind != "N" || right.kind != "N" {
		return value{}, invalid("An operand in the update expression has an incorrect data type")
	}
	by := right.number()
	if a.sign == "-" {
		by = by.minus()
	}
	return numeral(left.number().plus(by))
}

// apply returns the updated item. All operands are attributes of the item before.
func (u update) apply(before item) (item, error) {
	after := maps.Clone(before)
	var err error
	for _, a := range u.set {
		if after[a.path], err = a.of(before); err != nil {
			return nil, err
		}
	}
	for _, path := range u.remove {
		delete(after, path)
	}
	return after, nil
}

// paths returns the attributes that change.
func (u update) paths() []string {
	paths := slices.Clone(u.remove)
	for _, a := range u.set {
		paths = append(paths, a.path)
	}
	return paths
}

// update parses an UpdateExpression. Nil changes nothing.
func (a *aliases) update(text *string) (u update, err error) {
	if text == nil {
		return u, nil
	}
	p := a.parser("UpdateExpression", *text)
	for seen := map[string]bool{}; p.more(); {
		section := p.peek()
		if seen[section] {
			p.fail("The %q section can only be used once in an update expression;", section)
		}
		seen[section] = true
		p.section(&u)
	}
	if p.err == nil {
		p.checkOverlap(u.paths())
	}
	return u, p.err
}

func (p *parser) section(u *update) {
	switch {
	case p.take("SET"):
		p.list(func() { u.set = append(u.set, p.assignment()) })
	case p.take("REMOVE"):
		p.list(func() { u.remove = append(u.remove, p.path()) })
	case p.take("ADD"):
		p.list(func() { u.set = append(u.set, p.addition()) })
	case p.peek() == "DELETE":
		p.notSupported("DELETE")
	default:
		p.unexpected()
	}
}

// list parses elements that are separated by commas.
func (p *parser) list(one func()) {
	one()
	for p.take(",") {
		one()
	}
}

func (p *parser) assignment() (a assignment) {
	a.path = p.path()
	p.want("=")
	a.left = p.operand()
	for _, sign := range []string{"+", "-"} {
		if a.sign == "" && p.take(sign) {
			a.sign, a.right = sign, p.operand()
		}
	}
	return a
}

// addition parses an action of ADD, which adds to zero if there is no such attribute.
func (p *parser) addition() assignment {
	path, by := p.path(), p.literal()
	if p.err == nil && by.kind != "N" {
		p.notSupported("ADD of anything but numbers")
	}
	zero := value{kind: "N", text: "0"}
	return assignment{path: path, left: operand{path: path, fallback: &operand{value: &zero}}, right: operand{value: &by}, sign: "+"}
}

func (p *parser) operand() operand {
	if p.more() && p.tokens[p.at][0] == ':' {
		return operand{value: new(p.literal())}
	}
	function := p.more() && p.at+1 < len(p.tokens) && p.tokens[p.at+1] == "("
	switch {
	case !function:
		return operand{path: p.path()}
	case p.tokens[p.at] != "if_not_exists":
		p.notSupported("The function " + p.tokens[p.at])
		return operand{}
	}
	p.at += 2
	out := operand{path: p.path()}
	p.want(",")
	out.fallback = new(p.operand())
	p.want(")")
	return out
}

// checkOverlap refuses to change an attribute twice.
func (p *parser) checkOverlap(paths []string) {
	slices.Sort(paths)
	for i := 1; i < len(paths); i++ {
		if paths[i] == paths[i-1] {
			p.fail("Two document paths overlap with each other; must remove or rewrite one of these paths; path one: [%s], path two: [%s]", paths[i], paths[i])
		}
	}
}
