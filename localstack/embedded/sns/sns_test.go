package sns

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/sns"
	"github.com/aws/aws-sdk-go-v2/service/sns/types"
	"github.com/aws/smithy-go"
)

// A house is a server on a socket, a real SDK client of it, and what was delivered to queues by their ARNs.
type house struct {
	*sdk.Client
	t      *testing.T
	server *Server
	got    map[string][]string
}

func newHouse(t *testing.T) *house {
	t.Helper()
	h := &house{t: t, server: &Server{Region: "eu-west-1", AccountID: "111122223333"}, got: make(map[string][]string)}
	h.server.Deliver = func(queueARN, body string) error {
		if strings.HasSuffix(queueARN, ":gone") {
			return errors.New("no such queue")
		}
		h.got[queueARN] = append(h.got[queueARN], body)
		return nil
	}
	web := httptest.NewServer(h.server)
	t.Cleanup(web.Close)
	h.Client = sdk.New(sdk.Options{
		Region: "eu-west-1", BaseEndpoint: aws.String(web.URL), RetryMaxAttempts: 1,
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: "test", SecretAccessKey: "test"}, nil
		}),
	})
	return h
}

func (h *house) must(err error) {
	h.t.Helper()
	if err != nil {
		h.t.Fatal(err)
	}
}

func (h *house) topic(name string) string {
	h.t.Helper()
	out, err := h.CreateTopic(h.t.Context(), &sdk.CreateTopicInput{Name: &name})
	h.must(err)
	return *out.TopicArn
}

func queue(name string) string { return "arn:aws:sqs:eu-west-1:111122223333:" + name }

// join subscribes a queue; attributes are pairs.
func (h *house) join(topic, name string, attributes map[string]string) string {
	h.t.Helper()
	out, err := h.Subscribe(h.t.Context(), &sdk.SubscribeInput{
		TopicArn: &topic, Protocol: aws.String("sqs"), Endpoint: aws.String(queue(name)), Attributes: attributes,
	})
	h.must(err)
	return *out.SubscriptionArn
}

func TestTopics(t *testing.T) {
	h := newHouse(t)
	arn := h.topic("orders")
	if want := "arn:aws:sns:eu-west-1:111122223333:orders"; arn != want {
		t.Errorf("got %s, want %s", arn, want)
	}
	if again := h.topic("orders"); again != arn {
		t.Errorf("got %s the second time", again)
	}
	h.join(arn, "q", nil)
	out, err := h.GetTopicAttributes(t.Context(), &sdk.GetTopicAttributesInput{TopicArn: &arn})
	h.must(err)
	if a := out.Attributes; a["TopicArn"] != arn || a["Owner"] != "111122223333" || a["SubscriptionsConfirmed"] != "1" {
		t.Errorf("got %v", a)
	}
	for range 2 { // deleting twice is no error
		_, err = h.DeleteTopic(t.Context(), &sdk.DeleteTopicInput{TopicArn: &arn})
		h.must(err)
	}
	_, err = h.GetTopicAttributes(t.Context(), &sdk.GetTopicAttributesInput{TopicArn: &arn})
	if _, ok := errors.AsType[*types.NotFoundException](err); !ok {
		t.Errorf("got %v, want NotFoundException", err)
	}
	subs, err := h.ListSubscriptions(t.Context(), &sdk.ListSubscriptionsInput{})
	h.must(err)
	if len(subs.Subscriptions) != 0 {
		t.Errorf("got subscriptions %v of a topic that is gone", subs.Subscriptions)
	}
}

func TestListingPages(t *testing.T) {
	h := newHouse(t)
	for n := range 2*pageSize + 1 {
		h.topic(fmt.Sprintf("t%03d", n))
	}
	n := 0
	for p := sdk.NewListTopicsPaginator(h, &sdk.ListTopicsInput{}); p.HasMorePages(); {
		out, err := p.NextPage(t.Context())
		h.must(err)
		for _, topic := range out.Topics {
			if want := fmt.Sprintf("arn:aws:sns:eu-west-1:111122223333:t%03d", n); *topic.TopicArn != want {
				t.Fatalf("got %s, want %s", *topic.TopicArn, want)
			}
			n++
		}
	}
	if want := 2*pageSize + 1; n != want {
		t.Errorf("got %d topics, want %d", n, want)
	}
}

