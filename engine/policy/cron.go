package policy

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// cron is a cron expression (AWS: "Cron expressions reference", for rules).
type cron struct {
	minutes, hours, months, years numbers
	days                          days
}

// The years that cron expressions may name.
const (
	firstYear = 1970
	lastYear  = 2199
)

// next returns the first minute after a time that the expression includes, or zero.
func (c cron) next(after time.Time) time.Time {
	t := after.UTC().Truncate(time.Minute).Add(time.Minute)
	for t.Year() <= lastYear {
		year, month, day := t.Date()
		switch {
		case year < firstYear:
			t = time.Date(firstYear, 1, 1, 0, 0, 0, 0, time.UTC)
		case !c.years.has(year - firstYear):
			t = time.Date(year+1, 1, 1, 0, 0, 0, 0, time.UTC)
		case !c.months.has(int(month)):
			t = time.Date(year, month+1, 1, 0, 0, 0, 0, time.UTC)
		case !c.days.has(t):
			t = time.Date(year, month, day+1, 0, 0, 0, 0, time.UTC)
		case !c.hours.has(t.Hour()):
			t = time.Date(year, month, day, t.Hour()+1, 0, 0, 0, time.UTC)
		case !c.minutes.has(t.Minute()):
			t = t.Add(time.Minute)
		default:
			return t
		}
	}
	return time.Time{}
}

// days selects the days of a month, by their number or by their weekday. A day is selected if one of the members does.
type days struct {
	ofMonth numbers // 1-31
	last    bool    // the last day of the month
	nearest numbers // the weekdays nearest to these days

	ofWeek numbers // 1-7, Sunday is 1
	lastOf numbers // the last Sunday of the month, and so on
	nth    struct{ weekday, week int }
}

func (d days) has(t time.Time) bool {
	year, month, day := t.Date()
	length := time.Date(year, month+1, 0, 0, 0, 0, 0, time.UTC).Day()
	weekday := int(t.Weekday()) + 1
	switch {
	case d.ofMonth.has(day), d.ofWeek.has(weekday):
		return true
	case d.last && day == length, d.lastOf.has(weekday) && day+7 > length:
		return true
	case d.nth.weekday == weekday && (day+6)/7 == d.nth.week:
		return true
	}
	for wanted := 1; wanted <= length; wanted++ {
		if d.nearest.has(wanted) && day == nearestWeekday(year, month, wanted, length) {
			return true
		}
	}
	return false
}

// nearestWeekday returns the day from Monday to Friday that is nearest to a day and in the same month.
func nearestWeekday(year int, month time.Month, day, length int) int {
	switch time.Date(year, month, day, 0, 0, 0, 0, time.UTC).Weekday() {
	case time.Saturday:
		if day == 1 {
			return 3
		}
		return day - 1
	case time.Sunday:
		if day == length {
			return day - 2
		}
		return day + 1
	}
	return day
}

// numbers is a set of numbers from 0 to 255. Years count from firstYear.
type numbers [4]uint64

func (n *numbers) add(number int)     { n[number/64] |= 1 << (number % 64) }
func (n numbers) has(number int) bool { return n[number/64]&(1<<(number%64)) != 0 }

// field is one of the six fields of a cron expression.
type field struct {
	name      string
	low, high int
	words     []string // names of the numbers from low on
	steps     bool     // the field may have increments
}

var (
	months   = []string{"JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"}
	weekdays = []string{"SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"}

	minuteField  = field{"minutes", 0, 59, nil, true}
	hourField    = field{"hours", 0, 23, nil, true}
	dayField     = field{"day-of-month", 1, 31, nil, true}
	monthField   = field{"month", 1, 12, months, true}
	weekdayField = field{"day-of-week", 1, 7, weekdays, false}
	yearField    = field{"year", firstYear, lastYear, nil, true}
)

func parseCron(fields []string) (c cron, err error) {
	if len(fields) != 6 {
		return c, fmt.Errorf("cron takes six fields (minutes hours day-of-month month day-of-week year), not %d: "+
			"write ? for the one of day-of-month and day-of-week that does not matter", len(fields))
	}
	for _, part := range []struct {
		field
		text string
		into *numbers
	}{{minuteField, fields[0], &c.minutes}, {hourField, fields[1], &c.hours}, {monthField, fields[3], &c.months}, {yearField, fields[5], &c.years}} {
		if err := part.list(part.text, part.into); err != nil {
			return cron{}, fmt.Errorf("%s: %w", part.name, err)
		}
	}
	ofMonth, ofWeek := fields[2], fields[4]
	switch {
	case ofMonth == "?" && ofWeek == "?":
		return cron{}, errors.New("day-of-month and day-of-week are both ?: one of them must say which days, such as *")
	case ofMonth != "?" && ofWeek != "?":
		return cron{}, errors.New("day-of-month and day-of-week are both given: write ? for one of them")
	case ofWeek == "?":
		if err := c.days.parseOfMonth(ofMonth); err != nil {
			return cron{}, fmt.Errorf("day-of-month: %w", err)
		}
	default:
		if err := c.days.parseOfWeek(ofWeek); err != nil {
			return cron{}, fmt.Errorf("day-of-week: %w", err)
		}
	}
	return c, nil
}

