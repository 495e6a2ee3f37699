package filter

import "net/netip"

const operators = `"prefix", "suffix", "equals-ignore-case", "anything-but", "numeric", "exists", "wildcard", "cidr"`

// rule compiles one alternative.
func (c *compiler) rule(at position, s syntax) (rule, error) {
	switch s.kind {
	case aString:
		return equalString(s.text), nil
	case aNumber:
		return newEqualNumber(s.text), nil
	case anArray:
		return nil, c.errorf(at, "is an array inside an array; list all alternatives in one array")
	case anObject:
		return c.operator(at, s)
	}
	return literal(s.kind), nil
}

// single returns the single operator of an object.
func (c *compiler) single(at position, s syntax) (position, member, error) {
	if len(s.members) != 1 {
		return at, member{}, c.errorf(at, "must have exactly one operator, but has %d keys", len(s.members))
	}
	m := s.members[0]
	at.written += "." + m.key
	return at, m, nil
}

func (c *compiler) operator(at position, s syntax) (rule, error) {
	at, m, err := c.single(at, s)
	if err != nil {
		return nil, err
	}
	switch m.key {
	case "exists":
		return c.exists(at, m.value)
	case "prefix":
		return c.affix(at, m.value, newPrefix, func(s string) rule { return prefixFold(s) })
	case "suffix":
		return c.affix(at, m.value, newSuffix, func(s string) rule { return suffixFold(s) })
	case "equals-ignore-case":
		return c.equalFold(at, m.value)
	case "numeric":
		return c.numeric(at, m.value)
	case "anything-but":
		return c.anythingBut(at, m.value)
	case "wildcard":
		c.note(at, `AWS documents "wildcard" for EventBridge, not for Lambda`)
		return c.wildcard(at, m.value)
	case "cidr":
		c.note(at, `AWS documents "cidr" for EventBridge, not for Lambda`)
		return c.cidr(at, m.value)
	}
	return nil, c.errorf(at, "%q is not an operator; the operators are %s, in lower case", m.key, operators)
}

func (c *compiler) string(at position, s syntax) (string, error) {
	if s.kind != aString {
		return "", c.errorf(at, "must be a string, but is %v", s.kind)
	}
	return s.text, nil
}

func (c *compiler) exists(at position, s syntax) (rule, error) {
	switch s.kind {
	case aTrue:
		return anything{}, nil
	case aFalse:
		return missing{}, nil
	}
	return nil, c.errorf(at, "must be true or false, but is %v", s.kind)
}

// affix compiles a prefix or a suffix: a string, or {"equals-ignore-case": a string}.
func (c *compiler) affix(at position, s syntax, exact, fold func(string) rule) (rule, error) {
	if s.kind != anObject {
		s, err := c.string(at, s)
		return exact(s), err
	}
	at, m, err := c.single(at, s)
	if err != nil {
		return nil, err
	}
	if m.key != "equals-ignore-case" {
		return nil, c.errorf(at, "%q is not allowed here; only \"equals-ignore-case\" is", m.key)
	}
	c.note(at, "AWS documents it for EventBridge, not for Lambda")
	folded, err := c.string(at, m.value)
	return fold(folded), err
}

func newPrefix(s string) rule { return prefix(s) }
func newSuffix(s string) rule { return suffix(s) }

func (c *compiler) equalFold(at position, s syntax) (rule, error) {
	text, err := c.string(at, s)
	return equalFold(text), err
}

// compile compiles one value that an anything-but excludes.
type compile func(at position, s syntax) (rule, error)

func (c *compiler) anythingBut(at position, s syntax) (rule, error) {
	if s.kind != anObject {
		return c.exclude(at, s, c.excludedValue(s))
	}
	at, m, err := c.single(at, s)
	if err != nil {
		return nil, err
	}
	one := c.excludedOperator(m.key)
	if one == nil {
		return nil, c.errorf(at, `%q is not allowed here; "prefix", "suffix", "equals-ignore-case" and "wildcard" are`, m.key)
	}
	c.note(at, "AWS documents it for EventBridge, not for Lambda")
	return c.exclude(at, m.value, one)
}

// exclude compiles an anything-but of one value or a list of values.
func (c *compiler) exclude(at position, s syntax, one compile) (rule, error) {
	if s.kind != anArray {
		r, err := one(at, s)
		return anythingBut{r}, err
	}
	if len(s.items) == 0 {
		return nil, c.errorf(at, "an empty list excludes nothing; list at least one value")
	}
	var but anythingBut
	for i, item := range s.items {
		r, err := one(at.item(i), item)
		if err != nil {
			return nil, err
		}
		but = append(but, r)
	}
	return but, nil
}

// excludedValue compiles strings and numbers. All values of the list must be of the kind of the first.
func (c *compiler) excludedValue(list syntax) compile {
	kind := list.kind
	if list.kind == anArray && len(list.items) > 0 {
		kind = list.items[0].kind
	}
	return func(at position, s syntax) (rule, error) {
		switch {
		case s.kind != aString && s.kind != aNumber:
			return nil, c.errorf(at, "must be a string or a number, but is %v", s.kind)
		case s.kind != kind:
			return nil, c.errorf(at, "strings and numbers cannot be mixed in one list")
		case s.kind == aString:
			return equalString(s.text), nil
		}
		_, err := c.number(at, s)
		return newEqualNumber(s.text), err
	}
}

func (c *compiler) excludedOperator(name string) compile {
	switch name {
	case "prefix":
		return c.excludedAffix(newPrefix)
	case "suffix":
		return c.excludedAffix(newSuffix)
	case "equals-ignore-case":
		return c.equalFold
	case "wildcard":
		return c.wildcard
	}
	return nil
}

func (c *compiler) excludedAffix(affix func(string) rule) compile {
	return func(at position, s syntax) (rule, error) {
		text, err := c.string(at, s)
		if err == nil && text == "" {
			err = c.errorf(at, "an empty string excludes every string; write at least one character")
		}
		return affix(text), err
	}
}

func (c *compiler) cidr(at position, s syntax) (rule, error) {
	const like = `such as "10.0.0.0/24" or "2001:db8::/32"`
	text, err := c.string(at, s)
	if err != nil {
		return nil, err
	}
	network, err := netip.ParsePrefix(text)
	if err != nil || network.Addr().Is4In6() {
		return nil, c.errorf(at, "must be an address block %s, but is %q", like, text)
	}
	if network.IsSingleIP() {
		return nil, c.errorf(at, "a mask of all bits is a single address; use the address itself as the alternative")
	}
	return within(network.Masked()), nil
}
