package async_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"github.com/esm-run/esm/e2e/rig"
)

const once = "MaximumRetryAttempts: 0"

// A dead letter is the event to the byte, with attributes. The record goes to OnFailure besides.
func TestDeadLetters(t *testing.T) {
	rig.On(t, rig.AsyncServices, func(t *testing.T, e *rig.Env) {
		const event = ` {"raise_error" : 1, "é": "<&>"}` + "\n"
		dead, records := e.Queue("dead", nil), e.Queue("records", nil)
		engine := e.Run(hurry, pythonFunction(e, rig.DeadLetters(dead.ARN), rig.EventInvokeConfig("", records.ARN)))
		id := engine.Send("f", event)
		letter := dead.TakeMessage()
		if *letter.Body != event {
			t.Errorf("the dead letter is %q, want %q", *letter.Body, event)
		}
		wantAttributes(t, letter, "RequestID String "+id, "ErrorCode Number 200", "ErrorMessage String Test exception (this is intentional)")
		records.TakeRecord()
		checkTries(t, engine, id, id, id)
	})
}

// wantAttributes checks the message attributes, which are given as name, type and value.
func wantAttributes(t *testing.T, m types.Message, want ...string) {
	t.Helper()
	var got []string
	for name, a := range m.MessageAttributes {
		got = append(got, fmt.Sprint(name, " ", *a.DataType, " ", aws.ToString(a.StringValue)))
	}
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("attributes %q, want %q", got, want)
	}
}

func TestDeadLettersToTopic(t *testing.T) {
	rig.On(t, rig.AsyncServices, func(t *testing.T, e *rig.Env) {
		topic, q := e.Topic("dead")
		engine := e.Run(hurry, pythonFunction(e, rig.DeadLetters(topic), rig.EventInvokeConfig("", "", once)))
		id := engine.Send("f", failing)
		got := q.TakeEnvelope()
		want := map[string]any{
			"RequestID":    map[string]any{"Type": "String", "Value": id},
			"ErrorCode":    map[string]any{"Type": "Number", "Value": "200"},
			"ErrorMessage": map[string]any{"Type": "String", "Value": "Test exception (this is intentional)"},
		}
		if got.Type != "Notification" || got.TopicArn != topic || got.Subject != nil || got.Message != failing || !reflect.DeepEqual(got.MessageAttributes, want) {
			t.Errorf("the dead letter is %+v", got)
		}
	})
}

// Without concurrency there is no error code, and Lambda's text lacks a blank.
func TestDeadLettersOfNoConcurrency(t *testing.T) {
	rig.On(t, rig.AsyncServices, func(t *testing.T, e *rig.Env) {
		dead := e.Queue("dead", nil)
		engine := e.Run(pythonFunction(e, rig.DeadLetters(dead.ARN), "ReservedConcurrentExecutions: 0"))
		id := engine.Send("f", failing)
		letter := dead.TakeMessage()
		if *letter.Body != failing {
			t.Errorf("the dead letter is %q", *letter.Body)
		}
		wantAttributes(t, letter, "RequestID String "+id, "ErrorMessage String Function not invoked. Function isconfigured with zero reserved concurrent executions")
		checkTries(t, engine)
	})
}

// A function whose one permit is in use for ever: the event is throttled until it is too old. AWS was seen to throttle it
// six times in a minute.
func TestThrottledUntilTooOld(t *testing.T) {
	rig.On(t, rig.AsyncServices, func(t *testing.T, e *rig.Env) {
		records, dead := e.Queue("records", nil), e.Queue("dead", nil)
		f, gate := e.GatedFunction("f", rig.Succeed)
		f.Timeout = 600
		f.Keys = append(f.Keys, "ReservedConcurrentExecutions: 1", rig.DeadLetters(dead.ARN), rig.EventInvokeConfig("", records.ARN, "MaximumEventAgeInSeconds: 60"))
		engine := e.Run(hurry, f)
		var held sync.WaitGroup
		held.Go(func() {
			if _, err := engine.Lambda().Invoke(t.Context(), &lambda.InvokeInput{FunctionName: &f.Name}); err != nil {
				t.Error(err)
			}
		})
		rig.Receive(t, gate.Begun)
		id, began := engine.Send("f", `{"n": 1}`), time.Now()
		checkRecord(t, e, records.TakeRecord(), head+`"condition":"EventAgeExceeded","approximateInvokeCount":0},"requestPayload":{"n": 1},"responseContext":{"statusCode":429}}`, id)
		letter := dead.TakeMessage()
		wantAttributes(t, letter, "RequestID String "+id, "ErrorCode Number 429", "ErrorMessage String Rate Exceeded.")
		n, took := engine.Metric("esm_function_throttles_total"), time.Since(began)
		if n > 6 || n < 6 && took < 10*time.Second { // which would count as a part of its age
			t.Errorf("the event was throttled %v times in %v", n, took)
		}
		gate.Open()
		held.Wait()
		if n := len(f.Calls()); n != 1 {
			t.Errorf("%d invocations, want that which held the permit", n)
		}
	})
}

