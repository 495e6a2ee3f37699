package stream_test

import (
	"fmt"
	"sync"

	"github.com/esm-run/esm/e2e/rig"
)

// workedExamples have a batch of ten records of which the sixth always fails, under each combination of settings.
var workedExamples = []story{
	{
		name: "no retries", keys: []string{rig.Retries(0)}, handler: rig.FailOn("6"),
		runs: []string{"1-10"}, notices: []rig.Notice{{Records: "1-10", Tries: 1, Fault: "Unhandled"}},
	},
	{
		name: "two retries", keys: []string{rig.Retries(2)}, handler: rig.FailOn("6"),
		runs: []string{"1-10 ×3"}, notices: []rig.Notice{{Records: "1-10", Tries: 3, Fault: "Unhandled"}},
	},
	{name: "unlimited retries", keys: []string{rig.Retries(-1)}, handler: rig.FailOn("6"), runs: []string{"1-10" + endless}},
	{
		name: "reported, no retries", keys: []string{rig.Retries(0), rig.Reporting}, handler: rig.Report("6"),
		runs: []string{"1-10", "6-10"}, notices: []rig.Notice{{Records: "6-10", Tries: 1}},
	},
	{
		name: "reported, two retries", keys: []string{rig.Retries(2), rig.Reporting}, handler: rig.Report("6"),
		runs: []string{"1-10", "6-10 ×3"}, notices: []rig.Notice{{Records: "6-10", Tries: 3}},
	},
	{
		name: "reported, unlimited retries", keys: []string{rig.Retries(-1), rig.Reporting}, handler: rig.Report("6"),
		runs: []string{"1-10", "6-10" + endless},
	},
	{
		name: "bisected, no retries", keys: []string{rig.Retries(0), rig.Bisecting}, handler: rig.FailOn("6"),
		runs:    []string{"1-10", "1-5", "6-10", "6-7", "6", "7", "8-10"},
		notices: []rig.Notice{{Records: "6", Tries: 1, Fault: "Unhandled"}},
	},
	{
		name: "bisected, two retries", keys: []string{rig.Retries(2), rig.Bisecting}, handler: rig.FailOn("6"),
		runs:    []string{"1-10", "1-5", "6-10", "6-7", "6 ×3", "7", "8-10"},
		notices: []rig.Notice{{Records: "6", Tries: 3, Fault: "Unhandled"}},
	},
	{
		name: "bisected, unlimited retries", keys: []string{rig.Retries(-1), rig.Bisecting}, handler: rig.FailOn("6"),
		runs: []string{"1-10", "1-5", "6-10", "6-7", "6" + endless},
	},
	{
		name: "bisected and reported, no retries", keys: []string{rig.Retries(0), rig.Bisecting, rig.Reporting}, handler: rig.Report("6"),
		runs: []string{"1-10", "6-10", "6-7", "6", "7", "8-10"}, notices: []rig.Notice{{Records: "6", Tries: 1}},
	},
	{
		name: "bisected and reported, two retries", keys: []string{rig.Retries(2), rig.Bisecting, rig.Reporting}, handler: rig.Report("6"),
		runs: []string{"1-10", "6-10", "6-7", "6 ×3", "7", "8-10"}, notices: []rig.Notice{{Records: "6", Tries: 3}},
	},
	{
		name: "bisected and reported, unlimited retries", keys: []string{rig.Retries(-1), rig.Bisecting, rig.Reporting}, handler: rig.Report("6"),
		runs: []string{"1-10", "6-10", "6-7", "6" + endless},
	},
}

