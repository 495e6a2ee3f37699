package policy

import (
	"strings"
	"testing"
	"time"
)

func at(t *testing.T, text string) time.Time {
	t.Helper()
	if text == "" {
		return time.Time{}
	}
	parsed, err := time.Parse("2006-01-02 15:04:05", text)
	if err != nil {
		t.Fatal(err)
	}
	return parsed
}

// Each case lists the next times after a time, in order. 2026-03-04 is a Wednesday.
func TestScheduleNext(t *testing.T) {
	for _, c := range []struct {
		expression, after string
		want              []string
	}{
		// The examples of AWS's reference.
		{"cron(0 10 * * ? *)", "2026-03-04 09:59:59", []string{"2026-03-04 10:00:00", "2026-03-05 10:00:00"}},
		{"cron(15 12 * * ? *)", "2026-03-04 12:15:00", []string{"2026-03-05 12:15:00"}},
		{"cron(0 18 ? * MON-FRI *)", "2026-03-06 18:00:00", []string{"2026-03-09 18:00:00", "2026-03-10 18:00:00"}},
		{"cron(0 8 1 * ? *)", "2026-03-04 00:00:00", []string{"2026-04-01 08:00:00", "2026-05-01 08:00:00"}},
		{"cron(0/15 * * * ? *)", "2026-03-04 10:29:00", []string{"2026-03-04 10:30:00", "2026-03-04 10:45:00", "2026-03-04 11:00:00"}},
		{"cron(0/10 * ? * MON-FRI *)", "2026-03-06 23:45:00", []string{"2026-03-06 23:50:00", "2026-03-09 00:00:00"}},
		{"cron(0/5 8-17 ? * MON-FRI *)", "2026-03-04 17:50:00", []string{"2026-03-04 17:55:00", "2026-03-05 08:00:00"}},
		{"cron(0/30 20-2 ? * MON-FRI *)", "2026-03-06 01:45:00", []string{"2026-03-06 02:00:00", "2026-03-06 02:30:00", "2026-03-06 20:00:00"}},
		{"cron(0/30 20-2 ? * MON-FRI *)", "2026-03-06 23:30:00", []string{"2026-03-09 00:00:00"}},

		// Every field and wildcard.
		{"cron(* * * * ? *)", "2026-03-04 10:29:30", []string{"2026-03-04 10:30:00", "2026-03-04 10:31:00"}},
		{"cron(1/10 * * * ? *)", "2026-03-04 10:00:00", []string{"2026-03-04 10:01:00", "2026-03-04 10:11:00", "2026-03-04 10:21:00"}},
		{"cron(*/20 * * * ? *)", "2026-03-04 10:00:00", []string{"2026-03-04 10:20:00", "2026-03-04 10:40:00", "2026-03-04 11:00:00"}},
		{"cron(10-20/5 3 * * ? *)", "2026-03-04 00:00:00", []string{"2026-03-04 03:10:00", "2026-03-04 03:15:00", "2026-03-04 03:20:00", "2026-03-05 03:10:00"}},
		{"cron(55-5/5 3 * * ? *)", "2026-03-04 03:00:00", []string{"2026-03-04 03:05:00", "2026-03-04 03:55:00", "2026-03-05 03:00:00"}},
		{"cron(5,35 0,12 * * ? *)", "2026-03-04 00:05:00", []string{"2026-03-04 00:35:00", "2026-03-04 12:05:00"}},
		{"cron(0 0 1 jan,JUL ? *)", "2026-03-04 00:00:00", []string{"2026-07-01 00:00:00", "2027-01-01 00:00:00"}},
		{"cron(0 0 1 NOV-FEB ? *)", "2026-03-04 00:00:00", []string{"2026-11-01 00:00:00", "2026-12-01 00:00:00", "2027-01-01 00:00:00", "2027-02-01 00:00:00", "2027-11-01 00:00:00"}},
		{"cron(0 0 1 2/5 ? *)", "2026-03-04 00:00:00", []string{"2026-07-01 00:00:00", "2026-12-01 00:00:00", "2027-02-01 00:00:00"}},
		{"cron(0 0 1 1 ? 2028-2030/2)", "2026-03-04 00:00:00", []string{"2028-01-01 00:00:00", "2030-01-01 00:00:00", ""}},
		{"cron(0 0 1 1 ? 2199)", "2026-03-04 00:00:00", []string{"2199-01-01 00:00:00", ""}},
		{"cron(0 0 1 1 ? 1970,2020)", "2026-03-04 00:00:00", []string{""}},
		{"cron(0 0 1 1 ? 1970)", "0001-01-01 00:00:00", []string{"1970-01-01 00:00:00", ""}},
		{"cron(0 0 ? * 1 *)", "2026-03-04 00:00:00", []string{"2026-03-08 00:00:00", "2026-03-15 00:00:00"}},
		{"cron(0 0 ? * SAT-MON *)", "2026-03-04 00:00:00", []string{"2026-03-07 00:00:00", "2026-03-08 00:00:00", "2026-03-09 00:00:00", "2026-03-14 00:00:00"}},

		// Days that months lack.
		{"cron(0 0 31 * ? *)", "2026-03-31 00:00:00", []string{"2026-05-31 00:00:00", "2026-07-31 00:00:00"}},
		{"cron(0 0 29 2 ? *)", "2026-03-04 00:00:00", []string{"2028-02-29 00:00:00", "2032-02-29 00:00:00"}},
		{"cron(0 0 29 2 ? *)", "2096-03-01 00:00:00", []string{"2104-02-29 00:00:00"}},
		{"cron(0 0 30 2 ? *)", "2026-03-04 00:00:00", []string{""}},

		// L, W and #.
		{"cron(0 0 L * ? *)", "2026-03-04 00:00:00", []string{"2026-03-31 00:00:00", "2026-04-30 00:00:00"}},
		{"cron(0 0 L 2 ? *)", "2027-03-04 00:00:00", []string{"2028-02-29 00:00:00", "2029-02-28 00:00:00"}},
		{"cron(0 0 1,L * ? *)", "2026-03-04 00:00:00", []string{"2026-03-31 00:00:00", "2026-04-01 00:00:00", "2026-04-30 00:00:00"}},
		{"cron(0 0 ? * L *)", "2026-03-04 00:00:00", []string{"2026-03-07 00:00:00", "2026-03-14 00:00:00"}},
		{"cron(15 10 ? * 6L 2026-2027)", "2026-03-04 00:00:00", []string{"2026-03-27 10:15:00", "2026-04-24 10:15:00", "2026-05-29 10:15:00"}},
		{"cron(0 0 ? * FRIL,MON *)", "2026-03-22 00:00:00", []string{"2026-03-23 00:00:00", "2026-03-27 00:00:00", "2026-03-30 00:00:00"}},
		{"cron(0 0 3W * ? *)", "2026-03-04 00:00:00", []string{"2026-04-03 00:00:00", "2026-05-04 00:00:00", "2026-06-03 00:00:00"}},
		{"cron(0 0 1W * ? *)", "2026-07-15 00:00:00", []string{"2026-08-03 00:00:00", "2026-09-01 00:00:00"}},  // August begins on a Saturday
		{"cron(0 0 31W * ? *)", "2026-05-01 00:00:00", []string{"2026-05-29 00:00:00", "2026-07-31 00:00:00"}}, // May ends on a Sunday
		{"cron(0 0 ? * 3#2 *)", "2026-03-04 00:00:00", []string{"2026-03-10 00:00:00", "2026-04-14 00:00:00"}},
		{"cron(0 0 ? * MON#5 *)", "2026-03-04 00:00:00", []string{"2026-03-30 00:00:00", "2026-06-29 00:00:00"}},
	} {
		s, err := ParseSchedule(c.expression)
		if err != nil {
			t.Errorf("%s: %v", c.expression, err)
			continue
		}
		after := at(t, c.after)
		for _, want := range c.want {
			got := s.Next(time.Time{}, after)
			if !got.Equal(at(t, want)) {
				t.Errorf("%s after %v: got %v, want %s", c.expression, after, got, want)
				break
			}
			after = got
		}
	}
}

