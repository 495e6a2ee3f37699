package policy

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// ruleItem is one item of a field as the test generates it: from-to/step.
type ruleItem struct{ from, to, step int }

// drawField returns the text of a field of one to three items, and a reference for it that only compares numbers.
func drawField(t *rapid.T, name string, low, high int) (text string, has func(int) bool) {
	if rapid.IntRange(0, 2).Draw(t, name+" any") == 0 {
		return "*", func(int) bool { return true }
	}
	var items []ruleItem
	var texts []string
	for range rapid.IntRange(1, 3).Draw(t, name+" items") {
		i := ruleItem{rapid.IntRange(low, high).Draw(t, name+" from"), rapid.IntRange(low, high).Draw(t, name+" to"), rapid.IntRange(1, 9).Draw(t, name+" step")}
		switch rapid.IntRange(0, 3).Draw(t, name+" form") {
		case 0:
			i.to, i.step = i.from, 1
			texts = append(texts, fmt.Sprint(i.from))
		case 1:
			i.to = high
			texts = append(texts, fmt.Sprintf("%d/%d", i.from, i.step))
		case 2:
			i.step = 1
			texts = append(texts, fmt.Sprintf("%d-%d", i.from, i.to))
		default:
			texts = append(texts, fmt.Sprintf("%d-%d/%d", i.from, i.to, i.step))
		}
		items = append(items, i)
	}
	return strings.Join(texts, ","), func(n int) bool {
		for _, i := range items {
			for at, steps := i.from, 0; ; at, steps = at+1, steps+1 {
				if at > high {
					at = low
				}
				if at == n && steps%i.step == 0 {
					return true
				}
				if at == i.to {
					break
				}
			}
		}
		return false
	}
}

// drawDays returns the texts of day-of-month and day-of-week, and a reference that walks through the month.
func drawDays(t *rapid.T) (ofMonth, ofWeek string, has func(time.Time) bool) {
	day, weekday, week := rapid.IntRange(1, 31).Draw(t, "day"), rapid.IntRange(1, 7).Draw(t, "weekday"), rapid.IntRange(1, 5).Draw(t, "week")
	// month returns the days of t's month that pass.
	month := func(t time.Time, pass func(time.Time) bool) (days []int) {
		for d := time.Date(t.Year(), t.Month(), 1, 0, 0, 0, 0, time.UTC); d.Month() == t.Month(); d = d.AddDate(0, 0, 1) {
			if pass(d) {
				days = append(days, d.Day())
			}
		}
		return days
	}
	everyDay := func(time.Time) bool { return true }
	sameWeekday := func(d time.Time) bool { return int(d.Weekday())+1 == weekday }
	switch rapid.IntRange(0, 6).Draw(t, "days") {
	case 0:
		return "L", "?", func(t time.Time) bool { all := month(t, everyDay); return t.Day() == all[len(all)-1] }
	case 1:
		return fmt.Sprintf("%dW", day), "?", func(t time.Time) bool {
			if day > len(month(t, everyDay)) {
				return false
			}
			best := 0 // the working day with the smallest distance; no day is as near on both sides
			for _, d := range month(t, func(d time.Time) bool { return d.Weekday() != time.Saturday && d.Weekday() != time.Sunday }) {
				if best == 0 || abs(d-day) < abs(best-day) {
					best = d
				}
			}
			return t.Day() == best
		}
	case 2:
		return "?", fmt.Sprintf("%dL", weekday), func(t time.Time) bool { all := month(t, sameWeekday); return t.Day() == all[len(all)-1] }
	case 3:
		return "?", fmt.Sprintf("%d#%d", weekday, week), func(t time.Time) bool {
			all := month(t, sameWeekday)
			return len(all) >= week && t.Day() == all[week-1]
		}
	case 4:
		return "?", weekdays[weekday-1], sameWeekday
	case 5:
		text, in := drawField(t, "day-of-month", 1, 31)
		return text, "?", func(t time.Time) bool { return in(t.Day()) }
	}
	return "?", "*", everyDay
}

func abs(n int) int { return max(n, -n) }

// Next agrees with a scan of every minute.
func TestCronAgainstMinuteScan(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		minute, hasMinute := drawField(t, "minute", 0, 59)
		hour, hasHour := drawField(t, "hour", 0, 23)
		month, hasMonth := drawField(t, "month", 1, 12)
		year, hasYear := drawField(t, "year", 2025, 2028)
		if year == "*" {
			hasYear = func(int) bool { return true }
		} else if strings.Contains(year, "/") || strings.Contains(year, "-") {
			year, hasYear = "2026", func(y int) bool { return y == 2026 } // open ends and turns reach beyond the reference
		}
		ofMonth, ofWeek, hasDay := drawDays(t)
		expression := fmt.Sprintf("cron(%s %s %s %s %s %s)", minute, hour, ofMonth, month, ofWeek, year)
		s, err := ParseSchedule(expression)
		if err != nil {
			t.Fatalf("%s: %v", expression, err)
		}
		after := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC).Add(time.Duration(rapid.Int64Range(0, int64(400*24*time.Hour)).Draw(t, "after")))
		end := after.Add(40 * 24 * time.Hour)
		want := time.Time{}
		for m := after.Truncate(time.Minute).Add(time.Minute); m.Before(end); m = m.Add(time.Minute) {
			if hasMinute(m.Minute()) && hasHour(m.Hour()) && hasMonth(int(m.Month())) && hasYear(m.Year()) && hasDay(m) {
				want = m
				break
			}
			if !hasMonth(int(m.Month())) || !hasYear(m.Year()) || !hasDay(m) {
				m = m.Truncate(24 * time.Hour).Add(24*time.Hour - time.Minute) // no minute of this day
			}
		}
		got := s.Next(time.Time{}, after)
		if !want.IsZero() && !got.Equal(want) || want.IsZero() && !got.IsZero() && got.Before(end) {
			t.Fatalf("%s after %v: got %v, want %v", expression, after, got, want)
		}
	})
}

// A rate is due at every multiple of its period after its start, and at no other time.
func TestRateKeepsPhase(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		value := rapid.Int64Range(2, 100).Draw(t, "value")
		unit := rapid.SampledFrom([]string{"minute", "hour", "day"}).Draw(t, "unit")
		s, err := ParseSchedule(fmt.Sprintf("rate(%d %ss)", value, unit))
		if err != nil {
			t.Fatal(err)
		}
		start := time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)
		after := start.Add(time.Duration(rapid.Int64Range(-int64(time.Hour), int64(5000*24*time.Hour)).Draw(t, "after")))
		period, next := time.Duration(value)*units[unit], s.Next(start, after)
		if !next.After(after) || !next.After(start) || next.Sub(start)%period != 0 || after.After(start) && next.Sub(after) > period {
			t.Fatalf("start %v, after %v, period %v: got %v", start, after, period, next)
		}
	})
}
