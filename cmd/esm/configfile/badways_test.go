package configfile

import (
	"slices"
	"strings"
	"testing"
)

// ways is the beginning of a file whose items of Resources follow, from line 4 on.
const ways = `Aws: {Endpoint: embedded}
Functions: {orders: {Command: [bin/bootstrap]}}
Resources:
`

// badWays lists files with errors in what leads events to functions.
var badWays = []badFile{
	{"protocols", ways + "  Topics:\n    - Name: a\n      Subscriptions:\n        - {Protocol: email, Endpoint: a@b}\n        - {Protocol: lambda}\n        - {Protocol: http, Endpoint: 'https://a'}\n        - {Protocol: https, Endpoint: 'https://'}\n", true, []string{
		`7:12: Resources.Topics[0].Subscriptions[0].Protocol: "email" should be lambda, sqs, http or https`,
		`8:11: Resources.Topics[0].Subscriptions[1].Endpoint: is missing: For lambda a function of this file, by its name or ARN; for sqs the ARN of a standard queue; for http and https a URL.`,
		`9:28: Resources.Topics[0].Subscriptions[2].Endpoint: is not a URL that begins with http://`,
		`10:29: Resources.Topics[0].Subscriptions[3].Endpoint: is not a URL that begins with https://`}},
	{"subscriptions of functions", ways + "  Topics:\n    - Name: a\n      Subscriptions:\n        - {Protocol: lambda, Endpoint: order}\n        - {Protocol: lambda, Endpoint: 'arn:aws:lambda:eu-west-1:000000000000:function:orders'}\n" +
		"        - {Protocol: lambda, Endpoint: orders, RawMessageDelivery: true}\n        - {Protocol: lambda, Endpoint: 'arn:aws:lambda:us-east-1:000000000000:function:orders'}\n", false, []string{
		`7:30: Resources.Topics[0].Subscriptions[0].Endpoint: names no function of this file: did you mean orders?`,
		`8:30: Resources.Topics[0].Subscriptions[1].Endpoint: is the ARN of a function in another region or account than this file's, us-east-1 and 000000000000`,
		`9:48: Resources.Topics[0].Subscriptions[2].RawMessageDelivery: is not for lambda: a function always receives the envelope`,
		`10:11: Resources.Topics[0].Subscriptions[3]: subscribes the same endpoint as Subscriptions[2]: remove one`}},
	{"subscriptions of queues", ways + "  Queues: [{QueueName: q}]\n  Topics:\n    - Name: a\n      Subscriptions:\n        - {Protocol: sqs, Endpoint: q}\n        - {Protocol: sqs, Endpoint: 'arn:aws:sqs:us-east-1:000000000000:q.fifo'}\n        - {Protocol: sqs, Endpoint: 'arn:aws:sns:us-east-1:000000000000:q'}\n", false, []string{
		`8:27: Resources.Topics[0].Subscriptions[0].Endpoint: is not the ARN of a standard SQS queue (arn:aws:sqs:<region>:<account>:<queue>)`,
		`9:27: Resources.Topics[0].Subscriptions[1].Endpoint: is FIFO, to which this version does not send from here: give the ARN of a standard SQS queue`,
		`10:27: Resources.Topics[0].Subscriptions[2].Endpoint: is not the ARN of a standard SQS queue (arn:aws:sqs:<region>:<account>:<queue>)`}},
	{"filter policies", ways + "  Topics:\n    - Name: a\n      Subscriptions:\n        - {Protocol: lambda, Endpoint: orders, FilterPolicy: 'kind'}\n        - {Protocol: lambda, Endpoint: 'orders:1', FilterPolicy: '{\"kind\": \"paid\"}'}\n" +
		"        - {Protocol: lambda, Endpoint: 'orders:2', FilterPolicy: '{\"a\": {\"b\": [1]}}'}\n        - {Protocol: lambda, Endpoint: 'orders:3', FilterPolicyScope: MessageBody}\n        - {Protocol: lambda, Endpoint: 'orders:4', FilterPolicy: {kind: [paid]}}\n", true, []string{
		`7:48: Resources.Topics[0].Subscriptions[0].FilterPolicy: "kind" is not the text of a JSON object`,
		`8:52: Resources.Topics[0].Subscriptions[1].FilterPolicy: at kind: …`,
		`9:52: Resources.Topics[0].Subscriptions[2].FilterPolicy: has an object inside, which attributes of messages do not: set FilterPolicyScope to MessageBody, or give a list`,
		`10:52: Resources.Topics[0].Subscriptions[3].FilterPolicyScope: has no effect without a FilterPolicy: remove it`,
		`11:52: Resources.Topics[0].Subscriptions[4].FilterPolicy: is an object and should be text`}},
	{"keys of subscriptions", ways + "  Topics:\n    - Name: a\n      Subscriptions:\n        - {Protocol: lambda, Endpoint: orders, RedrivePolicy: '{}', DeliveryPolicy: '{}', Filterpolicy: '{}'}\n", true, []string{
		`7:48: Resources.Topics[0].Subscriptions[0].RedrivePolicy: dead-letter queues of subscriptions are not supported by this version: remove it`,
		`7:69: Resources.Topics[0].Subscriptions[0].DeliveryPolicy: delivery policies are not supported by this version: remove it`,
		`7:91: Resources.Topics[0].Subscriptions[0].Filterpolicy: unknown key; did you mean FilterPolicy?`}},

	{"shapes of notifications", ways + "  Buckets:\n    - Bucket: abc\n      NotificationConfiguration:\n        LambdaFunctionConfigurations:\n          - {Events: ['s3:ObjectCreated']}\n          - {LambdaFunctionArn: orders, Events: [], Filter: {Key: {FilterRules: [{Name: infix, Value: a}]}}}\n        EventBridgeConfiguration: true\n", true, []string{
		`8:13: Resources.Buckets[0].NotificationConfiguration.LambdaFunctionConfigurations[0].LambdaFunctionArn: is missing: The function: one of this file, by its name or ARN.`,
		`8:23: Resources.Buckets[0].NotificationConfiguration.LambdaFunctionConfigurations[0].Events[0]: "s3:ObjectCreated" should be s3:ObjectCreated:*, …`,
		`9:41: Resources.Buckets[0].NotificationConfiguration.LambdaFunctionConfigurations[1].Events: has 0 items, below 1`,
		`9:83: Resources.Buckets[0].NotificationConfiguration.LambdaFunctionConfigurations[1].Filter.Key.FilterRules[0].Name: "infix" should be prefix, suffix, Prefix or Suffix`,
		`10:9: Resources.Buckets[0].NotificationConfiguration.EventBridgeConfiguration: should be {}: it has no settings`}},
	{"receivers of notifications", ways + "  Buckets:\n    - Bucket: abc\n      NotificationConfiguration:\n        LambdaFunctionConfigurations:\n          - {LambdaFunctionArn: payments, Events: ['s3:ObjectCreated:Put'], Id: a}\n        QueueConfigurations:\n          - {QueueArn: orders, Events: ['s3:ObjectCreated:Copy'], Id: a}\n" +
		"        TopicConfigurations:\n          - {TopicArn: 'arn:aws:sns:us-east-1:000000000000:t.fifo', Events: ['s3:ObjectRemoved:*'], Filter: {Key: {FilterRules: [{Name: prefix, Value: a}, {Name: Prefix, Value: b}]}}}\n", false, []string{
		`8:14: Resources.Buckets[0].NotificationConfiguration.LambdaFunctionConfigurations[0].LambdaFunctionArn: names no function of this file: it has orders`,
		`10:14: Resources.Buckets[0].NotificationConfiguration.QueueConfigurations[0].QueueArn: is not the ARN of a standard SQS queue (arn:aws:sqs:<region>:<account>:<queue>)`,
		`10:67: Resources.Buckets[0].NotificationConfiguration.QueueConfigurations[0].Id: is that of Resources.Buckets[0].NotificationConfiguration.LambdaFunctionConfigurations[0]`,
		`12:14: Resources.Buckets[0].NotificationConfiguration.TopicConfigurations[0].TopicArn: is FIFO, to which this version does not send from here: give the ARN of a standard SNS topic`,
		`12:157: Resources.Buckets[0].NotificationConfiguration.TopicConfigurations[0].Filter.Key.FilterRules[1].Name: is given twice: a filter has at most one prefix and one suffix`}},
	{"notifications that overlap", ways + "  Buckets:\n    - Bucket: abc\n      NotificationConfiguration:\n        LambdaFunctionConfigurations:\n          - {LambdaFunctionArn: orders, Events: ['s3:ObjectCreated:Put']}\n          - {LambdaFunctionArn: orders, Events: ['s3:ObjectCreated:*'], Filter: {Key: {FilterRules: [{Name: suffix, Value: .jpg}]}}}\n", false, []string{
		`9:13: Resources.Buckets[0].NotificationConfiguration.LambdaFunctionConfigurations[1]: reports the same events as Resources.Buckets[0].NotificationConfiguration.LambdaFunctionConfigurations[0], which S3 refuses: give them different events, prefixes or suffixes`}},

	{"event buses", ways + "  EventBuses: [{Name: default}, {Name: a/b}, {Name: shop}, {Name: shop}]\n", true, []string{
		`4:17: Resources.EventBuses[0].Name: is the bus that exists always: remove it`,
		`4:34: Resources.EventBuses[1].Name: "a/b" is not the name of a custom event bus: 1 to 256 letters, digits, ., - and _`,
		`4:61: Resources.EventBuses[3].Name: is that of Resources.EventBuses[2]`}},
	{"shapes of rules", ways + "  Rules:\n    - {Name: a b, ScheduleExpression: rate(1 minute), State: 'ON', Targets: []}\n    - {Name: b, ScheduleExpression: rate(1 minute), Targets: [{Id: '', Arn: orders, Input: '{', InputPath: detail}], RoleArn: 'arn:aws:iam::1:role/a'}\n", true, []string{
		`5:8: Resources.Rules[0].Name: "a b" is not a rule's name: 1 to 64 letters, digits, ., - and _`,
		`5:55: Resources.Rules[0].State: "ON" should be ENABLED or DISABLED`,
		`5:68: Resources.Rules[0].Targets: has 0 items, below 1`,
		`6:64: Resources.Rules[1].Targets[0].Id: "" is not the ID of a target: 1 to 64 letters, digits, ., - and _`,
		`6:85: Resources.Rules[1].Targets[0].Input: "{" is not the text of a JSON value`,
		`6:97: Resources.Rules[1].Targets[0].InputPath: "detail" is not a JSONPath to one value, such as $.detail or $.resources[0]`,
		`6:118: Resources.Rules[1].RoleArn: has no effect outside AWS: remove it`}},
	{"rules that say nothing", ways + "  Rules:\n    - {Name: a, Targets: [{Id: x, Arn: orders}]}\n    - {Name: a, ScheduleExpression: rate(1 minute), Targets: [{Id: x, Arn: orders}]}\n    - {Name: b, EventBusName: shop, EventPattern: '{}', Targets: [{Id: x, Arn: orders}]}\n", false, []string{
		`5:7: Resources.Rules[0].ScheduleExpression: is missing, and so is EventPattern: give one of them, or both`,
		`6:8: Resources.Rules[1].Name: is that of Resources.Rules[0]`,
		`7:17: Resources.Rules[2].EventBusName: is neither default nor one of Resources.EventBuses: list it there`,
		`7:37: Resources.Rules[2].EventPattern: an empty object matches nothing; …`}},
	{"schedules", ways + "  EventBuses: [{Name: shop}]\n  Rules:\n    - {Name: a, ScheduleExpression: rate(1 minutes), Targets: [{Id: x, Arn: orders}]}\n    - {Name: b, ScheduleExpression: cron(0 8 * * *), Targets: [{Id: x, Arn: orders}]}\n    - {Name: c, ScheduleExpression: daily, Targets: [{Id: x, Arn: orders}]}\n    - {Name: d, EventBusName: shop, ScheduleExpression: rate(1 day), Targets: [{Id: x, Arn: orders}]}\n", false, []string{
		`6:17: Resources.Rules[0].ScheduleExpression: rate: a value of 1 takes the unit minute`,
		`7:17: Resources.Rules[1].ScheduleExpression: cron takes six fields …`,
		`8:17: Resources.Rules[2].ScheduleExpression: is neither rate(value unit), …`,
		`9:17: Resources.Rules[3].EventBusName: has no schedules, which are for the default event bus alone: remove it, or ScheduleExpression`}},
	{"targets", ways + "  Rules:\n    - Name: a\n      ScheduleExpression: rate(1 day)\n      Targets:\n        - {Id: x, Arn: payments}\n        - {Id: x, Arn: orders, Input: '1', InputPath: $}\n        - {Id: y, Arn: 'arn:aws:sqs:us-east-1:000000000000:a.fifo'}\n        - {Id: z, Arn: 'arn:aws:kinesis:us-east-1:000000000000:stream/a'}\n        - {Id: w, Arn: 'arn:aws'}\n", false, []string{
		`8:19: Resources.Rules[0].Targets[0].Arn: names no function of this file: it has orders`,
		`9:12: Resources.Rules[0].Targets[1].Id: is that of Targets[0]`,
		`9:44: Resources.Rules[0].Targets[1].InputPath: is given together with Input: remove one`,
		`10:19: Resources.Rules[0].Targets[2].Arn: is FIFO, to which this version does not send from here: give the ARN of a standard SQS queue`,
		`11:19: Resources.Rules[0].Targets[3].Arn: cannot be a target in this version: give a function of this file, or the ARN of a standard SQS queue or a standard SNS topic`,
		`12:19: Resources.Rules[0].Targets[4].Arn: is not an ARN (arn:aws:<service>:<region>:<account>:<resource>)`}},
	{"a pattern on AWS", "Functions: {orders: {Command: [bin/bootstrap]}}\nResources:\n  Rules: [{Name: a, EventPattern: '{\"source\": [\"shop\"]}', Targets: [{Id: x, Arn: orders}]}]\n", false, []string{
		`3:21: Resources.Rules[0].EventPattern: needs an endpoint: rules with a pattern are created only where one is set, never on AWS itself: give Aws.Endpoint or Aws.Endpoints.events`}},
	{"no way to functions", "Aws: {Endpoints: {s3: 'http://localhost:9000', events: 'http://localhost:4587'}}\nFunctions: {orders: {Command: [bin/bootstrap]}}\nResources:\n" +
		"  Buckets: [{Bucket: abc, NotificationConfiguration: {LambdaFunctionConfigurations: [{LambdaFunctionArn: orders, Events: ['s3:ObjectCreated:*']}]}}]\n" +
		"  Rules: [{Name: a, EventPattern: '{\"source\": [\"shop\"]}', Targets: [{Id: x, Arn: orders}]}]\n", false, []string{
		`4:87: Resources.Buckets[0].NotificationConfiguration.LambdaFunctionConfigurations[0].LambdaFunctionArn: cannot be invoked by a service other than the embedded stand-in, except through an SNS topic: give Aws.Endpoint or Aws.Endpoints.sns`,
		`5:77: Resources.Rules[0].Targets[0].Arn: cannot be invoked by a service other than the embedded stand-in, except through an SNS topic: give Aws.Endpoint or Aws.Endpoints.sns`}},
}

