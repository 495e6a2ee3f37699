package httpapi_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"

	"github.com/esm-run/esm/e2e/rig"
)

const oldest = types.EventSourcePositionTrimHorizon

// A mapping of each kind of source is made while esm runs, and polls soon.
func TestCreatedMappingPolls(t *testing.T) {
	t.Parallel()
	e := rig.New(t)
	q, s, table, f := e.Queue("soon", nil), e.Stream("soon", 1), e.Table("soon"), e.Function("f", rig.Succeed)
	engine := e.Run(f)
	q.Send("1")
	s.Put("2")
	table.Put("3")
	for n, in := range []lambda.CreateEventSourceMappingInput{
		{EventSourceArn: &q.ARN},
		{EventSourceArn: &s.ARN, StartingPosition: oldest},
		{EventSourceArn: &table.Current, StartingPosition: oldest},
	} {
		began := time.Now()
		uuid := engine.Create(in)
		rig.Within(t, rig.Slack, "the first batch is there", func() bool { return len(f.Calls()) == n+1 })
		t.Logf("%s: the first batch after %v", *in.EventSourceArn, time.Since(began))
		engine.WaitState(uuid, "Enabled")
		want := ""
		if n > 0 { // a queue's mapping shows no result
			want = "OK"
		}
		rig.Eventually(t, "the mapping shows its result", func() bool {
			got, err := engine.Lambda().GetEventSourceMapping(t.Context(), &lambda.GetEventSourceMappingInput{UUID: &uuid})
			e.Must(err)
			return aws.ToString(got.LastProcessingResult) == want
		})
	}
	f.Want(t, "1", "2", "3")
}

// Disabling a queue's mapping lets batches under way finish, and starts nothing until the mapping is enabled again.
func TestDisableQueue(t *testing.T) {
	t.Parallel()
	e := rig.New(t)
	q := e.Queue("disable", rig.Attributes{"VisibilityTimeout": "60"})
	f, gate := e.GatedFunction("f", rig.Succeed)
	engine := e.Run(f)
	uuid := engine.Create(lambda.CreateEventSourceMappingInput{
		EventSourceArn: &q.ARN, BatchSize: aws.Int32(1), ScalingConfig: &types.ScalingConfig{MaximumConcurrency: aws.Int32(2)},
	})
	q.Send(rig.Numbers(4)...)
	rig.Receive(t, gate.Begun)
	rig.Receive(t, gate.Begun)
	engine.BeginUpdate(lambda.UpdateEventSourceMappingInput{UUID: &uuid, Enabled: aws.Bool(false)})
	q.Send("5", "6", "7", "8")
	if state := engine.State(uuid); state != "Disabling" {
		t.Errorf("with batches under way the mapping is %s", state)
	}
	gate.Open()
	engine.WaitState(uuid, "Disabled")
	handled := len(f.Calls())
	q.WaitCount(8 - handled)
	if handled > 4 { // those that were received before
		t.Errorf("%d batches were handled", handled)
	}
	engine.Update(lambda.UpdateEventSourceMappingInput{UUID: &uuid, BatchSize: aws.Int32(10)}, "Disabled")
	if got := len(f.Calls()); got != handled {
		t.Errorf("%d invocations began while the mapping was disabled", got-handled)
	}
	engine.Update(lambda.UpdateEventSourceMappingInput{UUID: &uuid, Enabled: aws.Bool(true)}, "Enabled")
	q.WaitCount(0)
	if n := len(f.Texts()); n != 8 {
		t.Errorf("%d messages were handled, want 8", n)
	}
}

