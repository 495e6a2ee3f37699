package sns

import (
	"fmt"
	"net/http/httptest"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/esm-run/esm/engine/filter"
	"github.com/esm-run/esm/localstack/embedded/relay/relaytest"
)

const topicARN, queueARN = "arn:aws:sns:us-east-1:000000000000:t", "arn:aws:sqs:us-east-1:000000000000:q"

const functionARN = "arn:aws:lambda:us-east-1:000000000000:function:f"

// TestResponses performs requests in order and looks for a part of each response.
func TestResponses(t *testing.T) { synctest.Test(t, testResponses) }

func testResponses(t *testing.T) {
	queues := new(relaytest.Target)
	s := &Server{Targets: queues.For("sqs")}
	subscribe := "Action=Subscribe&Protocol=sqs&TopicArn=" + topicARN + "&Attributes.entry.1.key=RawMessageDelivery&Attributes.entry.1.value=true&Endpoint=" + queueARN
	post(s, "Action=CreateTopic&Name=t")
	_, body := post(s, subscribe)
	_, rest, _ := strings.Cut(body, "<SubscriptionArn>")
	arn, _, _ := strings.Cut(rest, "<")
	for _, test := range []struct{ form, want string }{
		{"Action=CreateTopic&Name=t", "<TopicArn>" + topicARN + "</TopicArn>"},
		{subscribe, "<SubscriptionArn>" + arn + "</SubscriptionArn>"},
		{"Action=GetTopicAttributes&TopicArn=" + topicARN, "<entry><key>SubscriptionsConfirmed</key><value>1</value></entry>"},
		{"Action=GetSubscriptionAttributes&SubscriptionArn=" + arn, "<entry><key>RawMessageDelivery</key><value>true</value></entry>"},
		{"Action=ListSubscriptions", "<member><SubscriptionArn>" + arn + "</SubscriptionArn><Owner>000000000000</Owner><Protocol>sqs</Protocol><Endpoint>" + queueARN + "</Endpoint><TopicArn>" + topicARN + "</TopicArn></member>"},
		{"Action=ListSubscriptionsByTopic&TopicArn=" + topicARN, "<SubscriptionArn>" + arn + "</SubscriptionArn>"},
		{"Action=PublishBatch&TopicArn=" + topicARN + "&PublishBatchRequestEntries.member.1.Id=a&PublishBatchRequestEntries.member.1.Message=one" +
			"&PublishBatchRequestEntries.member.2.Id=b&PublishBatchRequestEntries.member.2.Message=two&PublishBatchRequestEntries.member.2.MessageDeduplicationId=d",
			"<Failed><member><Id>b</Id><Code>InvalidParameter</Code>"},
		{"Action=SetSubscriptionAttributes&AttributeName=RawMessageDelivery&AttributeValue=false&SubscriptionArn=" + arn, "<SetSubscriptionAttributesResponse"},
		{"Action=Publish&TopicArn=" + topicARN + "&Message=%3C1%3E+%26+%E2%80%A8&Subject=s&MessageAttributes.entry.1.Name=a&MessageAttributes.entry.1.Value.DataType=Binary&MessageAttributes.entry.1.Value.BinaryValue=AP8=", "<MessageId>"},
		{"Action=Unsubscribe&SubscriptionArn=" + arn, "<UnsubscribeResponse"},
		{"Action=Unsubscribe&SubscriptionArn=" + arn, "<UnsubscribeResponse"},
		{"Action=Publish&TopicArn=" + topicARN + "&Message=lost", "<MessageId>"},
		{"Action=DeleteTopic&TopicArn=" + topicARN, "<DeleteTopicResponse"},
		{"Action=ListTopics", "<Topics></Topics>"},
	} {
		if status, body := post(s, test.form); status != 200 || !strings.Contains(body, test.want) {
			t.Errorf("%s: got %d %s, want %s", test.form, status, body, test.want)
		}
	}
	envelope := `{"Type":"Notification","MessageId":"*","TopicArn":"` + topicARN + `","Subject":"s","Message":"<1> & \u2028","Timestamp":"2000-01-01T00:00:00.000Z",` +
		`"SignatureVersion":"1","Signature":"RW1iZWRkZWQ=","SigningCertURL":"https://sns.us-east-1.amazonaws.com/SimpleNotificationService-0000000000000000.pem",` +
		`"UnsubscribeURL":"http://example.com/?Action=Unsubscribe&SubscriptionArn=` + url.QueryEscape(topicARN) + `%3A*","MessageAttributes":{"a":{"Type":"Binary","Value":"AP8="}}}`
	var delivered []string
	for _, d := range queues.Take() {
		delivered = append(delivered, withoutIDs(d.String()))
	}
	if want := []string{queueARN + " one", queueARN + " " + envelope}; !slices.Equal(delivered, want) {
		t.Errorf("delivered %q, want %q", delivered, want)
	}
}

