package async_test

import (
	"slices"
	"testing"

	"github.com/esm-run/esm/e2e/rig"
)

// stories are what AWS was seen to do with an event of a function that has a queue for its end.
var stories = []struct {
	name      string
	event     string
	keys      []string // of the function
	config    []string // keys of EventInvokeConfig
	onSuccess bool     // the queue is for successes
	tries     int      // that ran
	record    string
}{
	{name: "default retries", event: failing, tries: 3, record: counted(3)},
	{name: "no retries", event: failing, config: []string{"MaximumRetryAttempts: 0"}, tries: 1, record: counted(1)},
	{name: "one retry", event: failing, config: []string{"MaximumRetryAttempts: 1"}, tries: 2, record: counted(2)},
	{
		name: "an age of 60 seconds", event: failing, config: []string{"MaximumEventAgeInSeconds: 60"}, tries: 1,
		record: head + `"condition":"EventAgeExceeded","approximateInvokeCount":1},` + raised,
	},
	{
		name: "an age of 90 seconds", event: failing, config: []string{"MaximumEventAgeInSeconds: 90"}, tries: 2,
		record: head + `"condition":"EventAgeExceeded","approximateInvokeCount":2},` + raised,
	},
	{
		name: "success", event: `{ "answer": {"b": [1, "é<&"]} }`, onSuccess: true, tries: 1,
		record: head + `"condition":"Success","approximateInvokeCount":1},"requestPayload":{ "answer": {"b": [1, "é<&"]} },` +
			`"responseContext":{"statusCode":200,"executedVersion":"$LATEST"},"responsePayload":{"b": [1, "é<&"]}}`,
	},
	{
		name: "nothing returned", event: "{}", onSuccess: true, tries: 1,
		record: head + `"condition":"Success","approximateInvokeCount":1},"requestPayload":{},` +
			`"responseContext":{"statusCode":200,"executedVersion":"$LATEST"},"responsePayload":null}`,
	},
	{
		name: "a timeout", event: `{"wait": 1}`, keys: []string{"Timeout: 1"}, config: []string{"MaximumRetryAttempts: 0"}, tries: 1,
		record: head + `"condition":"RetriesExhausted","approximateInvokeCount":1},"requestPayload":{"wait": 1},` +
			`"responseContext":{"statusCode":200,"executedVersion":"$LATEST","functionError":"Unhandled"},` +
			`"responsePayload":{"errorType":"Sandbox.Timedout","errorMessage":"RequestId: ID Error: Task timed out after 1.00 seconds"}}`,
	},
	{
		name: "a reservation of zero", event: "", keys: []string{"ReservedConcurrentExecutions: 0"}, tries: 0,
		record: head + `"condition":"ZeroReservedConcurrency","approximateInvokeCount":0},"requestPayload":{}}`,
	},
}

func TestRecordedOnAWS(t *testing.T) {
	t.Parallel()
	for _, story := range stories {
		t.Run(story.name, func(t *testing.T) {
			rig.On(t, rig.AsyncServices, func(t *testing.T, e *rig.Env) {
				q := e.Queue("end", nil)
				onSuccess, onFailure := "", q.ARN
				if story.onSuccess {
					onSuccess, onFailure = onFailure, onSuccess
				}
				f := pythonFunction(e, append(story.keys, rig.EventInvokeConfig(onSuccess, onFailure, story.config...))...)
				engine := e.Run(hurry, f)
				id := engine.Send("f", story.event)
				checkRecord(t, e, q.TakeRecord(), story.record, id)
				checkTries(t, engine, slices.Repeat([]string{id}, story.tries)...)
			})
		})
	}
}
