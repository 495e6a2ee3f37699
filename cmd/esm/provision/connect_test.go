package provision

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/esm-run/esm/cmd/esm/configfile"
)

// connected is a file with every kind of way to a function.
const connected = `  Topics: [{Name: alerts, Subscriptions: [
    {Protocol: lambda, Endpoint: f, FilterPolicy: '{"kind": ["paid"]}', FilterPolicyScope: MessageBody},
    {Protocol: sqs, Endpoint: 'arn:aws:sqs:eu-west-1:000000000000:q', RawMessageDelivery: true}]}]
  Buckets: [{Bucket: photos, NotificationConfiguration: {EventBridgeConfiguration: {},
    LambdaFunctionConfigurations: [{Id: a, LambdaFunctionArn: 'f:live', Events: ['s3:ObjectCreated:*'], Filter: {Key: {FilterRules: [{Name: prefix, Value: in/}]}}}, {LambdaFunctionArn: 'f:live', Events: ['s3:ObjectRemoved:*']}],
    QueueConfigurations: [{QueueArn: 'arn:aws:sqs:eu-west-1:000000000000:q', Events: ['s3:ObjectAcl:Put']}]}}]
  EventBuses: [{Name: shop}]
  Rules:
    - {Name: paid, EventBusName: shop, EventPattern: '{"source": ["shop"]}', Targets: [{Id: f, Arn: f, InputPath: $.detail}, {Id: q, Arn: 'arn:aws:sqs:eu-west-1:000000000000:q'}]}
    - {Name: nightly, ScheduleExpression: rate(1 day), Targets: [{Id: f, Arn: f}]}
Functions: {f: {Command: [x]}}
`

var (
	standIn   = Entry{StandIn: endpoint, URL: "http://127.0.0.1:9001"}
	elsewhere = Entry{URL: "http://host.docker.internal:9001"}
)

const (
	bucketTopic = "esm-photos-f_live-ef5712af"
	ruleTopic   = "esm-shop-paid-f-5c629a66"
)

// everything describes what f was told.
func (f *fake) everything() (all []string) {
	for _, s := range f.subscriptions {
		text, _ := json.Marshal(s.attributes)
		all = append(all, fmt.Sprintf("%s → %s %s %s", s.topic[strings.LastIndex(s.topic, ":")+1:], s.protocol, s.endpoint, text))
	}
	for id, r := range f.rules {
		all = append(all, fmt.Sprintf("rule %s %v %v", id, r["EventPattern"], r["State"]))
		for _, t := range f.targets[id] {
			all = append(all, fmt.Sprintf("target %v %v %v", t["Id"], t["Arn"], t["InputPath"]))
		}
	}
	for _, bucket := range slices.Sorted(maps.Keys(f.notifications)) {
		all = append(all, bucket+" "+strings.NewReplacer(` xmlns="http://s3.amazonaws.com/doc/2006-03-01/"`, "").Replace(f.notifications[bucket]))
	}
	slices.Sort(all)
	return all
}

// wantStandIn and wantElsewhere are the results of Connect.
var wantStandIn = []string{
	`alerts → lambda arn:aws:lambda:eu-west-1:000000000000:function:f {"FilterPolicy":"{\"kind\": [\"paid\"]}","FilterPolicyScope":"MessageBody"}`,
	`alerts → sqs arn:aws:sqs:eu-west-1:000000000000:q {"RawMessageDelivery":"true"}`,
	`photos <NotificationConfiguration><EventBridgeConfiguration></EventBridgeConfiguration>` +
		`<CloudFunctionConfiguration><Event>s3:ObjectCreated:*</Event><Filter><S3Key><FilterRule><Name>prefix</Name><Value>in/</Value></FilterRule></S3Key></Filter><Id>a</Id><CloudFunction>arn:aws:lambda:eu-west-1:000000000000:function:f:live</CloudFunction></CloudFunctionConfiguration>` +
		`<CloudFunctionConfiguration><Event>s3:ObjectRemoved:*</Event><Id>esm-1f491634</Id><CloudFunction>arn:aws:lambda:eu-west-1:000000000000:function:f:live</CloudFunction></CloudFunctionConfiguration>` +
		`<QueueConfiguration><Event>s3:ObjectAcl:Put</Event><Id>esm-e5ba832f</Id><Queue>arn:aws:sqs:eu-west-1:000000000000:q</Queue></QueueConfiguration></NotificationConfiguration>`,
	`rule shop/paid {"source": ["shop"]} ENABLED`,
	`target f arn:aws:lambda:eu-west-1:000000000000:function:f $.detail`,
	`target q arn:aws:sqs:eu-west-1:000000000000:q <nil>`,
}

