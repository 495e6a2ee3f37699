package destinations

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/esm-run/esm"
	"github.com/esm-run/esm/config"
)

// sent is what a service received about a notice.
type sent struct {
	to         string // the queue, topic, object, bus or function
	text       string // the document
	attributes string // name=kind value, sorted
	trace      string
	rest       string // an entry's source, detail type and resources; the type of an invocation
}

// read decodes a request to a service.
func read(t *testing.T, service string, r request) (got sent) {
	t.Helper()
	switch service {
	case config.SQS:
		type attributes map[string]struct{ DataType, StringValue string }
		var in struct {
			QueueUrl, MessageBody                      string
			MessageAttributes, MessageSystemAttributes attributes
		}
		decode(t, r.body, &in)
		var all []string
		for name, v := range in.MessageAttributes {
			all = append(all, name+"="+v.DataType+" "+v.StringValue)
		}
		slices.Sort(all)
		return sent{in.QueueUrl, in.MessageBody, strings.Join(all, "; "), in.MessageSystemAttributes["AWSTraceHeader"].StringValue, ""}
	case config.SNS:
		in, err := url.ParseQuery(r.body)
		if err != nil || in.Has("Subject") {
			t.Fatalf("%s: %v", r.body, err)
		}
		var all []string
		for i := 1; in.Has(fmt.Sprintf("MessageAttributes.entry.%d.Name", i)); i++ {
			at := fmt.Sprintf("MessageAttributes.entry.%d.", i)
			all = append(all, in.Get(at+"Name")+"="+in.Get(at+"Value.DataType")+" "+in.Get(at+"Value.StringValue"))
		}
		slices.Sort(all)
		return sent{in.Get("TopicArn"), in.Get("Message"), strings.Join(all, "; "), r.header.Get("X-Amzn-Trace-Id"), ""}
	case config.EventBridge:
		var in struct {
			Entries []struct {
				EventBusName, Source, DetailType, Detail, TraceHeader string
				Resources                                             []string
			}
		}
		decode(t, r.body, &in)
		if len(in.Entries) != 1 || strings.Contains(r.body, `"Time"`) {
			t.Fatalf("got %s", r.body)
		}
		e := in.Entries[0]
		return sent{e.EventBusName, e.Detail, "", e.TraceHeader, strings.Join(append([]string{e.Source, e.DetailType}, e.Resources...), ", ")}
	}
	return sent{r.url, r.body, "", r.header.Get("X-Amzn-Trace-Id"), r.header.Get("X-Amz-Invocation-Type")}
}

func decode(t *testing.T, text string, into any) {
	t.Helper()
	if err := json.Unmarshal([]byte(text), into); err != nil {
		t.Fatalf("%s: %v", text, err)
	}
}

// text returns the golden record of an asynchronous event.
func text(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile("testdata/events/" + name + ".json")
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSuffix(string(text), "\n")
}

// addresses are where the destinations under test receive notices, by service. An object's key follows that of the bucket.
var addresses = map[string]string{
	config.SQS:         "https://sqs.eu-west-1.amazonaws.com/111122223333/failed",
	config.SNS:         topicARN,
	config.S3:          "https://failed-records.s3.eu-west-1.amazonaws.com/",
	config.EventBridge: busARN,
	config.Lambda: "https://lambda.eu-west-1.amazonaws.com/2015-03-31/functions/arn%3Aaws%3Alambda%3Aeu-west-1%3A444455556666%3Afunction%3Areport" +
		"/invocations?Qualifier=live",
}

