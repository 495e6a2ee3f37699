package localstack_test

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// recordedOfTables is what AWS was recorded doing with tables alone. The rest is the same as with Kinesis.
var recordedOfTables = []story{
	{
		name: "answers that are failures, three retries", keys: []string{tries(3), reporting}, size: 6, batch: 1,
		handler: inOrder(
			`{"batchItemFailures":[{"itemIdentifier":123}]}`,
			`{"batchItemFailures":[{"itemIdentifier":""}]}`,
			`{"batchItemFailures":[{"itemIdentifier":null}]}`,
			`{"batchItemFailures":[{"foo":123}]}`,
			`{"batchItemFailures":[{"foo":null}]}`,
		),
		runs: []string{"1 ×4", "2 ×4", "3 ×4", "4 ×4", "5 ×4", "6"},
		told: []told{
			{records: "1", count: 4},
			{records: "2", count: 4},
			{records: "3", count: 4},
			{records: "4", count: 4},
			{records: "5", count: 4},
		},
	},
	{
		name: "an exception, three retries", keys: []string{tries(3), reporting}, size: 1, handler: raise("1"),
		runs: []string{"1 ×4"}, told: []told{{records: "1", count: 4, fault: "Unhandled"}},
	},
}

// acted is a story that is being played with a table's items. The stories that have as many records share a table.
type acted struct {
	story
	*table
	follower
	dlq string
}

func TestStoriesOfTables(t *testing.T) {
	overStreams(t, dynamodbServices, func(t *testing.T, c *corner) {
		var all []*acted
		var followers []follower
		tables := map[int]*table{}
		for i, st := range slices.Concat(worked, seenOnAWS, recordedOfTables) {
			if st.size == 0 {
				st.size = 10
			}
			if tables[st.size] == nil {
				tables[st.size] = c.table(fmt.Sprint("size", st.size, "x"))
				tables[st.size].put(numbers(st.size + 1)...)
			}
			p := tables[st.size].stage(st, fmt.Sprint("s", i))
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
			if got := asTexts(p.played(t)); !p.endless() && len(got) != len(p.runs)+1 {
				t.Errorf("%s: invocations %q", p.story.name, got)
			}
		}
	})
}

// stage makes what a story needs besides the table, and nothing that moves yet.
func (t *table) stage(st story, name string) *acted {
	t.Helper()
	if st.batch == 0 {
		st.batch = st.size
	}
	dlq, arn := t.queue(name, map[string]string{})
	keys := append(slices.Clone(st.keys), fmt.Sprint("BatchSize: ", st.batch), onFailure(arn))
	handler := func(e event) (string, error) { return st.handler(asKinesis(e)) }
	return &acted{story: st, table: t, follower: t.follow(name, t.stream, handler, keys...), dlq: dlq}
}

// played are the runs that there were.
func (p *acted) played(t *testing.T) []run {
	t.Helper()
	return runsOf(t, kinesisCalls(p.fn.seen()), 0)
}

// watch follows a story until it is told, and checks it.
func (p *acted) watch(t *testing.T) {
	want, wanted := p.invocations(), p.runs
	if !p.endless() {
		wanted = append(slices.Clone(wanted), strconv.Itoa(p.size+1))
		want++
	}
	eventually(t, fmt.Sprintf("there are %d invocations", want), func() bool { return len(p.fn.seen()) >= want })
	got := p.played(t)
	texts := asTexts(got)
	if last := len(texts) - 1; p.endless() && last >= 0 {
		again, _, _ := strings.Cut(texts[last], " ×")
		texts[last] = again + forever
	}
	if !slices.Equal(texts, wanted) {
		t.Fatalf("invocations %q, want %q", got, wanted)
	}
	notices := p.notices(p.dlq, len(p.told))
	for i, w := range p.told {
		at := slices.IndexFunc(got, func(r run) bool { return r.span == w.records })
		wantNotice(t, notices[i], p.notice(w, p.follower, got[at].id, p.size+1))
	}
}

// notice is a notice of some of the table's records, in AWS's words. Payload and window are further members, for where
// they are.
func (t *table) notice(w told, f follower, id string, records int, further ...string) string {
	t.Helper()
	all := t.changes(records)
	first, last, count := ends(w.records)
	a, z := changeOf(all, first), changeOf(all, last)
	response := fmt.Sprintf(`"responseContext":{"statusCode":200,"executedVersion":"$LATEST","functionError":%s},`, orNull(w.fault))
	if w.unasked {
		response = ""
	}
	condition := w.condition
	if condition == "" {
		condition = "RetryAttemptsExhausted"
	}
	return fmt.Sprintf(`{"requestContext":{"requestId":%q,"functionArn":%q,"condition":%q,"approximateInvokeCount":%d},%s"version":"1.0",%s`+
		`"timestamp":"NOW","DDBStreamBatchInfo":{"shardId":%q,"startSequenceNumber":%q,"endSequenceNumber":%q,`+
		`"approximateArrivalOfFirstRecord":%q,"approximateArrivalOfLastRecord":%q,"batchSize":%d,"streamArn":%q}}`,
		id, f.functionARN(), condition, w.count, response, strings.Join(further, ""),
		a.shard, *a.Dynamodb.SequenceNumber, *z.Dynamodb.SequenceNumber, creation(a), creation(z), count, t.stream)
}

// changeOf is the first change of the item with this key.
func changeOf(all []change, key string) change {
	return all[slices.IndexFunc(all, func(c change) bool { return textOf(c.Dynamodb.Keys["pk"]) == key })]
}

// creation is when a change was made, in whole seconds.
func creation(c change) string {
	return c.Dynamodb.ApproximateCreationDateTime.UTC().Truncate(time.Second).Format("2006-01-02T15:04:05Z")
}
