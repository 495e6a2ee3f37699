package localstack_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
)

// raise fails when one of these records is in the batch.
func raise(bad ...string) func(event) (string, error) {
	return func(e event) (string, error) {
		for _, text := range kinesisOf(e).texts() {
			if slices.Contains(bad, text) {
				return "", errors.New("out of beans")
			}
		}
		return "null", nil
	}
}

// reportRecord reports these records if they are in the batch.
func reportRecord(bad ...string) func(event) (string, error) {
	return func(e event) (string, error) {
		var items []string
		for _, r := range kinesisOf(e).Records {
			if slices.Contains(bad, string(r.Kinesis.Data)) {
				items = append(items, fmt.Sprintf(`{"itemIdentifier":%q}`, r.Kinesis.SequenceNumber))
			}
		}
		return `{"batchItemFailures":[` + strings.Join(items, ",") + `]}`, nil
	}
}

// inOrder answers the batch that begins with record 1 with the first of these, and so on; the one behind them with success.
func inOrder(answers ...string) func(event) (string, error) {
	return func(e event) (string, error) {
		var n int
		fmt.Sscan(kinesisOf(e).texts()[0], &n)
		if n > len(answers) {
			return "", nil
		}
		return answers[n-1], nil
	}
}

func tries(most int) string { return fmt.Sprint("MaximumRetryAttempts: ", most) }

const bisect = "BisectBatchOnFunctionError: true"

// A batch of ten records of which the sixth always fails, under all settings there are.
var worked = []story{
	{name: "no retries", keys: []string{tries(0)}, handler: raise("6"), runs: []string{"1-10"}, told: []told{{records: "1-10", count: 1, fault: "Unhandled"}}},
	{
		name: "two retries", keys: []string{tries(2)}, handler: raise("6"),
		runs: []string{"1-10 ×3"}, told: []told{{records: "1-10", count: 3, fault: "Unhandled"}},
	},
	{name: "retries for ever", keys: []string{tries(-1)}, handler: raise("6"), runs: []string{"1-10" + forever}},
	{
		name: "reported, no retries", keys: []string{tries(0), reporting}, handler: reportRecord("6"),
		runs: []string{"1-10", "6-10"}, told: []told{{records: "6-10", count: 1}},
	},
	{
		name: "reported, two retries", keys: []string{tries(2), reporting}, handler: reportRecord("6"),
		runs: []string{"1-10", "6-10 ×3"}, told: []told{{records: "6-10", count: 3}},
	},
	{
		name: "reported, retries for ever", keys: []string{tries(-1), reporting}, handler: reportRecord("6"),
		runs: []string{"1-10", "6-10" + forever},
	},
	{
		name: "bisected, no retries", keys: []string{tries(0), bisect}, handler: raise("6"),
		runs: []string{"1-10", "1-5", "6-10", "6-7", "6", "7", "8-10"}, told: []told{{records: "6", count: 1, fault: "Unhandled"}},
	},
	{
		name: "bisected, two retries", keys: []string{tries(2), bisect}, handler: raise("6"),
		runs: []string{"1-10", "1-5", "6-10", "6-7", "6 ×3", "7", "8-10"}, told: []told{{records: "6", count: 3, fault: "Unhandled"}},
	},
	{
		name: "bisected, retries for ever", keys: []string{tries(-1), bisect}, handler: raise("6"),
		runs: []string{"1-10", "1-5", "6-10", "6-7", "6" + forever},
	},
	{
		name: "bisected and reported, no retries", keys: []string{tries(0), bisect, reporting}, handler: reportRecord("6"),
		runs: []string{"1-10", "6-10", "6-7", "6", "7", "8-10"}, told: []told{{records: "6", count: 1}},
	},
	{
		name: "bisected and reported, two retries", keys: []string{tries(2), bisect, reporting}, handler: reportRecord("6"),
		runs: []string{"1-10", "6-10", "6-7", "6 ×3", "7", "8-10"}, told: []told{{records: "6", count: 3}},
	},
	{
		name: "bisected and reported, retries for ever", keys: []string{tries(-1), bisect, reporting}, handler: reportRecord("6"),
		runs: []string{"1-10", "6-10", "6-7", "6" + forever},
	},
}

