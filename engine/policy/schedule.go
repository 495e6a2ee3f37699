package policy

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// Schedule is a parsed schedule expression of a rule, in UTC (AWS: "Creating a rule that runs on a schedule in Amazon
// EventBridge"). The zero Schedule is never due.
type Schedule struct {
	rate time.Duration // 0 for cron
	cron cron
}

// ParseSchedule parses rate(value unit) and cron(minutes hours day-of-month month day-of-week year). The error names the
// field and the remedy.
func ParseSchedule(expression string) (Schedule, error) {
	inside, isRate := call(expression, "rate")
	if isRate {
		rate, err := parseRate(inside)
		return Schedule{rate: rate}, err
	}
	if inside, isCron := call(expression, "cron"); isCron {
		c, err := parseCron(strings.Fields(inside))
		return Schedule{cron: c}, err
	}
	return Schedule{}, errors.New("is neither rate(value unit), such as rate(5 minutes), " +
		"nor cron(minutes hours day-of-month month day-of-week year), such as cron(0 8 ? * MON-FRI *)")
}

// call returns what is between the parentheses of name(…).
func call(expression, name string) (inside string, ok bool) {
	inside, ok = strings.CutPrefix(expression, name+"(")
	if !ok {
		return "", false
	}
	return strings.CutSuffix(inside, ")")
}

// Next returns the first time after a time at which the schedule is due. It is zero if there is none.
//
// A rate is due at multiples of its period after start, when the rule was first seen, and not at start itself. A cron
// expression does not depend on start.
func (s Schedule) Next(start, after time.Time) time.Time {
	switch {
	case s.rate == 0:
		return s.cron.next(after)
	case after.Before(start):
		return start.Add(s.rate)
	}
	return start.Add((after.Sub(start)/s.rate + 1) * s.rate)
}

// Periodic reports whether the schedule is a rate, whose times depend on when the rule was first seen.
func (s Schedule) Periodic() bool { return s.rate > 0 }

var units = map[string]time.Duration{"minute": time.Minute, "hour": time.Hour, "day": 24 * time.Hour}

// parseRate parses "5 minutes". A value of 1 takes a singular unit and any other a plural one (AWS: "Rate expressions
// reference").
func parseRate(text string) (time.Duration, error) {
	words := strings.Fields(text)
	if len(words) != 2 {
		return 0, errors.New("rate takes a value and a unit: rate(1 minute), rate(5 minutes)")
	}
	value, err := strconv.ParseInt(words[0], 10, 64)
	if err != nil || value < 1 || !digits(words[0]) {
		return 0, fmt.Errorf("rate: %q is not a whole number above 0", words[0])
	}
	singular, plural := strings.CutSuffix(words[1], "s")
	unit, known := units[singular]
	switch {
	case !known:
		return 0, fmt.Errorf("rate: %q is not a unit: minute, minutes, hour, hours, day or days", words[1])
	case plural && value == 1:
		return 0, fmt.Errorf("rate: a value of 1 takes the unit %s", singular)
	case !plural && value > 1:
		return 0, fmt.Errorf("rate: a value above 1 takes the unit %ss", singular)
	case value > int64(math.MaxInt64/unit):
		return 0, errors.New("rate: the period is longer than 292 years")
	}
	return time.Duration(value) * unit, nil
}

func digits(text string) bool {
	return text != "" && strings.Trim(text, "0123456789") == ""
}
