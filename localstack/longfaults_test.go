package localstack_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"
)

// What Kinesis may answer to each operation, besides what was asked for.
var kinesisFaults = map[string][]fault{
	"GetRecords": {
		{400, "ExpiredIteratorException"}, {400, "ProvisionedThroughputExceededException"}, {400, "LimitExceededException"},
		{400, "ResourceNotFoundException"}, {400, "InvalidArgumentException"}, {400, "ValidationException"},
		{400, "KMSThrottlingException"}, {400, "KMSDisabledException"}, {400, "KMSInvalidStateException"},
		{400, "KMSAccessDeniedException"}, {400, "KMSNotFoundException"}, {400, "KMSOptInRequired"},
		{400, "AccessDeniedException"}, {500, "InternalFailure"}, {503, "ServiceUnavailable"}, broken,
	},
	"GetShardIterator": {
		{400, "ProvisionedThroughputExceededException"}, {400, "ResourceNotFoundException"}, {400, "InvalidArgumentException"},
		{400, "AccessDeniedException"}, {500, "InternalFailure"}, {503, "ServiceUnavailable"}, broken,
	},
	"ListShards": {
		{400, "LimitExceededException"}, {400, "ResourceInUseException"}, {400, "ResourceNotFoundException"},
		{400, "ExpiredNextTokenException"}, {400, "AccessDeniedException"}, {500, "InternalFailure"}, broken,
	},
	"DescribeStreamSummary": {
		{400, "LimitExceededException"}, {400, "ResourceNotFoundException"}, {400, "AccessDeniedException"},
		{500, "InternalFailure"}, broken,
	},
}

// weather has a proxy answer with each fault a few times, undone and done, at random. Then it clears.
type weather struct {
	mu     sync.Mutex
	dice   *rand.Rand
	to     map[string][]tampering // come, by operation
	passed []string
}

func newWeather(seed uint64, faults map[string][]fault) *weather {
	w := &weather{dice: rand.New(rand.NewPCG(seed, 0)), to: map[string][]tampering{}}
	for operation, all := range faults {
		for _, f := range slices.Concat(all, all) {
			w.to[operation] = append(w.to[operation], tampering{fault: f}, tampering{fault: f, done: true})
		}
		w.dice.Shuffle(len(w.to[operation]), func(i, j int) {
			w.to[operation][i], w.to[operation][j] = w.to[operation][j], w.to[operation][i]
		})
	}
	return w
}

func (w *weather) tamper(operation string) (t tampering) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if left := w.to[operation]; len(left) > 0 && w.dice.IntN(2) == 0 {
		t, w.to[operation] = left[0], left[1:]
		w.passed = append(w.passed, fmt.Sprint(operation, ": ", t.fault, ", done ", t.done))
	}
	return t
}

// left is how many faults are to come.
func (w *weather) left() (n int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, all := range w.to {
		n += len(all)
	}
	return n
}

// TestErrorsOfKinesis lets each error that Kinesis knows come, undone and done, while records flow through shards that
// are split and merged. Nothing is lost and nothing out of order.
func TestErrorsOfKinesis(t *testing.T) {
	overStreams(t, kinesisServices[:1], func(t *testing.T, c *corner) {
		seed := rand.Uint64()
		t.Logf("seed %d", seed)
		w := newWeather(seed, kinesisFaults)
		s := c.stream("faults", 2)
		c.through(newProxy(t, c.where.streams, w.tamper))
		story := newChronicle()
		_, answer := story.begin()
		e := c.start(fileOf(c.follow("f", s.arn, answer, "BatchSize: 50", "ParallelizationFactor: 2")))
		var put []string
		dice, counts := rand.New(rand.NewPCG(seed, 1)), map[string]int{}
		within(t, 4*time.Minute, "all errors have come", func() bool {
			texts, entries := someRecords(dice, counts, 10, 0)
			if err := s.send(entries); err != nil {
				t.Fatal(err)
			}
			if put = append(put, texts...); len(put)%200 == 0 { // listings come of it
				if err := s.reshard(t.Context(), dice); err != nil {
					t.Fatal(err)
				}
			}
			return w.left() == 0
		})
		within(t, 3*time.Minute, "every record is handled", func() bool { return story.handled() == len(put) })
		e.ready()
		if code := e.stop(); code != 0 {
			t.Errorf("exit code %d", code)
		}
		story.checkAll(t, put)
		story.checkOrder(t)
		t.Logf("%d errors, %d records, %d invocations", len(w.passed), len(put), len(story.visits))
		if t.Failed() {
			t.Logf("the errors: %q", w.passed)
		}
	})
}
