package dynamodb

// A keyCondition is a parsed KeyConditionExpression: the value of the hash key, and perhaps a condition of the range key
// (AWS: "Key condition expressions for the Query operation").
type keyCondition map[string]keyTest // by attribute

type keyTest struct {
	equal  bool    // the condition is equality
	values []value // that the key is compared with
	holds  condition
}

func (c keyCondition) holds(i item) bool {
	for _, test := range c {
		if !test.holds(i) {
			return false
		}
	}
	return true
}

// keyCondition parses a KeyConditionExpression.
func (a *aliases) keyCondition(text string) (keyCondition, error) {
	p := a.parser("KeyConditionExpression", text)
	c := keyCondition{}
	p.keyTest(c)
	for p.more() {
		p.want("AND")
		p.keyTest(c)
	}
	return c, p.err
}

// keyTest parses the condition of one key.
func (p *parser) keyTest(c keyCondition) {
	if p.take("(") {
		p.keyTest(c)
		p.want(")")
		return
	}
	path, test := p.keyComparison()
	if _, twice := c[path]; twice && p.err == nil {
		p.fail("KeyConditionExpressions must only contain one condition per key")
	}
	c[path] = test
}

func (p *parser) keyComparison() (path string, test keyTest) {
	literal := func() term {
		v := p.literal()
		test.values = append(test.values, v)
		return term{of: func(item) (value, bool) { return v, true }}
	}
	if p.calls() && p.tokens[p.at] == "begins_with" {
		p.at += 2
		path = p.path()
		p.want(",")
		literal()
		p.want(")")
		test.holds = func(i item) bool { return i[path].beginsWith(test.values[0]) }
		return path, test
	}
	path = p.path()
	key := term{of: func(i item) (value, bool) { v, there := i[path]; return v, there }}
	if p.take("BETWEEN") {
		from := literal()
		p.want("AND")
		test.holds = conjunction(compare(">=", key, from), compare("<=", key, literal()))
		return path, test
	}
	operator := p.operator()
	if operator == "<>" {
		p.fail("Unsupported operator on KeyCondition: operator: <>")
	}
	test.equal, test.holds = operator == "=", compare(operator, key, literal())
	return path, test
}

// check checks that the conditions are those of keys.
func (c keyCondition) check(s schema) error {
	hash := s.keys[0].AttributeName
	if _, there := c[hash]; !there {
		return invalid("Query condition missed key schema element: %s", hash)
	}
	for name, test := range c {
		if !s.isKey(name) || name == hash && !test.equal {
			return invalid("Query key condition not supported")
		}
		for _, v := range test.values {
			if v.kind != s.kindOf(name) {
				return invalidValue("Condition parameter type does not match schema type")
			}
		}
	}
	return nil
}
