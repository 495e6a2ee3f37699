package events

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/eventbridge"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge/types"
	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"github.com/esm-run/esm/engine/filter"
	"github.com/esm-run/esm/localstack/embedded/inprocess"
	"github.com/esm-run/esm/localstack/embedded/relay"
	"github.com/esm-run/esm/localstack/embedded/relay/relaytest"
)

const (
	functionARN = "arn:aws:lambda:us-east-1:000000000000:function:f"
	queueARN    = "arn:aws:sqs:us-east-1:000000000000:q"
	topicARN    = "arn:aws:sns:us-east-1:000000000000:t"
	deadARN     = "arn:aws:sqs:us-east-1:000000000000:dead"
	trace       = "Root=1-6789abcd-0123456789abcdef01234567;Sampled=1"
)

// A client is an SDK client of a server whose targets record what they get.
type client struct {
	*sdk.Client
	t       *testing.T
	server  *Server
	targets *relaytest.Target
}

func newClient(t *testing.T) *client {
	targets := new(relaytest.Target)
	s := &Server{Targets: targets.For("lambda", "sqs", "sns"), Pattern: compile}
	return &client{sdk.NewFromConfig(inprocess.Config(s)), t, s, targets}
}

func compile(pattern []byte) (func([]byte) bool, error) {
	f, err := filter.Compile([]string{string(pattern)}, "")
	if err != nil {
		return nil, err
	}
	return f.Match, nil
}

func (c *client) must(err error) {
	c.t.Helper()
	if err != nil {
		c.t.Fatal(err)
	}
}

// rule puts a rule with targets on a bus.
func (c *client) rule(bus, name, pattern string, targets ...types.Target) {
	c.t.Helper()
	_, err := c.PutRule(c.t.Context(), &sdk.PutRuleInput{Name: &name, EventBusName: &bus, EventPattern: &pattern})
	c.must(err)
	_, err = c.PutTargets(c.t.Context(), &sdk.PutTargetsInput{Rule: &name, EventBusName: &bus, Targets: targets})
	c.must(err)
}

func to(id, arn string) types.Target { return types.Target{Id: &id, Arn: &arn} }

// put puts an event with that detail onto a bus, and returns the response.
func (c *client) put(bus, source, detail string) types.PutEventsResultEntry {
	c.t.Helper()
	out, err := c.PutEvents(c.t.Context(), &sdk.PutEventsInput{Entries: []types.PutEventsRequestEntry{
		{EventBusName: &bus, Source: &source, DetailType: aws.String("order"), Detail: &detail},
	}})
	c.must(err)
	return out.Entries[0]
}

// taken returns what was delivered, with its IDs replaced.
func (c *client) taken() (texts []string) {
	for _, d := range c.targets.Take() {
		texts = append(texts, ids.ReplaceAllString(d.String(), "*"))
	}
	return texts
}

var ids = regexp.MustCompile(`[0-9a-f]{8}-[0-9a-f-]{27}`)

// traced sends a trace header.
func traced(o *sdk.Options) {
	o.APIOptions = append(o.APIOptions, smithyhttp.AddHeaderValue("X-Amzn-Trace-Id", trace))
}

// TestEnvelope compares events byte for byte.
func TestEnvelope(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newClient(t)
		c.rule("default", "all", `{"source":[{"prefix":""}]}`, to("f", functionARN), to("q", queueARN), to("t", topicARN))
		out, err := c.PutEvents(t.Context(), &sdk.PutEventsInput{Entries: []types.PutEventsRequestEntry{
			{Source: aws.String("shop"), DetailType: aws.String("<order> & \u2028"), Detail: aws.String(`{ "id": 1.50, "text": "<&>" }`)},
			{Source: aws.String("shop"), DetailType: aws.String("order"), Detail: aws.String(`{}`), Resources: []string{"arn:a", "arn:b"},
				Time: aws.Time(time.Date(2026, 9, 14, 15, 0, 0, 999e6, time.FixedZone("", 3600))), TraceHeader: aws.String("Root=2")},
		}}, traced)
		c.must(err)
		if out.FailedEntryCount != 0 || len(out.Entries) != 2 || !ids.MatchString(*out.Entries[0].EventId) {
			t.Errorf("got %+v", out)
		}
		first := `{"version":"0","id":"*","detail-type":"<order> & \u2028","source":"shop","account":"000000000000","time":"2000-01-01T00:00:00Z","region":"us-east-1","resources":[],"detail":{"id":1.50,"text":"<&>"}} ` + trace
		second := `{"version":"0","id":"*","detail-type":"order","source":"shop","account":"000000000000","time":"2026-09-14T14:00:00Z","region":"us-east-1","resources":["arn:a","arn:b"],"detail":{}} Root=2`
		var want []string
		for _, event := range []string{first, second} {
			want = append(want, functionARN+" "+event, queueARN+" "+event, topicARN+" "+event)
		}
		if got := c.taken(); !slices.Equal(got, want) {
			t.Errorf("got  %q\nwant %q", got, want)
		}
	})
}

