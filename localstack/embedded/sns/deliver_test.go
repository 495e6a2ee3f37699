package sns

import (
	"encoding/json"
	"errors"
	"maps"
	"net/http/httptest"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/aws/aws-lambda-go/events"

	"github.com/esm-run/esm/localstack/embedded/relay"
	"github.com/esm-run/esm/localstack/embedded/relay/relaytest"
)

const deadARN = "arn:aws:sqs:us-east-1:000000000000:dead"

// subscribed returns a server with one subscription to topicARN.
func subscribed(t *testing.T, s *Server, protocol, endpoint string, attributes ...string) *Server {
	t.Helper()
	form := url.Values{"Action": {"Subscribe"}, "TopicArn": {topicARN}, "Protocol": {protocol}, "Endpoint": {endpoint}}
	n := 0
	for pair := range slices.Chunk(attributes, 2) {
		n++
		key := "Attributes.entry." + strconv.Itoa(n)
		form[key+".key"], form[key+".value"] = pair[:1], pair[1:]
	}
	post(s, "Action=CreateTopic&Name=t")
	if status, body := post(s, form.Encode()); status != 200 {
		t.Fatal(body)
	}
	return s
}

// publication returns the form that publishes a message. Attributes are triples of a name, a type and a value.
func publication(message string, attributes ...string) string {
	form := url.Values{"Action": {"Publish"}, "TopicArn": {topicARN}, "Message": {message}}
	n := 0
	for a := range slices.Chunk(attributes, 3) {
		n++
		key, kind := "MessageAttributes.entry."+strconv.Itoa(n), ".Value.StringValue"
		if a[1] == "Binary" {
			kind = ".Value.BinaryValue"
		}
		form[key+".Name"], form[key+".Value.DataType"], form[key+kind] = a[:1], a[1:2], a[2:]
	}
	return form.Encode()
}

// postTraced is post with a trace header.
func postTraced(s *Server, form, trace string) (status int, body string) {
	r := httptest.NewRequest("POST", "/", strings.NewReader(form))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("X-Amzn-Trace-Id", trace)
	w := httptest.NewRecorder()
	s.ServeHTTP(w, r)
	return w.Code, w.Body.String()
}

// TestFunctions compares the event of a function byte for byte, and decodes it as handlers in Go do.
func TestFunctions(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		functions := new(relaytest.Target)
		s := subscribed(t, &Server{Targets: functions.For("lambda")}, "lambda", functionARN+":live")
		const trace = "Root=1-6789abcd-0123456789abcdef01234567;Sampled=1"
		postTraced(s, publication("<hello> & \u2028", "kind", "String", "x", "n", "Number", "200", "b", "Binary", "AP8=", "l", "String.Array", `["a", 1]`)+"&Subject=s", trace)
		post(s, publication("bare"))
		got := functions.Take()
		if len(got) != 2 || got[0].ARN != functionARN+":live" || got[0].Trace != trace || got[1].Trace != "" {
			t.Fatalf("delivered %v", got)
		}
		record := func(subject, message, attributes string) string {
			return `{"Records":[{"EventSource":"aws:sns","EventVersion":"1.0","EventSubscriptionArn":"` + topicARN + `:*","Sns":{"Type":"Notification","MessageId":"*",` +
				`"TopicArn":"` + topicARN + `","Subject":` + subject + `,"Message":` + message + `,"Timestamp":"2000-01-01T00:00:00.000Z","SignatureVersion":"1",` +
				`"Signature":"RW1iZWRkZWQ=","SigningCertUrl":"https://sns.us-east-1.amazonaws.com/SimpleNotificationService-0000000000000000.pem",` +
				`"UnsubscribeUrl":"http://example.com/?Action=Unsubscribe&SubscriptionArn=` + url.QueryEscape(topicARN) + `%3A*","MessageAttributes":` + attributes + `}}]}`
		}
		for i, want := range []string{
			record(`"s"`, `"<hello> & \u2028"`, `{"b":{"Type":"Binary","Value":"AP8="},"kind":{"Type":"String","Value":"x"},"l":{"Type":"String.Array","Value":"[\"a\", 1]"},"n":{"Type":"Number","Value":"200"}}`),
			record(`null`, `"bare"`, `{}`),
		} {
			if withoutIDs(got[i].Body) != want {
				t.Errorf("got  %s\nwant %s", withoutIDs(got[i].Body), want)
			}
			var event events.SNSEvent
			if err := json.Unmarshal([]byte(got[i].Body), &event); err != nil || event.Records[0].SNS.MessageID == "" || event.Records[0].SNS.Timestamp.IsZero() {
				t.Errorf("decoded %+v, %v", event, err)
			}
		}
	})
}