func TestSubscriptions(t *testing.T) {
	h := newHouse(t)
	orders, other := h.topic("orders"), h.topic("other")
	first := h.join(orders, "a", nil)
	second := h.join(orders, "b", map[string]string{"RawMessageDelivery": "true"})
	h.join(other, "a", nil)
	if again := h.join(orders, "a", nil); again != first {
		t.Errorf("subscribing again made %s of %s", again, first)
	}
	if !strings.HasPrefix(first, orders+":") || first == second {
		t.Errorf("got the ARNs %s and %s", first, second)
	}
	out, err := h.ListSubscriptionsByTopic(t.Context(), &sdk.ListSubscriptionsByTopicInput{TopicArn: &orders})
	h.must(err)
	all, err := h.ListSubscriptions(t.Context(), &sdk.ListSubscriptionsInput{})
	h.must(err)
	if got := endpoints(out.Subscriptions); !slices.Equal(got, []string{queue("a"), queue("b")}) || len(all.Subscriptions) != 3 {
		t.Errorf("got %v of %d", got, len(all.Subscriptions))
	}
	_, err = h.SetSubscriptionAttributes(t.Context(), &sdk.SetSubscriptionAttributesInput{
		SubscriptionArn: &first, AttributeName: aws.String("RawMessageDelivery"), AttributeValue: aws.String("true"),
	})
	h.must(err)
	shown, err := h.GetSubscriptionAttributes(t.Context(), &sdk.GetSubscriptionAttributesInput{SubscriptionArn: &first})
	h.must(err)
	if a := shown.Attributes; a["RawMessageDelivery"] != "true" || a["Endpoint"] != queue("a") || a["TopicArn"] != orders {
		t.Errorf("got %v", a)
	}
	for range 2 {
		_, err = h.Unsubscribe(t.Context(), &sdk.UnsubscribeInput{SubscriptionArn: &first})
		h.must(err)
	}
	h.publish(orders, "x")
	if len(h.got[queue("a")]) != 0 || !slices.Equal(h.got[queue("b")], []string{"x"}) {
		t.Errorf("got %q", h.got)
	}
}

func endpoints(subs []types.Subscription) (all []string) {
	for _, sub := range subs {
		all = append(all, *sub.Endpoint)
	}
	return all
}

func (h *house) publish(topic, message string) string {
	h.t.Helper()
	out, err := h.Publish(h.t.Context(), &sdk.PublishInput{TopicArn: &topic, Message: &message})
	h.must(err)
	return *out.MessageId
}

func TestPublish(t *testing.T) {
	h := newHouse(t)
	topic := h.topic("orders")
	h.join(topic, "gone", nil)
	sub := h.join(topic, "a", nil)
	h.join(topic, "b", map[string]string{"RawMessageDelivery": "true"})
	before := time.Now().Truncate(time.Millisecond)
	const message = `{"order": "<1> & \u2028"}`
	id := h.publish(topic, message)
	if got := h.got[queue("b")]; !slices.Equal(got, []string{message}) {
		t.Errorf("raw: got %q", got)
	}
	if len(h.got[queue("a")]) != 1 {
		t.Fatalf("got %q", h.got)
	}
	var got map[string]string // every member is a text
	h.must(json.Unmarshal([]byte(h.got[queue("a")][0]), &got))
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
	if _, has := got["Subject"]; has || got["Signature"] == "" || got["SigningCertURL"] == "" || len(got) != 9 {
		t.Errorf("got %v", got)
	}
	resp, err := http.Get(got["UnsubscribeURL"])
	h.must(err)
	resp.Body.Close()
	if h.publish(topic, "more"); len(h.got[queue("a")]) != 1 || len(h.got[queue("b")]) != 2 {
		t.Errorf("after a visit to %s of %s: got %q", got["UnsubscribeURL"], sub, h.got)
	}
}