func TestPage(t *testing.T) {
	all := make([]int, 2*pageSize+1)
	for token, want := range map[string]string{"": "100 100", "100": "100 200", "200": "1 ", "300": "0 "} {
		some, next, err := page(all, token)
		if got := fmt.Sprint(len(some)) + " " + next; got != want || err != nil {
			t.Errorf("page %q: got %q, %v, want %q", token, got, err, want)
		}
	}
}

func TestErrors(t *testing.T) {
	queues := new(relaytest.Target)
	s := &Server{Targets: queues.For("sqs", "lambda"), Pattern: compile}
	subscribe := "Action=Subscribe&Protocol=sqs&Endpoint=" + queueARN + "&TopicArn=" + topicARN
	post(s, "Action=CreateTopic&Name=t")
	post(s, subscribe)
	batch := func(ids ...string) string {
		var b strings.Builder
		for n, id := range ids {
			fmt.Fprintf(&b, "&PublishBatchRequestEntries.member.%d.Id=%s&PublishBatchRequestEntries.member.%[1]d.Message=m", n+1, id)
		}
		return "Action=PublishBatch&TopicArn=" + topicARN + b.String()
	}
	for _, test := range []struct {
		form   string
		status int
		code   string
		text   string // part of the message
	}{
		{"Action=CreateTopic&Name=a.fifo", 400, "InvalidParameter", "FIFO topic is not supported"},
		{"Action=CreateTopic&Name=a/b", 400, "InvalidParameter", "Topic Name"},
		{"Action=CreateTopic&Name=t&Attributes.entry.1.key=DisplayName&Attributes.entry.1.value=d", 400, "InvalidParameter", "different attributes"},
		{"Action=DeleteTopic", 400, "InvalidParameter", "TopicArn"},
		{"Action=GetTopicAttributes&TopicArn=t", 400, "InvalidParameter", "not an ARN"},
		{"Action=GetTopicAttributes&TopicArn=" + topicARN + "x", 404, "NotFound", "Topic does not exist"},
		{"Action=ListTopics&NextToken=x", 400, "InvalidParameter", "NextToken"},
		{"Action=Subscribe&Protocol=email&Endpoint=a@b&TopicArn=" + topicARN, 400, "InvalidParameter", "email is not supported by the embedded SNS"},
		{"Action=Subscribe&Endpoint=a@b&TopicArn=" + topicARN, 400, "InvalidParameter", "Protocol"},
		{"Action=Subscribe&Protocol=sqs&Endpoint=q&TopicArn=" + topicARN, 400, "InvalidParameter", "SQS endpoint ARN"},
		{"Action=Subscribe&Protocol=sqs&Endpoint=" + queueARN + ".fifo" + "&TopicArn=" + topicARN, 400, "InvalidParameter", "FIFO SQS Queues"},
		{subscribe + "&Attributes.entry.1.key=RawMessageDelivery&Attributes.entry.1.value=true", 400, "InvalidParameter", "different attributes"},
		{subscribe + "&Attributes.entry.1.key=RawMessageDelivery&Attributes.entry.1.value=maybe", 400, "InvalidParameter", "maybe"},
		{subscribe + attribute("DeliveryPolicy", "{}"), 400, "InvalidParameter", "DeliveryPolicy is not supported"},
		{subscribe + attribute("FilterPolicy", "["), 400, "InvalidParameter", "FilterPolicy: failed to parse JSON"},
		{subscribe + attribute("FilterPolicy", "null"), 400, "InvalidParameter", "FilterPolicy: failed to parse JSON"},
		{subscribe + attribute("FilterPolicy", `{"a":"b"}`), 400, "InvalidParameter", "FilterPolicy: "},
		{subscribe + attribute("FilterPolicy", `{"a": {"b":["c"]}}`), 400, "InvalidParameter", "does not support nested filter policy"},
		{subscribe + attribute("FilterPolicyScope", "MessageSubject"), 400, "InvalidParameter", "FilterPolicyScope: Invalid value [MessageSubject]"},
		{subscribe + attribute("RedrivePolicy", "["), 400, "InvalidParameter", "RedrivePolicy: failed to parse JSON"},
		{subscribe + attribute("RedrivePolicy", `{"deadLetterTargetArn":"`+topicARN+`"}`), 400, "InvalidParameter", "invalid arn"},
		{subscribe + attribute("Color", "red"), 400, "InvalidParameter", "AttributeName"},
		{"Action=Subscribe&Protocol=lambda&Endpoint=f&TopicArn=" + topicARN, 400, "InvalidParameter", "Lambda endpoint ARN"},
		{"Action=Subscribe&Protocol=lambda&Endpoint=" + queueARN + "&TopicArn=" + topicARN, 400, "InvalidParameter", "Lambda endpoint ARN"},
		{"Action=Subscribe&Protocol=lambda&Endpoint=" + functionARN + "&TopicArn=" + topicARN + attribute("RawMessageDelivery", "true"), 400, "InvalidParameter", "Delivery protocol [lambda] does not support raw message delivery"},
		{"Action=Subscribe&Protocol=https&Endpoint=http://h&TopicArn=" + topicARN, 400, "InvalidParameter", "Endpoint must match the specified protocol"},
		{"Action=ConfirmSubscription&Token=t&TopicArn=" + topicARN, 400, "InvalidParameter", "Token"},
		{"Action=ConfirmSubscription&Token=t&TopicArn=" + topicARN + "x", 404, "NotFound", "Topic does not exist"},
		{"Action=Unsubscribe&SubscriptionArn=x", 400, "InvalidParameter", "SubscriptionArn"},
		{"Action=SetSubscriptionAttributes&SubscriptionArn=x", 404, "NotFound", "Subscription"},
		{"Action=Publish&Message=m&PhoneNumber=1", 400, "InvalidParameter", "text message is not supported"},
		{"Action=Publish&TopicArn=" + topicARN, 400, "InvalidParameter", "Empty message"},
		{"Action=Publish&Message=" + strings.Repeat("m", maxMessage+1) + "&TopicArn=" + topicARN, 400, "InvalidParameter", "too long"},
		{"Action=Publish&Message=%ff&TopicArn=" + topicARN, 400, "InvalidParameter", "UTF-8"},
		{"Action=Publish&Message=m&Subject=" + strings.Repeat("s", 101) + "&TopicArn=" + topicARN, 400, "InvalidParameter", "Subject"},
		{"Action=Publish&Message={}&MessageStructure=json&TopicArn=" + topicARN, 400, "InvalidParameter", "json is not supported"},
		{"Action=Publish&Message=m&MessageAttributes.entry.1.Name=a&TopicArn=" + topicARN, 400, "InvalidParameter", "&#39;a&#39;"},
		{batch(), 400, "EmptyBatchRequest", ""},
		{batch(strings.Split("1234567890a", "")...), 400, "TooManyEntriesInBatchRequest", ""},
		{batch("a", "a"), 400, "BatchEntryIdsNotDistinct", ""},
		{batch("a", "."), 400, "InvalidBatchEntryId", ""},
		{batch("a", "b") + strings.Repeat("m", maxMessage), 400, "BatchRequestTooLong", ""},
		{"Action=TagResource", 400, "UnsupportedOperation", "TagResource is not supported by the embedded SNS"},
		{"Action=Dance", 400, "InvalidAction", "Dance"},
		{strings.Repeat("a", maxForm+1), 400, "InvalidParameter", "could not be read"},
	} {
		status, body := post(s, test.form)
		if !strings.Contains(body, "<Code>"+test.code+"</Code>") || status != test.status || !strings.Contains(body, test.text) {
			t.Errorf("%.200s: got %d %s, want %d %s and %q", test.form, status, body, test.status, test.code, test.text)
		}
	}
	if got := queues.Take(); len(got) > 0 {
		t.Errorf("delivered %v", got)
	}
}