// What AWS was recorded doing.
var seenOnAWS = []story{
	{
		name: "the second of four reported", keys: []string{tries(1), reporting}, size: 4, handler: reportRecord("2"),
		runs: []string{"1-4", "2-4 ×2"}, told: []told{{records: "2-4", count: 2}},
	},
	{
		name: "the second of four reported, bisected", keys: []string{tries(1), reporting, bisect}, size: 4, handler: reportRecord("2"),
		runs: []string{"1-4", "2-4", "2 ×2", "3-4"}, told: []told{{records: "2", count: 2}},
	},
	{
		name: "the second of four fails, bisected", keys: []string{tries(1), bisect}, size: 4, handler: raise("2"),
		runs: []string{"1-4", "1-2", "1", "2 ×2", "3-4"}, told: []told{{records: "2", count: 2, fault: "Unhandled"}},
	},
	{
		name: "the second of four fails", keys: []string{tries(2)}, size: 4, handler: raise("2"),
		runs: []string{"1-4 ×3"}, told: []told{{records: "1-4", count: 3, fault: "Unhandled"}},
	},
	{
		name: "an exception is no report", keys: []string{tries(1), bisect, reporting}, size: 4, handler: raise("2"),
		runs: []string{"1-4", "1-2", "1", "2 ×2", "3-4"}, told: []told{{records: "2", count: 2, fault: "Unhandled"}},
	},
	{
		name: "the last of six reported", keys: []string{tries(3), reporting}, size: 6, batch: 3, handler: reportRecord("6"),
		runs: []string{"1-3", "4-6", "6 ×4"}, told: []told{{records: "6", count: 4}},
	},
	{
		name: "the head of a batch reported", keys: []string{tries(3), reporting}, size: 6, batch: 3, handler: reportRecord("4"),
		runs: []string{"1-3", "4-6 ×4"}, told: []told{{records: "4-6", count: 4}},
	},
	{
		name: "several reported, the last first", keys: []string{tries(0), reporting}, size: 5,
		handler: func(e event) (string, error) {
			recs := kinesisOf(e).Records
			if len(recs) < 5 {
				return "{}", nil
			}
			return fmt.Sprintf(`{"batchItemFailures":[{"itemIdentifier":%q},{"itemIdentifier":%q}]}`,
				recs[4].Kinesis.SequenceNumber, recs[2].Kinesis.SequenceNumber), nil
		},
		runs: []string{"1-5", "3-5"},
	},
	{
		name: "a failure that passes", keys: []string{tries(-1)}, size: 2, handler: failing(2),
		runs: []string{"1-2 ×3"},
	},
	{
		name: "a report that nobody asked for", keys: []string{tries(2)}, size: 3, handler: reportRecord("2"),
		runs: []string{"1-3"},
	},
	{
		name: "answers that are failures", keys: []string{tries(2), reporting}, size: 8, batch: 1,
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
		told: []told{
			{records: "1", count: 3},
			{records: "2", count: 3},
			{records: "3", count: 3},
			{records: "4", count: 3},
			{records: "5", count: 3},
			{records: "6", count: 3},
			{records: "7", count: 3},
			{records: "8", count: 3},
		},
	},
	{
		name: "an exception, one record", keys: []string{tries(2), reporting}, size: 1, handler: raise("1"),
		runs: []string{"1 ×3"}, told: []told{{records: "1", count: 3, fault: "Unhandled"}},
	},
	{
		name: "answers that are successes", keys: []string{tries(0), reporting}, size: 9, batch: 1,
		handler: inOrder(`""`, `null`, `[]`, `{}`, ``, `{"batchItemFailures":[]}`, `{"batchItemFailures":null}`, `"done"`, `{"ok":true}`),
		runs:    []string{"1", "2", "3", "4", "5", "6", "7", "8", "9"},
	},
	{
		name: "an empty answer of a function that reports nothing", keys: []string{tries(0)}, size: 1, handler: inOrder(``),
		runs: []string{"1"},
	},
}

// failing fails the first tries of a batch with record 1.
func failing(times int) func(event) (string, error) {
	var mu sync.Mutex
	tries := map[string]int{} // by request id
	return func(e event) (string, error) {
		mu.Lock()
		defer mu.Unlock()
		if tries[e.ID]++; tries[e.ID] <= times && kinesisOf(e).texts()[0] == "1" {
			return throw(e)
		}
		return succeed(e)
	}
}

func TestStoriesOfKinesis(t *testing.T) {
	overStreams(t, kinesisServices, func(t *testing.T, c *corner) {
		var all []*staged
		var followers []follower
		for i, st := range slices.Concat(worked, seenOnAWS) {
			if st.size == 0 {
				st.size = 10
			}
			p := c.stage(st, i)
			all, followers = append(all, p), append(followers, p.follower)
		}
		e := c.run(fileOf(followers...))
		for _, p := range all {
			t.Run(p.story.name, p.watch)
		}
		if code := e.stop(); code != 0 {
			t.Errorf("exit code %d", code)
		}
		for _, p := range all { // nothing more came of any
			if got := asTexts(runsOf(t, p.fn.seen(), 0)); !p.endless() && len(got) != len(p.runs)+1 {
				t.Errorf("%s: invocations %q", p.story.name, got)
			}
		}
	})
}
