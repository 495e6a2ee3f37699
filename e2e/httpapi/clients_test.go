package httpapi_test

import (
	"encoding/json"
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/esm-run/esm/e2e/rig"
)

const (
	badParameter  = "InvalidParameterValueException"
	badModel      = "ValidationException"
	notFound      = "ResourceNotFoundException"
	noMapping     = "The resource you requested does not exist."
	createMapping = "CreateEventSourceMapping"
	getMapping    = "GetEventSourceMapping"
	listMappings  = "ListEventSourceMappings"
	updateMapping = "UpdateEventSourceMapping"
	deleteMapping = "DeleteEventSourceMapping"
	mappingARN    = "arn:aws:lambda:us-east-1:000000000000:event-source-mapping:UUID"
)

// A call is a request and what is expected of the answer. UUID stands for that of the mapping that was made last.
type call struct {
	after     string // the state that the mapping has to be in first; "gone" is none
	operation string
	with      members
	status    int
	code      string // of an exception
	text      string // its message begins with this
	want      members
	exactly   bool    // the answer has no further members
	until     members // the call is repeated until the answer has these
}

// anything stands for a member whose value nobody can know.
const anything = "any value"

// AWS's clients take mappings and functions through their lives. The tests of the package api compare every key of the
// answers.
func TestClients(t *testing.T) {
	t.Parallel()
	rig.Need(t, "python3")
	e := rig.New(t)
	e.WriteFile("src/app.py", echoHandler)
	var entries []rig.Entry
	for name := range clients {
		entries = append(entries, &rig.Function{Name: name, Description: python})
	}
	engine := e.Run(append(entries, rig.EngineKeys("Concurrency: 50"))...)
	for name, connect := range clients {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := connect(t, engine)
			uuid := ""
			for i, one := range allCalls(e, name) {
				one.check(t, fmt.Sprint(i, " ", one.operation), c, engine, &uuid)
			}
		})
	}
}

// uuidValue is where UUID is a value in JSON, or the end of one.
var uuidValue = regexp.MustCompile(`UUID"([,}])`)

func (one call) check(t *testing.T, title string, c client, engine *rig.Engine, uuid *string) {
	t.Helper()
	if one.after != "" {
		engine.WaitState(*uuid, strings.TrimSuffix(one.after, "gone"))
	}
	var with, want members
	text, _ := json.Marshal([]members{one.with, one.want})
	all := []*members{&with, &want}
	if err := json.Unmarshal(uuidValue.ReplaceAll(text, []byte(*uuid+`"$1`)), &all); err != nil {
		t.Fatal(err)
	}
	got := c.call(t, one.operation, with)
	if one.until != nil {
		rig.Eventually(t, title, func() bool {
			got = c.call(t, one.operation, with)
			return holds(map[string]any(one.until), got.Body, false)
		})
	}
	if id, _ := got.Body["UUID"].(string); one.operation == createMapping && id != "" {
		*uuid = id
	}
	if got.Status != one.status && got.Status != 0 {
		t.Errorf("%s: status %d, want %d", title, got.Status, one.status)
	}
	if got.Code != one.code || !strings.HasPrefix(got.Text, strings.ReplaceAll(one.text, "UUID", *uuid)) {
		t.Errorf("%s %v:\n%s: %s\nwant %s: %s", title, one.with, got.Code, got.Text, one.code, one.text)
	}
	if !holds(want, got.Body, one.exactly) {
		t.Errorf("%s: the answer is %v, want %v", title, got.Body, want)
	}
}

// holds reports whether what a client shows is as wanted, of which anything may stand for a value. Objects may have further
// members unless they are to be exact.
func holds(want, got any, exactly bool) bool {
	if want == anything {
		return got != nil
	}
	object, is := want.(members)
	if !is {
		return reflect.DeepEqual(got, want)
	}
	has, is := got.(members)
	if !is || exactly && len(has) != len(object) {
		return len(object) == 0 && got == nil && !exactly
	}
	for key, value := range object {
		if !holds(value, has[key], exactly) {
			return false
		}
	}
	return true
}

func allCalls(e *rig.Env, name string) []call {
	queue, lost := e.Queue("api-"+name, nil).ARN, e.Queue("api-lost-"+name, nil).ARN
	stream, table := e.Stream("api-"+name, 1).ARN, e.Table("api-"+name).Current
	if name == "cli" { // a call takes it a second or more
		return slices.Concat(queueCalls(queue, name), functionCalls(name)[:5])
	}
	return slices.Concat(queueCalls(queue, name), streamCalls(stream, table, name, lost), refusedCalls(e, name, queue, stream), functionCalls(name))
}

