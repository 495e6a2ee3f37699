package events

import (
	"errors"
	"net/http/httptest"
	"strings"
	"testing"
)

func call(s *Server, operation, body string) *httptest.ResponseRecorder {
	r := httptest.NewRequest("POST", "/", strings.NewReader(body))
	r.Header.Set("X-Amz-Target", "AWSEvents."+operation)
	w := httptest.NewRecorder()
	s.ServeHTTP(w, r)
	return w
}

func TestErrors(t *testing.T) {
	s := &Server{Pattern: compile}
	for _, operation := range [][2]string{
		{"CreateEventBus", `{"Name":"ops"}`},
		{"PutRule", `{"Name":"r","EventPattern":"{\"source\":[\"s\"]}"}`},
	} {
		if w := call(s, operation[0], operation[1]); w.Code != 200 {
			t.Fatal(w.Body)
		}
	}
	target := func(members string) string { return `{"Rule":"r","Targets":[{"Id":"i",` + members + `}]}` }
	six := `{"Rule":"r","Targets":[` + strings.Repeat(`{"Id":"a","Arn":"`+queueARN+`"},`, 5) + `{"Id":"b","Arn":"` + queueARN + `"}]}`
	many := six
	for _, id := range []string{"c", "d", "e", "f"} {
		many = strings.Replace(many, `"Id":"a"`, `"Id":"`+id+`"`, 1)
	}
	for _, test := range []struct{ operation, body, code, text string }{
		{"CreateEventBus", `{"Name":"ops"}`, "ResourceAlreadyExistsException", "Event bus ops already exists."},
		{"CreateEventBus", `{"Name":"default"}`, "ResourceAlreadyExistsException", "Event bus default already exists."},
		{"CreateEventBus", `{"Name":"a/b"}`, "ValidationException", "regular expression"},
		{"CreateEventBus", `{}`, "ValidationException", "length between 1 and 256"},
		{"CreateEventBus", `{"Name":"a","EventSourceName":"aws.partner/x"}`, "ValidationException", "EventSourceName is not supported by the embedded EventBridge."},
		{"CreateEventBus", `{"Name":"a","Tags":[{}]}`, "ValidationException", "Tag keys"},
		{"DescribeEventBus", `{"Name":"none"}`, "ResourceNotFoundException", "Event bus none does not exist."},
		{"DescribeEventBus", `{"Name":"arn:aws:events:us-east-1:1:event-bus/ops"}`, "ResourceNotFoundException", "does not exist."},
		{"DeleteEventBus", `{"Name":"default"}`, "ValidationException", "Cannot delete event bus default."},
		{"ListEventBuses", `{"Limit":0}`, "ValidationException", "Value '0' at 'limit'"},
		{"PutRule", `{"Name":"x"}`, "ValidationException", "EventPattern or ScheduleExpression must be specified"},
		{"PutRule", `{"Name":"x y","ScheduleExpression":"rate(1 day)"}`, "ValidationException", "regular expression"},
		{"PutRule", `{"Name":"x","ScheduleExpression":"rate 1 day"}`, "ValidationException", "Parameter ScheduleExpression is not valid."},
		{"PutRule", `{"Name":"x","ScheduleExpression":"rate(1 day)","EventBusName":"ops"}`, "ValidationException", "supported only on the default event bus"},
		{"PutRule", `{"Name":"x","ScheduleExpression":"rate(1 day)","State":"ON"}`, "ValidationException", "enum value set"},
		{"PutRule", `{"Name":"x","EventPattern":"{"}`, "InvalidEventPatternException", "Event pattern is not valid. Reason: "},
		{"PutRule", `{"Name":"x","EventPattern":"{\"source\":[\"` + strings.Repeat("s", maxPattern) + `\"]}"}`, "ValidationException", "4096"},
		{"PutRule", `{"Name":"x","EventPattern":"{\"source\":[\"s\"]}","EventBusName":"none"}`, "ResourceNotFoundException", "Event bus none does not exist."},
		{"DescribeRule", `{"Name":"x"}`, "ResourceNotFoundException", "Rule x does not exist on EventBus default."},
		{"EnableRule", `{"Name":"x"}`, "ResourceNotFoundException", "Rule x does not exist"},
		{"DisableRule", `{"Name":"x"}`, "ResourceNotFoundException", "Rule x does not exist"},
		{"DeleteRule", `{"Name":"x","EventBusName":"none"}`, "ResourceNotFoundException", "Event bus none"},
		{"ListRules", `{"EventBusName":"none"}`, "ResourceNotFoundException", "Event bus none"},
		{"ListTargetsByRule", `{"Rule":"x"}`, "ResourceNotFoundException", "Rule x does not exist"},
		{"PutTargets", `{"Rule":"x","Targets":[{"Id":"i","Arn":"` + queueARN + `"}]}`, "ResourceNotFoundException", "Rule x does not exist"},
		{"PutTargets", `{"Rule":"r"}`, "ValidationException", "length between 1 and 100"},
		{"PutTargets", target(`"Arn":"q"`), "ValidationException", "Provided Arn is not in correct format."},
		{"PutTargets", target(`"Arn":"arn:aws:kinesis:us-east-1:000000000000:stream/s"`), "ValidationException", "A target of the service kinesis"},
		{"PutTargets", target(`"Arn":"` + queueARN + `.fifo"`), "ValidationException", "SqsParameters must be specified for target: i."},
		{"PutTargets", target(`"Arn":"` + queueARN + `","Input":"{}","InputPath":"$"`), "ValidationException", "Only one of Input, InputPath, or InputTransformer must be provided for target i."},
		{"PutTargets", target(`"Arn":"` + queueARN + `","Input":"{"`), "ValidationException", "JSON syntax error in input for target i."},
		{"PutTargets", target(`"Arn":"` + queueARN + `","InputPath":"$..a"`), "ValidationException", "Invalid InputPath for target i"},
		{"PutTargets", target(`"Arn":"` + queueARN + `","InputTransformer":{"InputTemplate":"x"}`), "ValidationException", "InputTransformer is not supported"},
		{"PutTargets", target(`"Arn":"` + queueARN + `","EcsParameters":{}`), "ValidationException", "EcsParameters is not supported"},
		{"PutTargets", target(`"Arn":"` + queueARN + `","DeadLetterConfig":{"Arn":"` + topicARN + `"}`), "ValidationException", "is an SQS queue"},
		{"PutTargets", many, "LimitExceededException", "at most 5 targets"},
		{"RemoveTargets", `{"Rule":"r"}`, "ValidationException", "length between 1 and 100"},
		{"PutEvents", `{}`, "ValidationException", "length between 1 and 10"},
		{"PutEvents", `{"EndpointId":"e","Entries":[{}]}`, "ValidationException", "EndpointId is not supported"},
		{"PutEvents", `{"Entries":[{"Detail":1}]}`, "SerializationException", "Detail"},
		{"TagResource", `{"ResourceARN":"x"}`, "ValidationException", "not in correct format"},
		{"StartReplay", `{}`, "UnknownOperationException", "StartReplay is not supported by the embedded EventBridge."},
		{"Dance", `{}`, "UnknownOperationException", "EventBridge has no operation"},
	} {
		w := call(s, test.operation, test.body)
		if got := w.Body.String(); w.Code != 400 || !strings.Contains(got, test.code+`"`) || !strings.Contains(got, test.text) {
			t.Errorf("%s %.200s: got %d %s, want %s and %q", test.operation, test.body, w.Code, got, test.code, test.text)
		}
	}
	if w := call(s, "ListTargetsByRule", `{"Rule":"r"}`); w.Body.String() != `{"Targets":[]}` {
		t.Errorf("errors have an effect: %s", w.Body)
	}
	if w := call(s, "PutTargets", six); w.Code != 200 || w.Body.String() != `{"FailedEntryCount":0,"FailedEntries":[]}` {
		t.Errorf("an ID that is repeated: got %d %s", w.Code, w.Body)
	}
	if w := call(new(Server), "PutRule", `{"Name":"x","EventPattern":"{}"}`); w.Code != 400 || !strings.Contains(w.Body.String(), "without a compiler of patterns") {
		t.Errorf("got %d %s", w.Code, w.Body)
	}
}

