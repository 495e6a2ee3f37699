package configfile

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/esm-run/esm/config"
)

// A shape is one kind of value in the file: a decoder and the matching JSON Schema. If the value is invalid, read reports why
// and returns false.
type shape[T any] struct {
	read   func(d *decoder, n *node, at string) (value T, ok bool)
	schema schema
}

// textOf returns the shape of a text that satisfies all rules. ${NAME} is expanded before they are checked.
func textOf(rules ...rule) shape[string] {
	s := schema{"type": "string"}
	for _, r := range rules {
		for k, v := range r.schema {
			s[k] = v
		}
	}
	return shape[string]{func(d *decoder, n *node, at string) (string, bool) {
		if n.kind != text {
			d.notText(n, at)
			return "", false
		}
		value, err := expand(n.text, d.lookup)
		if err != nil {
			d.errorf(at, "%v", err)
			return "", false
		}
		d.expanded[at] = value != n.text
		for _, r := range rules {
			if wrong := r.wrong(value); wrong != "" {
				d.errorf(at, "%s %s", quote(n.text), wrong)
				return "", false
			}
		}
		return value, true
	}, s}
}

func (d *decoder) notText(n *node, at string) {
	switch n.kind {
	case boolean, integer, number:
		d.errorf(at, "%s is %s and should be text: write it in quotes, %q", n.text, n.kind, n.text)
	default:
		d.wrongKind(n, at, "text")
	}
}

// integerOf returns the shape of a whole number from low to high.
func integerOf(low, high int) shape[int] {
	want := fmt.Sprintf("a whole number from %d to %d", low, high)
	return shape[int]{func(d *decoder, n *node, at string) (int, bool) {
		if n.kind != integer {
			d.wrongKind(n, at, want)
			return 0, false
		}
		value, err := wholeNumber(n.text)
		if err != nil {
			d.errorf(at, "%s should be %s", n.text, want)
			return 0, false
		}
		if wrong := config.OutOfRange(value, low, high); wrong != "" {
			d.errorf(at, "%s", wrong)
			return 0, false
		}
		return value, true
	}, schema{"type": "integer", "minimum": low, "maximum": high}}
}

// wholeNumber parses decimal digits, with leading zeros ignored, and the prefixes 0o and 0x.
func wholeNumber(s string) (int, error) {
	if strings.HasPrefix(s, "0o") || strings.HasPrefix(s, "0x") {
		value, err := strconv.ParseInt(s, 0, 64)
		return int(value), err
	}
	return strconv.Atoi(s)
}

// numberOf returns the shape of a number above zero and at most high.
func numberOf(high float64) shape[float64] {
	want := fmt.Sprintf("a number above 0 and at most %v", high)
	return shape[float64]{func(d *decoder, n *node, at string) (float64, bool) {
		if n.kind != integer && n.kind != number {
			d.wrongKind(n, at, want)
			return 0, false
		}
		value, err := strconv.ParseFloat(n.text, 64)
		if err != nil || math.IsNaN(value) || value <= 0 || value > high {
			d.errorf(at, "%s should be %s", n.text, want)
			return 0, false
		}
		return value, true
	}, schema{"type": "number", "exclusiveMinimum": 0, "maximum": high}}
}

// trueOrFalse is a boolean.
var trueOrFalse = shape[bool]{func(d *decoder, n *node, at string) (bool, bool) {
	if n.kind != boolean {
		d.wrongKind(n, at, "true or false")
		return false, false
	}
	return strings.EqualFold(n.text, "true"), true
}, schema{"type": "boolean"}}

// duration is text such as 30s or 1m30s, not negative.
var duration = shape[time.Duration]{func(d *decoder, n *node, at string) (time.Duration, bool) {
	if n.kind == integer || n.kind == number {
		d.errorf(at, "%s has no unit: write %ss for seconds, %sm for minutes", n.text, n.text, n.text)
		return 0, false
	}
	s, ok := durationText.read(d, n, at)
	if !ok {
		return 0, false
	}
	value, err := time.ParseDuration(s)
	if err != nil {
		d.errorf(at, "%s is too long: at most about 292 years", quote(n.text))
	}
	return value, err == nil
}, durationText.schema}

// positiveDuration is a duration above zero.
var positiveDuration = shape[time.Duration]{func(d *decoder, n *node, at string) (time.Duration, bool) {
	value, ok := duration.read(d, n, at)
	if ok && value == 0 {
		d.errorf(at, "%s should be longer than 0s", quote(n.text))
	}
	return value, ok && value > 0
}, duration.schema}

var durationText = textOf(matching(`([0-9]+(\.[0-9]+)?(ns|us|ms|s|m|h))+`, "is not a time such as 30s or 1m30s"))

// listOf returns the shape of a list of at least low and, unless high is 0, at most high items.
func listOf[T any](low, high int, item shape[T]) shape[[]T] {
	s := schema{"type": "array", "items": item.schema}
	if low > 0 {
		s["minItems"] = low
	}
	if high > 0 {
		s["maxItems"] = high
	}
	return shape[[]T]{func(d *decoder, n *node, at string) ([]T, bool) {
		if n.kind != list {
			d.notList(n, at)
			return nil, false
		}
		if len(n.items) < low || high > 0 && len(n.items) > high {
			d.errorf(at, "%s", wrongLength(len(n.items), low, high))
			return nil, false
		}
		values, all := make([]T, len(n.items)), true
		for i, one := range n.items {
			path, ok := fmt.Sprintf("%s[%d]", at, i), false
			if d.take(path, one.place) {
				values[i], ok = item.read(d, one, path)
			}
			all = all && ok
		}
		return values, all
	}, s}
}

func (d *decoder) notList(n *node, at string) {
	switch n.kind {
	case null, list, object:
		d.wrongKind(n, at, "a list")
	default:
		d.errorf(at, "%s and should be a list: [%s]", what(n), strings.Trim(quote(n.text), `"`))
	}
}

func wrongLength(n, low, high int) string {
	if n < low {
		return fmt.Sprintf("has %s, below %d", count(n, "item"), low)
	}
	return fmt.Sprintf("has %s, above %d", count(n, "item"), high)
}

// pointerTo returns s decoded into a pointer, which stays nil if the key is absent.
func pointerTo[T any](s shape[T]) shape[*T] {
	return shape[*T]{func(d *decoder, n *node, at string) (*T, bool) {
		value, ok := s.read(d, n, at)
		return &value, ok
	}, s.schema}
}
