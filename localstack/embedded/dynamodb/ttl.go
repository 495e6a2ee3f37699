package dynamodb

import (
	"cmp"
	"slices"
	"strconv"
	"time"
)

// maxExpired is the longest time for which an item may have expired and still be deleted (AWS: "Using time to live (TTL) in
// DynamoDB").
const maxExpired = 5 * 365 * 24 * time.Hour

type timeToLive struct {
	AttributeName string
	Enabled       bool
}

type timeToLiveInput struct {
	tableInput
	TimeToLiveSpecification timeToLive
}

type timeToLiveOutput struct{ TimeToLiveSpecification timeToLive }

func (s *Server) updateTimeToLive(_ time.Time, t *table, in timeToLiveInput) (out timeToLiveOutput, err error) {
	want := in.TimeToLiveSpecification
	switch {
	case want.AttributeName == "":
		return out, constraint("", "timeToLiveSpecification.attributeName", "have length greater than or equal to 1")
	case want.Enabled && t.ttlAttribute != "":
		return out, invalid("TimeToLive is already enabled")
	case !want.Enabled && t.ttlAttribute == "":
		return out, invalid("TimeToLive is already disabled")
	case !want.Enabled && t.ttlAttribute != want.AttributeName:
		return out, invalid("TimeToLive is active on a different AttributeName: current AttributeName is %s", t.ttlAttribute)
	}
	t.ttlAttribute, t.nextExpiry = "", time.Time{}
	if want.Enabled {
		t.ttlAttribute = want.AttributeName
		for _, i := range t.items {
			t.noteExpiry(i)
		}
	}
	return timeToLiveOutput{want}, nil
}

type timeToLiveDescription struct {
	TimeToLiveStatus string
	AttributeName    string `json:",omitempty"`
}

type describeTimeToLiveOutput struct{ TimeToLiveDescription timeToLiveDescription }

func (s *Server) describeTimeToLive(_ time.Time, t *table, _ tableInput) (describeTimeToLiveOutput, error) {
	d := timeToLiveDescription{"DISABLED", ""}
	if t.ttlAttribute != "" {
		d = timeToLiveDescription{"ENABLED", t.ttlAttribute}
	}
	return describeTimeToLiveOutput{d}, nil
}

// expiry returns the time at which an item expires, or the zero time.
func (t *table) expiry(i item) time.Time {
	v := i[t.ttlAttribute]
	seconds, err := strconv.ParseInt(v.text, 10, 64)
	if v.kind != "N" || err != nil || seconds < 0 || seconds > 1<<40 {
		return time.Time{}
	}
	return time.Unix(seconds+1, 0)
}

// noteExpiry moves nextExpiry forward if an item expires earlier.
func (t *table) noteExpiry(i item) {
	at := t.expiry(i)
	if t.ttlAttribute != "" && !at.IsZero() && (t.nextExpiry.IsZero() || at.Before(t.nextExpiry)) {
		t.nextExpiry = at
	}
}

// expire deletes the items of all tables that have expired, in the order in which they did.
func (s *Server) expire(now time.Time) {
	for _, t := range s.tables {
		if t.nextExpiry.IsZero() || now.Before(t.nextExpiry) {
			continue
		}
		for _, c := range t.expired(now) {
			s.apply(t, c, now)
		}
		t.nextExpiry = time.Time{}
		for _, i := range t.items { // some have expired for too long to be deleted
			if t.expiry(i).After(now) {
				t.noteExpiry(i)
			}
		}
	}
}

func (t *table) expired(now time.Time) []change {
	var gone []change
	for path, i := range t.items {
		if at := t.expiry(i); !at.IsZero() && !now.Before(at) && now.Sub(at) < maxExpired {
			gone = append(gone, change{path: path, old: i, expired: true})
		}
	}
	slices.SortFunc(gone, func(a, b change) int {
		return cmp.Or(t.expiry(a.old).Compare(t.expiry(b.old)), t.schema.compare(a.old, b.old))
	})
	return gone
}
