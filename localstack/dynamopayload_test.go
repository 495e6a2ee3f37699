package localstack_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

// everything is an item with a value of every type, and as a record shows it.
var (
	everything = attributes{
		"pk":   ofText("k \u00e9 \" \\ \n <&>"),
		"nr":   &types.AttributeValueMemberN{Value: "12345678901234567890.5"},
		"bin":  &types.AttributeValueMemberB{Value: []byte{0, 1, 254, 255}},
		"yes":  &types.AttributeValueMemberBOOL{Value: true},
		"no":   &types.AttributeValueMemberBOOL{Value: false},
		"gone": &types.AttributeValueMemberNULL{Value: true},
		"void": ofText(""),
		"ss":   &types.AttributeValueMemberSS{Value: []string{"one"}},
		"ns":   &types.AttributeValueMemberNS{Value: []string{"1.5"}},
		"bs":   &types.AttributeValueMemberBS{Value: [][]byte{{3, 2, 1}}},
		"list": &types.AttributeValueMemberL{Value: []types.AttributeValue{ofText("a"), ofNumber(2), &types.AttributeValueMemberL{}}},
		"map": &types.AttributeValueMemberM{Value: attributes{
			"deep": &types.AttributeValueMemberM{Value: attributes{"B": &types.AttributeValueMemberB{Value: []byte("b")}}},
		}},
	}
	everythingShown = `{"bin":{"B":"AAH+/w=="},"bs":{"BS":["AwIB"]},"gone":{"NULL":true},"list":{"L":[{"S":"a"},{"N":"2"},{"L":[]}]},` +
		`"map":{"M":{"deep":{"M":{"B":{"B":"Yg=="}}}}},"no":{"BOOL":false},"nr":{"N":"12345678901234567890.5"},"ns":{"NS":["1.5"]},` +
		`"pk":{"S":"k é \" \\ \n <&>"},"ss":{"SS":["one"]},"void":{"S":""},"yes":{"BOOL":true}}`
	keysShown = `{"pk":{"S":"k é \" \\ \n <&>"}}`
)

var fractional = regexp.MustCompile(`^\d+(\.\d+(E\d+)?|E\d+)$`)

// An item is made, changed and deleted under each view type: every key of the events, in AWS's order.
func TestPayloadOfTables(t *testing.T) {
	views := map[types.StreamViewType]struct{ old, new bool }{
		types.StreamViewTypeKeysOnly:        {},
		types.StreamViewTypeNewImage:        {new: true},
		types.StreamViewTypeOldImage:        {old: true},
		types.StreamViewTypeNewAndOldImages: {old: true, new: true},
	}
	overStreams(t, dynamodbServices, func(t *testing.T, c *corner) {
		tables, followers := map[types.StreamViewType]*table{}, map[types.StreamViewType]follower{}
		var all []follower
		for view := range views {
			name := strings.ToLower(string(view))
			tb := c.table(name, view)
			tb.change()
			tables[view], followers[view] = tb, c.follow(name, tb.stream, succeed, "BatchSize: 1")
			all = append(all, followers[view])
		}
		e := c.run(fileOf(all...))
		for view, shows := range views {
			t.Run(string(view), func(t *testing.T) {
				tb, calls := tables[view], func() []event { return followers[view].fn.seen() }
				eventually(t, "three changes are seen", func() bool { return len(calls()) >= 3 })
				recs := tb.changes(3)
				for i, name := range []string{"INSERT", "MODIFY", "REMOVE"} {
					want := tb.eventOf(recs[i], name, view, imagesOf(name, shows.old, shows.new))
					wantEvent(t, calls()[i], want)
				}
			})
		}
		if code := e.stop(); code != 0 {
			t.Errorf("exit code %d", code)
		}
	})
}

// change makes an item, changes it and deletes it. What changes nothing comes between.
func (t *table) change() {
	t.Helper()
	t.putItem(everything)
	t.putItem(everything)
	t.settled(1)
	update := dynamodb.UpdateItemInput{
		TableName: &t.name, Key: attributes{"pk": everything["pk"]}, UpdateExpression: aws.String("SET changed = :c"),
		ExpressionAttributeValues: attributes{":c": ofNumber(1)},
	}
	if _, err := t.db.UpdateItem(t.Context(), &update); err != nil {
		t.Fatal(err)
	}
	t.settled(2)
	t.deleteItem(everything["pk"].(*types.AttributeValueMemberS).Value)
	t.settled(3)
}

// settled waits until the stream has as many records, so that the next write cannot overtake the last.
func (t *table) settled(records int) {
	t.Helper()
	if got := len(t.changes(records)); got != records {
		t.Fatalf("%d records, want %d", got, records)
	}
}

// imagesOf are the images of a change.
func imagesOf(name string, old, new bool) (images string) {
	changed := strings.Replace(everythingShown, `"gone"`, `"changed":{"N":"1"},"gone"`, 1)
	if new && name != "REMOVE" {
		image := everythingShown
		if name == "MODIFY" {
			image = changed
		}
		images += `"NewImage":` + image + `,`
	}
	if old && name != "INSERT" {
		image := changed
		if name == "MODIFY" {
			image = everythingShown
		}
		images += `"OldImage":` + image + `,`
	}
	return images
}

