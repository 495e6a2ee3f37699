package filter

import "math"

// numeric compiles a comparison: an operator and a number, or a lower bound and an upper bound.
func (c *compiler) numeric(at position, s syntax) (rule, error) {
	if s.kind != anArray || len(s.items) != 2 && len(s.items) != 4 {
		return nil, c.errorf(at, `must be an array such as ["=", 5], ["<", 5] or [">", 0, "<=", 5]`)
	}
	r := between{low: math.Inf(-1), high: math.Inf(1)}
	for i := 0; i < len(s.items); i += 2 {
		bound := s.items[i+1]
		n, err := c.number(at.item(i+1), bound)
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
			return nil, c.errorf(at.item(i), `a range is a lower bound followed by an upper bound, such as [">", 0, "<=", 5]`)
		default:
			return nil, c.errorf(at.item(i), `must be one of "=", "<", "<=", ">" and ">="`)
		}
	}
	if r.low >= r.high {
		return nil, c.errorf(at, `the lower bound must be less than the upper bound; for a single number write ["=", 5]`)
	}
	return r, nil
}

// number returns a number to compare with. It must be one that a double holds exactly.
func (c *compiler) number(at position, s syntax) (float64, error) {
	if s.kind != aNumber {
		return 0, c.errorf(at, "must be a number, but is %v", s.kind)
	}
	n, exact := exactFloat(s.text)
	if !exact {
		return 0, c.errorf(at, "a double does not hold %s exactly; use at most 15 digits", s.text)
	}
	return n, nil
}
