package filter

import "math"

// numeric compiles a comparison: an operator and a number, or a lower bound and an upper.
func (c *compiler) numeric(at position, s syntax) (rule, error) {
	if s.form != anArray || len(s.items) != 2 && len(s.items) != 4 {
		return nil, c.bad(at, `must be an array such as ["=", 5], ["<", 5] or [">", 0, "<=", 5]`)
	}
	r := between{low: math.Inf(-1), high: math.Inf(1)}
	for i := 0; i < len(s.items); i += 2 {
		bound := s.items[i+1]
		n, err := c.operand(at.item(i+1), bound)
		if err != nil {
			return nil, err
		}
		wantUpper := i == 2
		switch operator := s.items[i].text; {
		case operator == "=" && len(s.items) == 2:
			return newEqualNumber(bound.text), nil
		case (operator == ">" || operator == ">=") && !wantUpper:
			r.low, r.above = n, operator == ">"
		case (operator == "<" || operator == "<=") && (wantUpper || len(s.items) == 2):
			r.high, r.below = n, operator == "<"
		case len(s.items) == 4:
			return nil, c.bad(at.item(i), `a range is a lower bound and then an upper: [">", 0, "<=", 5]`)
		default:
			return nil, c.bad(at.item(i), `must be one of "=", "<", "<=", ">" and ">="`)
		}
	}
	if r.low >= r.high {
		return nil, c.bad(at, `the lower bound must be less than the upper; for a single number write ["=", 5]`)
	}
	return r, nil
}

// operand takes a number to compare by value, which is possible only for doubles.
func (c *compiler) operand(at position, s syntax) (float64, error) {
	if s.form != aNumber {
		return 0, c.bad(at, "must be a number, but is %v", s.form)
	}
	n := parseNumber([]byte(s.text))
	if !n.exact {
		return 0, c.bad(at, "%s is not a number that a double holds: use at most 15 digits", s.text)
	}
	return n.float, nil
}
