// Package dynamodb_test shows mappings of DynamoDB tables: what they do not share with those of Kinesis streams.
package dynamodb_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	streamtypes "github.com/aws/aws-sdk-go-v2/service/dynamodbstreams/types"

	"github.com/esm-run/esm/e2e/rig"
)

// everything is an item with a value of every type. Below it is the item as records show it.
var everything = rig.Item{
	"pk":   rig.S("k \u00e9 \" \\ \n <&>"),
	"nr":   &types.AttributeValueMemberN{Value: "12345678901234567890.5"},
	"bin":  &types.AttributeValueMemberB{Value: []byte{0, 1, 254, 255}},
	"yes":  &types.AttributeValueMemberBOOL{Value: true},
	"no":   &types.AttributeValueMemberBOOL{Value: false},
	"gone": &types.AttributeValueMemberNULL{Value: true},
	"void": rig.S(""),
	"ss":   &types.AttributeValueMemberSS{Value: []string{"one"}},
	"ns":   &types.AttributeValueMemberNS{Value: []string{"1.5"}},
	"bs":   &types.AttributeValueMemberBS{Value: [][]byte{{3, 2, 1}}},
	"list": &types.AttributeValueMemberL{Value: []types.AttributeValue{rig.S("a"), rig.N(2), &types.AttributeValueMemberL{}}},
	"map": &types.AttributeValueMemberM{Value: rig.Item{
		"deep": &types.AttributeValueMemberM{Value: rig.Item{"B": &types.AttributeValueMemberB{Value: []byte("b")}}},
	}},
}

const (
	keysShown       = `{"pk":{"S":"k é \" \\ \n <&>"}}`
	everythingShown = `{"bin":{"B":"AAH+/w=="},"bs":{"BS":["AwIB"]},"gone":{"NULL":true},"list":{"L":[{"S":"a"},{"N":"2"},{"L":[]}]},` +
		`"map":{"M":{"deep":{"M":{"B":{"B":"Yg=="}}}}},"no":{"BOOL":false},"nr":{"N":"12345678901234567890.5"},"ns":{"NS":["1.5"]},` +
		`"pk":{"S":"k é \" \\ \n <&>"},"ss":{"SS":["one"]},"void":{"S":""},"yes":{"BOOL":true}}`
)

var changedShown = strings.Replace(everythingShown, `"gone"`, `"changed":{"N":"1"},"gone"`, 1)

// An item is made, changed and deleted under each view type. The events have every key, in AWS's order.
func TestEvent(t *testing.T) {
	rig.On(t, rig.Tables, func(t *testing.T, e *rig.Env) {
		tables, functions := map[types.StreamViewType]*rig.Table{}, map[types.StreamViewType]*rig.Function{}
		var entries []rig.Entry
		for _, view := range types.StreamViewType("").Values() {
			name := strings.ToLower(string(view))
			tables[view], functions[view] = e.Table(name, view), e.Function(name, rig.Succeed)
			changeItem(t, tables[view])
			entries = append(entries, functions[view].On(tables[view].Current, rig.BatchSize(1)))
		}
		engine := e.Run(entries...)
		for view, table := range tables {
			f := functions[view]
			rig.Eventually(t, "three changes are seen", func() bool { return len(f.Calls()) >= 3 })
			records, _ := table.WaitRecords(3)
			for i, name := range []string{"INSERT", "MODIFY", "REMOVE"} {
				checkEvent(t, f.Calls()[i].Event, eventOf(table, records[i], name, view))
			}
		}
		engine.Stop()
	})
}

// changeItem makes an item, changes it and deletes it. A put that changes nothing comes between.
func changeItem(t *testing.T, table *rig.Table) {
	t.Helper()
	table.PutItem(everything, 1)
	table.PutItem(everything, 1)
	_, err := table.DynamoDB.UpdateItem(t.Context(), &dynamodb.UpdateItemInput{
		TableName: &table.Name, Key: rig.Item{"pk": everything["pk"]}, UpdateExpression: aws.String("SET changed = :c"),
		ExpressionAttributeValues: rig.Item{":c": rig.N(1)},
	})
	table.Must(err)
	table.WaitRecords(2)
	table.DeleteItem(everything["pk"], 3)
}

