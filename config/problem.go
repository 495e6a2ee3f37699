package config

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Problem is one thing that is wrong with a Mapping or a Function.
type Problem struct {
	// Path is the member in question, such as ScalingConfig.MaximumConcurrency. Empty means the whole.
	Path string

	// Message says what is wrong and what would be right. It quotes numbers, never texts: they may hold secrets.
	Message string

	// Constraint is what Lambda's API says when its model is broken, before its service looks at the request: "Value '0' at
	// 'batchSize' failed to satisfy constraint: …". It quotes texts, and is for nobody but who has sent them. Empty is a
	// problem that the service finds, whose Message is Lambda's own where that is known.
	Constraint string
}

// Member is the path of what stands under key in the object at path. Keys that are not plain words are quoted.
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

// breaks adds a problem that is also a broken constraint on value.
func (p *problems) breaks(path string, value any, constraint, message string) {
	*p = append(*p, Problem{path, message, broken(path, value, constraint)})
}

func broken(path string, value any, constraint string) string {
	return fmt.Sprintf("Value '%v' at '%s' failed to satisfy constraint: %s", value, modelPath(path), constraint)
}

// modelPath is a path as Lambda's API names it: Filters[0].Pattern is filters.1.member.pattern.
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

// within adds a problem when value is outside of low to high, and says whether it was inside.
func (p *problems) within(path string, value, low, high int) bool {
	message := OutOfRange(value, low, high)
	switch {
	case value < low:
		p.breaks(path, value, fmt.Sprintf("Member must have value greater than or equal to %d", low), message)
	case value > high:
		p.breaks(path, value, fmt.Sprintf("Member must have value less than or equal to %d", high), message)
	}
	return message == ""
}

// notLonger adds a problem when text has more than most characters.
func (p *problems) notLonger(path, text string, most int) {
	if n := utf8.RuneCountInString(text); n > most {
		p.breaks(path, text, fmt.Sprintf("Member must have length less than or equal to %d", most), fmt.Sprintf("is %d characters long, above %d", n, most))
	}
}

// OutOfRange says what is wrong with value when it is not from low to high, and nothing otherwise.
func OutOfRange(value, low, high int) string {
	switch {
	case value < low:
		return fmt.Sprintf("%d is below %d", value, low)
	case value > high:
		return fmt.Sprintf("%d is above %d", value, high)
	}
	return ""
}