func TestRateNext(t *testing.T) {
	start := at(t, "2026-03-04 10:00:20")
	for _, c := range []struct{ expression, after, want string }{
		{"rate(1 minute)", "2026-03-04 09:00:00", "2026-03-04 10:01:20"},
		{"rate(1 minute)", "2026-03-04 10:00:20", "2026-03-04 10:01:20"},
		{"rate(1 minute)", "2026-03-04 10:01:19", "2026-03-04 10:01:20"},
		{"rate(1 minute)", "2026-03-04 10:01:20", "2026-03-04 10:02:20"},
		{"rate( 5  minutes )", "2026-03-04 12:02:00", "2026-03-04 12:05:20"},
		{"rate(1 hour)", "2026-03-05 00:00:00", "2026-03-05 00:00:20"},
		{"rate(12 hours)", "2026-03-05 00:00:00", "2026-03-05 10:00:20"},
		{"rate(1 day)", "2026-03-29 10:00:20", "2026-03-30 10:00:20"},
		{"rate(7 days)", "2026-03-11 10:00:19", "2026-03-11 10:00:20"},
	} {
		s, err := ParseSchedule(c.expression)
		if err != nil {
			t.Errorf("%s: %v", c.expression, err)
		} else if got := s.Next(start, at(t, c.after)); !got.Equal(at(t, c.want)) || !s.Periodic() {
			t.Errorf("%s after %s: got %v, want %s", c.expression, c.after, got, c.want)
		}
	}
}