// Names of functions become ARNs, and a rule without a pattern needs no endpoint.
func TestWays(t *testing.T) {
	f := mustLoad(t, full(t), "TABLE=x")
	steps := "arn:aws:lambda:eu-west-1:123456789012:function:steps:live"
	topic, photos := f.Resources.Topics[0], f.Resources.Buckets[1].NotificationConfiguration
	if got, want := topic.Subscriptions[0].Endpoint, "arn:aws:lambda:eu-west-1:123456789012:function:orders"; got != want {
		t.Errorf("Endpoint = %s, want %s", got, want)
	}
	if n := photos.LambdaFunctionConfigurations[0]; n.Arn != steps || n.Filter.rule("prefix") != "in/" || n.Filter.rule("suffix") != ".jpg" {
		t.Errorf("notification %+v", n)
	}
	if name, ok := f.FunctionOf(steps); name != "steps:live" || !ok {
		t.Errorf("FunctionOf = %s, %v", name, ok)
	}
	for _, arn := range []string{"steps", "arn:aws:lambda:eu-west-1:123456789012:function:none", "arn:aws:lambda:us-east-1:123456789012:function:steps", "arn:aws:sqs:eu-west-1:123456789012:steps"} {
		if name, ok := f.FunctionOf(arn); ok {
			t.Errorf("FunctionOf(%s) = %s", arn, name)
		}
	}
	paid, nightly := f.Resources.Rules[0], f.Resources.Rules[1]
	if _, scheduled := paid.Schedule(); scheduled || paid.EventBusName != "shop" || paid.Disabled || !nightly.Disabled || nightly.EventBusName != DefaultBus {
		t.Errorf("rules %+v and %+v", paid, nightly)
	}
	alone := mustLoad(t, "Functions: {orders: {Command: [bin/bootstrap]}}\nResources: {Rules: [{Name: a, ScheduleExpression: rate(5 minutes), Targets: [{Id: x, Arn: orders}]}]}\n")
	if s, ok := alone.Resources.Rules[0].Schedule(); !ok || !s.Periodic() {
		t.Error("there is no schedule")
	}
}

