package localstack_test

import (
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

// filters are patterns and the changes that AWS was recorded delivering under them.
var filters = []struct {
	name, pattern string
	want          []string
}{
	{"insert_same_entry_twice", `{"eventName":["INSERT"]}`, inserts},
	{"content_or_filter", `{"eventName":["INSERT","MODIFY"]}`, slices.Concat(inserts, []string{"MODIFY present"})},
	{"content_multiple_filters", `{"eventName":["INSERT"],"eventSource":["aws:dynamodb"]}`, inserts},
	{
		"content_filter_type", `{"dynamodb":{"NewImage":{"presentKey":{"S":["presentValue"]}}}}`,
		[]string{"INSERT present", "MODIFY present"},
	},
	{"content_filter_type, without the type", `{"dynamodb":{"NewImage":{"presentKey":["presentValue"]}}}`, nil},
	{
		"exists_filter_type", `{"dynamodb":{"NewImage":{"presentKey":{"S":[{"exists":true}]}}}}`,
		[]string{"INSERT present", "INSERT other", "MODIFY present"},
	},
	{"exists_filter_type, without the type", `{"dynamodb":{"NewImage":{"presentKey":[{"exists":true}]}}}`, nil},
	{"exists_false_filter", `{"dynamodb":{"NewImage":{"presentKey":[{"exists":false}]}}}`, everyChange},
	{
		"numeric_filter", `{"dynamodb":{"NewImage":{"number":{"N":[{"numeric":[">",100]},{"anything-but":"101"}]}}}}`,
		[]string{"INSERT 42"},
	},
	{"prefix_filter", `{"dynamodb":{"NewImage":{"prefix":{"S":[{"prefix":"us-1"}]}}}}`, []string{"INSERT prefixed"}},
	{"date_time_conversion", `{"dynamodb":{"ApproximateCreationDateTime":[{"numeric":[">",0]}]}}`, everyChange},
}

var (
	inserts     = []string{"INSERT present", "INSERT other", "INSERT absent", "INSERT 42", "INSERT 101", "INSERT prefixed"}
	everyChange = slices.Concat(inserts, []string{"MODIFY present", "REMOVE other"})
)

func TestFiltersOfTables(t *testing.T) {
	overStreams(t, dynamodbServices, func(t *testing.T, c *corner) {
		tb := c.table("filters", types.StreamViewTypeNewAndOldImages)
		tb.changeEveryWay()
		var all []follower
		for i, f := range filters {
			all = append(all, c.follow("f"+string(rune('a'+i)), tb.stream, succeed, "BatchSize: 1", "FilterCriteria: {Filters: [{Pattern: '"+f.pattern+"'}]}"))
		}
		e := c.run(fileOf(all...))
		for i, f := range filters {
			eventually(t, f.name+" has let its changes pass", func() bool { return len(all[i].fn.seen()) >= len(f.want) })
		}
		eventually(t, "every mapping is at the end", func() bool { return polledBy(t, e, len(everyChange)) == len(all) })
		if code := e.stop(); code != 0 {
			t.Errorf("exit code %d", code)
		}
		for i, f := range filters {
			var got []string
			for _, call := range all[i].fn.seen() {
				for _, r := range changed(call) {
					got = append(got, r.EventName+" "+keyOf(r))
				}
			}
			if !slices.Equal(got, f.want) {
				t.Errorf("%s: %q, want %q", f.name, got, f.want)
			}
		}
	})
}

// polledBy counts the mappings that have polled so many records.
func polledBy(t *testing.T, e *engine, records int) (mappings int) {
	t.Helper()
	for line := range strings.Lines(get(t, "http://"+e.listen+"/metrics")) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), "} ")
		if strings.HasPrefix(name, "esm_polled_events_total{") && value == strconv.Itoa(records) {
			mappings++
		}
	}
	return mappings
}

// changeEveryWay makes the changes that filters are about, one after the other.
func (t *table) changeEveryWay() {
	t.Helper()
	present := attributes{"pk": ofText("present"), "presentKey": ofText("presentValue")}
	again := attributes{"pk": ofText("present"), "presentKey": ofText("presentValue"), "more": ofNumber(1)}
	items := []attributes{
		present,
		{"pk": ofText("other"), "presentKey": ofText("otherValue")},
		{"pk": ofText("absent")},
		{"pk": ofText("42"), "number": ofNumber(42)},
		{"pk": ofText("101"), "number": ofNumber(101)},
		{"pk": ofText("prefixed"), "prefix": ofText("us-1-other")},
	}
	for i, item := range items {
		t.putItem(item)
		t.settled(i + 1)
	}
	t.putItem(present) // which changes nothing
	t.putItem(again)
	t.settled(len(items) + 1)
	t.deleteItem("other")
	t.settled(len(items) + 2)
}

// A pattern that is none is refused before anything runs.
func TestMalformedFiltersOfTables(t *testing.T) {
	t.Parallel()
	h := newHouse(t, standIn)
	for _, pattern := range []string{`single-string`, `[{"eventName": ["INSERT"=123}]`} {
		h.write("bad.yaml", "Functions: {f: {Command: [/bin/true]}}\nEventSourceMappings:\n"+
			mapping("arn:aws:dynamodb:us-east-1:000000000000:table/carts", "StartingPosition: LATEST", "FilterCriteria: {Filters: [{Pattern: '"+pattern+"'}]}"))
		out, err, code := esm(t, "validate", filepath.Join(h.dir, "bad.yaml"))
		if code != 2 || !strings.Contains(out, "FilterCriteria.Filters[0].Pattern: must be a JSON object") || !strings.Contains(out, "1 error,") {
			t.Errorf("%s: exit code %d\n%s%s", pattern, code, out, err)
		}
	}
}