// eventOf is the event of one change, without the time, of which services have their own ideas.
func (t *table) eventOf(c change, name string, view types.StreamViewType, images string) string {
	return fmt.Sprintf(`{"Records":[{"eventID":%q,"eventName":%q,"eventVersion":"1.1","eventSource":"aws:dynamodb","awsRegion":%q,`+
		`"dynamodb":{"ApproximateCreationDateTime":TIME,"Keys":%s,%s"SequenceNumber":%q,"SizeBytes":%d,"StreamViewType":%q},"eventSourceARN":%q}]}`,
		*c.EventID, name, *c.AwsRegion, keysShown, images, *c.Dynamodb.SequenceNumber, aws.ToInt64(c.Dynamodb.SizeBytes), view, t.stream)
}

var creationText = regexp.MustCompile(`"ApproximateCreationDateTime":([^,]*),`)

// wantEvent compares an event to the byte. Its time is a number with a fraction, not long ago.
func wantEvent(t *testing.T, got event, want string) {
	t.Helper()
	made := creationText.FindSubmatch(got.Raw)
	if made == nil || !fractional.Match(made[1]) {
		t.Fatalf("no time that is a fraction in %s", got.Raw)
	}
	if got := strings.Replace(string(got.Raw), string(made[1]), "TIME", 1); got != want {
		t.Errorf("event\n%s, want\n%s", got, want)
	}
	r := changed(got)[0]
	if age := time.Since(r.Change.ApproximateCreationDateTime.Time); age < -time.Minute || age > 5*time.Minute {
		t.Errorf("the record is %v old", age)
	}
	wantDecoded(t, got.Raw)
}

// wantDecoded reads an event with aws-lambda-go, writes it and compares: it knows every key, and none is missing.
func wantDecoded(t *testing.T, raw []byte) {
	t.Helper()
	var e events.DynamoDBEvent
	if err := json.Unmarshal(raw, &e); err != nil {
		t.Fatal(err)
	}
	again, err := json.Marshal(e)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := normal(t, again), normal(t, raw); got != want {
		t.Errorf("aws-lambda-go reads\n%s, of\n%s", got, want)
	}
}

// normal is JSON with its keys in order and its times as whole numbers.
func normal(t *testing.T, text []byte) string {
	t.Helper()
	text = regexp.MustCompile(`("ApproximateCreationDateTime":\d+)(\.\d+)?`).ReplaceAll(text, []byte("$1"))
	var value any
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber()
	if err := decoder.Decode(&value); err != nil {
		t.Fatal(err)
	}
	out, _ := json.Marshal(value)
	return string(out)
}

// What the time to live deletes is told from what a client deletes, where the service says so.
func TestTimeToLiveOfTables(t *testing.T) {
	tells := []streamService{dynamodbServices[0], dynamodbServices[1]} // LocalStack does not
	overStreams(t, tells, func(t *testing.T, c *corner) {
		tb := c.table("ttl", types.StreamViewTypeOldImage)
		_, err := tb.db.UpdateTimeToLive(t.Context(), &dynamodb.UpdateTimeToLiveInput{
			TableName:               &tb.name,
			TimeToLiveSpecification: &types.TimeToLiveSpecification{AttributeName: aws.String("until"), Enabled: aws.Bool(true)},
		})
		if err != nil {
			t.Fatal(err)
		}
		all := c.follow("all", tb.arn, succeed, "BatchSize: 1")
		deleted := c.follow("deleted", tb.stream, succeed,
			`FilterCriteria: {Filters: [{Pattern: '{"userIdentity":{"type":["Service"],"principalId":["dynamodb.amazonaws.com"]}}'}]}`)
		tb.put("stays")
		tb.deleteItem("stays")
		c.run(fileOf(all, deleted))
		tb.putItem(attributes{"pk": ofText("goes"), "until": ofNumber(int(time.Now().Unix()) - 1)})
		deleted.sees(tb, "goes")
		all.sees(tb, "stays", "stays", "goes", "goes")
		r := changed(deleted.fn.seen()[0])[0]
		if r.EventName != "REMOVE" || r.UserIdentity == nil || *r.UserIdentity != (events.DynamoDBUserIdentity{Type: "Service", PrincipalID: "dynamodb.amazonaws.com"}) {
			t.Errorf("record %+v", r)
		}
		raw := string(deleted.fn.seen()[0].Raw)
		const order = `"awsRegion":"REGION","userIdentity":{"type":"Service","principalId":"dynamodb.amazonaws.com"},"dynamodb":{`
		if want := strings.Replace(order, "REGION", r.AWSRegion, 1); !strings.Contains(raw, want) {
			t.Errorf("event %s, want %s in it", raw, want)
		}
		with := slices.IndexFunc(all.fn.seen(), func(e event) bool { return bytes.Contains(e.Raw, []byte("userIdentity")) })
		if with != 3 {
			t.Errorf("the first of the four records that names who did it is %d", with)
		}
	})
}