func TestSchedules(t *testing.T) {
	strict := func(expression string) error {
		if expression != "rate(1 day)" {
			return errors.New("it is not daily")
		}
		return nil
	}
	for _, test := range []struct {
		expression string
		check      func(string) error
		want       string // part of the message; empty if it is valid
	}{
		{"rate(5 minutes)", nil, ""},
		{"cron(0 9 ? * MON-FRI *)", nil, ""},
		{"rate(1 day)", strict, ""},
		{"rate(1 days)", strict, "Parameter ScheduleExpression is not valid. Reason: it is not daily"},
		{"rate()", nil, "Parameter ScheduleExpression is not valid."},
		{"at(2026-01-01T00:00:00)", nil, "Parameter ScheduleExpression is not valid."},
		{"cron(0 9 ? * MON-FRI *", nil, "Parameter ScheduleExpression is not valid."},
		{"rate(" + strings.Repeat("1", 256) + " days)", nil, "Parameter ScheduleExpression is not valid."},
	} {
		s := &Server{Schedule: test.check}
		w := call(s, "PutRule", `{"Name":"r","ScheduleExpression":"`+test.expression+`"}`)
		if (w.Code == 200) != (test.want == "") || !strings.Contains(w.Body.String(), test.want) {
			t.Errorf("%s: got %d %s, want %q", test.expression, w.Code, w.Body, test.want)
		}
		if w := call(s, "DescribeRule", `{"Name":"r"}`); test.want == "" && !strings.Contains(w.Body.String(), `"ScheduleExpression":"`+test.expression+`"`) {
			t.Errorf("%s: got %s", test.expression, w.Body)
		}
	}
}

// FuzzRequest sends anything: no error is the server's fault.
func FuzzRequest(f *testing.F) {
	f.Add("PutRule", `{"Name":"r","ScheduleExpression":"cron(0 9 ? * FRI#2 *)","EventPattern":"{\"source\":[\"s\"]}"}`)
	f.Add("PutTargets", `{"Rule":"r","Targets":[{"Id":"a","Arn":"`+queueARN+`","InputPath":"$.detail[0]['x']"}]}`)
	f.Add("PutEvents", `{"Entries":[{"Source":"s","DetailType":"t","Detail":"{}","Time":1e9}]}`)
	f.Fuzz(func(t *testing.T, operation, body string) {
		s := &Server{Pattern: compile}
		call(s, "PutRule", `{"Name":"r","EventPattern":"{\"source\":[{\"exists\":true}]}"}`)
		call(s, "PutTargets", `{"Rule":"r","Targets":[{"Id":"a","Arn":"`+queueARN+`","InputPath":"$.detail.a"}]}`)
		if w := call(s, operation, body); w.Code >= 500 {
			t.Errorf("got %d %s", w.Code, w.Body)
		}
	})
}