// Raw messages keep their attributes, whose binary values a queue gets as bytes.
func TestRawMessages(t *testing.T) {
	queues := new(relaytest.Target)
	s := subscribed(t, &Server{Targets: queues.For("sqs")}, "sqs", queueARN, "RawMessageDelivery", "true")
	postTraced(s, publication("raw", "n", "Number", "1", "b", "Binary", "AP8="), "Root=1")
	if got, want := queues.Take(), queueARN+" raw b=Binary:AP8= n=Number:1 Root=1"; len(got) != 1 || got[0].String() != want {
		t.Errorf("got %v, want %s", got, want)
	}
}

func TestFilterPolicies(t *testing.T) {
	body := []string{"FilterPolicyScope", "MessageBody"}
	for _, test := range []struct {
		policy     string
		scope      []string
		message    string
		attributes []string
		want       bool
	}{
		{`{}`, nil, "m", nil, true},
		{`{"kind":["a","b"]}`, nil, "m", []string{"kind", "String", "b"}, true},
		{`{"kind":["a","b"]}`, nil, "m", []string{"kind", "String", "c"}, false},
		{`{"kind":["a"]}`, nil, "m", nil, false},
		{`{"kind":["a"],"n":[1]}`, nil, "m", []string{"kind", "String", "a"}, false},
		{`{"kind":["a"]}`, nil, "m", []string{"kind", "String.custom", "a"}, true},
		{`{"kind":[{"prefix":"or"}]}`, nil, "m", []string{"kind", "String", "order"}, true},
		{`{"kind":[{"anything-but":["a"]}]}`, nil, "m", []string{"kind", "String", "b"}, true},
		{`{"kind":["a"]}`, nil, "m", []string{"kind", "String.Array", `["x","a"]`}, true},
		{`{"kind":[1,true]}`, nil, "m", []string{"kind", "String.Array", `["x",true]`}, true},
		{`{"kind":["a"]}`, nil, "m", []string{"kind", "String.Array", `["x"]`}, false},
		{`{"kind":["a"]}`, nil, "m", []string{"kind", "String.Array", `a`}, false},
		{`{"kind":["AP8="]}`, nil, "m", []string{"kind", "Binary", "AP8="}, false},
		{`{"n":[{"numeric":[">",1]}]}`, nil, "m", []string{"n", "Number", "+1.5"}, true},
		{`{"n":[{"numeric":[">",1]}]}`, nil, "m", []string{"n", "Number", ".5"}, false},
		{`{"n":[0.5]}`, nil, "m", []string{"n", "Number.float", ".5"}, true},
		{`{"n":[1]}`, nil, "m", []string{"n", "String", "1"}, false},
		{`{"n":["1"]}`, nil, "m", []string{"n", "Number", "1"}, false},
		{`{"n":[{"exists":true}]}`, nil, "m", []string{"n", "Number", "inf"}, false},
		{`{"n":[{"exists":false}]}`, nil, "m", []string{"kind", "String", "a"}, true},
		{`{"n":[{"exists":false}]}`, nil, "m", nil, false}, // AWS: "an empty set of attributes returns false"
		{`{"$or":[{"a":["1"]},{"b":["2"]}]}`, nil, "m", []string{"b", "String", "2"}, true},
		{`{"a":{"b":["c"]}}`, body, `{"a":{"b":"c"}}`, nil, true},
		{`{"a":{"b":["c"]}}`, body, `{"a":{"b":"d"}}`, []string{"a", "String", "c"}, false},
		{`{"a":["c"]}`, body, ` {"a":["b","c"]}`, nil, true},
		{`{"a":[{"exists":false}]}`, body, `{}`, nil, true},
		{`{"a":[{"exists":false}]}`, body, `text`, nil, false},
		{`{"a":[{"exists":false}]}`, body, `["text"]`, nil, false},
		{`{"a":[{"exists":false}]}`, body, `{"b":`, nil, false},
	} {
		queues := new(relaytest.Target)
		s := subscribed(t, &Server{Targets: queues.For("sqs"), Pattern: compile}, "sqs", queueARN, append(test.scope, "FilterPolicy", test.policy)...)
		if status, body := post(s, publication(test.message, test.attributes...)); status != 200 {
			t.Fatal(body)
		}
		if got := len(queues.Take()) == 1; got != test.want {
			t.Errorf("%s %v of %s %q: got %v", test.policy, test.scope, test.message, test.attributes, got)
		}
	}
}

