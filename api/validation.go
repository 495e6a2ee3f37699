package api

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/esm-run/esm/config"
)

// violations are the constraints of Lambda's API model that a request breaks. Lambda reports all of them together.
type violations []string

func (v *violations) add(value, member, must string) {
	*v = append(*v, config.Violation(value, member, must))
}

// matches adds a violation if text is empty, longer than longest characters, or does not match form.
func (v *violations) matches(text, member string, longest int, form *regexp.Regexp, pattern string) {
	if n := utf8.RuneCountInString(text); n > longest {
		v.add(text, member, fmt.Sprintf("have length less than or equal to %d", longest))
	} else if n == 0 {
		v.add(text, member, "have length greater than or equal to 1")
	}
	if !form.MatchString(text) {
		v.add(text, member, "satisfy regular expression pattern: "+pattern)
	}
}

// oneOf adds a violation if text is none of values.
func (v *violations) oneOf(text, member string, values ...string) {
	if !slices.Contains(values, text) {
		v.add(text, member, "satisfy enum value set: ["+strings.Join(values, ", ")+"]")
	}
}

// functionName adds the violations of a function's name or ARN. Lambda's model accepts names that no function can have.
func (v *violations) functionName(text string) {
	v.matches(text, "functionName", 256, functionNameForm, functionNamePattern)
}

func (v *violations) qualifier(text string) {
	v.matches(text, "qualifier", 128, qualifierForm, qualifierPattern)
}

// alias adds the violations of a qualifier that must be the name of an alias.
func (v *violations) alias(text string) {
	if !isAlias(text) {
		v.add(text, "qualifier", "satisfy regular expression pattern: "+aliasPattern)
	}
}

// isAlias reports whether a qualifier can be the name of an alias: it is neither a number nor $LATEST.
func isAlias(qualifier string) bool {
	return aliasForm.MatchString(qualifier) && !numberForm.MatchString(qualifier)
}

// between adds a violation if n is not between low and high. It may be nil.
func (v *violations) between(n *int, member string, low, high int) {
	switch {
	case n == nil:
	case *n < low:
		v.add(strconv.Itoa(*n), member, fmt.Sprintf("have value greater than or equal to %d", low))
	case *n > high:
		v.add(strconv.Itoa(*n), member, fmt.Sprintf("have value less than or equal to %d", high))
	}
}

// null adds the violation of a required member that the request lacks.
func (v *violations) null(member string) {
	*v = append(*v, "Value null at '"+member+"' failed to satisfy constraint: Member must not be null")
}

// err returns the violations as an exception, and nil if there are none.
func (v violations) err() error {
	switch len(v) {
	case 0:
		return nil
	case 1:
		return throw("ValidationException", "1 validation error detected: %s", v[0])
	}
	return throw("ValidationException", "%d validation errors detected: %s", len(v), strings.Join(v, "; "))
}

// Patterns of Lambda's API model.
const (
	functionNamePattern = `(arn:(aws[a-zA-Z-]*)?:lambda:)?((eusc-)?[a-z]{2}((-gov)|(-iso([a-z]?)))?-[a-z]+-\d{1}:)?(\d{12}:)?` +
		`(function:)?([a-zA-Z0-9-_\.]+)(:(\$LATEST(\.PUBLISHED)?|[a-zA-Z0-9-_]+))?`
	aliasPattern     = `((?!^\d+$)^[0-9a-zA-Z-_]+$)`
	qualifierPattern = `\$(LATEST(\.PUBLISHED)?)|[a-zA-Z0-9-_$]+`
	arnPattern       = `arn:(aws[a-zA-Z0-9-]*):([a-zA-Z0-9\-])+:([a-z]{2}(-gov)?-[a-z]+-\d{1})?:(\d{12})?:(.*)`
)

var (
	functionNameForm = regexp.MustCompile(`^(?:` + functionNamePattern + `)$`)
	aliasForm        = regexp.MustCompile(`^[0-9a-zA-Z_-]{1,128}$`)
	numberForm       = regexp.MustCompile(`^[0-9]+$`)
	qualifierForm    = regexp.MustCompile(`^(?:` + qualifierPattern + `)$`)
)