// eventOf returns the event of one change, with TIME in place of the time, which services write in their own ways.
func eventOf(table *rig.Table, r streamtypes.Record, name string, view types.StreamViewType) string {
	images := ""
	if after := map[string]string{"INSERT": everythingShown, "MODIFY": changedShown}[name]; after != "" && strings.HasPrefix(string(view), "NEW_") {
		images += `"NewImage":` + after + `,`
	}
	if before := map[string]string{"MODIFY": everythingShown, "REMOVE": changedShown}[name]; before != "" && strings.Contains(string(view), "OLD_IMAGE") {
		images += `"OldImage":` + before + `,`
	}
	return fmt.Sprintf(`{"Records":[{"eventID":%q,"eventName":%q,"eventVersion":"1.1","eventSource":"aws:dynamodb","awsRegion":%q,`+
		`"dynamodb":{"ApproximateCreationDateTime":TIME,"Keys":%s,%s"SequenceNumber":%q,"SizeBytes":%d,"StreamViewType":%q},"eventSourceARN":%q}]}`,
		*r.EventID, name, *r.AwsRegion, keysShown, images, *r.Dynamodb.SequenceNumber, aws.ToInt64(r.Dynamodb.SizeBytes), view, table.Current)
}

// creation is the time of a change: a number with a fraction.
var creation = regexp.MustCompile(`("ApproximateCreationDateTime":)(\d+)(\.\d+(?:E\d+)?|E\d+)?,`)

// checkEvent compares an event to the byte, and has aws-lambda-go read it.
func checkEvent(t *testing.T, got []byte, want string) {
	t.Helper()
	if parts := creation.FindSubmatch(got); parts == nil || len(parts[3]) == 0 {
		t.Fatalf("no time that is a fraction in %s", got)
	}
	if shown := creation.ReplaceAllString(string(got), "${1}TIME,"); shown != want {
		t.Errorf("event\n%s, want\n%s", shown, want)
	}
	var e events.DynamoDBEvent
	if err := json.Unmarshal(got, &e); err != nil {
		t.Fatal(err)
	}
	if age := time.Since(e.Records[0].Change.ApproximateCreationDateTime.Time); age < -time.Minute || age > 5*time.Minute {
		t.Errorf("the record is %v old", age)
	}
	again, err := json.Marshal(e)
	if err != nil || normal(t, again) != normal(t, got) {
		t.Errorf("aws-lambda-go reads\n%s, of\n%s (%v)", again, got, err)
	}
}

// normal returns JSON with its keys in order and without the time, which aws-lambda-go writes in another form.
func normal(t *testing.T, text []byte) string {
	t.Helper()
	var value any
	decoder := json.NewDecoder(bytes.NewReader(creation.ReplaceAll(text, []byte("${1}0,"))))
	decoder.UseNumber()
	if err := decoder.Decode(&value); err != nil {
		t.Fatal(err)
	}
	out, _ := json.Marshal(value)
	return string(out)
}

// A deletion by the time to live shows who made it. LocalStack does not say so.
func TestTimeToLive(t *testing.T) {
	rig.On(t, []rig.Service{rig.StandIn, rig.DynamoDBLocal}, func(t *testing.T, e *rig.Env) {
		const service = `"userIdentity":{"type":"Service","principalId":"dynamodb.amazonaws.com"}`
		table := e.Table("ttl", types.StreamViewTypeOldImage)
		_, err := e.DynamoDB.UpdateTimeToLive(t.Context(), &dynamodb.UpdateTimeToLiveInput{
			TableName:               &table.Name,
			TimeToLiveSpecification: &types.TimeToLiveSpecification{AttributeName: aws.String("until"), Enabled: aws.Bool(true)},
		})
		e.Must(err)
		all, deleted := e.Function("all", rig.Succeed), e.Function("deleted", rig.Succeed)
		table.Put("stays")
		table.DeleteItem(rig.S("stays"), 2)
		e.Run(
			all.On(table.ARN, rig.BatchSize(1)),
			deleted.On(table.Current, rig.Filter(`{"userIdentity":{"type":["Service"],"principalId":["dynamodb.amazonaws.com"]}}`)),
		)
		table.PutItem(rig.Item{"pk": rig.S("goes"), "until": rig.N(int(time.Now().Unix()) - 1)}, 4)
		deleted.Want(t, "goes")
		all.Want(t, "stays", "stays", "goes", "goes")
		if event := string(deleted.Calls()[0].Event); !strings.Contains(event, `",`+service+`,"dynamodb":{`) || deleted.Calls()[0].Records[0].Name != "REMOVE" {
			t.Errorf("event %s, want %s between awsRegion and dynamodb", event, service)
		}
		for i, c := range all.Calls() {
			if has := strings.Contains(string(c.Event), "userIdentity"); has != (i == 3) {
				t.Errorf("record %d says who made it: %v", i, has)
			}
		}
	})
}
