package configfile

import "regexp"

// The forms of YAML 1.2's core schema. A scalar that matches none of them is text: yes, on, 012 days, 1_000.
var (
	nullForm    = regexp.MustCompile(`^(null|Null|NULL|~|)$`)
	booleanForm = regexp.MustCompile(`^(true|True|TRUE|false|False|FALSE)$`)
	integerForm = regexp.MustCompile(`^([-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+)$`)
	numberForm  = regexp.MustCompile(`^([-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN))$`)
)

// plainKind returns the kind of a scalar written without quotes.
func plainKind(s string) kind {
	switch {
	case nullForm.MatchString(s):
		return null
	case booleanForm.MatchString(s):
		return boolean
	case integerForm.MatchString(s):
		return integer
	case numberForm.MatchString(s):
		return number
	}
	return text
}

// String describes a kind for messages.
func (k kind) String() string {
	return [...]string{"nothing", "true or false", "a whole number", "a number", "text", "a list", "an object"}[k]
}
