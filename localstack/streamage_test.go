package localstack_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

// aged is a service on which records become too old, which takes a minute: AWS allows no age below that.
type aged struct {
	*corner
	retried, unseen       follower
	ofRetried, ofUnseen   *stream
	retriedDLQ, unseenDLQ string
}

const oneMinute = "MaximumRecordAgeInSeconds: 60"

// Records expire while they are tried again and again, and before they were ever tried. All services wait together.
func TestRecordsExpire(t *testing.T) {
	t.Parallel()
	var all []*aged
	for _, s := range kinesisServices {
		if s.runs(t) {
			all = append(all, newAged(t, s))
		}
	}
	for _, a := range all {
		eventually(t, "the record has expired", func() bool { return a.count(a.retriedDLQ) > 0 })
	}
	for _, a := range all {
		t.Run(a.where.name, func(t *testing.T) {
			a.whileRetrying(t)
			a.unseenYet(t)
		})
	}
}

// newAged starts an engine that tries a record again and again; another stream has records that nobody reads.
func newAged(t *testing.T, s streamService) *aged {
	t.Helper()
	a := &aged{corner: newCorner(t, s)}
	a.ofUnseen, a.ofRetried = a.stream("unseen", 1), a.stream("retried", 1)
	var arn string
	a.unseenDLQ, arn = a.queue("unseen", map[string]string{})
	a.unseen = a.follow("unseen", a.ofUnseen.arn, succeed, oneMinute, "BatchSize: 10", onFailure(arn))
	a.retriedDLQ, arn = a.queue("retried", map[string]string{})
	a.retried = a.follow("retried", a.ofRetried.arn, raise("1"), oneMinute, "BatchSize: 1", onFailure(arn))
	a.ofUnseen.put("1", "2")
	a.ofRetried.put("1")
	a.run(unscaled(a.retried))
	return a
}

// unscaled is a file whose pauses are as long as on AWS.
func unscaled(followers ...follower) string {
	return strings.Replace(fileOf(followers...), "TimeScale: 0.05", "TimeScale: 1", 1)
}

func (a *aged) whileRetrying(t *testing.T) {
	t.Helper()
	calls := a.retried.fn.seen()
	got := runsOf(t, calls, 0)
	if len(got) != 1 || got[0].span != "1" || got[0].times < 5 || got[0].times > 9 {
		t.Fatalf("invocations %v, want up to nine with record 1", got)
	}
	for i := 1; i < len(calls); i++ {
		last := i == len(calls)-1
		pause := 200 * time.Millisecond << (i - 1)
		if gap := calls[i].At.Sub(calls[i-1].At); gap < pause-5*time.Millisecond && !last {
			t.Errorf("try %d came after %v, want %v", i+1, gap, pause)
		}
	}
	w := told{records: "1", count: got[0].times + 1, condition: "RecordAgeExceeded", unasked: true}
	wantNotice(t, a.notices(a.retriedDLQ, 1)[0], a.ofRetried.notice(w, a.retried, got[0].id))
	a.ofRetried.put("2")
	eventually(t, "the next record is handled", func() bool { return slices.Contains(a.retried.fn.texts(), "2") })
}

// unseenYet starts an engine when the first two of four records have expired.
func (a *aged) unseenYet(t *testing.T) {
	t.Helper()
	old := a.ofUnseen.records()["2"].ApproximateArrivalTimestamp.Add(time.Minute)
	eventually(t, "two records are a minute old", func() bool { return time.Now().After(old) })
	a.ofUnseen.put("3", "4")
	other := *a.house
	other.dir = t.TempDir()
	other.run(unscaled(a.unseen))
	a.unseen.handles(t, "3", "4")
	got := runsOf(t, a.unseen.fn.seen(), 0)
	if fmt.Sprint(got) != "[3-4]" {
		t.Errorf("invocations %v, want one with the records that are young enough", got)
	}
	notice := a.notices(a.unseenDLQ, 1)[0]
	id := readNotice(t, notice).ID
	if !uuidText.MatchString(id) || id == got[0].id {
		t.Errorf("the request id is %s, and %s that of the rest", id, got[0].id)
	}
	wantNotice(t, notice, a.ofUnseen.notice(told{records: "1-2", count: 1, condition: "RecordAgeExceeded", unasked: true}, a.unseen, id))
}
