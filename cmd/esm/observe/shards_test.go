package observe

import (
	"fmt"
	"runtime"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/esm-run/esm"
	"github.com/esm-run/esm/trace"
)

// clicks is the stream mapping of most tests.
var clicks = Mapping{UUID: uuid, Source: "arn:aws:kinesis:us-east-1:000000000000:stream/clicks", Function: "count", Stream: true}

const (
	one = "shardId-000000000001"
	two = "shardId-000000000002"
)

// numbered are records with these sequence numbers, which arrived a minute ago.
func numbered(first, last int) (recs []esm.Record) {
	for n := first; n <= last; n++ {
		seq := fmt.Sprint(n)
		recs = append(recs, esm.Record{ID: seq, Receipt: seq, Arrived: time.Now().Add(-time.Minute)})
	}
	return recs
}

// try is a try with records of a shard.
func try(shard string, verdict trace.Verdict, tries int, recs []esm.Record) []trace.Event {
	e := trace.Invoked{Mapping: uuid, Shard: shard, ID: "id-1", Records: recs, Verdict: verdict, Tries: tries, Took: time.Second}
	if verdict != trace.Done {
		e.Reason, e.Detail = "FunctionError", fmt.Sprintf("boom %d", tries)
	}
	return []trace.Event{trace.Invoking{Mapping: uuid, Shard: shard, ID: "id-1", Records: recs}, e}
}

func settled(shard string, recs []esm.Record) trace.Event {
	return trace.Settled{Mapping: uuid, Shard: shard, Records: recs, Position: recs[len(recs)-1].Receipt}
}

// shardsOf is what is known after events of the mapping clicks.
func shardsOf(t *testing.T, events ...trace.Event) MappingStatus {
	t.Helper()
	b := NewMonitor([]Mapping{clicks}, nil)
	tell(b.Trace, events...)
	return of(t, b)
}

func TestBlockedShards(t *testing.T) {
	four := func(verdict trace.Verdict, tries int) []trace.Event { return try(one, verdict, tries, numbered(1, 4)) }
	begin := trace.Reading{Mapping: uuid, Shard: one}
	final := func(verdict trace.Verdict, tries int) []trace.Event { return try(one, verdict, tries, nil) }
	for _, c := range []struct {
		name   string
		events [][]trace.Event
		state  string
		tries  int
		said   string
	}{
		{"a success", [][]trace.Event{four(trace.Done, 1)}, "Reading", 0, ""},
		{"a failure", [][]trace.Event{four(trace.Failed, 1)}, "Blocked", 1, "FunctionError: boom 1"},
		{"failures", [][]trace.Event{four(trace.Failed, 1), four(trace.Failed, 2)}, "Blocked", 2, "FunctionError: boom 2"},
		{"what cannot run", [][]trace.Event{four(trace.NotRun, 3)}, "Blocked", 3, "FunctionError: boom 3"},
		{"a success in the end, before it is settled", [][]trace.Event{four(trace.Failed, 1), four(trace.Done, 2)}, "Blocked", 1, "FunctionError: boom 1"},
		{"a success in the end", [][]trace.Event{four(trace.Failed, 1), four(trace.Done, 2), {settled(one, numbered(1, 4))}}, "Reading", 0, ""},
		{"some of it", [][]trace.Event{four(trace.Partial, 1), {settled(one, numbered(1, 2))}}, "Reading", 0, ""},
		{"the rest of it", [][]trace.Event{four(trace.Partial, 1), {settled(one, numbered(1, 2))}, try(one, trace.Failed, 1, numbered(3, 4))}, "Blocked", 1, "FunctionError: boom 1"},
		{"its halves", [][]trace.Event{four(trace.Failed, 1), try(one, trace.Failed, 1, numbered(1, 2)), try(one, trace.Failed, 2, numbered(1, 1))}, "Blocked", 2, "FunctionError: boom 2"},
		{"another lane", [][]trace.Event{try(one, trace.Failed, 3, numbered(5, 6)), {settled(one, numbered(1, 4))}}, "Blocked", 3, "FunctionError: boom 3"},
		{"its own lane and another", [][]trace.Event{
			four(trace.Failed, 7), try(one, trace.Failed, 3, numbered(5, 6)), {settled(one, numbered(1, 4))},
		}, "Blocked", 3, "FunctionError: boom 3"},
		{"what comes behind", [][]trace.Event{four(trace.Failed, 1), {settled(one, numbered(5, 9))}}, "Reading", 0, ""}, // the position tells
		{"another shard", [][]trace.Event{four(trace.Failed, 1), {settled(two, numbered(1, 4))}}, "Blocked", 1, "FunctionError: boom 1"},
		{"taken up again", [][]trace.Event{four(trace.Failed, 1), {begin}}, "Blocked", 1, "FunctionError: boom 1"},
		{"lost", [][]trace.Event{four(trace.Failed, 1), {trace.Reading{Mapping: uuid, Shard: one, Lost: esm.ErrTrimmed}}}, "Reading", 0, ""},
		{"a final invocation", [][]trace.Event{final(trace.Failed, 1)}, "Blocked", 1, "FunctionError: boom 1"},
		{"a final invocation and other records", [][]trace.Event{final(trace.Failed, 1), {settled(one, numbered(1, 2))}}, "Blocked", 1, "FunctionError: boom 1"},
		{"a final invocation in the end", [][]trace.Event{final(trace.Failed, 1), final(trace.Done, 2)}, "Reading", 0, ""},
		{"a final invocation that is given up", [][]trace.Event{final(trace.Failed, 1), {trace.Dropped{Mapping: uuid, Shard: one}}}, "Reading", 0, ""},
		{"drained", [][]trace.Event{four(trace.Failed, 1), {trace.Drained{Mapping: uuid, Shard: one}}}, "Drained", 0, ""},
		{"disabled", [][]trace.Event{four(trace.Failed, 1), {trace.State{Mapping: uuid, State: "Disabled"}}}, "Stopped", 0, ""},
		{"a read that fails", [][]trace.Event{{trace.Failing{Mapping: uuid, Shard: one, Err: errRefused}}}, "Failing", 0, "connection refused"},
		{"a read that fails, and then not", [][]trace.Event{{
			trace.Failing{Mapping: uuid, Shard: one, Err: errRefused}, trace.Received{Mapping: uuid, Shard: one},
		}}, "Reading", 0, ""},
	} {
		all := shardsOf(t, append([]trace.Event{begin}, slices.Concat(c.events...)...)...).Shards
		at := slices.IndexFunc(all, func(s ShardStatus) bool { return s.ShardId == one })
		if at < 0 {
			t.Errorf("%s: the shard is not there", c.name)
			continue
		}
		got := all[at]
		if got.State != c.state || got.Tries != c.tries || text(got.LastError) != c.said || got.BlockedSince.IsZero() != (c.state != "Blocked") {
			t.Errorf("%s: got %+v (%s), want %s, %d tries and %q", c.name, got, text(got.LastError), c.state, c.tries, c.said)
		}
		if got.InFlight != 0 {
			t.Errorf("%s: %d batches in flight", c.name, got.InFlight)
		}
	}
}