func TestZeroScheduleIsNeverDue(t *testing.T) {
	if got := (Schedule{}).Next(time.Time{}, at(t, "2026-03-04 00:00:00")); !got.IsZero() {
		t.Errorf("due at %v", got)
	}
}

func TestInvalidSchedules(t *testing.T) {
	const form = "is neither rate(value unit)"
	for expression, want := range map[string]string{
		"":                                          form,
		"5 minutes":                                 form,
		"at(2026-03-04T00:00:00)":                   form,
		"rate(5 minutes":                            form,
		"Rate(5 minutes)":                           form,
		"rate()":                                    "rate takes a value and a unit",
		"rate(5)":                                   "rate takes a value and a unit",
		"rate(0 minutes)":                           `rate: "0" is not a whole number above 0`,
		"rate(-1 minutes)":                          `rate: "-1" is not a whole number above 0`,
		"rate(+5 minutes)":                          `rate: "+5" is not a whole number above 0`,
		"rate(1.5 hours)":                           `rate: "1.5" is not a whole number above 0`,
		"rate(30 seconds)":                          `rate: "seconds" is not a unit`,
		"rate(5 Minutes)":                           `rate: "Minutes" is not a unit`,
		"rate(1 minutes)":                           "rate: a value of 1 takes the unit minute",
		"rate(5 minute)":                            "rate: a value above 1 takes the unit minutes",
		"rate(9999999999 days)":                     "rate: the period is longer than 292 years",
		"cron()":                                    "cron takes six fields (minutes hours day-of-month month day-of-week year), not 0",
		"cron(0 8 * * *)":                           "cron takes six fields (minutes hours day-of-month month day-of-week year), not 5",
		"cron(0 0 8 * * ? *)":                       "cron takes six fields (minutes hours day-of-month month day-of-week year), not 7",
		"cron(60 8 * * ? *)":                        `minutes: "60" is not from 0 to 59`,
		"cron(0 24 * * ? *)":                        `hours: "24" is not from 0 to 23`,
		"cron(0 0 0 * ? *)":                         `day-of-month: "0" is not from 1 to 31`,
		"cron(0 0 32 * ? *)":                        `day-of-month: "32" is not from 1 to 31`,
		"cron(0 0 32W * ? *)":                       `day-of-month: "32" is not from 1 to 31`,
		"cron(0 0 LW * ? *)":                        `day-of-month: "L" is not from 1 to 31`,
		"cron(0 0 * 13 ? *)":                        `month: "13" is not from 1 to 12, or JAN-DEC`,
		"cron(0 0 * JANUARY ? *)":                   `month: "JANUARY" is not from 1 to 12, or JAN-DEC`,
		"cron(0 0 ? * 0 *)":                         `day-of-week: "0" is not from 1 to 7, or SUN-SAT`,
		"cron(0 0 ? * 8L *)":                        `day-of-week: "8" is not from 1 to 7, or SUN-SAT`,
		"cron(0 0 ? * MON/2 *)":                     "day-of-week: increments (/) are not for this field",
		"cron(0 0 ? * 3#6 *)":                       `day-of-week: "6" after # is not 1 to 5`,
		"cron(0 0 ? * 3# *)":                        `day-of-week: "" after # is not 1 to 5`,
		"cron(0 0 ? * 3#1,6#3 *)":                   "day-of-week: an expression with # must be the only one",
		"cron(0 0 ? * 2,3#1 *)":                     "day-of-week: an expression with # must be the only one",
		"cron(0 0 * * ? 1969)":                      `year: "1969" is not from 1970 to 2199`,
		"cron(0 0 * * ? 2200)":                      `year: "2200" is not from 1970 to 2199`,
		"cron(0 0 * * * *)":                         "day-of-month and day-of-week are both given: write ? for one of them",
		"cron(0 0 1 * MON *)":                       "day-of-month and day-of-week are both given: write ? for one of them",
		"cron(0 0 ? * ? *)":                         "day-of-month and day-of-week are both ?",
		"cron(? 0 * * ? *)":                         `minutes: "?" is not from 0 to 59`,
		"cron(0/0 0 * * ? *)":                       `minutes: "0" after / is not a whole number above 0`,
		"cron(0/x 0 * * ? *)":                       `minutes: "x" after / is not a whole number above 0`,
		"cron(1- 0 * * ? *)":                        `minutes: "" is not from 0 to 59`,
		"cron(1,,2 0 * * ? *)":                      `minutes: "" is not from 0 to 59`,
		"cron(+1 0 * * ? *)":                        `minutes: "+1" is not from 0 to 59`,
		"cron(1-2-3 0 * * ? *)":                     `minutes: "2-3" is not from 0 to 59`,
		"cron(*-5 0 * * ? *)":                       `minutes: "*" is not from 0 to 59`,
		"cron(0 0 * * ? 2026/99999999999999999999)": `year: "99999999999999999999" after / is not a whole number above 0`,
	} {
		if s, err := ParseSchedule(expression); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%s: got %v and %v, want %q", expression, s, err, want)
		}
	}
}

func FuzzParseSchedule(f *testing.F) {
	for _, seed := range []string{"rate(5 minutes)", "cron(0/5 8-17 ? * MON-FRI *)", "cron(0 0 L,15W JAN ? 2026-2030/2)", "cron(0 0 ? * 3#2 *)"} {
		f.Add(seed)
	}
	now := time.Date(2026, 3, 4, 5, 6, 7, 8, time.UTC)
	f.Fuzz(func(t *testing.T, expression string) {
		s, err := ParseSchedule(expression)
		if err != nil {
			return
		}
		if next := s.Next(now, now); !next.IsZero() && !next.After(now) {
			t.Errorf("%q is due at %v, not after %v", expression, next, now)
		}
	})
}
