package dynamodb_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/esm-run/esm/e2e/rig"
)

var (
	inserts     = []string{"INSERT present", "INSERT other", "INSERT absent", "INSERT 42", "INSERT 101", "INSERT prefixed"}
	everyChange = slices.Concat(inserts, []string{"MODIFY present", "REMOVE other"})
)

// recordedFilters are patterns and the changes that AWS was recorded delivering under them.
var recordedFilters = []struct {
	pattern string
	want    []string
}{
	{`{"eventName":["INSERT"]}`, inserts},
	{`{"eventName":["INSERT","MODIFY"]}`, slices.Concat(inserts, []string{"MODIFY present"})},
	{`{"eventName":["INSERT"],"eventSource":["aws:dynamodb"]}`, inserts},
	{`{"dynamodb":{"NewImage":{"presentKey":{"S":["presentValue"]}}}}`, []string{"INSERT present", "MODIFY present"}},
	{`{"dynamodb":{"NewImage":{"presentKey":["presentValue"]}}}`, nil},
	{`{"dynamodb":{"NewImage":{"presentKey":{"S":[{"exists":true}]}}}}`, []string{"INSERT present", "INSERT other", "MODIFY present"}},
	{`{"dynamodb":{"NewImage":{"presentKey":[{"exists":true}]}}}`, nil},
	{`{"dynamodb":{"NewImage":{"presentKey":[{"exists":false}]}}}`, everyChange},
	{`{"dynamodb":{"NewImage":{"number":{"N":[{"numeric":[">",100]},{"anything-but":"101"}]}}}}`, []string{"INSERT 42"}},
	{`{"dynamodb":{"NewImage":{"prefix":{"S":[{"prefix":"us-1"}]}}}}`, []string{"INSERT prefixed"}},
	{`{"dynamodb":{"ApproximateCreationDateTime":[{"numeric":[">",0]}]}}`, everyChange},
}

func TestFilters(t *testing.T) {
	rig.On(t, rig.Tables, func(t *testing.T, e *rig.Env) {
		table := e.Table("filters", types.StreamViewTypeNewAndOldImages)
		changeEveryWay(table)
		var functions []*rig.Function
		var entries []rig.Entry
		for i, filter := range recordedFilters {
			f := e.Function(fmt.Sprint("f", i), rig.Succeed)
			functions, entries = append(functions, f), append(entries, f.On(table.Current, rig.BatchSize(1), rig.Filter(filter.pattern)))
		}
		engine := e.Run(entries...)
		engine.WaitHandled(len(everyChange) * len(functions))
		engine.Stop()
		for i, filter := range recordedFilters {
			var got []string
			for _, c := range functions[i].Calls() {
				got = append(got, c.Records[0].Name+" "+c.Texts()[0])
			}
			if !slices.Equal(got, filter.want) {
				t.Errorf("%s let pass %q, want %q", filter.pattern, got, filter.want)
			}
		}
	})
}

// changeEveryWay makes the changes that the filters are about, one after the other.
func changeEveryWay(table *rig.Table) {
	table.Helper()
	present := rig.Item{"pk": rig.S("present"), "presentKey": rig.S("presentValue")}
	for i, item := range []rig.Item{
		present,
		{"pk": rig.S("other"), "presentKey": rig.S("otherValue")},
		{"pk": rig.S("absent")},
		{"pk": rig.S("42"), "number": rig.N(42)},
		{"pk": rig.S("101"), "number": rig.N(101)},
		{"pk": rig.S("prefixed"), "prefix": rig.S("us-1-other")},
	} {
		table.PutItem(item, i+1)
	}
	table.PutItem(present, 6) // which changes nothing
	table.PutItem(rig.Item{"pk": rig.S("present"), "presentKey": rig.S("presentValue"), "more": rig.N(1)}, 7)
	table.DeleteItem(rig.S("other"), 8)
}