func TestBlockedSinceTheFirstFailure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, began := NewMonitor([]Mapping{clicks}, nil), time.Now()
		for tries := range 3 {
			tell(b.Trace, try(one, trace.Failed, tries+1, numbered(1, 4))...)
			time.Sleep(time.Minute)
		}
		tell(b.Trace, try(one, trace.Failed, 1, numbered(5, 6))...) // of another lane
		if got := of(t, b).Shards[0]; !got.BlockedSince.Equal(began) || got.Tries != 3 {
			t.Errorf("blocked since %v with %d tries, want %v with 3", got.BlockedSince, got.Tries, began)
		}
	})
}

// Ages are computed when they are read: they grow while nothing happens.
func TestIteratorAge(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := NewMonitor([]Mapping{clicks}, nil)
		batch, more := numbered(1, 2), numbered(3, 3)
		batch[1].Arrived = batch[1].Arrived.Add(500 * time.Millisecond)
		for _, c := range []struct {
			name  string
			event trace.Event
			want  time.Duration
		}{
			{"at the tip", trace.Received{Mapping: uuid, Shard: one}, 0},
			{"read", trace.Received{Mapping: uuid, Shard: one, Records: batch}, 62 * time.Second},
			{"nothing more, with a batch being gathered", trace.Received{Mapping: uuid, Shard: one}, 63 * time.Second},
			{"with the function", trace.Invoking{Mapping: uuid, Shard: one, Records: batch}, 64 * time.Second},
			{"failed", trace.Invoked{Mapping: uuid, Shard: one, Records: batch, Verdict: trace.Failed}, 65 * time.Second},
			{"nothing more, in trouble", trace.Received{Mapping: uuid, Shard: one}, 66 * time.Second},
			{"tried again", trace.Invoking{Mapping: uuid, Shard: one, Records: batch}, 67 * time.Second},
			{"done", trace.Invoked{Mapping: uuid, Shard: one, Records: batch, Verdict: trace.Done}, 68 * time.Second},
			{"settled: of the last record", settled(one, batch), 68*time.Second + 500*time.Millisecond},
			{"at the tip again", trace.Received{Mapping: uuid, Shard: one}, 0},
			{"read more", trace.Received{Mapping: uuid, Shard: one, Records: more}, 71 * time.Second},
			{"filtered", trace.Filtered{Mapping: uuid, Shard: one, Records: more}, 72 * time.Second},
			{"at the tip at last", trace.Received{Mapping: uuid, Shard: one}, 0},
			{"an unknown time of arrival", trace.Received{Mapping: uuid, Shard: one, Records: recs(1)}, 0},
			{"read again, by a clock ahead", trace.Reading{Mapping: uuid, Shard: one}, 0},
			{"a clock ahead", trace.Received{Mapping: uuid, Shard: one, Records: []esm.Record{{Arrived: time.Now().Add(time.Hour)}}}, 0},
		} {
			time.Sleep(time.Second)
			m.Trace(c.event)
			if got := of(t, m); got.Shards[0].IteratorAge != c.want || got.IteratorAge != c.want {
				t.Errorf("%s: got %v and %v, want %v", c.name, got.Shards[0].IteratorAge, got.IteratorAge, c.want)
			}
		}
	})
}

