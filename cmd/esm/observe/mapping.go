package observe

import (
	"errors"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/esm-run/esm"
	"github.com/esm-run/esm/mappings"
	"github.com/esm-run/esm/trace"
)

// mappingState is what a Monitor knows of one mapping.
type mappingState struct {
	mu sync.Mutex // guards all that follows

	Mapping
	state             string
	polling, failing  bool
	pollers, inFlight int

	n    counts
	base counts // n when the labels of the metrics changed last: the metrics count from there

	results map[string]int64 // batches by result; like base, since the labels changed
	left    map[string]int64 // records by reason, likewise

	lastError, lastWarning, lastLost *Note

	judged      bool // a batch was, or will not be, invoked: the three below are set
	lastVerdict trace.Verdict
	lastResult  string
	lastDetail  string
	lastBatch   Batch // the zero Batch before the first

	shards     *shards // nil for a queue
	histograms batchHistograms
}

// counts are numbers of records since the start, of failed polls, of notices that were not accepted, and of lost positions.
type counts struct {
	polled, filtered, invoked, failed, deleted int64
	settled, dropped, delivered                int64
	pollErrors, undelivered, lost              int64
}

func newMappingState(m Mapping, h batchHistograms) *mappingState {
	s := &mappingState{Mapping: m, state: mappings.Creating}
	if m.Stream {
		s.shards = newShards()
	}
	s.restartMetrics(h)
	return s
}

// restartMetrics begins new series at zero.
func (s *mappingState) restartMetrics(h batchHistograms) {
	s.base, s.histograms = s.n, h
	s.results, s.left = map[string]int64{trace.Done.String(): 0}, map[string]int64{}
}

// snapshot is a copy of a mappingState.
type snapshot struct {
	status        MappingStatus // without Shards
	shards        []ShardStatus // all of them, in no order: sorting takes long, and the engine waits for the copy
	n, base       counts
	results, left map[string]int64
}

func (s *mappingState) snapshot(now time.Time) snapshot {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := snapshot{n: s.n, base: s.base, results: maps.Clone(s.results), left: maps.Clone(s.left), status: MappingStatus{
		Mapping: s.Mapping, State: s.state, Polling: s.polling, Failing: s.failing, Pollers: s.pollers, InFlight: s.inFlight,
		LastResult: s.lastResult, LastError: s.lastError, LastWarning: s.lastWarning,
		Polled: s.n.polled, FilteredOut: s.n.filtered, Invoked: s.n.invoked, FailedInvoke: s.n.failed, Deleted: s.n.deleted,
	}}
	if !s.lastBatch.Time.IsZero() {
		c.status.LastBatch = new(s.lastBatch)
	}
	if s.shards != nil {
		s.copyStream(&c, now)
	}
	return c
}

func (s *mappingState) copyStream(c *snapshot, now time.Time) {
	all := s.shards.sum(now)
	c.status.Failing = s.failing || all.failing > 0
	c.status.StreamStatus = &StreamStatus{
		ShardsListed: all.listed, ShardsReading: all.reading, ShardsBlocked: all.blocked, ShardsFailing: all.failing, IteratorAge: all.age,
		Settled: s.n.settled, Dropped: s.n.dropped, Delivered: s.n.delivered, Undelivered: s.n.undelivered, LastLost: s.lastLost,
	}
	c.shards = s.shards.status(now)
}

func (s *mappingState) status(now time.Time) MappingStatus {
	c := s.snapshot(now)
	if m := c.status.StreamStatus; m != nil {
		m.Shards = slices.Clone(mostImportant(c.shards, maxShards)) // the rest need not stay in memory
		m.MoreShards = len(c.shards) - len(m.Shards)
	}
	return c.status
}

func (s *mappingState) received(e trace.Received) {
	s.n.polled += int64(len(e.Records))
	if e.Err != nil {
		s.n.pollErrors++
		return
	}
	s.polling = true
	s.failing = s.failing && e.Shard != "" // that a shard can be read does not mean that its stream can be listed
}

func (s *mappingState) fails(e trace.Failing) {
	s.failing = s.failing || e.Shard == ""
	s.lastError = noteNow(e.Err.Error())
	if errors.Is(e.Err, esm.ErrRefused) { // there is no function: no batch will be invoked
		s.judged, s.lastVerdict, s.lastDetail = true, trace.Refused, e.Err.Error()
	}
}

func (s *mappingState) invoking(e trace.Invoking) {
	s.inFlight++
	s.n.invoked += int64(len(e.Records))
}

func (s *mappingState) invoked(e trace.Invoked) {
	s.inFlight--
	s.n.failed += int64(failedRecords(e))
	s.lastBatch = Batch{Time: time.Now(), Records: len(e.Records), Took: e.Took}
	s.judged, s.lastVerdict, s.lastResult, s.lastDetail = true, e.Verdict, result(e), e.Detail
	s.results[s.lastResult]++
	s.histograms.observe(e, s.lastBatch.Time)
	switch {
	case e.Detail == "":
	case e.Verdict == trace.Done:
		s.lastWarning = noteNow(e.Detail)
	default:
		s.lastError = noteNow(brief(e.Detail))
	}
}

func (s *mappingState) deleted(e trace.Deleted) {
	if !e.Filtered {
		s.n.deleted += int64(len(e.Records))
	}
}

func (s *mappingState) leftInQueue(e trace.Left) {
	s.left[string(e.Reason)] += int64(len(e.Records))
	switch {
	case e.Err != nil:
		s.lastError = noteNow(string(e.Reason) + ": " + e.Err.Error())
	case onlyLeft(e) && !intended(e):
		s.lastError = noteNow(string(e.Reason))
	}
}

// dropped counts records that no destination will be notified of. A notice counts the others.
func (s *mappingState) dropped(e trace.Dropped) {
	if s.Destination == "" {
		s.n.dropped += int64(len(e.Records))
	}
}

func (s *mappingState) notified(e trace.Notified) {
	if e.Err == nil {
		s.n.delivered += int64(e.Records)
		return
	}
	s.n.dropped += int64(e.Records)
	s.n.undelivered++
	s.lastError = noteNow(e.Destination + ": " + e.Err.Error())
}

func (s *mappingState) reading(e trace.Reading) {
	if e.Lost == nil {
		s.polling = true
		return
	}
	s.n.lost++
	text := e.Lost.Error()
	if e.Shard != "" {
		text = e.Shard + ": " + text
	}
	s.lastLost = noteNow(text)
}

// listed ends the trouble of a stream. A stream without anything to read is reached by listing it.
func (s *mappingState) listed(e trace.Listed) {
	s.failing = false
	s.polling = s.polling || e.Reading == 0
}