// parseOfMonth parses days by their numbers: L is the last day, 15W the weekday nearest to the 15th.
func (d *days) parseOfMonth(text string) error {
	for item := range strings.SplitSeq(text, ",") {
		number, nearest := strings.CutSuffix(item, "W")
		switch {
		case item == "L":
			d.last = true
		case nearest:
			day, err := dayField.number(number)
			if err != nil {
				return err
			}
			d.nearest.add(day)
		default:
			if err := dayField.item(item, &d.ofMonth); err != nil {
				return err
			}
		}
	}
	return nil
}

// parseOfWeek parses days by their weekday: L is the last day of the week, 6L the last Friday of the month, 3#2 the second
// Tuesday. An expression with # stands alone.
func (d *days) parseOfWeek(text string) error {
	if day, week, numbered := strings.Cut(text, "#"); numbered {
		return d.parseNth(day, week)
	}
	for item := range strings.SplitSeq(text, ",") {
		number, last := strings.CutSuffix(item, "L")
		switch {
		case item == "L":
			d.ofWeek.add(7)
		case last:
			day, err := weekdayField.number(number)
			if err != nil {
				return err
			}
			d.lastOf.add(day)
		default:
			if err := weekdayField.item(item, &d.ofWeek); err != nil {
				return err
			}
		}
	}
	return nil
}

func (d *days) parseNth(day, week string) (err error) {
	if strings.ContainsAny(day+week, ",#") {
		return errors.New("an expression with # must be the only one: make another rule for another")
	}
	if d.nth.weekday, err = weekdayField.number(day); err != nil {
		return err
	}
	if len(week) != 1 || week < "1" || week > "5" {
		return fmt.Errorf("%q after # is not 1 to 5", week)
	}
	d.nth.week = int(week[0] - '0')
	return nil
}

// list parses items separated by commas.
func (f field) list(text string, into *numbers) error {
	for item := range strings.SplitSeq(text, ",") {
		if err := f.item(item, into); err != nil {
			return err
		}
	}
	return nil
}

// item parses *, a number, a range, and each of them with an increment. An increment after a number reaches to the end of the
// field. A range may begin after its end: then it goes through the end of the field.
func (f field) item(text string, into *numbers) error {
	whole, by, stepped := strings.Cut(text, "/")
	step := 1
	if stepped {
		var err error
		if step, err = strconv.Atoi(by); err != nil || step < 1 || !digits(by) {
			return fmt.Errorf("%q after / is not a whole number above 0", by)
		}
		if !f.steps {
			return errors.New("increments (/) are not for this field: list the days")
		}
	}
	from, to, err := f.span(whole, stepped)
	if err != nil {
		return err
	}
	size, base := f.high-f.low+1, f.low
	if base == firstYear {
		base = 0
	}
	for i := 0; i <= (to-from+size)%size; i += step {
		into.add(base + (from-f.low+i)%size)
	}
	return nil
}

// span returns the two ends of *, a number or a range.
func (f field) span(text string, stepped bool) (from, to int, err error) {
	if text == "*" {
		return f.low, f.high, nil
	}
	first, last, isRange := strings.Cut(text, "-")
	if from, err = f.number(first); err != nil {
		return 0, 0, err
	}
	switch {
	case isRange:
		to, err = f.number(last)
	case stepped:
		to = f.high
	default:
		to = from
	}
	return from, to, err
}

// number parses a number or name of the field. Names may be in any case.
func (f field) number(text string) (int, error) {
	for i, word := range f.words {
		if strings.EqualFold(word, text) {
			return f.low + i, nil
		}
	}
	number, err := strconv.Atoi(text)
	if err != nil || !digits(text) || number < f.low || number > f.high {
		named := ""
		if f.words != nil {
			named = fmt.Sprintf(", or %s-%s", f.words[0], f.words[len(f.words)-1])
		}
		return 0, fmt.Errorf("%q is not from %d to %d%s", text, f.low, f.high, named)
	}
	return number, nil
}