var wantElsewhere = []string{
	`alerts → http http://host.docker.internal:9001/esm/v1/sns/f {"FilterPolicy":"{\"kind\": [\"paid\"]}","FilterPolicyScope":"MessageBody"}`,
	`alerts → sqs arn:aws:sqs:eu-west-1:000000000000:q {"RawMessageDelivery":"true"}`,
	bucketTopic + ` → http http://host.docker.internal:9001/esm/v1/sns/f:live?unwrap=s3 {}`,
	ruleTopic + ` → http http://host.docker.internal:9001/esm/v1/sns/f?unwrap=eventbridge {}`,
	`photos <NotificationConfiguration><EventBridgeConfiguration></EventBridgeConfiguration>` +
		`<QueueConfiguration><Event>s3:ObjectAcl:Put</Event><Id>esm-e5ba832f</Id><Queue>arn:aws:sqs:eu-west-1:000000000000:q</Queue></QueueConfiguration>` +
		`<TopicConfiguration><Event>s3:ObjectCreated:*</Event><Filter><S3Key><FilterRule><Name>prefix</Name><Value>in/</Value></FilterRule></S3Key></Filter><Id>a</Id><Topic>arn:aws:sns:eu-west-1:000000000000:` + bucketTopic + `</Topic></TopicConfiguration>` +
		`<TopicConfiguration><Event>s3:ObjectRemoved:*</Event><Id>esm-1c0906f8</Id><Topic>arn:aws:sns:eu-west-1:000000000000:` + bucketTopic + `</Topic></TopicConfiguration></NotificationConfiguration>`,
	`rule shop/paid {"source": ["shop"]} ENABLED`,
	`target f arn:aws:sns:eu-west-1:000000000000:` + ruleTopic + ` $.detail`,
	`target q arn:aws:sqs:eu-west-1:000000000000:q <nil>`,
}

// The first run connects everything, and the second changes nothing.
func TestConnectOnce(t *testing.T) {
	file := resourcesFile(t, connected)
	for name, c := range map[string]struct {
		entry Entry
		want  []string
	}{"stand-in": {standIn, wantStandIn}, "elsewhere": {elsewhere, wantElsewhere}} {
		t.Run(name, func(t *testing.T) {
			f := newFake()
			for _, first := range []bool{true, false} {
				synctest.Test(t, func(t *testing.T) {
					f.changing = nil
					log := new(recorder)
					if err := Connect(t.Context(), file, (&service{standIn: f}).clients(), c.entry, log); err != nil {
						t.Fatal(err)
					}
					if got := f.everything(); !slices.Equal(got, c.want) {
						t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(c.want, "\n"))
					}
					if first == (len(f.changing) == 0) || first == (log.Len() == 0) {
						t.Errorf("first run %v, changes %q, logged %q", first, f.changing, log)
					}
				})
			}
		})
	}
}

// Whatever call fails, undone or done: in the end everything is there.
func TestConnectThroughFaults(t *testing.T) {
	file := resourcesFile(t, connected)
	for _, action := range []string{
		"ListSubscriptionsByTopic", "Subscribe", "GetSubscriptionAttributes", "GetTopicAttributes", "CreateTopic", http.MethodGet, http.MethodPut,
		"DescribeRule", "PutRule", "ListTargetsByRule", "PutTargets",
	} {
		for name, how := range faults {
			t.Run(action+" "+name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					f, log := newFake(), new(recorder)
					s := &service{standIn: f, fails: calls(action, 0, 7, how)}
					if err := Connect(t.Context(), file, s.clients(), elsewhere, log); err != nil {
						t.Fatal(err)
					}
					if got := f.everything(); !slices.Equal(got, wantElsewhere) {
						t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(wantElsewhere, "\n"))
					}
					if !strings.Contains(log.String(), "trying again") {
						t.Error("nothing failed")
					}
				})
			})
		}
	}
}