// Every kind of destination receives the notices of each of its origins in their forms, and no others.
func TestEveryNoticeToEveryKind(t *testing.T) {
	type byService map[string]string
	eventKey := "aws/lambda/async/thumbs/2026/03/04/2026-03-04T05.06.07-" + givenUp().ID
	onBus := func(result, function string) string {
		return "lambda, Lambda Function Invocation Result - " + result + ", " + busARN + ", " + function
	}
	traced := byService{config.SQS: traceID, config.SNS: traceID, config.S3: traceID, config.Lambda: traceID, config.EventBridge: traceID}
	for _, c := range []struct {
		name       string
		origin     config.Origin
		notice     esm.Notice
		text       string
		attributes string
		key        string // of the object in a bucket
		trace      byService
		kinds      byService // what else is sent to each kind that the origin may have
	}{
		{
			name: "a batch", origin: config.StreamFailure, notice: exhausted(), text: string(golden(t, "exhausted")), key: exhaustedKey,
			kinds: byService{config.SQS: "", config.SNS: "", config.S3: ""},
		},
		{
			name: "a failure", origin: config.EventFailure, notice: givenUp(), text: text(t, "exhausted"), key: eventKey,
			trace: traced,
			kinds: byService{
				config.SQS: "", config.SNS: "", config.S3: "", config.Lambda: "Event", config.EventBridge: onBus("Failure", thumbsARN+":$LATEST"),
			},
		},
		{
			name: "a success", origin: config.EventSuccess, notice: succeeded(), text: text(t, "succeeded"),
			trace: traced,
			kinds: byService{config.SQS: "", config.SNS: "", config.Lambda: "Event", config.EventBridge: onBus("Success", thumbsARN+":live")},
		},
		{
			name: "a dead letter", origin: config.DeadLetter, notice: deadLettered(), text: string(givenUp().Payload),
			attributes: "ErrorCode=Number 200; ErrorMessage=String <no> & <never>; RequestID=String " + givenUp().RequestID,
			trace:      traced, kinds: byService{config.SQS: "", config.SNS: ""},
		},
	} {
		if got := OriginOf(c.notice); got != c.origin {
			t.Errorf("%s: origin %v, want %v", c.name, got, c.origin)
		}
		for name, arn := range arns {
			s := &service{}
			rest, wanted := c.kinds[name]
			d, err := s.opener("").Open(t.Context(), arn, c.origin)
			if (err == nil) != wanted {
				t.Errorf("%s to %s: %v", c.name, name, err)
			}
			if !wanted || err != nil {
				continue
			}
			if err := d.Send(t.Context(), c.notice); err != nil || len(s.taken) != 1 {
				t.Errorf("%s to %s: %v, %d requests", c.name, name, err, len(s.taken))
				continue
			}
			want := sent{to: addresses[name], text: c.text, attributes: c.attributes, trace: c.trace[name], rest: rest}
			if name == config.S3 {
				want.to += c.key + "?x-id=PutObject"
			}
			if name == config.S3 && c.origin == config.StreamFailure {
				want.text = string(golden(t, "s3"))
			}
			if got := read(t, name, s.taken[0]); got != want {
				t.Errorf("%s to %s:\ngot  %+v\nwant %+v", c.name, name, got, want)
			}
		}
	}
}

// A destination that no origin leads to refuses what it has no form for.
func TestNoticesWithoutAForm(t *testing.T) {
	for service, d := range (&service{}).all(t, "", config.EventFailure) {
		for name, n := range map[string]esm.Notice{"a batch": exhausted(), "a dead letter": deadLettered(), "nothing": {ID: "n"}} {
			refused := name == "nothing" || service == config.EventBridge || service == config.Lambda || name == "a dead letter" && service == config.S3
			if err := d.Send(t.Context(), n); errors.Is(err, esm.ErrUndeliverable) != refused || (err != nil) != refused {
				t.Errorf("%s to %s: %v, want it refused: %v", name, service, err, refused)
			}
		}
	}
}

// A trace header that services would refuse is left out.
func TestTraceHeaders(t *testing.T) {
	for header, want := range map[string]string{
		"": "", "Root=1-0-1": "", "x\ny": "", traceID: traceID, traceID + ";Lineage=1:9c94b8f6:3": traceID + ";Lineage=1:9c94b8f6:3",
		traceID + ";" + strings.Repeat("x", 500): "", "Parent=1;" + traceID[:40]: "Parent=1;" + traceID[:40],
	} {
		n := givenUp()
		n.Event.TraceHeader = header
		for _, name := range slices.Sorted(maps.Keys(arns)) {
			s := &service{}
			if err := s.all(t, "", config.EventFailure)[name].Send(t.Context(), n); err != nil {
				t.Errorf("%s, %q: %v", name, header, err)
			} else if got := read(t, name, s.taken[0]).trace; got != want {
				t.Errorf("%s, %q: got %q", name, header, got)
			}
		}
	}
}