// FuzzDocument makes a document of anything, which must be JSON.
func FuzzDocument(f *testing.F) {
	f.Add("String", "a", "Number.int", "1")
	f.Add("String.Array", `["a",1e5,null]`, "Number", "-.5")
	f.Add("Number", "-", "Number", "0x1p-2")
	f.Fuzz(func(t *testing.T, kind, value, otherKind, other string) {
		document := documentOf(map[string]relay.Attribute{"a": {Type: kind, Value: value}, "b": {Type: otherKind, Value: other}})
		var members map[string]any
		if err := json.Unmarshal(document, &members); err != nil {
			t.Errorf("%s: %v", document, err)
		}
	})
}

func TestWithoutPatterns(t *testing.T) {
	s := new(Server)
	post(s, "Action=CreateTopic&Name=t")
	form := "Action=Subscribe&Protocol=sqs&Endpoint=" + queueARN + "&TopicArn=" + topicARN + attribute("FilterPolicy", `{"a":["b"]}`)
	if status, body := post(s, form); status != 400 || !strings.Contains(body, "without a compiler of patterns") {
		t.Errorf("got %d %s", status, body)
	}
}

func TestRedrivePolicy(t *testing.T) {
	for _, test := range []struct{ protocol, endpoint, raw, want string }{
		{"lambda", functionARN, "false", `{"Type":"Notification",`},
		{"sqs", queueARN, "false", `{"Type":"Notification",`},
		{"sqs", queueARN, "true", "m kind=String:a Root=1"},
	} {
		targets := &relaytest.Target{Missing: func(arn string) bool { return arn != deadARN }}
		s := subscribed(t, &Server{Targets: targets.For("sqs", "lambda")}, test.protocol, test.endpoint,
			"RedrivePolicy", `{"deadLetterTargetArn":"`+deadARN+`"}`, "RawMessageDelivery", test.raw)
		postTraced(s, publication("m", "kind", "String", "a"), "Root=1")
		if got := targets.Take(); len(got) != 1 || !strings.HasPrefix(got[0].String(), deadARN+" "+test.want) {
			t.Errorf("%s: got %v, want %s", test.protocol, got, test.want)
		}
	}
}