func TestInputs(t *testing.T) {
	c := newClient(t)
	constant, part, grouped, none := to("a", queueARN), to("b", queueARN), to("c", queueARN+".fifo"), to("d", queueARN)
	constant.Input, part.InputPath, none.InputPath = aws.String(`{"constant": true}`), aws.String("$.detail.items[1].name"), aws.String("$.detail.none")
	grouped.InputPath, grouped.SqsParameters = aws.String("$['detail-type']"), &types.SqsParameters{MessageGroupId: aws.String("g")}
	c.rule("default", "all", `{"source":["shop"]}`, constant, part, grouped, none)
	c.put("default", "shop", `{"items":[{"name":"tea"},{"name":"coffee"}]}`)
	want := []string{queueARN + ` {"constant": true}`, queueARN + ` "coffee"`, queueARN + `.fifo "order" g`, queueARN + " null"}
	if got := c.taken(); !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestPaths(t *testing.T) {
	const document = `{"a": {"b": [1, {"c d": "x"}], "e-f_1": null}, "detail-type": "t"}`
	for text, want := range map[string]string{
		"$": document, "$.a.b": `[1, {"c d": "x"}]`, "$.a.b[0]": "1", "$.a.b[1]['c d']": `"x"`, "$.a.e-f_1": "null", "$['detail-type']": `"t"`,
		"$.a.b[2]": "null", "$.a.b.c": "null", "$.none.b": "null", "$.a[0]": "null",
	} {
		p, err := parsePath(text)
		if got := string(p.of([]byte(document))); err != nil || got != want {
			t.Errorf("%s: got %s, %v, want %s", text, got, err, want)
		}
	}
	for _, text := range []string{"", "a", "$a", "$.", "$..a", "$.a[*]", "$.a[-1]", "$.a[?(@.b)]", "$[''", "$.a b"} {
		if p, err := parsePath(text); err == nil {
			t.Errorf("%s: got %v", text, p)
		}
	}
}

// FuzzPath selects anything from anything: the result is JSON if the document is.
func FuzzPath(f *testing.F) {
	f.Add("$.a[0]['b']", `{"a":[{"b":1}]}`)
	f.Fuzz(func(t *testing.T, text, document string) {
		p, err := parsePath(text)
		if err != nil {
			return
		}
		event := relay.JSON(document) // a string
		if got := p.of(event); string(got) != string(event) && string(got) != "null" {
			t.Errorf("%s of %s: got %s", text, event, got)
		}
		p.of([]byte(document))
	})
}

// TestRules follows rules through their lives: which events they pass on.
func TestRules(t *testing.T) {
	c, ctx := newClient(t), t.Context()
	_, err := c.CreateEventBus(ctx, &sdk.CreateEventBusInput{Name: aws.String("ops"), Description: aws.String("d")})
	c.must(err)
	matches := func(want ...string) {
		t.Helper()
		for _, bus := range []string{"default", "ops", "arn:aws:events:us-east-1:000000000000:event-bus/ops", "none"} {
			for _, source := range []string{"shop", "bank"} {
				c.put(bus, source, `{"n":5}`)
			}
		}
		var got []string
		for _, d := range c.targets.Take() {
			got = append(got, d.ARN[strings.LastIndexByte(d.ARN, ':')+1:])
		}
		if !slices.Equal(got, want) {
			t.Errorf("got %v, want %v", got, want)
		}
	}
	c.rule("default", "shop", `{"source":["shop"],"detail":{"n":[{"numeric":[">",4]}]}}`, to("x", queueARN+"1"))
	c.rule("default", "other", `{"source":[{"anything-but":"shop"}]}`, to("x", queueARN+"2"), to("y", queueARN+"3"))
	c.rule("ops", "shop", `{"source":["shop"]}`, to("x", queueARN+"4"))
	matches("q1", "q2", "q3", "q4", "q4")

	_, err = c.DisableRule(ctx, &sdk.DisableRuleInput{Name: aws.String("other")})
	c.must(err)
	c.rule("default", "shop", `{"source":["bank"]}`, to("z", queueARN+"5")) // keeps its target
	matches("q1", "q5", "q4", "q4")

	_, err = c.EnableRule(ctx, &sdk.EnableRuleInput{Name: aws.String("other")})
	c.must(err)
	out, err := c.RemoveTargets(ctx, &sdk.RemoveTargetsInput{Rule: aws.String("other"), Ids: []string{"x", "none"}})
	c.must(err)
	if out.FailedEntryCount != 1 || *out.FailedEntries[0].TargetId != "none" {
		t.Errorf("got %+v", out)
	}
	matches("q3", "q1", "q5", "q4", "q4")

	rule, err := c.DescribeRule(ctx, &sdk.DescribeRuleInput{Name: aws.String("shop"), EventBusName: aws.String("ops")})
	c.must(err)
	if *rule.Arn != "arn:aws:events:us-east-1:000000000000:rule/ops/shop" || *rule.EventPattern != `{"source":["shop"]}` || rule.State != "ENABLED" || *rule.EventBusName != "ops" || rule.ScheduleExpression != nil {
		t.Errorf("got %+v", rule)
	}
	c.fails("ValidationException", "can't be deleted since it has targets", func() error {
		_, err := c.DeleteRule(ctx, &sdk.DeleteRuleInput{Name: aws.String("shop"), EventBusName: aws.String("ops")})
		return err
	})
	c.fails("ValidationException", "since it has rules", func() error {
		_, err := c.DeleteEventBus(ctx, &sdk.DeleteEventBusInput{Name: aws.String("ops")})
		return err
	})
	_, err = c.RemoveTargets(ctx, &sdk.RemoveTargetsInput{Rule: aws.String("shop"), EventBusName: aws.String("ops"), Ids: []string{"x"}})
	c.must(err)
	for range 2 {
		_, err = c.DeleteRule(ctx, &sdk.DeleteRuleInput{Name: aws.String("shop"), EventBusName: aws.String("ops")})
		c.must(err)
	}
	for range 2 {
		_, err = c.DeleteEventBus(ctx, &sdk.DeleteEventBusInput{Name: aws.String("ops")})
		c.must(err)
	}
	matches("q3", "q1", "q5")
}

// fails reports an error unless call fails with that code and that part of a message.
func (c *client) fails(code, text string, call func() error) {
	c.t.Helper()
	err := call()
	var got smithy.APIError
	if !errors.As(err, &got) || got.ErrorCode() != code || !strings.Contains(got.ErrorMessage(), text) {
		c.t.Errorf("got %v, want %s and %q", err, code, text)
	}
}

func TestLists(t *testing.T) {
	c, ctx := newClient(t), t.Context()
	for _, name := range []string{"a1", "a2", "b"} {
		_, err := c.CreateEventBus(ctx, &sdk.CreateEventBusInput{Name: &name})
		c.must(err)
		c.rule("default", name, `{"source":["shop"]}`, to("x", queueARN), to("y", functionARN))
	}
	pages := func(list func(token *string) (names []string, next *string)) string {
		var all []string
		for token := (*string)(nil); ; {
			names, next := list(token)
			all = append(all, strings.Join(names, " "))
			if token = next; token == nil {
				return strings.Join(all, " | ")
			}
		}
	}
	buses := pages(func(token *string) (names []string, next *string) {
		out, err := c.ListEventBuses(ctx, &sdk.ListEventBusesInput{Limit: aws.Int32(3), NextToken: token})
		c.must(err)
		for _, b := range out.EventBuses {
			if names = append(names, *b.Name); b.CreationTime.IsZero() {
				t.Errorf("got %+v", b)
			}
		}
		return names, out.NextToken
	})
	rules := pages(func(token *string) (names []string, next *string) {
		out, err := c.ListRules(ctx, &sdk.ListRulesInput{NamePrefix: aws.String("a"), Limit: aws.Int32(1), NextToken: token})
		c.must(err)
		for _, r := range out.Rules {
			names = append(names, *r.Name)
		}
		return names, out.NextToken
	})
	targets := pages(func(token *string) (names []string, next *string) {
		out, err := c.ListTargetsByRule(ctx, &sdk.ListTargetsByRuleInput{Rule: aws.String("b"), Limit: aws.Int32(1), NextToken: token})
		c.must(err)
		for _, r := range out.Targets {
			names = append(names, *r.Id+"="+*r.Arn)
		}
		return names, out.NextToken
	})
	for _, pair := range [][2]string{{buses, "a1 a2 b | default"}, {rules, "a1 | a2"}, {targets, "x=" + queueARN + " | y=" + functionARN}} {
		if pair[0] != pair[1] {
			t.Errorf("got %s, want %s", pair[0], pair[1])
		}
	}
	bus, err := c.DescribeEventBus(ctx, &sdk.DescribeEventBusInput{})
	c.must(err)
	if *bus.Name != "default" || *bus.Arn != "arn:aws:events:us-east-1:000000000000:event-bus/default" {
		t.Errorf("got %+v", bus)
	}
}

func TestPutEventsErrors(t *testing.T) {
	c := newClient(t)
	entry := func(source, kind, detail string) types.PutEventsRequestEntry {
		return types.PutEventsRequestEntry{Source: &source, DetailType: &kind, Detail: &detail}
	}
	out, err := c.PutEvents(t.Context(), &sdk.PutEventsInput{Entries: []types.PutEventsRequestEntry{
		entry("", "t", "{}"), entry("s", "", "{}"), entry("s", "t", ""), entry("s", strings.Repeat("t", 129), "{}"), entry("s", "t", "{"), entry("s", "t", "[]"), entry("aws.s3", "t", "{}"),
	}})
	c.must(err)
	var got []string
	for _, e := range out.Entries {
		got = append(got, aws.ToString(e.ErrorCode)+": "+aws.ToString(e.ErrorMessage))
	}
	want := []string{
		"InvalidArgument: Parameter Source is not valid. Reason: Source is a required argument.",
		"InvalidArgument: Parameter DetailType is not valid. Reason: DetailType is a required argument.",
		"InvalidArgument: Parameter Detail is not valid. Reason: Detail is a required argument.",
		"InvalidArgument: Parameter DetailType is not valid. Reason: DetailType has at most 128 characters.",
		"MalformedDetail: Detail is malformed.", "MalformedDetail: Detail is malformed.", ": ",
	}
	if !slices.Equal(got, want) || out.FailedEntryCount != 6 {
		t.Errorf("got %d failures: %q", out.FailedEntryCount, got)
	}
	put := func(entries ...types.PutEventsRequestEntry) func() error {
		return func() error {
			_, err := c.PutEvents(t.Context(), &sdk.PutEventsInput{Entries: entries})
			return err
		}
	}
	largest := entry("s", "t", `{"a":"`+strings.Repeat("x", maxEntry-10)+`"}`)
	c.must(put(largest)())
	c.fails("ValidationException", "Total size of the entries", put(largest, entry("s", "t", "{}")))
	c.fails("ValidationException", "length between 1 and 10", put(slices.Repeat([]types.PutEventsRequestEntry{entry("s", "t", "{}")}, 11)...))
}

// A producer learns that an event was not accepted. It does not learn that a target is gone; its dead-letter queue does.
func TestTargetsThatFail(t *testing.T) {
	c := newClient(t)
	target := to("f", functionARN)
	target.DeadLetterConfig = &types.DeadLetterConfig{Arn: aws.String(deadARN)}
	target.RetryPolicy = &types.RetryPolicy{MaximumRetryAttempts: aws.Int32(3)}
	target.InputPath = aws.String("$.detail")
	c.rule("default", "r", `{"source":["shop"]}`, target, to("g", queueARN))
	c.targets.Missing = func(arn string) bool { return arn == functionARN }
	if e := c.put("default", "shop", "{}"); e.ErrorCode != nil {
		t.Errorf("got %+v", e)
	}
	got := c.targets.Take()
	if len(got) != 2 || got[0].ARN != deadARN || !strings.HasPrefix(got[0].Body, `{"version":"0",`) || got[1].ARN != queueARN {
		t.Fatalf("got %v", got)
	}
	text := func(value string) relay.Attribute { return relay.Attribute{Type: "String", Value: value} }
	if want := fmt.Sprint(map[string]relay.Attribute{
		"RULE_ARN": text("arn:aws:events:us-east-1:000000000000:rule/r"), "TARGET_ARN": text(functionARN),
		"ERROR_CODE": text("ResourceNotFoundException"), "ERROR_MESSAGE": text(functionARN + " is missing"),
	}); fmt.Sprint(got[0].Attributes) != want {
		t.Errorf("got %v, want %s", got[0].Attributes, want)
	}
	shown, err := c.ListTargetsByRule(t.Context(), &sdk.ListTargetsByRuleInput{Rule: aws.String("r")})
	c.must(err)
	if shown := shown.Targets[0]; *shown.RetryPolicy.MaximumRetryAttempts != 3 || *shown.DeadLetterConfig.Arn != deadARN || *shown.InputPath != "$.detail" {
		t.Errorf("got %+v", shown)
	}
	c.targets.Missing, c.targets.Err = nil, errors.New("disk full")
	if e := c.put("default", "shop", "{}"); aws.ToString(e.ErrorCode) != "InternalFailure" || aws.ToString(e.ErrorMessage) != "disk full" {
		t.Errorf("got %+v", e)
	}
	if err := c.server.Put(context.Background(), relay.Event{Source: "shop", DetailType: "t", Detail: []byte("{}")}, ""); !errors.Is(err, c.targets.Err) {
		t.Errorf("got %v", err)
	}
}

func TestTestEventPattern(t *testing.T) {
	c := newClient(t)
	test := func(pattern, event string) (*sdk.TestEventPatternOutput, error) {
		return c.TestEventPattern(t.Context(), &sdk.TestEventPatternInput{EventPattern: &pattern, Event: &event})
	}
	const event = `{"id":"1","account":"0","source":"shop","time":"2026-09-14T15:00:00Z","region":"us-east-1","resources":[],"detail-type":"t","detail":{}}`
	for pattern, want := range map[string]bool{`{"source":["shop"]}`: true, `{"source":["bank"]}`: false} {
		if out, err := test(pattern, event); err != nil || out.Result != want {
			t.Errorf("%s: got %+v, %v", pattern, out, err)
		}
	}
	c.fails("InvalidEventPatternException", "Event pattern is not valid. Reason: ", func() error { _, err := test(`{"source":"shop"}`, event); return err })
	c.fails("ValidationException", "id is missing", func() error { _, err := test(`{"source":["shop"]}`, "{}"); return err })
	c.fails("ValidationException", "Parameter Event is not valid.", func() error { _, err := test(`{"source":["shop"]}`, "1"); return err })
}

func TestTags(t *testing.T) {
	c, ctx := newClient(t), t.Context()
	tag := func(key, value string) types.Tag { return types.Tag{Key: &key, Value: &value} }
	bus, err := c.CreateEventBus(ctx, &sdk.CreateEventBusInput{Name: aws.String("ops"), Tags: []types.Tag{tag("a", "1")}})
	c.must(err)
	rule, err := c.PutRule(ctx, &sdk.PutRuleInput{Name: aws.String("r"), ScheduleExpression: aws.String("rate(1 day)"), Tags: []types.Tag{tag("a", "1")}})
	c.must(err)
	for _, arn := range []*string{bus.EventBusArn, rule.RuleArn} {
		_, err = c.TagResource(ctx, &sdk.TagResourceInput{ResourceARN: arn, Tags: []types.Tag{tag("b", "2"), tag("c", "3")}})
		c.must(err)
		c.fails("ValidationException", "Tag keys", func() error {
			_, err := c.TagResource(ctx, &sdk.TagResourceInput{ResourceARN: arn, Tags: []types.Tag{tag("", "2")}})
			return err
		})
		_, err = c.UntagResource(ctx, &sdk.UntagResourceInput{ResourceARN: arn, TagKeys: []string{"b"}})
		c.must(err)
		out, err := c.ListTagsForResource(ctx, &sdk.ListTagsForResourceInput{ResourceARN: arn})
		c.must(err)
		var got []string
		for _, t := range out.Tags {
			got = append(got, *t.Key+*t.Value)
		}
		if !slices.Equal(got, []string{"a1", "c3"}) {
			t.Errorf("%s: got %v", *arn, got)
		}
	}
	c.fails("ResourceNotFoundException", "does not exist", func() error {
		_, err := c.ListTagsForResource(ctx, &sdk.ListTagsForResourceInput{ResourceARN: aws.String(*bus.EventBusArn + "x")})
		return err
	})
}