// Disabling a stream's mapping lets the batch under way finish. Enabled, it resumes behind that, and tries go on counting;
// a lower limit holds from the next decision on.
func TestDisableStream(t *testing.T) {
	t.Parallel()
	e := rig.New(t)
	s, dlq := e.Stream("disable", 1), e.Queue("disable", nil)
	f, gate := e.GatedFunction("f", rig.FailOn("3"))
	s.Put("1")
	engine := e.Run(f)
	uuid := engine.Create(lambda.CreateEventSourceMappingInput{
		EventSourceArn: &s.ARN, StartingPosition: oldest, BatchSize: aws.Int32(1), MaximumRetryAttempts: aws.Int32(100),
		DestinationConfig: &types.DestinationConfig{OnFailure: &types.OnFailure{Destination: &dlq.ARN}},
	})
	given := []string{"1"}
	for _, next := range []string{"2", "3", "3", "3", "3", "4"} {
		rig.Receive(t, gate.Begun)
		engine.BeginUpdate(lambda.UpdateEventSourceMappingInput{UUID: &uuid, Enabled: aws.Bool(false)})
		if next == "2" {
			s.Put("2", "3", "4")
		}
		gate.Pass(t)
		engine.WaitState(uuid, "Disabled")
		if got := f.Texts(); !slices.Equal(got, given) {
			t.Fatalf("disabled, the function was given %q, want %q", got, given)
		}
		given = append(given, next)
		engine.BeginUpdate(lambda.UpdateEventSourceMappingInput{UUID: &uuid, Enabled: aws.Bool(true), MaximumRetryAttempts: aws.Int32(3)})
	}
	rig.Receive(t, gate.Begun)
	gate.Pass(t)
	f.Want(t, given...)
	if notice := dlq.TakeNotices(1)[0]; !strings.Contains(notice, `"approximateInvokeCount":4`) {
		t.Errorf("the notice is %s", notice)
	}
}

// A queue's mapping gets other batches, another filter and another function while messages come. Each message is handled
// once.
func TestUpdateQueue(t *testing.T) {
	t.Parallel()
	e := rig.New(t)
	q := e.Queue("update", rig.Attributes{"VisibilityTimeout": "60"})
	f, g := e.Function("f", rig.Succeed), e.Function("g", rig.Succeed)
	engine := e.Run(f, g)
	uuid := engine.Create(lambda.CreateEventSourceMappingInput{EventSourceArn: &q.ARN})
	const count = 60
	for i, text := range rig.Numbers(count) {
		q.Send(text)
		if i%10 == 5 {
			engine.Update(lambda.UpdateEventSourceMappingInput{UUID: &uuid, BatchSize: aws.Int32(int32(1 + i%7))}, "Enabled")
		}
	}
	f.WaitFor(t, rig.Numbers(count)...)
	q.WaitCount(0)
	if n := len(f.Texts()); n != count {
		t.Errorf("%d messages were handled, want %d", n, count)
	}
	filter := &types.FilterCriteria{Filters: []types.Filter{{Pattern: aws.String(`{"body":["b"]}`)}}}
	engine.Update(lambda.UpdateEventSourceMappingInput{UUID: &uuid, FunctionName: &g.Name, FilterCriteria: filter}, "Enabled")
	q.Send("a", "b", "c")
	g.Want(t, "b")
	q.WaitCount(0)
	engine.Delete(uuid)
	q.Send("d")
	if again := engine.Create(lambda.CreateEventSourceMappingInput{EventSourceArn: &q.ARN}); again == uuid {
		t.Errorf("the new mapping has the UUID of the old one")
	}
	f.WaitFor(t, "d")
	q.WaitCount(0)
	if f.Has("a") || f.Has("b") || len(g.Texts()) != 1 {
		t.Errorf("the functions were given %q and %q", f.Texts(), g.Texts())
	}
}

// A function that is no longer in the file leaves its mappings Enabled, failing visibly. Nothing is lost until it is back.
func TestFunctionIsRemoved(t *testing.T) {
	t.Parallel()
	e := rig.New(t)
	q, s := e.Queue("removed", rig.Attributes{"VisibilityTimeout": "2"}), e.Stream("removed", 1)
	f, other := e.Function("f", rig.Succeed), e.Function("other", rig.Succeed)
	f.Timeout = 2
	engine := e.Run(f)
	ofQueue := engine.Create(lambda.CreateEventSourceMappingInput{EventSourceArn: &q.ARN})
	ofStream := engine.Create(lambda.CreateEventSourceMappingInput{EventSourceArn: &s.ARN, StartingPosition: oldest})
	engine.Kill()
	engine = e.Start(other) // it is not ready: the queue is not polled for a function that is not there
	q.Send("1")
	s.Put("2")
	rig.Eventually(t, "both fail visibly", func() bool {
		out, _, _ := rig.Run(t, "status", "--listen", engine.Listen)
		return strings.Count(out, "there is no function") == 2
	})
	for _, uuid := range []string{ofQueue, ofStream} {
		if state := engine.State(uuid); state != "Enabled" {
			t.Errorf("the mapping is %s", state)
		}
	}
	rig.Eventually(t, "the stream's mapping shows the problem", func() bool {
		got, err := engine.Lambda().GetEventSourceMapping(t.Context(), &lambda.GetEventSourceMappingInput{UUID: &ofStream})
		result := aws.ToString(got.LastProcessingResult)
		return err == nil && strings.HasPrefix(result, "PROBLEM: ") && strings.Contains(result, `there is no function "f"`)
	})
	engine.Stop()
	e.Run(f)
	f.WaitFor(t, "1", "2")
	q.WaitCount(0)
}

