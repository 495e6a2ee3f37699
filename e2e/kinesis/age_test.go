package kinesis_test

import (
	"testing"
	"time"

	"github.com/esm-run/esm/e2e/rig"
)

// Records expire while they are retried, and before they were ever tried. It takes a minute: AWS allows no lower age.
func TestRecordsExpire(t *testing.T) {
	rig.On(t, rig.Streams, func(t *testing.T, e *rig.Env) {
		const age, unscaled = "MaximumRecordAgeInSeconds: 60", rig.EngineKeys("TimeScale: 1")
		retried, retriedDLQ, f := e.Stream("retried", 1), e.Queue("retried", nil), e.Function("retried", rig.FailOn("1"))
		unseen, unseenDLQ, g := e.Stream("unseen", 1), e.Queue("unseen", nil), e.Function("unseen", rig.Succeed)
		unseen.Put("1", "2")
		ofRetried := f.On(retried.ARN, age, rig.BatchSize(1), rig.OnFailure(retriedDLQ.ARN))
		engine := e.Run(unscaled, ofRetried)
		retried.Put("1") // not before: on a busy machine a start may take longer than the record's life
		notice := retriedDLQ.TakeNotices(1)[0]
		checkRetries(t, f.Calls())
		rig.Notice{Records: "1", Tries: len(f.Calls()) + 1, Condition: "RecordAgeExceeded", NoResponse: true}.
			Check(t, notice, retried, f, f.Calls()[0].RequestID)
		retried.Put("2")
		f.WaitFor(t, "2")
		engine.Stop()

		old := unseen.Stored()["2"].Arrived.Add(time.Minute)
		rig.Eventually(t, "two records are a minute old", func() bool { return time.Now().After(old) })
		e.Run(unscaled, ofRetried, g.On(unseen.ARN, age, rig.BatchSize(10), rig.OnFailure(unseenDLQ.ARN)))
		unseen.Put("3", "4")
		g.Want(t, "3", "4")
		notice = unseenDLQ.TakeNotices(1)[0]
		id := rig.ParseNotice(t, notice).RequestID
		if !rig.UUID.MatchString(id) || id == g.Calls()[0].RequestID {
			t.Errorf("the request id is %s, and %s that of the rest", id, g.Calls()[0].RequestID)
		}
		rig.Notice{Records: "1-2", Tries: 1, Condition: "RecordAgeExceeded", NoResponse: true}.Check(t, notice, unseen, g, id)
	})
}

// checkRetries checks that record 1 was tried again after pauses that double.
func checkRetries(t *testing.T, calls []rig.Call) {
	t.Helper()
	if len(calls) < 5 || len(calls) > 9 {
		t.Fatalf("%d invocations, want up to nine", len(calls))
	}
	for i, c := range calls {
		if c.Span() != "1" || c.RequestID != calls[0].RequestID {
			t.Errorf("try %d is of %s, with request id %s", i+1, c.Span(), c.RequestID)
		}
		if i == 0 || i == len(calls)-1 { // the last pause is cut short
			continue
		}
		pause := 200 * time.Millisecond << (i - 1)
		if gap := c.At.Sub(calls[i-1].At); gap < pause-5*time.Millisecond {
			t.Errorf("try %d came after %v, want %v", i+1, gap, pause)
		}
	}
}