// An event bus gets records as events, which a rule passes on.
func TestRecordsOnEventBus(t *testing.T) {
	rig.On(t, rig.AsyncServices, func(t *testing.T, e *rig.Env) {
		bus, q := e.Bus("ends")
		engine := e.Run(hurry, pythonFunction(e, rig.EventInvokeConfig(bus, bus, once)))
		envelope := func(kind, record string) string {
			return `{"account":"000000000000","detail":` + record + `,"detail-type":"Lambda Function Invocation Result - ` + kind + `","region":"us-east-1",` +
				`"resources":["` + bus + `","arn:aws:lambda:us-east-1:000000000000:function:f:$LATEST"],"source":"lambda","version":"0"}`
		}
		succeeded := head + `"condition":"Success","approximateInvokeCount":1},"requestPayload":{"answer": 1},"responseContext":{"statusCode":200,"executedVersion":"$LATEST"},"responsePayload":1}`
		for _, test := range []struct{ event, kind, record string }{{failing, "Failure", counted(1)}, {`{"answer": 1}`, "Success", succeeded}} {
			id := engine.Send("f", test.event)
			var got map[string]any
			e.Must(json.Unmarshal([]byte(*q.TakeMessage().Body), &got))
			detail, _ := got["detail"].(map[string]any)
			record := strings.NewReplacer("ID", id, "TIME", fmt.Sprint(detail["timestamp"]), "DIR", e.Dir).Replace(test.record)
			for _, key := range []string{"id", "time"} {
				if got[key] == "" || got[key] == nil {
					t.Errorf("the event has no %s", key)
				}
				delete(got, key)
			}
			var want map[string]any
			e.Must(json.Unmarshal([]byte(envelope(test.kind, record)), &want))
			if !reflect.DeepEqual(got, want) {
				t.Errorf("event %v, want %v", got, want)
			}
		}
	})
}

// A topic gets the record as its message, without subject and attributes.
func TestRecordsToTopic(t *testing.T) {
	rig.On(t, rig.AsyncServices, func(t *testing.T, e *rig.Env) {
		topic, q := e.Topic("ends")
		engine := e.Run(hurry, pythonFunction(e, rig.EventInvokeConfig("", topic, once)))
		id := engine.Send("f", failing)
		got := q.TakeEnvelope()
		if got.Subject != nil || len(got.MessageAttributes) > 0 {
			t.Errorf("the notification is %+v", got)
		}
		checkRecord(t, e, got.Message, counted(1), id)
	})
}

var objectKey = regexp.MustCompile(`^aws/lambda/async/f/(\d{4})/(\d\d)/(\d\d)/(\d{4})-(\d\d)-(\d\d)T\d\d\.\d\d\.\d\d-[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$`)

// A bucket gets the record as an object.
func TestRecordsInBucket(t *testing.T) {
	rig.On(t, rig.AsyncServices, func(t *testing.T, e *rig.Env) {
		bucket := e.Bucket("ends")
		engine := e.Run(hurry, pythonFunction(e, rig.EventInvokeConfig("", bucket.ARN, once)))
		id := engine.Send("f", failing)
		key, contentType, body := bucket.TakeObject()
		if m := objectKey.FindStringSubmatch(key); m == nil || !slices.Equal(m[1:4], m[4:7]) || contentType != "application/octet-stream" {
			t.Errorf("the object %s is of the type %s", key, contentType)
		}
		checkRecord(t, e, body, counted(1), id)
	})
}

// The record of a success is the event of the next function, under a request ID of its own, and in the same trace.
func TestChain(t *testing.T) {
	rig.On(t, rig.AsyncServices, func(t *testing.T, e *rig.Env) {
		q := e.Queue("end", nil)
		f, next := e.Function("f", rig.Answer(`{"cups": 2}`)), e.Function("next", rig.Succeed)
		f.Keys = append(f.Keys, rig.EventInvokeConfig(next.ARN(), ""))
		next.Keys = append(next.Keys, rig.EventInvokeConfig(q.ARN, ""))
		engine := e.Run(f, next)
		const trace = "Root=1-5759e988-bd862e3fe1be46a994272793"
		_, _, header, err := engine.Do(http.MethodPost, "/2015-03-31/functions/f/invocations", `{"n": 1}`, "X-Amz-Invocation-Type", "Event", "X-Amzn-Trace-Id", trace+";Sampled=1")
		e.Must(err)
		id := header.Get("X-Amzn-RequestId")
		got := q.TakeMessage()
		calls := next.Calls()
		if len(calls) != 1 || calls[0].RequestID == id {
			t.Fatalf("%d invocations of the next function: %+v", len(calls), calls)
		}
		record := head + `"condition":"Success","approximateInvokeCount":1},"requestPayload":{"n": 1},"responseContext":{"statusCode":200,"executedVersion":"$LATEST"},"responsePayload":{"cups": 2}}`
		checkRecord(t, e, string(calls[0].Event), record, id)
		nextRecord := strings.Replace(head, "function:f:", "function:next:", 1) + `"condition":"Success","approximateInvokeCount":1},"requestPayload":` +
			string(calls[0].Event) + `,"responseContext":{"statusCode":200,"executedVersion":"$LATEST"},"responsePayload":null}`
		checkRecord(t, e, *got.Body, nextRecord, calls[0].RequestID)
		if passed := got.Attributes["AWSTraceHeader"]; !strings.HasPrefix(passed, trace+";") || !strings.Contains(passed, "Sampled=1") || !strings.Contains(passed, "Lineage=") {
			t.Errorf("the trace at the end is %s", passed)
		}
	})
}