// The file and HTTP change mappings over the lives of several engines.
func TestFileAndHTTP(t *testing.T) {
	t.Parallel()
	e := rig.New(t)
	s := e.Stream("origins", 1)
	functions := map[string]*rig.Function{}
	var all []rig.Entry
	for _, name := range []string{"changed", "deleted", "removed", "made"} {
		functions[name] = e.Function(name, rig.Succeed)
		all = append(all, functions[name])
	}
	run := func(size int, names ...string) *rig.Engine {
		entries := slices.Clone(all)
		for _, name := range names {
			entries = append(entries, functions[name].On(s.ARN, rig.BatchSize(size)))
		}
		return e.Run(entries...)
	}
	s.Put("1")
	engine := run(10, "changed", "deleted", "removed")
	for _, name := range []string{"changed", "deleted", "removed"} {
		functions[name].Want(t, "1")
	}
	engine.Update(lambda.UpdateEventSourceMappingInput{UUID: uuidOf(t, engine, "changed"), BatchSize: aws.Int32(20)}, "Enabled")
	engine.Delete(*uuidOf(t, engine, "deleted"))
	made := engine.Create(lambda.CreateEventSourceMappingInput{
		FunctionName: aws.String("made"), EventSourceArn: &s.ARN, BatchSize: aws.Int32(30), StartingPosition: oldest, Tags: map[string]string{"kept": "yes"},
	})
	functions["made"].Want(t, "1")
	engine.Kill()

	engine = run(10, "changed", "deleted", "removed")
	engine.WantMappings(map[string]string{"changed": "20 File true", "removed": "10 File false", "made": "30 HTTP false"})
	engine.WaitLog("was changed over HTTP: that holds until", "was deleted over HTTP: that holds until")
	tags, err := engine.Lambda().ListTags(t.Context(), &lambda.ListTagsInput{Resource: aws.String(strings.Replace(mappingARN, "UUID", made, 1))})
	if err != nil || tags.Tags["kept"] != "yes" || *uuidOf(t, engine, "made") != made {
		t.Errorf("the mapping made over HTTP has the tags %v (%v)", tags, err)
	}
	s.Put("2")
	for _, name := range []string{"changed", "removed", "made"} {
		functions[name].WaitFor(t, "2")
	}
	engine.Stop()

	functions["deleted"].Handle(rig.Succeed)
	engine = run(11, "changed", "deleted") // the text of both is another one now
	engine.WantMappings(map[string]string{"changed": "11 File false", "deleted": "11 File false", "made": "30 HTTP false"})
	engine.WaitLog("has changed in the file: what HTTP had changed is discarded", "it is back, and reads from its StartingPosition", "is removed; its positions are kept")
	functions["deleted"].Want(t, "1", "2")
	engine.Stop()

	functions["removed"].Handle(rig.Succeed)
	run(11, "changed", "deleted", "removed")
	s.Put("3")
	functions["removed"].Want(t, "3") // it resumes where it was
	functions["deleted"].Want(t, "1", "2", "3")
	functions["changed"].WaitFor(t, "3")
	functions["made"].WaitFor(t, "3")
}

func uuidOf(t *testing.T, engine *rig.Engine, function string) *string {
	t.Helper()
	listed, err := engine.Lambda().ListEventSourceMappings(t.Context(), &lambda.ListEventSourceMappingsInput{FunctionName: &function})
	if err != nil || len(listed.EventSourceMappings) != 1 {
		t.Fatalf("%s has not one mapping: %v", function, err)
	}
	return listed.EventSourceMappings[0].UUID
}
