package provision

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// fake is an emulator of SNS, of the notifications of S3 and of EventBridge, as far as Connect uses them. It remembers what it
// is told, and delivers nothing.
type fake struct {
	topics        map[string]bool // by ARN
	subscriptions []*fakeSubscription
	notifications map[string]string // XML by bucket
	rules         map[string]map[string]any
	targets       map[string]map[string]map[string]any // by rule and ID

	confirms int // that many requests to confirm stay without an answer
	changing []string
}

type fakeSubscription struct {
	topic, protocol, endpoint string
	attributes                map[string]string
	pending                   bool
}

func newFake() *fake {
	return &fake{topics: map[string]bool{}, notifications: map[string]string{}, rules: map[string]map[string]any{}, targets: map[string]map[string]map[string]any{}}
}

func (f *fake) RoundTrip(r *http.Request) (*http.Response, error) {
	body, err := io.ReadAll(orEmpty(r.Body))
	if err != nil {
		return nil, err
	}
	if _, action, ok := strings.Cut(r.Header.Get("X-Amz-Target"), "AWSEvents."); ok {
		return f.events(action, body), nil
	}
	if r.URL.Query().Has("notification") {
		return f.s3(r, body), nil
	}
	form, err := url.ParseQuery(string(body))
	return f.sns(form.Get("Action"), form), err
}

func orEmpty(body io.Reader) io.Reader {
	if body == nil {
		return bytes.NewReader(nil)
	}
	return body
}

func (f *fake) change(action string, of ...string) {
	f.changing = append(f.changing, strings.Join(append([]string{action}, of...), " "))
}

func (f *fake) s3(r *http.Request, body []byte) *http.Response {
	bucket := strings.Trim(r.URL.Path, "/")
	if r.Method == http.MethodPut {
		f.change("PutBucketNotificationConfiguration", bucket)
		f.notifications[bucket] = string(body)
		return response(200, "")
	}
	if f.notifications[bucket] == "" {
		return response(200, "<NotificationConfiguration/>")
	}
	return response(200, f.notifications[bucket])
}

func (f *fake) sns(action string, form url.Values) *http.Response {
	answer := func(result string) *http.Response {
		return response(200, fmt.Sprintf("<%[1]sResponse><%[1]sResult>%[2]s</%[1]sResult></%[1]sResponse>", action, result))
	}
	topic := form.Get("TopicArn")
	switch action {
	case "CreateTopic":
		arn := "arn:aws:sns:eu-west-1:000000000000:" + form.Get("Name")
		f.change(action, form.Get("Name"))
		f.topics[arn] = true
		return answer("<TopicArn>" + arn + "</TopicArn>")
	case "GetTopicAttributes":
		if !f.topics[topic] {
			return response(404, "<ErrorResponse><Error><Code>NotFound</Code><Message>no topic</Message></Error></ErrorResponse>")
		}
		return answer("")
	case "Subscribe":
		return answer("<SubscriptionArn>" + f.subscribe(form) + "</SubscriptionArn>")
	case "ListSubscriptionsByTopic":
		var list strings.Builder
		for i, s := range f.subscriptions {
			if s.topic == topic {
				fmt.Fprintf(&list, "<member><SubscriptionArn>%s</SubscriptionArn><Protocol>%s</Protocol><Endpoint>%s</Endpoint></member>",
					s.arn(i), s.protocol, escaped(s.endpoint))
			}
		}
		return answer("<Subscriptions>" + list.String() + "</Subscriptions>")
	}
	var s *fakeSubscription
	for i, other := range f.subscriptions {
		if other.arn(i) == form.Get("SubscriptionArn") {
			s = other
		}
	}
	if action == "Unsubscribe" {
		number, _ := strconv.Atoi(form.Get("SubscriptionArn")[strings.LastIndex(form.Get("SubscriptionArn"), ":")+1:])
		f.change(action, fmt.Sprint(number))
		f.subscriptions[number] = &fakeSubscription{} // so that others keep their numbers
		return answer("")
	}
	if action == "SetSubscriptionAttributes" {
		f.change(action, form.Get("AttributeName"), form.Get("AttributeValue"))
		s.attributes[form.Get("AttributeName")] = form.Get("AttributeValue")
		return answer("")
	}
	var list strings.Builder
	for _, name := range slices.Sorted(maps.Keys(s.attributes)) {
		fmt.Fprintf(&list, "<entry><key>%s</key><value>%s</value></entry>", name, escaped(s.attributes[name]))
	}
	return answer("<Attributes>" + list.String() + "</Attributes>")
}