func TestSubjectAndAttributes(t *testing.T) {
	h := newHouse(t)
	topic := h.topic("orders")
	h.join(topic, "a", nil)
	_, err := h.Publish(t.Context(), &sdk.PublishInput{
		TopicArn: &topic, Message: aws.String("m"), Subject: aws.String("s"),
		MessageAttributes: map[string]types.MessageAttributeValue{
			"text": {DataType: aws.String("String"), StringValue: aws.String("v")},
			"data": {DataType: aws.String("Binary"), BinaryValue: []byte{0, 255}},
		},
	})
	h.must(err)
	var got struct {
		Subject           string
		MessageAttributes map[string]attribute
	}
	h.must(json.Unmarshal([]byte(h.got[queue("a")][0]), &got))
	if got.Subject != "s" || got.MessageAttributes["text"] != (attribute{"String", "v"}) || got.MessageAttributes["data"] != (attribute{"Binary", "AP8="}) {
		t.Errorf("got %+v", got)
	}
}

func TestPublishBatch(t *testing.T) {
	h := newHouse(t)
	topic := h.topic("orders")
	h.join(topic, "a", map[string]string{"RawMessageDelivery": "true"})
	out, err := h.PublishBatch(t.Context(), &sdk.PublishBatchInput{TopicArn: &topic, PublishBatchRequestEntries: []types.PublishBatchRequestEntry{
		{Id: aws.String("1"), Message: aws.String("one")},
		{Id: aws.String("2"), Message: aws.String("two"), MessageDeduplicationId: aws.String("d")},
		{Id: aws.String("3"), Message: aws.String("three")},
	}})
	h.must(err)
	if len(out.Successful) != 2 || len(out.Failed) != 1 || *out.Failed[0].Id != "2" || *out.Failed[0].Code != "InvalidParameter" || !out.Failed[0].SenderFault {
		t.Errorf("got %+v", out)
	}
	if got := h.got[queue("a")]; !slices.Equal(got, []string{"one", "three"}) {
		t.Errorf("got %q", got)
	}
}

