package dynamodb

import (
	"cmp"
	"slices"
	"strconv"
	"time"
)

// tooLate is how long ago an item may have expired at most to be deleted (AWS: "Using time to live (TTL) in DynamoDB").
const tooLate = 5 * 365 * 24 * time.Hour

type timeToLive struct {
	AttributeName string
	Enabled       bool
}

type timeToLiveInput struct {
	TableName               string
	TimeToLiveSpecification timeToLive
}

type timeToLiveOutput struct{ TimeToLiveSpecification timeToLive }

func (s *Server) updateTimeToLive(_ time.Time, in timeToLiveInput) (timeToLiveOutput, error) {
	t, err := s.described(in.TableName)
	want := in.TimeToLiveSpecification
	switch {
	case err != nil:
		return timeToLiveOutput{}, err
	case want.AttributeName == "":
		return timeToLiveOutput{}, constraint("", "timeToLiveSpecification.attributeName", "have length greater than or equal to 1")
	case want.Enabled && t.lives != "":
		return timeToLiveOutput{}, invalid("TimeToLive is already enabled")
	case !want.Enabled && t.lives == "":
		return timeToLiveOutput{}, invalid("TimeToLive is already disabled")
	case !want.Enabled && t.lives != want.AttributeName:
		return timeToLiveOutput{}, invalid("TimeToLive is active on a different AttributeName: current AttributeName is %s", t.lives)
	}
	t.lives, t.due = "", time.Time{}
	if want.Enabled {
		t.lives = want.AttributeName
		t.expectAll()
	}
	return timeToLiveOutput{want}, nil
}

type timeToLiveDescription struct {
	TimeToLiveStatus string
	AttributeName    string `json:",omitempty"`
}

type describeTimeToLiveOutput struct{ TimeToLiveDescription timeToLiveDescription }

func (s *Server) describeTimeToLive(_ time.Time, in tableInput) (describeTimeToLiveOutput, error) {
	t, err := s.described(in.TableName)
	if err != nil {
		return describeTimeToLiveOutput{}, err
	}
	d := timeToLiveDescription{"DISABLED", ""}
	if t.lives != "" {
		d = timeToLiveDescription{"ENABLED", t.lives}
	}
	return describeTimeToLiveOutput{d}, nil
}

// until is the time from which on an item has expired; zero if it never does.
func (t *table) until(i item) time.Time {
	v := i[t.lives]
	seconds, err := strconv.ParseInt(v.text, 10, 64)
	if v.kind != "N" || err != nil || seconds < 0 || seconds > 1<<40 {
		return time.Time{}
	}
	return time.Unix(seconds+1, 0)
}

// expects sees to it that an item expires in time.
func (t *table) expects(i item) {
	at := t.until(i)
	if t.lives != "" && !at.IsZero() && (t.due.IsZero() || at.Before(t.due)) {
		t.due = at
	}
}

func (t *table) expectAll() {
	t.due = time.Time{}
	for _, i := range t.items {
		t.expects(i)
	}
}

// expire deletes the items of all tables that have expired, the earliest first.
func (s *Server) expire(now time.Time) {
	for _, t := range s.tables {
		if t.due.IsZero() || now.Before(t.due) {
			continue
		}
		for _, c := range t.expired(now) {
			s.apply(t, c, now)
		}
		t.due = t.nextDue(now)
	}
}

func (t *table) expired(now time.Time) []change {
	var gone []change
	for path, i := range t.items {
		if at := t.until(i); !at.IsZero() && !now.Before(at) && now.Sub(at) < tooLate {
			gone = append(gone, change{path: path, old: i, expired: true})
		}
	}
	slices.SortFunc(gone, func(a, b change) int {
		return cmp.Or(t.until(a.old).Compare(t.until(b.old)), t.schema.compare(a.old, b.old))
	})
	return gone
}

// nextDue is when the next item expires, after those that have were deleted or have been for too long.
func (t *table) nextDue(now time.Time) (due time.Time) {
	for _, i := range t.items {
		if at := t.until(i); at.After(now) && (due.IsZero() || at.Before(due)) {
			due = at
		}
	}
	return due
}