// A blocked run ages between its tries, which may be a minute apart, in the status and in the metrics.
func TestIteratorAgeGrowsBetweenTries(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := NewMonitor([]Mapping{clicks}, nil)
		tell(m.Trace, trace.Received{Mapping: uuid, Shard: one, Records: numbered(1, 1)})
		tell(m.Trace, try(one, trace.Failed, 1, numbered(1, 1))...)
		for minutes := range 3 {
			want := time.Duration(minutes+1) * time.Minute
			if got := of(t, m); got.IteratorAge != want || got.Shards[0].IteratorAge != want {
				t.Errorf("the status shows %v and %v, want %v", got.IteratorAge, got.Shards[0].IteratorAge, want)
			}
			checkMetrics(t, want.String(), m, map[string]float64{
				"esm_max_iterator_age_seconds": want.Seconds(), "esm_shard_iterator_age_seconds": want.Seconds(),
			})
			time.Sleep(time.Minute)
		}
	})
}

func TestIteratorAgeOfALaneInTrouble(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := NewMonitor([]Mapping{clicks}, nil)
		bad, good := numbered(1, 1), numbered(2, 2)
		tell(m.Trace, trace.Received{Mapping: uuid, Shard: one, Records: slices.Concat(bad, good)})
		tell(m.Trace, try(one, trace.Failed, 1, bad)...)
		time.Sleep(time.Hour)
		tell(m.Trace, try(one, trace.Failed, 2, bad)...)
		good[0].Arrived = time.Now()
		tell(m.Trace, append(try(one, trace.Done, 1, good), trace.Settled{Mapping: uuid, Shard: one, Records: good, Position: "0"})...)
		if got, want := of(t, m).IteratorAge, time.Hour+time.Minute; got != want {
			t.Errorf("got %v while a lane is in trouble, want that of its record, %v", got, want)
		}
		tell(m.Trace, append(try(one, trace.Done, 3, bad), settled(one, bad), trace.Received{Mapping: uuid, Shard: one})...)
		if got := of(t, m).IteratorAge; got != 0 {
			t.Errorf("got %v at the tip, want 0", got)
		}
	})
}

// The histogram observes the age at the beginning of the invocation. AWS has no value for what did not run.
func TestHistogramOfIteratorAges(t *testing.T) {
	m := NewMonitor([]Mapping{clicks}, nil)
	for _, verdict := range []trace.Verdict{trace.NotRun, trace.Refused, trace.Failed, trace.Partial, trace.Done} {
		tell(m.Trace, try(one, verdict, 1, numbered(1, 4))...)
	}
	tell(m.Trace, try(one, trace.Done, 1, nil)...)
	checkMetrics(t, "", m, map[string]float64{"esm_iterator_age_seconds": 3})
}

func TestStreamsAreReady(t *testing.T) {
	for _, c := range []struct {
		name  string
		event trace.Event
		want  bool
	}{
		{"a record", trace.Received{Mapping: uuid, Shard: one, Records: numbered(1, 1)}, true},
		{"an empty read", trace.Received{Mapping: uuid, Shard: one}, true},
		{"a read that fails", trace.Received{Mapping: uuid, Shard: one, Err: errRefused}, false},
		{"a shard that is read", trace.Reading{Mapping: uuid, Shard: one}, true},
		{"a position that is lost", trace.Reading{Mapping: uuid, Shard: one, Lost: esm.ErrTrimmed}, false},
		{"a listing with shards to read", trace.Listed{Mapping: uuid, Shards: 4, Reading: 1}, false},
		{"a listing of drained shards", trace.Listed{Mapping: uuid, Shards: 4}, true},
	} {
		b := NewMonitor([]Mapping{clicks}, nil)
		b.Trace(c.event)
		if got := b.Status().Waiting() == nil; got != c.want {
			t.Errorf("%s: ready %v, want %v", c.name, got, c.want)
		}
	}
}

