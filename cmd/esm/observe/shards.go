package observe

import (
	"slices"
	"strings"
	"time"

	"github.com/esm-run/esm"
	"github.com/esm-run/esm/engine/policy"
	"github.com/esm-run/esm/trace"
)

const (
	// rememberedDrained is how many shards are remembered after they were drained. Those of a DynamoDB stream follow
	// each other every four hours.
	rememberedDrained = 100

	// mostOfError is how much is remembered of what a shard is in trouble for: all of 10,000 may be.
	mostOfError = 200 // bytes
)

// shards is what is known of the shards of one stream mapping. Whoever has it guards it.
type shards struct {
	all     map[string]*shard // by ID
	drained []string          // those that were drained last, oldest first: they are in all
	listed  int               // so many has the stream
}

// shard is one of them. There may be 10,000, so it is small.
type shard struct {
	position string
	age      time.Duration // of the last record that was handed to the function or to no one, at that moment
	inHand   int           // batches with the function now
	reading  bool
	drained  bool
	runs     []stuck // runs in trouble: one at the most for each lane, and none as a rule
	failing  *Note   // why it cannot be read at the moment
}

// stuck is a run that failed and of which nothing is settled since. What becomes of it, by bisection too, begins with the
// same record.
type stuck struct {
	first string // the receipt of its first record; empty for the final invocation of a window
	since time.Time
	tries int
	age   time.Duration // of its last record, at its last try
	last  *Note
}

func newShards() *shards { return &shards{all: map[string]*shard{}} }

// at is a shard, which is known from now on.
func (s *shards) at(id string) *shard {
	x := s.all[id]
	if x == nil {
		x = &shard{}
		s.all[strings.Clone(id)] = x
	}
	return x
}

// begin notes that a shard is read from a position. What is in trouble and still owed comes up again.
func (s *shards) begin(e trace.Reading) {
	if e.Shard == "" { // the stream was made anew
		clear(s.all)
		s.drained = nil
		return
	}
	x := s.at(e.Shard)
	if x.drained {
		s.drained = slices.DeleteFunc(s.drained, func(id string) bool { return id == e.Shard })
	}
	x.position, x.reading, x.drained, x.inHand = e.Position, true, false, 0
	if e.Lost != nil {
		x.runs = nil
	}
}

// received notes that a shard can be read. When it has nothing more and nothing is in hand, it is not behind.
func (s *shards) received(e trace.Received) {
	if e.Err != nil {
		return
	}
	x := s.at(e.Shard)
	x.reading, x.failing = true, nil
	if len(e.Records) == 0 && x.inHand == 0 && len(x.runs) == 0 {
		x.age = 0
	}
}

func (s *shards) filtered(e trace.Filtered) {
	if x := s.at(e.Shard); x.inHand == 0 && len(x.runs) == 0 {
		x.age = ageOf(e.Records, time.Now(), x.age)
	}
}

func (s *shards) invoking(e trace.Invoking) {
	x := s.at(e.Shard)
	x.inHand++
	x.age = ageOf(e.Records, time.Now(), x.age)
}

func (s *shards) invoked(e trace.Invoked) {
	x := s.at(e.Shard)
	x.inHand = max(x.inHand-1, 0)
	first := firstOf(e.Records)
	if e.Verdict == trace.Done {
		if first == "" {
			x.free(first) // a final invocation: there is nothing to be settled
		}
		return
	}
	note := noteNow(short(why(e)))
	run := stuck{first: first, since: note.Time, tries: e.Tries, last: note, age: ageOf(e.Records, note.Time.Add(-e.Took), 0)}
	for i := range x.runs {
		if x.runs[i].first == first {
			run.since = x.runs[i].since
			x.runs[i] = run
			return
		}
	}
	x.runs = append(x.runs, run)
}

// settled ends the trouble of what is settled: of the run that it begins, and of all up to the position.
func (s *shards) settled(e trace.Settled) {
	x := s.at(e.Shard)
	x.position = e.Position
	if len(x.runs) == 0 {
		return
	}
	x.free(firstOf(e.Records))
	x.keepRuns(func(r stuck) bool { return r.first == "" || policy.Compare(r.first, e.Position) > 0 })
}