func TestRefusals(t *testing.T) {
	h := newHouse(t)
	topic := h.topic("t")
	h.join(topic, "q", nil)
	batch := func(ids ...string) string {
		var b strings.Builder
		for n, id := range ids {
			fmt.Fprintf(&b, "&PublishBatchRequestEntries.member.%d.Id=%s&PublishBatchRequestEntries.member.%[1]d.Message=m", n+1, id)
		}
		return "Action=PublishBatch&TopicArn=" + topic + b.String()
	}
	tests := []struct {
		form   string
		status int
		code   string
		text   string // part of the message
	}{
		{"Action=CreateTopic&Name=a.fifo", 400, "InvalidParameter", "FIFO topic is not supported"},
		{"Action=CreateTopic&Name=a&Attributes.entry.1.key=FifoTopic&Attributes.entry.1.value=true", 400, "InvalidParameter", "FIFO topic"},
		{"Action=CreateTopic&Name=a/b", 400, "InvalidParameter", "Topic Name"},
		{"Action=CreateTopic&Name=t&Attributes.entry.1.key=DisplayName&Attributes.entry.1.value=d", 400, "InvalidParameter", "different attributes"},
		{"Action=DeleteTopic", 400, "InvalidParameter", "TopicArn"},
		{"Action=GetTopicAttributes&TopicArn=t", 400, "InvalidParameter", "not an ARN"},
		{"Action=GetTopicAttributes&TopicArn=" + topic + "x", 404, "NotFound", "Topic does not exist"},
		{"Action=ListTopics&NextToken=x", 400, "InvalidParameter", "NextToken"},
		{"Action=Subscribe&Protocol=sqs&Endpoint=" + queue("q") + "&TopicArn=" + topic + "x", 404, "NotFound", "Topic"},
		{"Action=Subscribe&Protocol=email&Endpoint=a@b&TopicArn=" + topic, 400, "InvalidParameter", "email is not supported by the embedded SNS"},
		{"Action=Subscribe&Endpoint=a@b&TopicArn=" + topic, 400, "InvalidParameter", "Protocol"},
		{"Action=Subscribe&Protocol=sqs&Endpoint=q&TopicArn=" + topic, 400, "InvalidParameter", "SQS endpoint ARN"},
		{"Action=Subscribe&Protocol=sqs&Endpoint=" + queue("q.fifo") + "&TopicArn=" + topic, 400, "InvalidParameter", "FIFO SQS Queues"},
		{"Action=Subscribe&Protocol=sqs&Endpoint=" + queue("q") + "&TopicArn=" + topic + "&Attributes.entry.1.key=RawMessageDelivery&Attributes.entry.1.value=true", 400, "InvalidParameter", "different attributes"},
		{"Action=Subscribe&Protocol=sqs&Endpoint=" + queue("q") + "&TopicArn=" + topic + "&Attributes.entry.1.key=RawMessageDelivery&Attributes.entry.1.value=maybe", 400, "InvalidParameter", "maybe"},
		{"Action=Subscribe&Protocol=sqs&Endpoint=" + queue("q") + "&TopicArn=" + topic + "&Attributes.entry.1.key=FilterPolicy&Attributes.entry.1.value={}", 400, "InvalidParameter", "FilterPolicy is not supported"},
		{"Action=Unsubscribe&SubscriptionArn=x", 400, "InvalidParameter", "SubscriptionArn"},
		{"Action=SetSubscriptionAttributes&SubscriptionArn=x", 404, "NotFound", "Subscription"},
		{"Action=GetSubscriptionAttributes&SubscriptionArn=x", 404, "NotFound", "Subscription"},
		{"Action=ListSubscriptionsByTopic&TopicArn=a:b:c:d:e:f", 404, "NotFound", "Topic"},
		{"Action=Publish&Message=m&TopicArn=" + topic + "x", 404, "NotFound", "Topic does not exist"},
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
		{"Action=%zz", 400, "InvalidParameter", "could not be read"},
		{strings.Repeat("a", maxForm+1), 400, "InvalidParameter", "could not be read"},
	}
	for _, test := range tests {
		status, body := post(h.server, test.form)
		if !strings.Contains(body, "<Code>"+test.code+"</Code>") || status != test.status || !strings.Contains(body, test.text) {
			t.Errorf("%.200s: got %d %s, want %d %s and %q", test.form, status, body, test.status, test.code, test.text)
		}
	}
	if len(h.got) != 0 {
		t.Errorf("got %q", h.got)
	}
}

func post(s *Server, form string) (status int, body string) {
	r := httptest.NewRequest("POST", "/", strings.NewReader(form))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded; charset=utf-8")
	w := httptest.NewRecorder()
	s.ServeHTTP(w, r)
	return w.Code, w.Body.String()
}

func TestErrorsAsTheSDKSeesThem(t *testing.T) {
	h := newHouse(t)
	_, err := h.Publish(t.Context(), &sdk.PublishInput{TopicArn: aws.String("arn:aws:sns:eu-west-1:111122223333:none"), Message: aws.String("m")})
	missing, ok := errors.AsType[*types.NotFoundException](err)
	if !ok || missing.ErrorMessage() != "Topic does not exist" {
		t.Errorf("got %v", err)
	}
	_, err = h.CreateTopic(t.Context(), &sdk.CreateTopicInput{Name: aws.String("a b")})
	if _, ok := errors.AsType[*types.InvalidParameterException](err); !ok {
		t.Errorf("got %v", err)
	}
	_, err = h.OptInPhoneNumber(t.Context(), &sdk.OptInPhoneNumberInput{PhoneNumber: aws.String("1")})
	if refused, ok := errors.AsType[smithy.APIError](err); !ok || refused.ErrorCode() != "UnsupportedOperation" || refused.ErrorFault() != smithy.FaultUnknown && refused.ErrorFault() != smithy.FaultClient {
		t.Errorf("got %v", err)
	}
}

func TestHas(t *testing.T) {
	for action, want := range map[string]bool{"Publish": true, "TagResource": true, "SendMessage": false, "": false} {
		if got := Has(action); got != want {
			t.Errorf("%s: got %t", action, got)
		}
	}
}

// FuzzForm sends anything: the answer is always an element of SNS, and a refusal is always the caller's fault.
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
