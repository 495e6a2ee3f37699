package config

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Problem is one thing that is wrong with a [Mapping] or a [Function].
type Problem struct {
	// Path names the member, such as ScalingConfig.MaximumConcurrency. It is empty if the problem is with the whole.
	Path string

	// Message describes the fault and the remedy. It quotes numbers but no texts, which may hold secrets.
	Message string

	// Constraint is the message of Lambda's API if the problem breaks a constraint of its model, which Lambda checks first:
	// see [Violation]. It quotes texts and is for their sender only. It is empty for a problem that Lambda's service finds;
	// the Message of such a problem is Lambda's own where that is known.
	Constraint string
}

// Member returns the path of the member key of the object at path. Keys that are not plain words are quoted.
func Member(path, key string) string {
	switch {
	case !plainKey.MatchString(key):
		return fmt.Sprintf("%s[%q]", path, key)
	case path == "":
		return key
	}
	return path + "." + key
}

var plainKey = regexp.MustCompile(`^[A-Za-z0-9_-]+$`)

type problems []Problem

func (p *problems) add(path, format string, args ...any) {
	*p = append(*p, Problem{Path: path, Message: fmt.Sprintf(format, args...)})
}

// violate adds a problem with a value that breaks a constraint of Lambda's model.
func (p *problems) violate(path string, value any, must, message string) {
	*p = append(*p, Problem{path, message, Violation(value, modelPath(path), must)})
}

// Violation returns Lambda's message about a value that breaks a constraint of its API model: "Value '0' at 'batchSize'
// failed to satisfy constraint: Member must have value greater than or equal to 1". Member is a path of the model.
func Violation(value any, member, must string) string {
	return fmt.Sprintf("Value '%v' at '%s' failed to satisfy constraint: Member must %s", value, member, must)
}

// modelPath returns the path of Lambda's model for a path: filters.1.member.pattern for Filters[0].Pattern.
func modelPath(path string) string {
	path = element.ReplaceAllStringFunc(path, func(index string) string {
		n, _ := strconv.Atoi(strings.Trim(index, "[]"))
		return fmt.Sprintf(".%d.member", n+1)
	})
	members := strings.Split(path, ".")
	for i, m := range members {
		members[i] = strings.ToLower(m[:1]) + m[1:]
	}
	return strings.Join(members, ".")
}

var element = regexp.MustCompile(`\[[0-9]+\]`)

// within adds a problem if value is not between low and high, and reports whether it is.
func (p *problems) within(path string, value, low, high int) bool {
	message := OutOfRange(value, low, high)
	switch {
	case value < low:
		p.violate(path, value, fmt.Sprintf("have value greater than or equal to %d", low), message)
	case value > high:
		p.violate(path, value, fmt.Sprintf("have value less than or equal to %d", high), message)
	}
	return message == ""
}

// notLonger adds a problem if text has more than limit characters.
func (p *problems) notLonger(path, text string, limit int) {
	if n := utf8.RuneCountInString(text); n > limit {
		p.violate(path, text, fmt.Sprintf("have length less than or equal to %d", limit), fmt.Sprintf("is %d characters long, above %d", n, limit))
	}
}

// OutOfRange returns what is wrong with a value that is not between low and high, and an empty string otherwise.
func OutOfRange(value, low, high int) string {
	switch {
	case value < low:
		return fmt.Sprintf("%d is below %d", value, low)
	case value > high:
		return fmt.Sprintf("%d is above %d", value, high)
	}
	return ""
}
