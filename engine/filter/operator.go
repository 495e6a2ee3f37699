package filter

import (
	"net/netip"
)

const operators = `"prefix", "suffix", "equals-ignore-case", "anything-but", "numeric", "exists", "wildcard", "cidr"`

// rule compiles one alternative.
func (c *compiler) rule(at position, s syntax) (rule, error) {
	switch s.form {
	case aString:
		return equalString(s.text), nil
	case aNumber:
		return newEqualNumber(s.text), nil
	case anArray:
		return nil, c.bad(at, "an array inside of an array; list the alternatives side by side")
	case anObject:
		return c.operator(at, s)
	}
	return literal(s.form), nil
}

func newEqualNumber(written string) rule {
	return equalNumber{parseNumber([]byte(written)), written}
}

// only returns the single operator of an object.
func (c *compiler) only(at position, s syntax) (position, member, error) {
	if len(s.members) != 1 {
		return at, member{}, c.bad(at, "must hold exactly one operator, but holds %d keys", len(s.members))
	}
	m := s.members[0]
	at.written += "." + m.key
	return at, m, nil
}

func (c *compiler) operator(at position, s syntax) (rule, error) {
	at, m, err := c.only(at, s)
	if err != nil {
		return nil, err
	}
	switch m.key {
	case "exists":
		return c.exists(at, m.value)
	case "prefix":
		return c.end(at, m.value, func(s string) rule { return prefix(s) }, func(s string) rule { return prefixFold(s) })
	case "suffix":
		return c.end(at, m.value, func(s string) rule { return suffix(s) }, func(s string) rule { return suffixFold(s) })
	case "equals-ignore-case":
		s, err := c.str(at, m.value)
		return equalFold(s), err
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
	return nil, c.bad(at, "%q is no operator; the operators are %s, all in lower case", m.key, operators)
}

func (c *compiler) str(at position, s syntax) (string, error) {
	if s.form != aString {
		return "", c.bad(at, "must be a string, but is %v", s.form)
	}
	return s.text, nil
}

func (c *compiler) exists(at position, s syntax) (rule, error) {
	switch s.form {
	case aTrue:
		return anything{}, nil
	case aFalse:
		return missing{}, nil
	}
	return nil, c.bad(at, "must be true or false, but is %v", s.form)
}

// end compiles a prefix or a suffix: a string, or {"equals-ignore-case": a string}.
func (c *compiler) end(at position, s syntax, exact, fold func(string) rule) (rule, error) {
	if s.form != anObject {
		s, err := c.str(at, s)
		return exact(s), err
	}
	at, m, err := c.only(at, s)
	if err != nil {
		return nil, err
	}
	if m.key != "equals-ignore-case" {
		return nil, c.bad(at, "%q cannot stand here; only \"equals-ignore-case\" can", m.key)
	}
	c.note(at, "AWS documents it for EventBridge, not for Lambda")
	folded, err := c.str(at, m.value)
	return fold(folded), err
}

func (c *compiler) anythingBut(at position, s syntax) (rule, error) {
	if s.form != anObject {
		return c.anythingButValues(at, s)
	}
	at, m, err := c.only(at, s)
	if err != nil {
		return nil, err
	}
	one := c.anythingButOperator(m.key)
	if one == nil {
		return nil, c.bad(at, `%q cannot stand here; "prefix", "suffix", "equals-ignore-case" and "wildcard" can`, m.key)
	}
	c.note(at, "AWS documents it for EventBridge, not for Lambda")
	return c.anythingButList(at, m.value, one)
}

// anythingButList compiles one value or a list of them.
func (c *compiler) anythingButList(at position, s syntax, one func(position, syntax) (rule, error)) (rule, error) {
	if s.form != anArray {
		r, err := one(at, s)
		return anythingBut{r}, err
	}
	if len(s.items) == 0 {
		return nil, c.bad(at, "an empty list excludes nothing; name at least one value")
	}
	var but []rule
	for i, item := range s.items {
		r, err := one(at.item(i), item)
		if err != nil {
			return nil, err
		}
		but = append(but, r)
	}
	return anythingBut(gather(but)), nil
}

func (c *compiler) anythingButValues(at position, s syntax) (rule, error) {
	kind := s.form
	if s.form == anArray && len(s.items) > 0 {
		kind = s.items[0].form
	}
	return c.anythingButList(at, s, func(at position, s syntax) (rule, error) {
		switch {
		case s.form != aString && s.form != aNumber:
			return nil, c.bad(at, "must be a string or a number, but is %v", s.form)
		case s.form != kind:
			return nil, c.bad(at, "strings and numbers cannot be mixed in one list")
		case s.form == aString:
			return equalString(s.text), nil
		}
		_, err := c.operand(at, s)
		return newEqualNumber(s.text), err
	})
}

func (c *compiler) anythingButOperator(name string) func(position, syntax) (rule, error) {
	end := func(compile func(string) rule) func(position, syntax) (rule, error) {
		return func(at position, s syntax) (rule, error) {
			text, err := c.str(at, s)
			if err == nil && text == "" {
				err = c.bad(at, "an empty string excludes every string; write at least one character")
			}
			return compile(text), err
		}
	}
	switch name {
	case "prefix":
		return end(func(s string) rule { return prefix(s) })
	case "suffix":
		return end(func(s string) rule { return suffix(s) })
	case "equals-ignore-case":
		return func(at position, s syntax) (rule, error) {
			text, err := c.str(at, s)
			return equalFold(text), err
		}
	case "wildcard":
		return c.wildcard
	}
	return nil
}

func (c *compiler) cidr(at position, s syntax) (rule, error) {
	const like = `such as "10.0.0.0/24" or "2001:db8::/32"`
	text, err := c.str(at, s)
	if err != nil {
		return nil, err
	}
	network, err := netip.ParsePrefix(text)
	if err != nil || network.Addr().Is4In6() {
		return nil, c.bad(at, "must be a block of addresses %s, but is %q", like, text)
	}
	if network.IsSingleIP() {
		return nil, c.bad(at, "a mask of all bits is one address; write the address in place of the cidr")
	}
	return within(network.Masked()), nil
}
