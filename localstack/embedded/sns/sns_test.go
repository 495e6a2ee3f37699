package sns

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/sns"
	"github.com/aws/aws-sdk-go-v2/service/sns/types"

	"github.com/esm-run/esm/localstack/embedded/inprocess"
	"github.com/esm-run/esm/localstack/embedded/wire"
)

// A client is an SDK client of a server, and what was delivered to queues by their ARNs.
type client struct {
	*sdk.Client
	t         *testing.T
	server    *Server
	delivered map[string][]string
}

func newClient(t *testing.T) *client {
	c := &client{t: t, server: &Server{Account: wire.Account{Region: "eu-west-1", ID: "111122223333"}}, delivered: make(map[string][]string)}
	c.server.Deliver = func(queueARN, body string) error {
		if strings.HasSuffix(queueARN, ":gone") {
			return errors.New("no such queue")
		}
		c.delivered[queueARN] = append(c.delivered[queueARN], body)
		return nil
	}
	c.Client = sdk.NewFromConfig(inprocess.Config(c.server))
	return c
}

func (c *client) must(err error) {
	c.t.Helper()
	if err != nil {
		c.t.Fatal(err)
	}
}

func (c *client) topic(name string) string {
	c.t.Helper()
	out, err := c.CreateTopic(c.t.Context(), &sdk.CreateTopicInput{Name: &name})
	c.must(err)
	return *out.TopicArn
}

func queue(name string) string { return "arn:aws:sqs:eu-west-1:111122223333:" + name }

func (c *client) subscribe(topic, name string, attributes map[string]string) string {
	c.t.Helper()
	out, err := c.Subscribe(c.t.Context(), &sdk.SubscribeInput{
		TopicArn: &topic, Protocol: aws.String("sqs"), Endpoint: aws.String(queue(name)), Attributes: attributes,
	})
	c.must(err)
	return *out.SubscriptionArn
}

func (c *client) publish(topic, message string) string {
	c.t.Helper()
	out, err := c.Publish(c.t.Context(), &sdk.PublishInput{TopicArn: &topic, Message: &message})
	c.must(err)
	return *out.MessageId
}

var raw = map[string]string{"RawMessageDelivery": "true"}

func TestTopicsAndSubscriptions(t *testing.T) {
	c := newClient(t)
	orders, other := c.topic("orders"), c.topic("other")
	if again := c.topic("orders"); again != orders || orders != "arn:aws:sns:eu-west-1:111122223333:orders" {
		t.Errorf("got the topics %s and %s", orders, again)
	}
	first, second := c.subscribe(orders, "a", nil), c.subscribe(orders, "b", raw)
	c.subscribe(other, "a", nil)
	if again := c.subscribe(orders, "a", nil); again != first || first == second || !strings.HasPrefix(first, orders+":") {
		t.Errorf("got the subscriptions %s, %s and %s", first, again, second)
	}
	of, err := c.ListSubscriptionsByTopic(t.Context(), &sdk.ListSubscriptionsByTopicInput{TopicArn: &orders})
	c.must(err)
	all, err := c.ListSubscriptions(t.Context(), &sdk.ListSubscriptionsInput{})
	c.must(err)
	if len(of.Subscriptions) != 2 || *of.Subscriptions[1].Endpoint != queue("b") || len(all.Subscriptions) != 3 {
		t.Errorf("got %v of %d", of.Subscriptions, len(all.Subscriptions))
	}
	_, err = c.SetSubscriptionAttributes(t.Context(), &sdk.SetSubscriptionAttributesInput{
		SubscriptionArn: &first, AttributeName: aws.String("RawMessageDelivery"), AttributeValue: aws.String("true"),
	})
	c.must(err)
	shown, err := c.GetSubscriptionAttributes(t.Context(), &sdk.GetSubscriptionAttributesInput{SubscriptionArn: &first})
	c.must(err)
	topic, err := c.GetTopicAttributes(t.Context(), &sdk.GetTopicAttributesInput{TopicArn: &orders})
	c.must(err)
	if shown.Attributes["RawMessageDelivery"] != "true" || topic.Attributes["Owner"] != "111122223333" || topic.Attributes["SubscriptionsConfirmed"] != "2" {
		t.Errorf("got %v and %v", shown.Attributes, topic.Attributes)
	}
	for range 2 { // the second time there is nothing to delete
		_, err = c.Unsubscribe(t.Context(), &sdk.UnsubscribeInput{SubscriptionArn: &first})
		c.must(err)
		_, err = c.DeleteTopic(t.Context(), &sdk.DeleteTopicInput{TopicArn: &other})
		c.must(err)
	}
	c.publish(orders, "x")
	if all, err = c.ListSubscriptions(t.Context(), &sdk.ListSubscriptionsInput{}); err != nil || len(all.Subscriptions) != 1 || len(c.delivered) != 1 {
		t.Errorf("got %v, %v and delivered %q", all.Subscriptions, err, c.delivered)
	}
}

