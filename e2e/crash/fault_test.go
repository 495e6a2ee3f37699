package crash_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/esm-run/esm/e2e/rig"
)

// kinesisFaults are what Kinesis may answer to each operation, besides what was asked for.
var kinesisFaults = map[string][]fault{
	"GetRecords": {
		{400, "ExpiredIteratorException"}, {400, "ProvisionedThroughputExceededException"}, {400, "LimitExceededException"},
		{400, "ResourceNotFoundException"}, {400, "InvalidArgumentException"}, {400, "ValidationException"},
		{400, "KMSThrottlingException"}, {400, "KMSDisabledException"}, {400, "KMSInvalidStateException"},
		{400, "KMSAccessDeniedException"}, {400, "KMSNotFoundException"}, {400, "KMSOptInRequired"},
		{400, "AccessDeniedException"}, {500, "InternalFailure"}, {503, "ServiceUnavailable"}, brokenConnection,
	},
	"GetShardIterator": {
		{400, "ProvisionedThroughputExceededException"}, {400, "ResourceNotFoundException"}, {400, "InvalidArgumentException"},
		{400, "AccessDeniedException"}, {500, "InternalFailure"}, {503, "ServiceUnavailable"}, brokenConnection,
	},
	"ListShards": {
		{400, "LimitExceededException"}, {400, "ResourceInUseException"}, {400, "ResourceNotFoundException"},
		{400, "ExpiredNextTokenException"}, {400, "AccessDeniedException"}, {500, "InternalFailure"}, brokenConnection,
	},
	"DescribeStreamSummary": {
		{400, "LimitExceededException"}, {400, "ResourceNotFoundException"}, {400, "AccessDeniedException"}, {500, "InternalFailure"}, brokenConnection,
	},
}

// dynamodbFaults are what DynamoDB Streams may answer.
var dynamodbFaults = map[string][]fault{
	"GetRecords": {
		{400, "ExpiredIteratorException"}, {400, "LimitExceededException"}, {400, "TrimmedDataAccessException"},
		{400, "ResourceNotFoundException"}, {400, "ValidationException"}, {400, "ThrottlingException"},
		{400, "AccessDeniedException"}, {500, "InternalServerError"}, {503, "ServiceUnavailable"}, brokenConnection,
	},
	"GetShardIterator": {
		{400, "TrimmedDataAccessException"}, {400, "ResourceNotFoundException"}, {400, "ValidationException"},
		{400, "ThrottlingException"}, {400, "AccessDeniedException"}, {500, "InternalServerError"}, brokenConnection,
	},
	"DescribeStream": {
		{400, "LimitExceededException"}, {400, "ResourceNotFoundException"}, {400, "AccessDeniedException"}, {500, "InternalServerError"}, brokenConnection,
	},
}

// once are faults that come once only, and some requests pass behind them: what is not found twice is gone.
var once = []string{"ResourceNotFoundException", "TrimmedDataAccessException"}

// storm has a proxy answer with each fault, before and after the service has carried out the request, at random.
type storm struct {
	mu   sync.Mutex
	dice *rand.Rand
	left map[string][]tampering // by operation
	calm map[string]int         // how many requests pass before the next fault
	past []string
}

func newStorm(seed uint64, faults map[string][]fault) *storm {
	st := &storm{dice: rand.New(rand.NewPCG(seed, 0)), left: map[string][]tampering{}, calm: map[string]int{}}
	for operation, all := range faults {
		var left []tampering
		for _, f := range all {
			left = append(left, tampering{fault: f})
			if !slices.Contains(once, f.code) {
				left = append(left, tampering{fault: f, done: true})
			}
		}
		st.dice.Shuffle(len(left), func(i, j int) { left[i], left[j] = left[j], left[i] })
		st.left[operation] = left
	}
	return st
}

func (st *storm) tamper(operation string) (t tampering) {
	st.mu.Lock()
	defer st.mu.Unlock()
	if st.calm[operation] > 0 {
		st.calm[operation]--
		return t
	}
	if left := st.left[operation]; len(left) > 0 && st.dice.IntN(2) == 0 {
		t, st.left[operation] = left[0], left[1:]
		if slices.Contains(once, t.fault.code) {
			st.calm["GetRecords"], st.calm["GetShardIterator"] = 8, 8
		}
		st.past = append(st.past, fmt.Sprint(operation, " ", t.fault, " ", t.done))
	}
	return t
}

func (st *storm) over() bool {
	st.mu.Lock()
	defer st.mu.Unlock()
	for _, left := range st.left {
		if len(left) > 0 {
			return false
		}
	}
	return true
}

// Each error of a service comes while records flow and shards end. Nothing is lost and nothing out of order.
func TestServiceErrors(t *testing.T) {
	t.Parallel()
	t.Run("Kinesis", func(t *testing.T) {
		t.Parallel()
		e := rig.New(t)
		s := e.Stream("faults", 2)
		dice, counts := rand.New(rand.NewPCG(1, 1)), map[string]int{}
		throughStorm(t, e, kinesisFaults, s.ARN, func() []string {
			texts, entries := someRecords(dice, counts, 10, 0)
			e.Must(s.PutEntries(entries))
			return texts
		}, func() { e.Must(reshard(t.Context(), s, dice)) }, "ParallelizationFactor: 2")
	})
	t.Run("DynamoDB", func(t *testing.T) {
		t.Parallel()
		e := rig.New(t)
		table := e.Table("faults")
		dice, counts := rand.New(rand.NewPCG(1, 1)), map[string]int{}
		throughStorm(t, e, dynamodbFaults, table.Current, func() []string {
			texts, _ := someRecords(dice, counts, 10, 0)
			table.Write(texts...)
			return texts
		}, table.EndShard)
	})
}

// throughStorm runs an engine while faults come, records are put and shards end.
func throughStorm(t *testing.T, e *rig.Env, faults map[string][]fault, source string, put func() []string, endShard func(), keys ...string) {
	t.Helper()
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	st, h, p := newStorm(seed, faults), newHistory(), newProxy(t, e.StreamsEndpoint())
	p.follow(st.tamper)
	e.Endpoints["kinesis"], e.Endpoints["dynamodb"] = p.url, p.url
	_, handler := h.begin()
	engine := e.Start(e.Function("f", handler).On(source, append(keys, rig.BatchSize(50))...))
	var all []string
	rig.Within(t, 4*time.Minute, "all errors have come", func() bool {
		if all = append(all, put()...); len(all)%200 == 0 { // the engine lists shards then
			endShard()
		}
		return st.over()
	})
	defer func() {
		if t.Failed() {
			t.Logf("the errors: %q", st.past)
		}
	}()
	rig.Eventually(t, "every record is handled", func() bool { return h.handled() == len(all) })
	engine.WaitReady()
	engine.Stop()
	h.checkOrder(t, all)
	t.Logf("%d errors, %d records, %d invocations", len(st.past), len(all), len(h.visits))
}