func TestFailingStreams(t *testing.T) {
	whole, part := trace.Failing{Mapping: uuid, Err: errRefused}, trace.Failing{Mapping: uuid, Shard: one, Err: errRefused}
	for _, c := range []struct {
		name   string
		events []trace.Event
		want   bool
	}{
		{"a listing that fails", []trace.Event{whole}, true},
		{"read meanwhile", []trace.Event{whole, trace.Received{Mapping: uuid, Shard: one}}, true},
		{"listed again", []trace.Event{whole, trace.Listed{Mapping: uuid}}, false},
		{"a shard that fails", []trace.Event{part}, true},
		{"another that does not", []trace.Event{part, trace.Received{Mapping: uuid, Shard: two}}, true},
		{"a shard that is read again", []trace.Event{part, trace.Received{Mapping: uuid, Shard: one}}, false},
		{"a shard that is drained", []trace.Event{part, trace.Drained{Mapping: uuid, Shard: one}}, false},
	} {
		if got := shardsOf(t, c.events...); got.Failing != c.want {
			t.Errorf("%s: failing %v, want %v", c.name, got.Failing, c.want)
		}
	}
}

func TestStreamCounts(t *testing.T) {
	drop := trace.Dropped{Mapping: uuid, Shard: one, Records: numbered(1, 3), Why: "RetryAttemptsExhausted", Tries: 2}
	took := trace.Notified{Mapping: uuid, Shard: one, Records: 3, Destination: "arn:d"}
	not := took
	not.Err = errRefused
	window := trace.Notified{Mapping: uuid, Shard: one, Err: errRefused}
	for _, c := range []struct {
		name                            string
		destination                     string
		events                          []trace.Event
		dropped, delivered, undelivered int64
	}{
		{"nobody to tell", "", []trace.Event{drop}, 3, 0, 0},
		{"before it is told", "arn:d", []trace.Event{drop}, 0, 0, 0},
		{"told", "arn:d", []trace.Event{drop, took}, 0, 3, 0},
		{"kept", "arn:d", []trace.Event{drop, not}, 3, 0, 1},
		{"a window's", "arn:d", []trace.Event{window}, 0, 0, 1},
	} {
		m := clicks
		m.Destination = c.destination
		b := NewMonitor([]Mapping{m}, nil)
		tell(b.Trace, append(c.events, settled(one, numbered(1, 3)))...)
		if got := of(t, b); got.Dropped != c.dropped || got.Delivered != c.delivered || got.Undelivered != c.undelivered || got.Settled != 3 {
			t.Errorf("%s: got %+v", c.name, *got.StreamStatus)
		}
		checkMetrics(t, c.name, b, map[string]float64{
			"esm_dropped_events_total": float64(c.dropped), "esm_on_failure_destination_delivered_events_total": float64(c.delivered),
			"esm_destination_delivery_failures_total": float64(c.undelivered), "esm_settled_events_total": 3,
		})
	}
}

func TestRecreatedStreamForgetsItsShards(t *testing.T) {
	got := shardsOf(t, slices.Concat(
		[]trace.Event{trace.Reading{Mapping: uuid, Shard: one}}, try(one, trace.Failed, 1, numbered(1, 1)),
		[]trace.Event{trace.Reading{Mapping: uuid, Lost: errRefused}, trace.Reading{Mapping: uuid, Shard: two}},
	)...)
	if len(got.Shards) != 1 || got.Shards[0].ShardId != two || got.ShardsBlocked != 0 {
		t.Errorf("got %+v, want shard 2 alone", got.Shards)
	}
	if text(got.LastLost) != "connection refused" {
		t.Errorf("lost %q", text(got.LastLost))
	}
}

func TestShardsInTroubleComeFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := NewMonitor([]Mapping{clicks}, nil)
		for _, id := range []string{"d", "c", "b", "a", "e"} {
			b.Trace(trace.Reading{Mapping: uuid, Shard: id})
		}
		for _, id := range []string{"c", "b"} {
			time.Sleep(time.Second)
			tell(b.Trace, try(id, trace.Failed, 1, numbered(1, 1))...)
		}
		tell(b.Trace, trace.Failing{Mapping: uuid, Shard: "e", Err: errRefused}, trace.Drained{Mapping: uuid, Shard: "a"}, trace.Listed{Mapping: uuid, Shards: 7})
		got := of(t, b)
		var order []string
		for _, s := range got.Shards {
			order = append(order, s.ShardId+" "+s.State)
		}
		if want := []string{"c Blocked", "b Blocked", "e Failing", "d Reading", "a Drained"}; !slices.Equal(order, want) {
			t.Errorf("got %q, want %q", order, want)
		}
		checkMetrics(t, "all", b, map[string]float64{
			"esm_shards": 7, "esm_shards_reading": 4, "esm_shards_blocked": 2, "esm_shards_failing": 1, "esm_shard_tries": 2,
		})
		if _, n, _ := metric(t, b, "esm_shard_blocked_since_timestamp_seconds"); n != 2 {
			t.Errorf("%d shards are blocked since a time, want 2", n)
		}
		if counts := []int{got.ShardsListed, got.ShardsReading, got.ShardsBlocked, got.ShardsFailing}; !slices.Equal(counts, []int{7, 4, 2, 1}) {
			t.Errorf("listed, reading, blocked and failing are %v, want 7, 4, 2 and 1", counts)
		}
	})
}

// shardNumber names shards as Kinesis does.
func shardNumber(n int) string { return fmt.Sprintf("shardId-%012d", n) }

func TestManyShardsAreBounded(t *testing.T) {
	b := NewMonitor([]Mapping{clicks}, nil)
	for n := range 1200 {
		b.Trace(trace.Reading{Mapping: uuid, Shard: shardNumber(n)})
	}
	tell(b.Trace, try(shardNumber(1199), trace.Failed, 3, numbered(1, 1))...)
	got := of(t, b)
	if len(got.Shards) != 1000 || got.MoreShards != 200 || got.ShardsReading != 1200 || got.Shards[0].ShardId != shardNumber(1199) {
		t.Errorf("%d shards, the first %s, and %d more of %d", len(got.Shards), got.Shards[0].ShardId, got.MoreShards, got.ShardsReading)
	}
	if _, n, help := metric(t, b, "esm_shard_iterator_age_seconds"); n != 100 || !strings.Contains(help, "At most 100 shards") {
		t.Errorf("%d shards have series, want 100: %s", n, help)
	}
	checkMetrics(t, "the shard in trouble", b, map[string]float64{"esm_shard_tries,shard=" + shardNumber(1199): 3})
	for n := range 1150 {
		b.Trace(trace.Drained{Mapping: uuid, Shard: shardNumber(n)})
	}
	if _, n, _ := metric(t, b, "esm_shard_iterator_age_seconds"); n != 50 {
		t.Errorf("%d shards have series when 50 are left", n)
	}
	if got := of(t, b); len(got.Shards) != 50+rememberedDrained || got.ShardsReading != 50 {
		t.Errorf("%d shards are remembered, %d are read", len(got.Shards), got.ShardsReading)
	}
}

// Of each shard in trouble, at most a kilobyte is kept.
func TestShardsAreSmall(t *testing.T) {
	const many = 10000
	b := NewMonitor([]Mapping{clicks}, nil)
	before := heap()
	for n := range many {
		seq := fmt.Sprintf("%056d", n)
		in := []esm.Record{{ID: seq, Receipt: seq, Arrived: time.Now()}}
		id := shardNumber(n)
		tell(b.Trace, trace.Reading{Mapping: uuid, Shard: id, Position: seq + "0"}, trace.Invoking{Mapping: uuid, Shard: id, Records: in},
			trace.Invoked{Mapping: uuid, Shard: id, Records: in, Verdict: trace.Failed, Detail: strings.Repeat("x", 1000) + seq, Tries: 1})
	}
	if each := (heap() - before) / many; each > 1024 {
		t.Errorf("%d bytes a shard", each)
	} else {
		t.Logf("%d bytes a shard", each)
	}
	runtime.KeepAlive(b)
}

func heap() int {
	runtime.GC()
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	return int(stats.HeapAlloc)
}

func TestShortIsValidText(t *testing.T) {
	for _, text := range []string{"", "boom", strings.Repeat("é", 99), "x" + strings.Repeat("é", 200)} {
		got := short(text)
		if len(got) > maxShardError+len("…") || !strings.HasPrefix(text, strings.TrimSuffix(got, "…")) || strings.ContainsRune(got, '\uFFFD') {
			t.Errorf("%q became %q", text, got)
		}
	}
}