// What differs from the file is changed, and nothing else.
func TestConnectChanges(t *testing.T) {
	first := resourcesFile(t, connected)
	for _, c := range []struct {
		from, to string
		want     []string
	}{
		{`["paid"]}', FilterPolicyScope: MessageBody`, `["sent"]}'`, []string{`SetSubscriptionAttributes FilterPolicy {"kind": ["sent"]}`, "SetSubscriptionAttributes FilterPolicyScope MessageAttributes"}},
		{`FilterPolicy: '{"kind": ["paid"]}', FilterPolicyScope: MessageBody`, `FilterPolicy: '{"kind":   ["paid"]}', FilterPolicyScope: MessageBody`, nil},
		{`, FilterPolicy: '{"kind": ["paid"]}', FilterPolicyScope: MessageBody`, ``, []string{"SetSubscriptionAttributes FilterPolicy {}", "SetSubscriptionAttributes FilterPolicyScope MessageAttributes"}},
		{`, RawMessageDelivery: true`, ``, []string{"SetSubscriptionAttributes RawMessageDelivery false"}},
		{`Value: in/`, `Value: out/`, []string{"PutBucketNotificationConfiguration photos"}},
		{`EventBridgeConfiguration: {},`, ``, []string{"PutBucketNotificationConfiguration photos"}},
		{`'{"source": ["shop"]}'`, `'{"source": ["store"]}'`, []string{"PutRule shop/paid"}},
		{`Targets: [{Id: f, Arn: f, InputPath: $.detail}`, `State: DISABLED, Targets: [{Id: f, Arn: f, InputPath: $.detail}`, []string{"PutRule shop/paid"}},
		{`InputPath: $.detail`, `Input: '1'`, []string{"PutTargets shop/paid"}},
		{`, {Id: q, Arn: 'arn:aws:sqs:eu-west-1:000000000000:q'}`, ``, nil}, // what is no longer named stays
		{`rate(1 day)`, `rate(2 days)`, nil},
	} {
		if !strings.Contains(connected, c.from) {
			t.Fatalf("%q is not in the file", c.from)
		}
		second := resourcesFile(t, strings.Replace(connected, c.from, c.to, 1))
		synctest.Test(t, func(t *testing.T) {
			f := newFake()
			for _, file := range []*configfile.File{first, second, second} {
				if file == second && f.changing != nil && f.changing[0] == "Subscribe lambda arn:aws:lambda:eu-west-1:000000000000:function:f" {
					f.changing = nil
				}
				if err := Connect(t.Context(), file, (&service{standIn: f}).clients(), standIn, new(recorder)); err != nil {
					t.Fatal(err)
				}
			}
			if !slices.Equal(f.changing, c.want) {
				t.Errorf("%q instead of %q: changed %q, want %q", c.to, c.from, f.changing, c.want)
			}
		})
	}
}

