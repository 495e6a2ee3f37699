package esm

import (
	"fmt"
	"regexp"
)

// Problem is one thing that is wrong with a Mapping or a Function.
type Problem struct {
	// Path is the member in question, such as ScalingConfig.MaximumConcurrency. Empty means the whole.
	Path string

	// Message says what is wrong and what would be right. It quotes numbers, never texts: they may hold secrets.
	Message string
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
	*p = append(*p, Problem{path, fmt.Sprintf(format, args...)})
}

// within adds a problem when value is outside of low to high, and says whether it was inside.
func (p *problems) within(path string, value, low, high int) bool {
	message := OutOfRange(value, low, high)
	if message != "" {
		p.add(path, "%s", message)
	}
	return message == ""
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
