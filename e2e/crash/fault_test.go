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

// kinesisFaults are the errors that Kinesis documents, by operation.
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

// dynamodbFaults are the errors that DynamoDB Streams documents.
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

// A faultPlan has a proxy answer with each fault, before and after the service has carried out the request, in random
// order.
type faultPlan struct {
	mu   sync.Mutex
	dice *rand.Rand
	left map[string][]action // by operation
	calm map[string]int      // how many requests pass before the next fault
	past []string
}

func newFaultPlan(seed uint64, faults map[string][]fault) *faultPlan {
	plan := &faultPlan{dice: rand.New(rand.NewPCG(seed, 0)), left: map[string][]action{}, calm: map[string]int{}}
	for operation, all := range faults {
		var left []action
		for _, f := range all {
			left = append(left, action{fault: f})
			if !slices.Contains(once, f.code) {
				left = append(left, action{fault: f, done: true})
			}
		}
		plan.dice.Shuffle(len(left), func(i, j int) { left[i], left[j] = left[j], left[i] })
		plan.left[operation] = left
	}
	return plan
}

func (plan *faultPlan) decide(operation string) (t action) {
	plan.mu.Lock()
	defer plan.mu.Unlock()
	if plan.calm[operation] > 0 {
		plan.calm[operation]--
		return t
	}
	if left := plan.left[operation]; len(left) > 0 && plan.dice.IntN(2) == 0 {
		t, plan.left[operation] = left[0], left[1:]
		if slices.Contains(once, t.fault.code) {
			plan.calm["GetRecords"], plan.calm["GetShardIterator"] = 8, 8
		}
		plan.past = append(plan.past, fmt.Sprint(operation, " ", t.fault, " ", t.done))
	}
	return t
}

func (plan *faultPlan) over() bool {
	plan.mu.Lock()
	defer plan.mu.Unlock()
	for _, left := range plan.left {
		if len(left) > 0 {
			return false
		}
	}
	return true
}

// A faultTest is a source whose service answers with faults while records flow and shards end.
type faultTest struct {
	faults   map[string][]fault
	source   string // ARN
	keys     []string
	put      func() (texts []string) // puts ten records
	endShard func()
}

// Each error of a service comes while records flow and shards end. Nothing is lost and nothing out of order.
func TestServiceErrors(t *testing.T) {
	t.Parallel()
	t.Run("Kinesis", func(t *testing.T) {
		t.Parallel()
		e := rig.New(t)
		s, dice, counts := e.Stream("faults", 2), rand.New(rand.NewPCG(1, 1)), map[string]int{}
		faultTest{
			faults: kinesisFaults, source: s.ARN, keys: []string{"ParallelizationFactor: 2"},
			put: func() []string {
				texts, entries := someRecords(dice, counts, 10, 0)
				e.Must(s.PutEntries(entries))
				return texts
			},
			endShard: func() { e.Must(reshard(t.Context(), s, dice)) },
		}.run(t, e)
	})
	t.Run("DynamoDB", func(t *testing.T) {
		t.Parallel()
		e := rig.New(t)
		table, dice, counts := e.Table("faults"), rand.New(rand.NewPCG(1, 1)), map[string]int{}
		faultTest{
			faults: dynamodbFaults, source: table.Current, endShard: table.EndShard,
			put: func() []string {
				texts, _ := someRecords(dice, counts, 10, 0)
				table.Write(texts...)
				return texts
			},
		}.run(t, e)
	})
}

func (test faultTest) run(t *testing.T, e *rig.Env) {
	t.Helper()
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	plan, h, p := newFaultPlan(seed, test.faults), newHistory(), newProxy(t, e.StreamsEndpoint)
	p.follow(plan.decide)
	e.Endpoints["kinesis"], e.Endpoints["dynamodb"] = p.url, p.url
	_, handler := h.begin()
	engine := e.Start(e.Function("f", handler).On(test.source, append(test.keys, rig.BatchSize(50))...))
	var all []string
	rig.Within(t, 4*time.Minute, "all errors have come", func() bool {
		if all = append(all, test.put()...); len(all)%200 == 0 { // the engine lists shards then
			test.endShard()
		}
		return plan.over()
	})
	defer func() {
		if t.Failed() {
			t.Logf("the errors: %q", plan.past)
		}
	}()
	rig.Eventually(t, "every record is handled", func() bool { return h.handled() == len(all) })
	engine.WaitReady()
	engine.Stop()
	h.checkOrder(t, all)
	t.Logf("%d errors, %d records, %d invocations", len(plan.past), len(all), len(h.visits))
}
