package localstack_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/kinesis"
)

func (f follower) handles(t *testing.T, texts ...string) {
	t.Helper()
	eventually(t, f.name+" has handled "+strings.Join(texts, ", "), func() bool { return len(f.fn.texts()) >= len(texts) })
	if got := f.fn.texts(); !slices.Equal(got, texts) {
		t.Fatalf("%s has handled %q, want %q", f.name, got, texts)
	}
}

// LATEST is the first start of the mapping, also for an engine that is killed before it has settled anything.
func TestLatestIsTheFirstStart(t *testing.T) {
	overStreams(t, kinesisServices, func(t *testing.T, c *corner) {
		s := c.stream("latest", 1)
		s.put("before")
		f := c.follow("f", s.arn, succeed, "StartingPosition: LATEST")
		c.run(fileOf(f)).kill()
		s.put("while it was dead")
		e := c.run(fileOf(f))
		f.handles(t, "while it was dead")
		s.put("afterwards")
		f.handles(t, "while it was dead", "afterwards")
		if code := e.stop(); code != 0 {
			t.Errorf("exit code %d", code)
		}
		s.put("while it was stopped")
		c.run(fileOf(f))
		f.handles(t, "while it was dead", "afterwards", "while it was stopped")
	})
}

func TestAtTimestamp(t *testing.T) {
	overStreams(t, kinesisServices, func(t *testing.T, c *corner) {
		s := c.stream("at", 1)
		s.put("before")
		at := s.records()["before"].ApproximateArrivalTimestamp.Truncate(time.Second).Add(time.Second)
		eventually(t, "the second is over", func() bool { return time.Now().After(at) })
		s.put("after")
		f := c.follow("f", s.arn, succeed, "StartingPosition: AT_TIMESTAMP", "StartingPositionTimestamp: "+at.UTC().Format(time.RFC3339))
		c.run(fileOf(f))
		f.handles(t, "after")
		s.put("later")
		f.handles(t, "after", "later")
	})
}

// Every mapping of a stream reads it by itself, and goes on where it was when it is enabled again.
func TestTwoFunctionsOneDisabled(t *testing.T) {
	overStreams(t, kinesisServices, func(t *testing.T, c *corner) {
		s := c.stream("two", 1)
		a, b := c.follow("a", s.arn, succeed), c.follow("b", s.arn, succeed)
		disabled := b
		disabled.keys = []string{"Enabled: false"}
		step := func(put string, b follower, ofB ...string) {
			t.Helper()
			s.put(put)
			e := c.run(fileOf(a, b))
			eventually(t, "the enabled one has "+put, func() bool { return slices.Contains(a.fn.texts(), put) })
			b.handles(t, ofB...)
			if code := e.stop(); code != 0 {
				t.Errorf("exit code %d", code)
			}
		}
		step("1", disabled)
		step("2", b, "1", "2")
		step("3", disabled, "1", "2")
		step("4", b, "1", "2", "3", "4")
		a.handles(t, "1", "2", "3", "4")
	})
}

// The tries of a run go on after a crash: the same records by the same request id, and no more of them than before.
func TestTriesOutliveTheEngine(t *testing.T) {
	overStreams(t, kinesisServices, func(t *testing.T, c *corner) {
		s := c.stream("tries", 1)
		s.put("1", "2", "3", "4")
		dlq, arn := c.queue("tries", map[string]string{})
		never, third := make(chan bool), make(chan bool, 1)
		defer close(never)
		f := c.follow("f", s.arn, script(reportRecord("2"), throw, throw, func(event) (string, error) {
			third <- true
			<-never
			return "", nil
		}), tries(5), reporting, "BatchSize: 3", onFailure(arn))
		c.running(f, third)
		f.fn.mu.Lock()
		f.fn.answer = raise("2")
		f.fn.mu.Unlock()
		c.run(fileOf(f))
		eventually(t, "record 4 is handled", func() bool { return slices.Contains(f.fn.texts(), "4") })
		got := runsOf(t, f.fn.seen(), 0)
		if len(got) != 3 || got[0].String() != "1-3" || got[1].span != "2-3" || got[2].span != "4" {
			t.Fatalf("invocations %v, want 1-3, 2-3 again and again, and 4", got)
		}
		if n := got[1].times; n < 6 || n > 7 { // nobody knows whether the one that was cut short has run
			t.Errorf("%d tries, want 6", n)
		}
		wantNotice(t, c.notices(dlq, 1)[0], s.notice(told{records: "2-3", count: 6, fault: "Unhandled"}, f, got[1].id))
	})
}

// running starts an engine and kills it at a certain moment.
func (c *corner) running(f follower, until <-chan bool) {
	c.Helper()
	e := c.run(fileOf(f))
	select {
	case <-until:
	case <-time.After(time.Minute):
		c.Fatal("the moment does not come")
	}
	e.kill()
}

// A stream that was deleted and made anew under its name is another one: it is read from its beginning.
func TestAStreamMadeAnew(t *testing.T) {
	overStreams(t, kinesisServices, func(t *testing.T, c *corner) {
		s := c.stream("anew", 1)
		s.put("1", "2")
		f := c.follow("f", s.arn, succeed, "StartingPosition: TRIM_HORIZON")
		e := c.run(fileOf(f))
		f.handles(t, "1", "2")
		if code := e.stop(); code != 0 {
			t.Errorf("exit code %d", code)
		}
		if _, err := s.kinesis.DeleteStream(t.Context(), &kinesis.DeleteStreamInput{StreamName: &s.name}); err != nil {
			t.Fatal(err)
		}
		eventually(t, "the stream is gone", func() bool {
			_, err := s.kinesis.DescribeStreamSummary(t.Context(), &kinesis.DescribeStreamSummaryInput{StreamName: &s.name})
			return err != nil
		})
		name, _ := strings.CutSuffix(s.name, s.suffix)
		s = c.stream(name, 1)
		s.put("3")
		e = c.run(fileOf(f))
		f.handles(t, "1", "2", "3")
		if !strings.Contains(e.stderr.String(), "was recreated") {
			t.Error("nothing says that the stream was recreated")
		}
	})
}