func escaped(text string) string {
	var out bytes.Buffer
	_ = xml.EscapeText(&out, []byte(text))
	return out.String()
}

func (s *fakeSubscription) arn(i int) string {
	if s.pending {
		return pendingArn
	}
	return fmt.Sprintf("%s:%d", s.topic, i)
}

// subscribe finds or makes a subscription.
func (f *fake) subscribe(form url.Values) string {
	f.change("Subscribe", form.Get("Protocol"), form.Get("Endpoint"))
	made := &fakeSubscription{topic: form.Get("TopicArn"), protocol: form.Get("Protocol"), endpoint: form.Get("Endpoint"), attributes: map[string]string{}}
	i := slices.IndexFunc(f.subscriptions, func(s *fakeSubscription) bool {
		return s.topic == made.topic && s.protocol == made.protocol && s.endpoint == made.endpoint
	})
	if i < 0 {
		i = len(f.subscriptions)
		f.subscriptions = append(f.subscriptions, made)
		for n := 1; form.Has(fmt.Sprintf("Attributes.entry.%d.key", n)); n++ {
			made.attributes[form.Get(fmt.Sprintf("Attributes.entry.%d.key", n))] = form.Get(fmt.Sprintf("Attributes.entry.%d.value", n))
		}
	}
	if s := f.subscriptions[i]; s == made { // as LocalStack does, only then
		s.pending = strings.HasPrefix(s.protocol, "http") && f.confirms > 0
		f.confirms = max(f.confirms-1, 0)
	}
	return fmt.Sprintf("%s:%d", made.topic, i)
}

func (f *fake) events(action string, body []byte) *http.Response {
	var in map[string]any
	_ = json.Unmarshal(body, &in)
	answer := func(out any) *http.Response {
		text, _ := json.Marshal(out)
		return response(200, string(text))
	}
	name, _ := in["Name"].(string)
	if name == "" {
		name, _ = in["Rule"].(string)
	}
	bus, _ := in["EventBusName"].(string)
	switch id := bus + "/" + name; action {
	case "PutRule":
		f.change(action, id)
		f.rules[id] = in
		if f.targets[id] == nil {
			f.targets[id] = map[string]map[string]any{}
		}
		return answer(map[string]any{})
	case "DescribeRule":
		if f.rules[id] == nil {
			return refusal("ResourceNotFoundException")
		}
		return answer(f.rules[id])
	case "PutTargets":
		f.change(action, id)
		list, _ := in["Targets"].([]any)
		for _, t := range list {
			t, _ := t.(map[string]any)
			if t["Id"] == "refused" {
				return answer(map[string]any{"FailedEntryCount": 1, "FailedEntries": []any{map[string]any{"TargetId": "refused", "ErrorCode": "No", "ErrorMessage": "never"}}})
			}
			f.targets[id][fmt.Sprint(t["Id"])] = t
		}
		return answer(map[string]any{})
	case "ListTargetsByRule":
		return answer(map[string]any{"Targets": slices.Collect(maps.Values(f.targets[id]))})
	case "DescribeEventBus":
		if !f.topics[name] {
			return refusal("ResourceNotFoundException")
		}
		return answer(map[string]any{"Name": name})
	case "CreateEventBus":
		f.change(action, name)
		f.topics[name] = true
		return answer(map[string]any{})
	}
	return refusal("UnknownOperationException")
}
