package localstack_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
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

// What DynamoDB Streams may.
var dynamodbFaults = map[string][]fault{
	"GetRecords": {
		{400, "ExpiredIteratorException"}, {400, "LimitExceededException"}, {400, "TrimmedDataAccessException"},
		{400, "ResourceNotFoundException"}, {400, "ValidationException"}, {400, "ThrottlingException"},
		{400, "AccessDeniedException"}, {500, "InternalServerError"}, {503, "ServiceUnavailable"}, broken,
	},
	"GetShardIterator": {
		{400, "TrimmedDataAccessException"}, {400, "ResourceNotFoundException"}, {400, "ValidationException"},
		{400, "ThrottlingException"}, {400, "AccessDeniedException"}, {500, "InternalServerError"}, broken,
	},
	"DescribeStream": {
		{400, "LimitExceededException"}, {400, "ResourceNotFoundException"}, {400, "AccessDeniedException"},
		{500, "InternalServerError"}, broken,
	},
}

// weather has a proxy answer with each fault a few times, undone and done, at random. Then it clears.
type weather struct {
	mu     sync.Mutex
	dice   *rand.Rand
	to     map[string][]tampering // come, by operation
	calm   map[string]int         // so many requests pass before the next
	passed []string
}

// lost are faults that come once only, and some requests pass behind them: what is not found twice is gone.
var lost = []string{"ResourceNotFoundException", "TrimmedDataAccessException"}

const aWhile = 8

func newWeather(seed uint64, faults map[string][]fault) *weather {
	w := &weather{dice: rand.New(rand.NewPCG(seed, 0)), to: map[string][]tampering{}, calm: map[string]int{}}
	for operation, all := range faults {
		for _, f := range all {
			undone, done := tampering{fault: f}, tampering{fault: f, done: true}
			if slices.Contains(lost, f.code) {
				w.to[operation] = append(w.to[operation], undone)
				continue
			}
			w.to[operation] = append(w.to[operation], undone, done, undone, done)
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
	if w.calm[operation] > 0 {
		w.calm[operation]--
		return t
	}
	if left := w.to[operation]; len(left) > 0 && w.dice.IntN(2) == 0 {
		t, w.to[operation] = left[0], left[1:]
		if slices.Contains(lost, t.fault.code) {
			w.calm["GetRecords"], w.calm["GetShardIterator"] = aWhile, aWhile
		}
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
		s := c.stream("faults", 2)
		dice, counts := rand.New(rand.NewPCG(1, 1)), map[string]int{}
		put := func() []string {
			texts, entries := someRecords(dice, counts, 10, 0)
			if err := s.send(entries); err != nil {
				t.Fatal(err)
			}
			return texts
		}
		reshard := func() {
			if err := s.reshard(t.Context(), dice); err != nil {
				t.Fatal(err)
			}
		}
		same := func(answer func(event) (string, error)) func(event) (string, error) { return answer }
		c.weather(kinesisFaults, s.arn, same, put, reshard, "ParallelizationFactor: 2")
	})
}

// TestErrorsOfDynamoDB does so with a table whose shards roll over.
func TestErrorsOfDynamoDB(t *testing.T) {
	overStreams(t, dynamodbServices[:1], func(t *testing.T, c *corner) {
		s := c.table("faults")
		dice, counts := rand.New(rand.NewPCG(1, 1)), map[string]int{}
		put := func() []string {
			texts, _ := someRecords(dice, counts, 10, 0)
			s.put(texts...)
			return texts
		}
		c.weather(dynamodbFaults, s.stream, asOfTable, put, s.rollOver)
	})
}

// weather runs an engine through bad weather, while records are put and shards come to their ends.
func (c *corner) weather(
	faults map[string][]fault, arn string, as func(func(event) (string, error)) func(event) (string, error),
	put func() []string, reshard func(), keys ...string,
) {
	c.Helper()
	seed := rand.Uint64()
	c.Logf("seed %d", seed)
	w, story := newWeather(seed, faults), newChronicle()
	c.through(newProxy(c.T, c.where.streams, w.tamper))
	_, answer := story.begin()
	e := c.start(fileOf(c.follow("f", arn, as(answer), append(keys, "BatchSize: 50")...)))
	var all []string
	within(c.T, 4*time.Minute, "all errors have come", func() bool {
		if all = append(all, put()...); len(all)%200 == 0 { // listings come of it
			reshard()
		}
		return w.left() == 0
	})
	defer func() {
		if c.Failed() {
			c.Logf("the errors: %q", w.passed)
			c.Logf("of what may be missing, esm wrote:\n%s", linesWith(e.stderr.String(), "may be missing"))
		}
	}()
	eventually(c.T, "every record is handled", func() bool { return story.handled() == len(all) })
	e.ready()
	if code := e.stop(); code != 0 {
		c.Errorf("exit code %d", code)
	}
	story.checkAll(c.T, all)
	story.checkOrder(c.T)
	c.Logf("%d errors, %d records, %d invocations", len(w.passed), len(all), len(story.visits))
}

func linesWith(text, what string) string {
	lines := slices.DeleteFunc(strings.Split(text, "\n"), func(line string) bool { return !strings.Contains(line, what) })
	return strings.Join(lines, "\n")
}