// recordedOnAWS are observations of AWS.
var recordedOnAWS = []story{
	{
		name: "the second of four reported", keys: []string{rig.Retries(1), rig.Reporting}, size: 4, handler: rig.Report("2"),
		runs: []string{"1-4", "2-4 ×2"}, notices: []rig.Notice{{Records: "2-4", Tries: 2}},
	},
	{
		name: "the second of four reported, bisected", keys: []string{rig.Retries(1), rig.Reporting, rig.Bisecting}, size: 4, handler: rig.Report("2"),
		runs: []string{"1-4", "2-4", "2 ×2", "3-4"}, notices: []rig.Notice{{Records: "2", Tries: 2}},
	},
	{
		name: "the second of four fails", keys: []string{rig.Retries(2)}, size: 4, handler: rig.FailOn("2"),
		runs: []string{"1-4 ×3"}, notices: []rig.Notice{{Records: "1-4", Tries: 3, Fault: "Unhandled"}},
	},
	{
		name: "an exception is no report", keys: []string{rig.Retries(1), rig.Bisecting, rig.Reporting}, size: 4, handler: rig.FailOn("2"),
		runs: []string{"1-4", "1-2", "1", "2 ×2", "3-4"}, notices: []rig.Notice{{Records: "2", Tries: 2, Fault: "Unhandled"}},
	},
	{
		name: "the last of six reported", keys: []string{rig.Retries(3), rig.Reporting}, size: 6, batch: 3, handler: rig.Report("6"),
		runs: []string{"1-3", "4-6", "6 ×4"}, notices: []rig.Notice{{Records: "6", Tries: 4}},
	},
	{
		name: "the first of a batch reported", keys: []string{rig.Retries(3), rig.Reporting}, size: 6, batch: 3, handler: rig.Report("4"),
		runs: []string{"1-3", "4-6 ×4"}, notices: []rig.Notice{{Records: "4-6", Tries: 4}},
	},
	{
		name: "several reported, the last first", keys: []string{rig.Retries(0), rig.Reporting}, size: 5, handler: reportBackwards,
		runs: []string{"1-5", "3-5"},
	},
	{
		name: "a failure that passes", keys: []string{rig.Retries(-1)}, size: 2, handler: failTwice(),
		runs: []string{"1-2 ×3"},
	},
	{
		name: "a report that nobody asked for", keys: []string{rig.Retries(2)}, size: 3, handler: rig.Report("2"),
		runs: []string{"1-3"},
	},
	{
		name: "answers that are failures", keys: []string{rig.Retries(2), rig.Reporting}, size: 8, batch: 1,
		handler: inOrder(
			`{"batchItemFailures":[{"itemIdentifier":123}]}`,
			`{"batchItemFailures":[{"itemIdentifier":"123"}]}`,
			`{"batchItemFailures":[{"itemIdentifier":""}]}`,
			`{"batchItemFailures":[{"itemIdentifier":null}]}`,
			`{"batchItemFailures":[{"foo":123}]}`,
			`{"batchItemFailures":[{"foo":null}]}`,
			`{"batchItemFailures":[{}]}`,
			`{"batchItemFailures":"all of them"}`,
		),
		runs: []string{"1 ×3", "2 ×3", "3 ×3", "4 ×3", "5 ×3", "6 ×3", "7 ×3", "8 ×3"},
		notices: []rig.Notice{
			{Records: "1", Tries: 3}, {Records: "2", Tries: 3}, {Records: "3", Tries: 3}, {Records: "4", Tries: 3},
			{Records: "5", Tries: 3}, {Records: "6", Tries: 3}, {Records: "7", Tries: 3}, {Records: "8", Tries: 3},
		},
	},
	{
		name: "answers that are successes", keys: []string{rig.Retries(0), rig.Reporting}, size: 9, batch: 1,
		handler: inOrder(`""`, `null`, `[]`, `{}`, ``, `{"batchItemFailures":[]}`, `{"batchItemFailures":null}`, `"done"`, `{"ok":true}`),
		runs:    []string{"1", "2", "3", "4", "5", "6", "7", "8", "9"},
	},
	{
		name: "an exception for one record", keys: []string{rig.Retries(2), rig.Reporting}, size: 1, handler: rig.FailOn("1"),
		runs: []string{"1 ×3"}, notices: []rig.Notice{{Records: "1", Tries: 3, Fault: "Unhandled"}},
	},
	{
		name: "an empty answer of a function that reports nothing", keys: []string{rig.Retries(0)}, size: 1, handler: rig.Answer(""),
		runs: []string{"1"},
	},
}

// failTwice fails the first two tries of each batch with record 1. It serves all functions of the story.
func failTwice() rig.Handler {
	var mu sync.Mutex
	tries := map[string]int{} // by request id
	return func(c rig.Call) (string, error) {
		mu.Lock()
		defer mu.Unlock()
		if tries[c.RequestID]++; tries[c.RequestID] <= 2 && c.Texts()[0] == "1" {
			return rig.Fail(c)
		}
		return rig.Succeed(c)
	}
}

// inOrder answers the batch that begins with record 1 with the first of these, and so on. Further batches succeed.
func inOrder(answers ...string) rig.Handler {
	return func(c rig.Call) (string, error) {
		var n int
		fmt.Sscan(c.Texts()[0], &n)
		if n > len(answers) {
			return "", nil
		}
		return answers[n-1], nil
	}
}

// reportBackwards reports the fifth and the third record of a batch of five.
func reportBackwards(c rig.Call) (string, error) {
	if len(c.Records) < 5 {
		return "{}", nil
	}
	return fmt.Sprintf(`{"batchItemFailures":[{"itemIdentifier":%q},{"itemIdentifier":%q}]}`, c.Records[4].ID, c.Records[2].ID), nil
}