// As on AWS, a publisher does not learn that a subscriber is gone. It learns that its message was not accepted.
func TestPublishFails(t *testing.T) {
	functions := &relaytest.Target{Missing: func(string) bool { return true }}
	s := &Server{Targets: functions.For("lambda")}
	var lost []string
	s.Targets.GivenUp = func(arn string, err error) { lost = append(lost, arn) }
	subscribed(t, s, "lambda", functionARN)
	if status, body := post(s, publication("m")); status != 200 || !slices.Equal(lost, []string{functionARN}) {
		t.Errorf("a function that is missing: got %d %s, lost %v", status, body, lost)
	}
	functions.Missing, functions.Err = nil, errors.New("disk full")
	if status, body := post(s, publication("m")); status != 500 || !strings.Contains(body, "<Code>InternalFailure</Code>") {
		t.Errorf("got %d %s", status, body)
	}
	batch := "Action=PublishBatch&TopicArn=" + topicARN + "&PublishBatchRequestEntries.member.1.Id=a&PublishBatchRequestEntries.member.1.Message=m"
	if _, body := post(s, batch); !strings.Contains(body, "<Code>InternalFailure</Code><Message>disk full</Message><SenderFault>false</SenderFault>") {
		t.Errorf("got %s", body)
	}
	if err := s.Deliver(t.Context(), topicARN, relay.Message{Body: "m"}); err == nil || relay.Refused(err) {
		t.Errorf("got %v, want an error that is no refusal", err)
	}
	if err := s.Deliver(t.Context(), topicARN+"x", relay.Message{Body: "m"}); !relay.Refused(err) {
		t.Errorf("got %v of a topic that does not exist, want a refusal", err)
	}
}

func TestSubscriptionAttributes(t *testing.T) {
	s := subscribed(t, &Server{Pattern: compile}, "lambda", functionARN, "FilterPolicy", `{"a":["b"]}`)
	var arn string
	for arn = range maps.Keys(s.subscriptions) {
	}
	set := func(name, value string) string {
		_, body := post(s, "Action=SetSubscriptionAttributes&SubscriptionArn="+arn+"&AttributeName="+name+"&AttributeValue="+url.QueryEscape(value))
		return body
	}
	shown := func(want ...string) {
		t.Helper()
		_, body := post(s, "Action=GetSubscriptionAttributes&SubscriptionArn="+arn)
		for _, entry := range want {
			name, value, absent := strings.Cut(entry, "=")
			if has := strings.Contains(body, "<key>"+name+"</key><value>"+value+"</value>"); has != absent {
				t.Errorf("got %s, want %s", body, entry)
			}
		}
	}
	shown("FilterPolicy={&#34;a&#34;:[&#34;b&#34;]}", "FilterPolicyScope=MessageAttributes", "Protocol=lambda", "RawMessageDelivery=false", "PendingConfirmation=false", "ConfirmationWasAuthenticated=true")
	if body := set("FilterPolicy", `{"a":{"b":["c"]}}`); !strings.Contains(body, "nested") {
		t.Errorf("got %s", body)
	}
	set("FilterPolicyScope", "MessageBody")
	set("FilterPolicy", `{"a":{"b":["c"]}}`)
	set("RedrivePolicy", `{"deadLetterTargetArn":"`+deadARN+`"}`)
	shown("FilterPolicyScope=MessageBody", "RedrivePolicy={&#34;deadLetterTargetArn&#34;:&#34;"+deadARN+"&#34;}")
	if body := set("FilterPolicyScope", "MessageAttributes"); !strings.Contains(body, "nested") {
		t.Errorf("got %s", body)
	}
	if body := set("RawMessageDelivery", "true"); !strings.Contains(body, "does not support raw message delivery") {
		t.Errorf("got %s", body)
	}
	set("FilterPolicy", "")
	set("RedrivePolicy", "")
	_, body := post(s, "Action=GetSubscriptionAttributes&SubscriptionArn="+arn)
	if strings.Contains(body, "Policy") {
		t.Errorf("got %s, want no policy", body)
	}
	if _, body := post(s, "Action=ListSubscriptionsByTopic&TopicArn="+topicARN); !strings.Contains(body, "<Protocol>lambda</Protocol><Endpoint>"+functionARN+"</Endpoint>") {
		t.Errorf("got %s", body)
	}
}