// SNS is asked again for a subscription that stays pending, and not for one that is the user's affair.
func TestPendingSubscription(t *testing.T) {
	file := resourcesFile(t, "  Topics: [{Name: alerts, Subscriptions: [{Protocol: https, Endpoint: 'https://example.com/a'}, {Protocol: lambda, Endpoint: f}]}]\nFunctions: {f: {Command: [x]}}\n")
	synctest.Test(t, func(t *testing.T) {
		f, log, began := newFake(), new(recorder), time.Now()
		f.confirms = 3 // of the user's URL, which stays pending, and twice of the engine's
		if err := Connect(t.Context(), file, (&service{standIn: f}).clients(), elsewhere, log); err != nil {
			t.Fatal(err)
		}
		const subscribe = "Subscribe http http://host.docker.internal:9001/esm/v1/sns/f"
		want := []string{"Subscribe https https://example.com/a", subscribe, subscribe, "Unsubscribe 1", subscribe, subscribe, "Unsubscribe 2", subscribe}
		if !slices.Equal(f.changing, want) || time.Since(began) < 2*retryAfter {
			t.Errorf("changed %q after %v, want %q", f.changing, time.Since(began), want)
		}
		if got := log.String(); !strings.Contains(got, "warning: subscription of topic alerts to function f: its status is PendingConfirmation: "+
			"SNS must reach http://host.docker.internal:9001/esm/v1/sns/f (Engine.Url says where); trying again until it answers") {
			t.Errorf("logged %s", got)
		}
	})
}

func TestRefusedTarget(t *testing.T) {
	file := resourcesFile(t, "  Rules: [{Name: a, EventPattern: '{\"source\": [\"shop\"]}', Targets: [{Id: refused, Arn: 'arn:aws:sqs:eu-west-1:000000000000:q'}]}]\n")
	err := Connect(context.Background(), file, (&service{standIn: newFake()}).clients(), standIn, new(recorder))
	if got, want := fmt.Sprint(err), "targets of rule a: create: target refused: No: never"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestUnsigned(t *testing.T) {
	file := resourcesFile(t, connected)
	if got := Unsigned(file, standIn); len(got) != 0 {
		t.Errorf("with the stand-in: %v", got)
	}
	got := slices.Sorted(maps.Keys(Unsigned(file, elsewhere)))
	want := []string{"arn:aws:sns:eu-west-1:000000000000:alerts", "arn:aws:sns:eu-west-1:000000000000:" + bucketTopic, "arn:aws:sns:eu-west-1:000000000000:" + ruleTopic}
	if !slices.Equal(got, want) {
		t.Errorf("elsewhere: %v, want %v", got, want)
	}
	file.Aws.Endpoint = "https://sns.eu-west-1.amazonaws.com"
	if got := Unsigned(file, elsewhere); len(got) != 0 {
		t.Errorf("on AWS: %v", got)
	}
}

func TestEntryURL(t *testing.T) {
	for _, c := range []struct{ url, address, want string }{
		{"", "127.0.0.1:9001", "http://127.0.0.1:9001"},
		{"", "0.0.0.0:9001", "http://127.0.0.1:9001"},
		{"", "[::]:9001", "http://127.0.0.1:9001"},
		{"", "[::1]:9001", "http://[::1]:9001"},
		{"https://esm.internal/base", "0.0.0.0:9001", "https://esm.internal/base"},
	} {
		if got := EntryURL(&configfile.File{Engine: configfile.Engine{Url: c.url}}, c.address); got != c.want {
			t.Errorf("%+v: got %s", c, got)
		}
	}
}

// The names of topics must not change: what they are subscribed to stays.
func TestHopNames(t *testing.T) {
	long := strings.Repeat("x", 250)
	for _, c := range []struct {
		way  []string
		want string
	}{
		{[]string{"photos", "f:live"}, bucketTopic},
		{[]string{"a-b", "c"}, ""}, {[]string{"a", "b-c"}, ""}, {[]string{"a.b", "c"}, ""}, {[]string{"a_b", "c"}, ""}, {[]string{long, "c"}, ""}, {[]string{long, "d"}, ""},
	} {
		got := hopName(c.way...)
		if len(got) > 256 || notInTopics.MatchString(got) || c.want != "" && got != c.want {
			t.Errorf("%q: got %s, want %s", c.way, got, c.want)
		}
	}
	names := map[string]bool{}
	for _, way := range [][]string{{"a-b", "c"}, {"a", "b-c"}, {"a.b", "c"}, {"a_b", "c"}, {long, "c"}, {long, "d"}} {
		names[hopName(way...)] = true
	}
	if len(names) != 6 {
		t.Errorf("%d names for 6 ways", len(names))
	}
}