// dropped ends the trouble of a final invocation. Records are settled after they were dropped.
func (s *shards) dropped(e trace.Dropped) {
	if len(e.Records) == 0 {
		s.at(e.Shard).free("")
	}
}

func (s *shards) failed(e trace.Failing) {
	if e.Shard != "" {
		s.at(e.Shard).failing = noteNow(short(e.Err.Error()))
	}
}

// end notes that a shard is drained, and forgets the one that has been for the longest.
func (s *shards) end(e trace.Drained) {
	x := s.at(e.Shard)
	if !x.drained {
		s.drained = append(s.drained, e.Shard)
	}
	*x = shard{position: x.position, drained: true}
	for len(s.drained) > rememberedDrained {
		delete(s.all, s.drained[0])
		s.drained = slices.Delete(s.drained, 0, 1)
	}
}

// changed notes that nothing is read any more, when the mapping's new state says so.
func (s *shards) changed(e trace.State) {
	if e.State != "Disabled" && e.State != "Stopped" {
		return
	}
	for _, x := range s.all {
		*x = shard{position: x.position, age: x.age, drained: x.drained}
	}
}

// free ends the trouble of the run that begins with a record.
func (x *shard) free(first string) {
	x.keepRuns(func(r stuck) bool { return r.first != first })
}

func (x *shard) keepRuns(keep func(stuck) bool) {
	x.runs = slices.DeleteFunc(x.runs, func(r stuck) bool { return !keep(r) })
	if len(x.runs) == 0 {
		x.runs = nil
	}
}

// blocked is the run that is in trouble for the longest, if there is one.
func (x *shard) blocked() (run stuck, is bool) {
	if len(x.runs) == 0 {
		return stuck{}, false
	}
	return slices.MinFunc(x.runs, func(a, b stuck) int { return a.since.Compare(b.since) }), true
}

// behind is the shard's iterator age: while a lane is in trouble, what other lanes handle does not make the shard younger.
func (x *shard) behind() time.Duration {
	age := x.age
	for _, run := range x.runs {
		age = max(age, run.age)
	}
	return age
}

// tally is what there is to say of all shards together.
type tally struct {
	listed, reading, blocked, failing int
	age                               time.Duration // the largest
}

func (s *shards) tally() tally {
	t := tally{listed: s.listed}
	for _, x := range s.all {
		t.age = max(t.age, x.behind())
		if x.reading {
			t.reading++
		}
		if len(x.runs) > 0 {
			t.blocked++
		}
		if x.failing != nil {
			t.failing++
		}
	}
	return t
}

// each is the status of every shard, in no order.
func (s *shards) each() []ShardStatus {
	all := make([]ShardStatus, 0, len(s.all))
	for id, x := range s.all {
		all = append(all, x.status(id))
	}
	return all
}

func (x *shard) status(id string) ShardStatus {
	s := ShardStatus{ShardId: id, State: x.state(), Position: x.position, IteratorAge: x.behind(), InFlight: x.inHand, LastError: x.failing}
	if run, is := x.blocked(); is {
		s.BlockedSince, s.Tries, s.LastError = run.since, run.tries, run.last
	}
	return s
}

func (x *shard) state() string {
	switch {
	case len(x.runs) > 0:
		return stateBlocked
	case x.failing != nil:
		return stateFailing
	case x.drained:
		return stateDrained
	case x.reading:
		return stateReading
	}
	return stateStopped
}

// ageOf is how old the last of the records is, and otherwise if that cannot be told.
func ageOf(recs []esm.Record, now time.Time, otherwise time.Duration) time.Duration {
	if len(recs) == 0 || recs[len(recs)-1].Arrived.IsZero() {
		return otherwise
	}
	return max(now.Sub(recs[len(recs)-1].Arrived), 0)
}

func firstOf(recs []esm.Record) string {
	if len(recs) == 0 {
		return ""
	}
	return recs[0].Receipt
}

// short is the beginning of a text, which it does not keep in memory.
func short(text string) string {
	if len(text) <= mostOfError {
		return text
	}
	return strings.Clone(strings.ToValidUTF8(text[:mostOfError], "")) + "…"
}