func TestWarningsOfWays(t *testing.T) {
	_, report := loadText(t, ways+"  Topics: [{Name: a, Subscriptions: [{Protocol: sqs, Endpoint: 'arn:aws:sqs:us-east-1:000000000000:q'}]}]\n"+
		"  Rules: [{Name: a, ScheduleExpression: cron(0 0 1 1 ? 2020), Targets: [{Id: x, Arn: orders}]}]\n")
	var got []string
	for _, w := range report.Warnings {
		got = append(got, w.Path+": "+w.Message)
	}
	want := []string{
		"Resources.Topics[0].Subscriptions[0].Endpoint: is not in Resources.Queues: the embedded stand-in starts without any other queue",
		"Resources.Rules[0].ScheduleExpression: names no time after now: it never runs",
	}
	if !slices.Equal(got, want) || len(report.Errors) > 0 {
		t.Errorf("got:\n%s\nwant:\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// Names of events need no quotes, wherever they stand.
func TestBucketEventsWithoutQuotes(t *testing.T) {
	f := mustLoad(t, ways+"  Buckets: [{Bucket: abc, NotificationConfiguration: {LambdaFunctionConfigurations: [{LambdaFunctionArn: orders, Events: [s3:ObjectCreated:Put, s3:ObjectRemoved:*]}]}}]\n")
	got := f.Resources.Buckets[0].NotificationConfiguration.LambdaFunctionConfigurations[0].Events
	if want := []string{"s3:ObjectCreated:Put", "s3:ObjectRemoved:*"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

// Notifications overlap if one object's event can match both.
func TestOverlap(t *testing.T) {
	n := func(event, prefix, suffix string) (n Notification) {
		n.Events = []string{event}
		n.Filter.Key.FilterRules = []FilterRule{{"Prefix", prefix}, {"suffix", suffix}}
		return n
	}
	for _, c := range []struct {
		a, b Notification
		want bool
	}{
		{n("s3:ObjectCreated:*", "", ""), n("s3:ObjectCreated:Put", "", ""), true},
		{n("s3:ObjectCreated:Put", "", ""), n("s3:ObjectCreated:Copy", "", ""), false},
		{n("s3:ObjectCreated:*", "", ""), n("s3:ObjectRemoved:*", "", ""), false},
		{n("s3:ObjectCreated:*", "in/", ""), n("s3:ObjectCreated:*", "in/a/", ""), true},
		{n("s3:ObjectCreated:*", "in/", ""), n("s3:ObjectCreated:*", "out/", ""), false},
		{n("s3:ObjectCreated:*", "in/", ".jpg"), n("s3:ObjectCreated:*", "in/", ".png"), false},
		{n("s3:ObjectCreated:*", "in/", ".jpg"), n("s3:ObjectCreated:*", "", "g"), true},
	} {
		if c.a.overlaps(c.b) != c.want || c.b.overlaps(c.a) != c.want {
			t.Errorf("%+v and %+v: want %v", c.a, c.b, c.want)
		}
	}
}
