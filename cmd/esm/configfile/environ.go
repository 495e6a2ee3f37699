package configfile

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
)

var (
	variableName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)
	defaulted    = regexp.MustCompile(`^([A-Za-z_][A-Za-z0-9_]*):-(.*)$`)
)

// expand replaces ${NAME} and ${NAME:-default} with values of the environment; the default is used if the variable is
// unset or empty. $${ is a literal ${, and any other $ stays. No error contains a variable's value.
func expand(s string, lookup func(string) (string, bool)) (string, error) {
	var out strings.Builder
	for {
		before, rest, found := strings.Cut(s, "${")
		if !found {
			out.WriteString(s)
			return out.String(), nil
		}
		if literal, escaped := strings.CutSuffix(before, "$"); escaped {
			out.WriteString(literal + "${")
			s = rest
			continue
		}
		inside, after, closed := strings.Cut(rest, "}")
		if !closed {
			return "", errors.New("has ${ without }: write $${ for a literal ${")
		}
		value, err := valueOf(inside, lookup)
		if err != nil {
			return "", err
		}
		out.WriteString(before + value)
		s = after
	}
}

// valueOf returns the value of ${inside}.
func valueOf(inside string, lookup func(string) (string, bool)) (string, error) {
	if variableName.MatchString(inside) {
		value, set := lookup(inside)
		if !set {
			return "", fmt.Errorf("the environment has no variable %s: set it, or give a default with ${%s:-default}", inside, inside)
		}
		return value, nil
	}
	m := defaulted.FindStringSubmatch(inside)
	if m == nil || strings.Contains(m[2], "${") {
		return "", fmt.Errorf("${%.40s} is neither ${NAME} nor ${NAME:-default}: write $${ for a literal ${", inside)
	}
	if value, _ := lookup(m[1]); value != "" {
		return value, nil
	}
	return m[2], nil
}
