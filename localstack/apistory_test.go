package localstack_test

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/lambda"
)

// An apiCall is a call and what AWS was recorded to answer. In it, UUID stands for that of the mapping which the story made.
type apiCall struct {
	after     string // the state that the mapping has to be in first; "gone" is none
	operation string
	with      members
	status    int
	code      string // of an exception
	text      string
	want      members // every key, and what is not named is absent
	alone     bool    // the call is one that botocore, and so the CLI, refuses to make
	onceMore  bool    // the CLI need not make it: it makes others of its kind
}

// A telling is one client in a story.
type telling struct {
	client
	sdk  *lambda.Client // looks at states
	uuid string
}

func (tell *telling) story(t *testing.T, calls []apiCall) {
	t.Helper()
	_, isGo := tell.client.(*goClient)
	_, isCLI := tell.client.(*awsCLI)
	for i, c := range calls {
		if c.after == "gone" {
			settles(t, tell.sdk, tell.uuid, "")
		} else if c.after != "" {
			settles(t, tell.sdk, tell.uuid, c.after)
		}
		if c.alone && !isGo || c.onceMore && isCLI {
			continue
		}
		got := tell.ask(t, c.operation, tell.filled(c.with))
		if uuid, _ := got.body["UUID"].(string); c.operation == "CreateEventSourceMapping" && uuid != "" {
			tell.uuid = uuid
		}
		if got.status != c.status && got.status != 0 {
			t.Errorf("%d %s: status %d, want %d", i, c.operation, got.status, c.status)
		}
		if text := tell.blank(got.text); got.code != c.code || text != c.text {
			t.Errorf("%d %s %v:\nsays %s: %s\nwant %s: %s", i, c.operation, c.with, got.code, text, c.code, c.text)
		}
		if got, want := tell.known(t, got.body), plain(t, c.want, isGo); !reflect.DeepEqual(got, want) {
			t.Errorf("%d %s:\ngot  %s\nwant %s", i, c.operation, jsonOf(got), jsonOf(want))
		}
	}
}

// filled is a request with the UUID.
func (tell *telling) filled(with members) (filled members) {
	text, _ := json.Marshal(with)
	_ = json.Unmarshal([]byte(strings.ReplaceAll(string(text), `UUID"`, tell.uuid+`"`)), &filled)
	if _, is := with["UUID"]; is {
		filled["UUID"] = tell.uuid
		delete(filled, tell.uuid)
	}
	return filled
}

func (tell *telling) blank(text string) string {
	if tell.uuid == "" {
		return text
	}
	return strings.ReplaceAll(text, tell.uuid, "UUID")
}

// known is an answer without what no story can know beforehand, which is checked here.
func (tell *telling) known(t *testing.T, body members) (known members) {
	t.Helper()
	if body == nil {
		return members{}
	}
	text, _ := json.Marshal(body)
	_ = json.Unmarshal([]byte(tell.blank(string(text))), &known)
	steady(t, known)
	return known
}

// steady puts texts in place of times, at any depth.
func steady(t *testing.T, value any) {
	t.Helper()
	switch value := value.(type) {
	case members:
		for key, inner := range value {
			at := moment(inner)
			switch {
			case key == "LastModified" && time.Since(at).Abs() < 5*time.Minute:
				value[key] = "now"
			case key == "StartingPositionTimestamp" && !at.IsZero():
				value[key] = float64(at.Unix())
			case key == "RevisionId" && uuidText.MatchString(fmt.Sprint(inner)):
				value[key] = "revision"
			case key == "LogResult" && isLog(inner):
				value[key] = "log"
			case key == "Payload":
				value[key] = parsed(inner)
			default:
				steady(t, inner)
			}
		}
	case []any:
		for _, inner := range value {
			steady(t, inner)
		}
	}
}

// logForm is the end of the log of a handler that says hello.
var logForm = regexp.MustCompile(`(?s)^START RequestId: (\S+) Version: \$LATEST\n.*hello.*END RequestId: (\S+)\nREPORT RequestId: (\S+)\tDuration: .*\n$`)

func isLog(value any) bool {
	text, err := base64.StdEncoding.DecodeString(fmt.Sprint(value))
	parts := logForm.FindSubmatch(text)
	return err == nil && parts != nil && string(parts[1]) == string(parts[2]) && string(parts[1]) == string(parts[3])
}

// parsed is a payload as a value, or its text if it is not JSON.
func parsed(payload any) (value any) {
	if json.Unmarshal([]byte(fmt.Sprint(payload)), &value) != nil {
		return payload
	}
	return value
}

// moment is a time as the wire and botocore, the CLI and functions have it.
func moment(value any) time.Time {
	switch value := value.(type) {
	case float64:
		return time.UnixMilli(int64(value * 1000))
	case string:
		for _, layout := range []string{time.RFC3339Nano, "2006-01-02T15:04:05.000-0700"} {
			if at, err := time.Parse(layout, value); err == nil {
				return at
			}
		}
	}
	return time.Time{}
}

// plain is what comes of members on the way through JSON. Only on the wire is null something.
func plain(t *testing.T, m members, wire bool) (through members) {
	t.Helper()
	text, err := json.Marshal(m)
	if err == nil {
		err = json.Unmarshal(text, &through)
	}
	if err != nil {
		t.Fatal(err)
	}
	if through == nil {
		return members{}
	}
	maps.DeleteFunc(through, func(_ string, value any) bool { return value == nil && !wire })
	return through
}

func jsonOf(m members) string {
	text, _ := json.Marshal(m)
	return string(text)
}

// with is m with other members. One that is nil is absent.
func (m document) with(more members) document {
	m = maps.Clone(m)
	for key, value := range more {
		if m[key] = value; value == nil {
			delete(m, key)
		}
	}
	return m
}

// document is an answer.
type document members

func (m document) in(state string) members { return members(m.with(members{"State": state})) }

// queueDocument is what Lambda tells of a mapping of a queue that has its defaults: these keys and no others.
func queueDocument(source, function string) document {
	return document{
		"UUID": "UUID", "EventSourceArn": source, "FunctionArn": "arn:aws:lambda:us-east-1:000000000000:function:" + function,
		"EventSourceMappingArn": "arn:aws:lambda:us-east-1:000000000000:event-source-mapping:UUID",
		"BatchSize":             10, "MaximumBatchingWindowInSeconds": 0, "FunctionResponseTypes": []string{},
		"LastModified": "now", "StateTransitionReason": "USER_INITIATED",
	}
}

// streamDocument is likewise of a stream, from its beginning.
func streamDocument(source, function string) document {
	return queueDocument(source, function).with(members{
		"BatchSize": 100, "StateTransitionReason": "User action", "ParallelizationFactor": 1, "StartingPosition": "TRIM_HORIZON",
		"MaximumRecordAgeInSeconds": -1, "MaximumRetryAttempts": -1, "BisectBatchOnFunctionError": false, "TumblingWindowInSeconds": 0,
		"DestinationConfig": members{"OnFailure": members{}}, "LastProcessingResult": "No records processed",
	})
}