// attribute returns the part of a form that sets an attribute of a subscription.
func attribute(name, value string) string {
	return "&Attributes.entry.1.key=" + name + "&Attributes.entry.1.value=" + url.QueryEscape(value)
}

var ids = regexp.MustCompile(`[0-9a-f]{8}-[0-9a-f-]{27}|[0-9a-f]{64}`)

func withoutIDs(text string) string { return ids.ReplaceAllString(text, "*") }

func compile(pattern []byte) (func([]byte) bool, error) {
	f, err := filter.Compile([]string{string(pattern)}, "")
	if err != nil {
		return nil, err
	}
	return f.Match, nil
}

func post(s *Server, form string) (status int, body string) {
	r := httptest.NewRequest("POST", "/", strings.NewReader(form))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded; charset=utf-8")
	w := httptest.NewRecorder()
	s.ServeHTTP(w, r)
	return w.Code, w.Body.String()
}

// FuzzForm sends anything: the response is always XML of SNS, and an error is always the caller's fault.
func FuzzForm(f *testing.F) {
	f.Add("Action=Publish&TopicArn=" + topicARN + "&Message=m&MessageAttributes.entry.1.Name=a&MessageAttributes.entry.1.Value.DataType=String&MessageAttributes.entry.1.Value.StringValue=v")
	f.Add("Action=PublishBatch&TopicArn=" + topicARN + "&PublishBatchRequestEntries.member.1.Id=a&PublishBatchRequestEntries.member.1.Message=m")
	f.Add("Action=Subscribe&Protocol=sqs&Endpoint=arn:aws:sqs:::q&TopicArn=" + topicARN + "&Attributes.entry.1.key=RawMessageDelivery&Attributes.entry.1.value=true")
	f.Add("Action=ListTopics&NextToken=-1")
	f.Add("Action=Subscribe&Protocol=https&Endpoint=https://h&TopicArn=" + topicARN)
	f.Add("Action=Publish&TopicArn=" + topicARN + "&Message=m&MessageAttributes.entry.1.Name=a&MessageAttributes.entry.1.Value.DataType=Number&MessageAttributes.entry.1.Value.StringValue=%2B.5e9")
	f.Fuzz(func(t *testing.T, text string) {
		s := &Server{Targets: new(relaytest.Target).For("sqs", "lambda"), Pattern: compile}
		post(s, "Action=CreateTopic&Name=t")
		post(s, "Action=Subscribe&Protocol=sqs&Endpoint=arn:aws:sqs:::q&TopicArn="+url.QueryEscape(topicARN))
		post(s, "Action=Subscribe&Protocol=lambda&Endpoint="+functionARN+"&TopicArn="+url.QueryEscape(topicARN)+attribute("FilterPolicy", `{"a":[{"exists":true}]}`))
		if status, body := post(s, text); status >= 500 || !strings.Contains(body, namespace) {
			t.Errorf("got %d %s", status, body)
		}
	})
}