func queueCalls(queue, function string) []call {
	uuid := members{"UUID": "UUID"}
	rich := members{
		"BatchSize": 300, "MaximumBatchingWindowInSeconds": 5, "FunctionResponseTypes": []string{"ReportBatchItemFailures"},
		"FilterCriteria": members{"Filters": []members{{"Pattern": `{ "body": ["<&>é"] }`}}},
		"ScalingConfig":  members{"MaximumConcurrency": 2}, "MetricsConfig": members{"Metrics": []string{"EventCount"}},
	}
	update := members{"UUID": "UUID"}
	for key, value := range rich {
		update[key] = value
	}
	tags := members{"Resource": mappingARN}
	return []call{
		{
			operation: createMapping, with: members{"FunctionName": function, "EventSourceArn": queue, "Tags": members{"team": "a b", "ключ": ""}},
			status: 202, want: members{"State": "Creating", "EventSourceArn": queue, "FunctionArn": rig.FunctionARN + function, "BatchSize": 10},
		},
		{
			after: "Enabled", operation: createMapping, with: members{"FunctionName": rig.FunctionARN + function, "EventSourceArn": queue},
			status: 409, code: "ResourceConflictException", text: "An event source mapping with SQS arn",
		},
		{operation: getMapping, with: uuid, status: 200, want: members{"State": "Enabled", "UUID": "UUID"}},
		{operation: listMappings, with: members{"FunctionName": "absent"}, status: 200, want: members{"EventSourceMappings": []any{}}},
		{operation: updateMapping, with: update, status: 202, want: rich},
		{after: "Enabled", operation: updateMapping, with: members{"UUID": "UUID", "Enabled": false}, status: 202, want: members{"State": "Disabling"}},
		{after: "Disabled", operation: "ListTags", with: tags, status: 200, want: members{"Tags": members{"team": "a b", "ключ": ""}}},
		{operation: "TagResource", with: members{"Resource": mappingARN, "Tags": members{"a/b": "1"}}, status: 204},
		{operation: "UntagResource", with: members{"Resource": mappingARN, "TagKeys": []string{"ключ", "absent"}}, status: 204},
		{operation: "ListTags", with: tags, status: 200, want: members{"Tags": members{"team": "a b", "a/b": "1"}}},
		{operation: deleteMapping, with: uuid, status: 202, want: members{"State": "Deleting"}},
		{after: "gone", operation: getMapping, with: uuid, status: 404, code: notFound, text: noMapping},
	}
}

func streamCalls(stream, table, function, lost string) []call {
	const timestamp = "2025-03-03T14:06:42Z"
	with := func(source, position string, more ...string) members {
		m := members{"FunctionName": function, "EventSourceArn": source, "StartingPosition": position}
		if len(more) > 0 {
			m["StartingPositionTimestamp"] = more[0]
		}
		return m
	}
	rich := members{
		"BatchSize": 5000, "MaximumRetryAttempts": 0, "MaximumRecordAgeInSeconds": 60, "BisectBatchOnFunctionError": true,
		"ParallelizationFactor": 10, "DestinationConfig": members{"OnFailure": members{"Destination": lost}},
	}
	update := members{"UUID": "UUID"}
	for key, value := range rich {
		update[key] = value
	}
	return []call{
		{
			operation: createMapping, with: with(stream, "AT_TIMESTAMP", timestamp),
			status: 202, want: members{"State": "Creating", "StartingPosition": "AT_TIMESTAMP"},
		},
		{after: "Enabled", operation: updateMapping, with: update, status: 202, want: rich},
		{
			after: "Enabled", operation: updateMapping, with: members{"UUID": "UUID", "TumblingWindowInSeconds": 30}, status: 400, code: badParameter,
			text: "Parallelization factor must be equal to 1 when tumbling window period is configured",
		},
		{operation: getMapping, with: members{"UUID": "UUID"}, status: 200, want: rich},
		{operation: deleteMapping, with: members{"UUID": "UUID"}, status: 202, want: members{"State": "Deleting"}},
		{
			operation: createMapping, with: with(table, "AT_TIMESTAMP", timestamp), status: 400, code: badParameter,
			text: "Unsupported starting position for arn type: " + table,
		},
		{
			operation: createMapping, with: with(table, "LATEST"),
			status: 202, want: members{"State": "Creating", "BatchSize": 100, "StartingPosition": "LATEST"},
		},
		{after: "Enabled", operation: deleteMapping, with: members{"UUID": "UUID"}, status: 202, want: members{"State": "Deleting"}},
	}
}

// refusedCalls are requests that only the whole command refuses, because it asks sources and knows functions, and one that
// does not fit AWS's model.
func refusedCalls(e *rig.Env, function, queue, stream string) (calls []call) {
	short := e.Queue("api-short-"+function, rig.Attributes{"VisibilityTimeout": "2"}).ARN
	refused := func(function, source, code, text string, more members) {
		with := members{"FunctionName": function, "EventSourceArn": source}
		for key, value := range more {
			with[key] = value
		}
		calls = append(calls, call{operation: createMapping, with: with, status: 400, code: code, text: text})
	}
	latest := members{"StartingPosition": "LATEST"}
	refused("absent", queue, badParameter, "Function does not exist", nil)
	refused(function, queue+"-absent", badParameter, "Error occurred while ReceiveMessage. SQS Error Code: AWS.SimpleQueueService.NonExistentQueue.", nil)
	refused(function, stream+"-absent", badParameter, "Stream not found: "+stream+"-absent", latest)
	refused(function, short, badParameter, "Queue visibility timeout: 2 seconds is less than Function timeout: 20 seconds", nil)
	filter := members{"FilterCriteria": members{"Filters": []members{{"Pattern": `{"body":"x"}`}}}}
	refused(function, queue, badParameter, "Invalid filter pattern definition.", filter)
	refused(function, stream, badModel, "1 validation error detected: Value 'BOGUS' at 'startingPosition'", members{"StartingPosition": "BOGUS"})
	return calls
}