func TestListingPages(t *testing.T) {
	c := newClient(t)
	var want, got []string
	for n := range 2*pageSize + 1 {
		want = append(want, c.topic(fmt.Sprintf("t%03d", n)))
	}
	for p := sdk.NewListTopicsPaginator(c, &sdk.ListTopicsInput{}); p.HasMorePages(); {
		out, err := p.NextPage(t.Context())
		c.must(err)
		for _, topic := range out.Topics {
			got = append(got, *topic.TopicArn)
		}
	}
	if !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestPublish(t *testing.T) {
	c := newClient(t)
	topic := c.topic("orders")
	c.subscribe(topic, "gone", nil)
	c.subscribe(topic, "a", nil)
	c.subscribe(topic, "b", raw)
	before := time.Now().Truncate(time.Millisecond)
	const message = `{"order": "<1> & \u2028"}`
	id := c.publish(topic, message)
	if got := c.delivered[queue("b")]; !slices.Equal(got, []string{message}) || len(c.delivered[queue("a")]) != 1 {
		t.Fatalf("got %q", c.delivered)
	}
	var got map[string]string // every member is a string
	c.must(json.Unmarshal([]byte(c.delivered[queue("a")][0]), &got))
	at, err := time.Parse("2006-01-02T15:04:05.000Z", got["Timestamp"])
	if err != nil || at.Before(before) {
		t.Errorf("got the time %s (%v)", got["Timestamp"], err)
	}
	for name, want := range map[string]string{
		"Type": "Notification", "MessageId": id, "TopicArn": topic, "Message": message, "SignatureVersion": "1",
	} {
		if got[name] != want {
			t.Errorf("%s: got %q, want %q", name, got[name], want)
		}
	}
	if got["Signature"] == "" || got["SigningCertURL"] == "" || len(got) != 9 {
		t.Errorf("got %v", got)
	}
	resp, err := inprocess.Client(c.server).Get(got["UnsubscribeURL"])
	c.must(err)
	resp.Body.Close()
	if c.publish(topic, "more"); len(c.delivered[queue("a")]) != 1 || len(c.delivered[queue("b")]) != 2 {
		t.Errorf("after a visit to %s: got %q", got["UnsubscribeURL"], c.delivered)
	}
}

func TestSubjectAndAttributes(t *testing.T) {
	c := newClient(t)
	topic := c.topic("orders")
	c.subscribe(topic, "a", nil)
	_, err := c.Publish(t.Context(), &sdk.PublishInput{
		TopicArn: &topic, Message: aws.String("m"), Subject: aws.String("s"),
		MessageAttributes: map[string]types.MessageAttributeValue{
			"text": {DataType: aws.String("String"), StringValue: aws.String("v")},
			"data": {DataType: aws.String("Binary"), BinaryValue: []byte{0, 255}},
		},
	})
	c.must(err)
	want := `"MessageAttributes":{"data":{"Type":"Binary","Value":"AP8="},"text":{"Type":"String","Value":"v"}}}`
	if got := c.delivered[queue("a")][0]; !strings.HasSuffix(got, want) || !strings.Contains(got, `"Subject":"s",`) {
		t.Errorf("got %s", got)
	}
}

func TestPublishBatch(t *testing.T) {
	c := newClient(t)
	topic := c.topic("orders")
	c.subscribe(topic, "a", raw)
	out, err := c.PublishBatch(t.Context(), &sdk.PublishBatchInput{TopicArn: &topic, PublishBatchRequestEntries: []types.PublishBatchRequestEntry{
		{Id: aws.String("1"), Message: aws.String("one")},
		{Id: aws.String("2"), Message: aws.String("two"), MessageDeduplicationId: aws.String("d")},
		{Id: aws.String("3"), Message: aws.String("three")},
	}})
	c.must(err)
	if len(out.Successful) != 2 || len(out.Failed) != 1 || *out.Failed[0].Id != "2" || *out.Failed[0].Code != "InvalidParameter" || !out.Failed[0].SenderFault {
		t.Errorf("got %+v", out)
	}
	if got := c.delivered[queue("a")]; !slices.Equal(got, []string{"one", "three"}) {
		t.Errorf("got %q", got)
	}
}

func TestErrors(t *testing.T) {
	c := newClient(t)
	topic := c.topic("t")
	c.subscribe(topic, "q", nil)
	batch := func(ids ...string) string {
		var b strings.Builder
		for n, id := range ids {
			fmt.Fprintf(&b, "&PublishBatchRequestEntries.member.%d.Id=%s&PublishBatchRequestEntries.member.%[1]d.Message=m", n+1, id)
		}
		return "Action=PublishBatch&TopicArn=" + topic + b.String()
	}
	subscribe := "Action=Subscribe&Protocol=sqs&Endpoint=" + queue("q") + "&TopicArn=" + topic
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
		{"Action=GetTopicAttributes&TopicArn=" + topic + "x", 404, "NotFound", "Topic does not exist"},
		{"Action=ListTopics&NextToken=x", 400, "InvalidParameter", "NextToken"},
		{"Action=Subscribe&Protocol=email&Endpoint=a@b&TopicArn=" + topic, 400, "InvalidParameter", "email is not supported by the embedded SNS"},
		{"Action=Subscribe&Endpoint=a@b&TopicArn=" + topic, 400, "InvalidParameter", "Protocol"},
		{"Action=Subscribe&Protocol=sqs&Endpoint=q&TopicArn=" + topic, 400, "InvalidParameter", "SQS endpoint ARN"},
		{"Action=Subscribe&Protocol=sqs&Endpoint=" + queue("q.fifo") + "&TopicArn=" + topic, 400, "InvalidParameter", "FIFO SQS Queues"},
		{subscribe + "&Attributes.entry.1.key=RawMessageDelivery&Attributes.entry.1.value=true", 400, "InvalidParameter", "different attributes"},
		{subscribe + "&Attributes.entry.1.key=RawMessageDelivery&Attributes.entry.1.value=maybe", 400, "InvalidParameter", "maybe"},
		{subscribe + "&Attributes.entry.1.key=FilterPolicy&Attributes.entry.1.value={}", 400, "InvalidParameter", "FilterPolicy is not supported"},
		{"Action=Unsubscribe&SubscriptionArn=x", 400, "InvalidParameter", "SubscriptionArn"},
		{"Action=SetSubscriptionAttributes&SubscriptionArn=x", 404, "NotFound", "Subscription"},
		{"Action=Publish&Message=m&PhoneNumber=1", 400, "InvalidParameter", "text message is not supported"},
		{"Action=Publish&TopicArn=" + topic, 400, "InvalidParameter", "Empty message"},
		{"Action=Publish&Message=" + strings.Repeat("m", maxMessage+1) + "&TopicArn=" + topic, 400, "InvalidParameter", "too long"},
		{"Action=Publish&Message=%ff&TopicArn=" + topic, 400, "InvalidParameter", "UTF-8"},
		{"Action=Publish&Message=m&Subject=" + strings.Repeat("s", 101) + "&TopicArn=" + topic, 400, "InvalidParameter", "Subject"},
		{"Action=Publish&Message={}&MessageStructure=json&TopicArn=" + topic, 400, "InvalidParameter", "json is not supported"},
		{"Action=Publish&Message=m&MessageAttributes.entry.1.Name=a&TopicArn=" + topic, 400, "InvalidParameter", "&#39;a&#39;"},
		{batch(), 400, "EmptyBatchRequest", ""},
		{batch(strings.Split("1234567890a", "")...), 400, "TooManyEntriesInBatchRequest", ""},
		{batch("a", "a"), 400, "BatchEntryIdsNotDistinct", ""},
		{batch("a", "."), 400, "InvalidBatchEntryId", ""},
		{batch("a", "b") + strings.Repeat("m", maxMessage), 400, "BatchRequestTooLong", ""},
		{"Action=TagResource", 400, "UnsupportedOperation", "TagResource is not supported by the embedded SNS"},
		{"Action=Dance", 400, "InvalidAction", "Dance"},
		{strings.Repeat("a", maxForm+1), 400, "InvalidParameter", "could not be read"},
	} {
		status, body := post(c.server, test.form)
		if !strings.Contains(body, "<Code>"+test.code+"</Code>") || status != test.status || !strings.Contains(body, test.text) {
			t.Errorf("%.200s: got %d %s, want %d %s and %q", test.form, status, body, test.status, test.code, test.text)
		}
	}
	if len(c.delivered) != 0 {
		t.Errorf("got %q", c.delivered)
	}
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
	const topic = "arn:aws:sns:us-east-1:000000000000:t"
	f.Add("Action=Publish&TopicArn=" + topic + "&Message=m&MessageAttributes.entry.1.Name=a&MessageAttributes.entry.1.Value.DataType=String&MessageAttributes.entry.1.Value.StringValue=v")
	f.Add("Action=PublishBatch&TopicArn=" + topic + "&PublishBatchRequestEntries.member.1.Id=a&PublishBatchRequestEntries.member.1.Message=m")
	f.Add("Action=Subscribe&Protocol=sqs&Endpoint=arn:aws:sqs:::q&TopicArn=" + topic + "&Attributes.entry.1.key=RawMessageDelivery&Attributes.entry.1.value=true")
	f.Add("Action=ListTopics&NextToken=-1")
	f.Fuzz(func(t *testing.T, text string) {
		s := &Server{Deliver: func(string, string) error { return nil }}
		post(s, "Action=CreateTopic&Name=t")
		post(s, "Action=Subscribe&Protocol=sqs&Endpoint=arn:aws:sqs:::q&TopicArn="+url.QueryEscape(topic))
		if status, body := post(s, text); status >= 500 || !strings.Contains(body, namespace) {
			t.Errorf("got %d %s", status, body)
		}
	})
}
