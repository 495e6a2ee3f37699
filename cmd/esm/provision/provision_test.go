package provision

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/esm-run/esm/cmd/esm/configfile"
)

// kinds are one resource of each kind, the calls that are made for it, and what it holds in the end.
var kinds = []struct {
	name, yaml            string
	describe, create, put string // actions
	created               string
	contents              []string
}{
	{"queue orders", "  Queues: [{QueueName: orders, Messages: [a, b, c]}]\n",
		"GetQueueUrl", "CreateQueue", "SendMessage", "created, with 3 messages", []string{"a", "b", "c"}},
	{"stream clicks", "  Streams: [{StreamName: clicks, ShardCount: 2, Records: [{PartitionKey: u1, Data: a}, {PartitionKey: u2, Data: b}, {PartitionKey: u1, Data: c}]}]\n",
		"DescribeStreamSummary", "CreateStream", "PutRecord", "created, with 3 records", []string{"u1:a", "u1:c", "u2:b"}},
	{"table carts", "  Tables: [{TableName: carts, AttributeDefinitions: [{AttributeName: pk, AttributeType: S}], KeySchema: [{AttributeName: pk, KeyType: HASH}],\n" +
		"    StreamSpecification: {StreamEnabled: true, StreamViewType: NEW_IMAGE}, Items: [{pk: {S: a}}, {pk: {S: b}, n: {N: '1'}}]}]\n",
		"DescribeTable", "CreateTable", "PutItem", "created, with 2 items", []string{"a", "b"}},
	{"topic alerts", "  Topics: [{Name: alerts}]\n", "GetTopicAttributes", "CreateTopic", "", "created", nil},
	{"bucket failures", "  Buckets: [{Bucket: failures}]\n", http.MethodHead, http.MethodPut, "", "created", nil},
}

const streamKind = 1

// The first run creates everything and fills it, the second changes nothing.
func TestCreateOnce(t *testing.T) {
	text := ""
	for _, k := range kinds {
		text += k.yaml
	}
	file, s := resourcesFile(t, text), newService()
	var created []string
	s.seen = func(action, body string) {
		if slices.Contains([]string{"CreateStream", "CreateTable", http.MethodPut}, action) {
			created = append(created, body)
		}
	}
	for _, first := range []bool{true, false} {
		synctest.Test(t, func(t *testing.T) {
			log := new(recorder)
			if err := Create(t.Context(), file, s.clients(), log); err != nil {
				t.Fatal(err)
			}
			for _, k := range kinds {
				kind, _, _ := strings.Cut(k.name, " ")
				if got := s.contents(t, kind); (kind != "queue" || first) && !slices.Equal(got, k.contents) {
					t.Errorf("%s: got %q, want %q", k.name, got, k.contents)
				}
				if got := strings.Contains(log.String(), k.name+": "+k.created+"\n"); got != first {
					t.Errorf("first run %v, logged: %s", first, log)
				}
			}
			if got, want := strings.Count(log.String(), "\n"), len(kinds); first && got != want || !first && got != 0 {
				t.Errorf("first run %v, logged: %s", first, log)
			}
		})
	}
	want := []string{
		`<CreateBucketConfiguration xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><LocationConstraint>eu-west-1</LocationConstraint></CreateBucketConfiguration>`,
		`{"ShardCount":2,"StreamName":"clicks"}`,
		`{"AttributeDefinitions":[{"AttributeName":"pk","AttributeType":"S"}],"BillingMode":"PAY_PER_REQUEST",` +
			`"KeySchema":[{"AttributeName":"pk","KeyType":"HASH"}],` +
			`"StreamSpecification":{"StreamEnabled":true,"StreamViewType":"NEW_IMAGE"},"TableName":"carts"}`,
	}
	if !slices.EqualFunc(created, want, sameAttribute) {
		t.Errorf("created by:\n%s\nwant:\n%s", strings.Join(created, "\n"), strings.Join(want, "\n"))
	}
}

// Whatever call fails, undone or done, for longer than the SDK tries: in the end everything is there, in order.
func TestCreateThroughFaults(t *testing.T) {
	const long = 7 // calls; the SDK makes three
	for _, k := range kinds {
		kind, _, _ := strings.Cut(k.name, " ")
		file := resourcesFile(t, k.yaml)
		for _, action := range []string{k.describe, k.create, k.put} {
			for after := range 2 {
				for name, how := range faults {
					if action == "" || action == k.create && after > 0 {
						continue
					}
					t.Run(fmt.Sprintf("%s/%s after %d, %s", k.name, action, after, name), func(t *testing.T) {
						synctest.Test(t, func(t *testing.T) {
							s, log := newService(), new(recorder)
							s.fails = calls(action, after, after+long, how)
							if err := Create(t.Context(), file, s.clients(), log); err != nil {
								t.Fatal(err)
							}
							got := s.contents(t, kind)
							if unique := slices.Compact(slices.Clone(got)); !slices.Equal(unique, k.contents) || how != done && len(got) != len(unique) {
								t.Errorf("got %q, want %q", got, k.contents)
							}
							if n := strings.Count(log.String(), "trying again"); n != 1 {
								t.Errorf("it is logged %d times that it waits: %s", n, log)
							}
						})
					})
				}
			}
		}
	}
}

func TestDifferencesAreReported(t *testing.T) {
	const table = "  Tables: [{TableName: carts, AttributeDefinitions: [{AttributeName: pk, AttributeType: %s}], KeySchema: [{AttributeName: pk, KeyType: HASH}]%s}]\n"
	const redrive = `{"deadLetterTargetArn":"arn:aws:sqs:eu-west-1:000000000000:dead","maxReceiveCount":%s}`
	queue := func(attributes string) string {
		return "  Queues: [{QueueName: dead}, {QueueName: q, Attributes: {" + attributes + "}}]\n"
	}
	first := queue("VisibilityTimeout: '30', RedrivePolicy: '" + fmt.Sprintf(redrive, `"5"`) + "'")
	for _, c := range []struct{ name, first, second, want string }{
		{"shards", "  Streams: [{StreamName: clicks, ShardCount: 2}]\n", "  Streams: [{StreamName: clicks, ShardCount: 4, Records: [{PartitionKey: a, Data: b}]}]\n",
			"stream clicks: exists and is left as it is: it has 2 open shards, in the file its ShardCount is 4"},
		{"stream of a table", fmt.Sprintf(table, "S", ""), fmt.Sprintf(table, "S", ", StreamSpecification: {StreamEnabled: true, StreamViewType: KEYS_ONLY}"),
			"table carts: exists and is left as it is: its stream is none, in the file KEYS_ONLY"},
		{"key", fmt.Sprintf(table, "S", ""), fmt.Sprintf(table, "N", ", StreamSpecification: {StreamEnabled: false}"),
			"table carts: exists and is left as it is: its key is pk (HASH, S), in the file pk (HASH, N)"},
		{"the same queue", first, queue("VisibilityTimeout: '30', RedrivePolicy: '" + fmt.Sprintf(redrive, " 5") + "'"), ""},
		{"fewer attributes", first, queue(""), ""},
		{"another attribute", first, queue("VisibilityTimeout: '60'"),
			`queue q: exists and is left as it is: its VisibilityTimeout is "30", in the file "60"`},
		{"more attributes", first, queue("RedriveAllowPolicy: '{}', RedrivePolicy: '" + fmt.Sprintf(redrive, "6") + "'"),
			`left as it is: its RedriveAllowPolicy is "", in the file "{}"; its RedrivePolicy is `},
	} {
		t.Run(c.name, func(t *testing.T) {
			first, second, s := resourcesFile(t, c.first), resourcesFile(t, c.second), newService()
			synctest.Test(t, func(t *testing.T) {
				log := new(recorder)
				for _, file := range []*configfile.File{first, first, second} {
					if err := Create(t.Context(), file, s.clients(), log); err != nil {
						t.Fatal(err)
					}
				}
				if got := log.String(); !strings.Contains(got, c.want) || strings.Count(got, "warning:") != min(len(c.want), 1) {
					t.Errorf("logged %s, want %s once", got, c.want)
				}
			})
		})
	}
}

// A stream that is being deleted is created once it is gone; one that another process creates is waited for, and not filled.
func TestPendingResourceIsAwaited(t *testing.T) {
	empty, full := resourcesFile(t, "  Streams: [{StreamName: clicks, ShardCount: 2}]\n"), resourcesFile(t, kinds[streamKind].yaml)
	for _, c := range []struct {
		name     string
		exists   bool
		statuses []string
		contents int
		want     string
	}{
		{"deleted", false, []string{"DELETING", "DELETING"}, 3, "stream clicks: created, with 3 records"},
		{"created by another", true, []string{"CREATING", "CREATING"}, 0, ""},
		{"for long", true, slices.Repeat([]string{"CREATING"}, 300), 0, "stream clicks: its status is CREATING; trying again until it answers"},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s, log := newService(), new(recorder)
				if c.exists {
					if err := Create(t.Context(), empty, s.clients(), new(recorder)); err != nil {
						t.Fatal(err)
					}
				}
				s.answer = func(action string) *http.Response {
					if action != "DescribeStreamSummary" || len(c.statuses) == 0 {
						return nil
					}
					status := c.statuses[0]
					c.statuses = c.statuses[1:]
					return response(200, fmt.Sprintf(`{"StreamDescriptionSummary":{"StreamName":"clicks","StreamStatus":%q,"OpenShardCount":2}}`, status))
				}
				if err := Create(t.Context(), full, s.clients(), log); err != nil {
					t.Fatal(err)
				}
				if got := len(s.contents(t, "stream")); got != c.contents {
					t.Errorf("it holds %d records, want %d", got, c.contents)
				}
				if got := log.String(); !strings.Contains(got, c.want) || strings.Count(got, "\n") != min(len(c.want), 1) {
					t.Errorf("logged %q, want %q", got, c.want)
				}
			})
		})
	}
}

func TestThrottlingIsTemporaryLimitsAreNot(t *testing.T) {
	file := resourcesFile(t, kinds[streamKind].yaml)
	for _, c := range []struct {
		action, code, want string
	}{
		{"PutRecord", "ProvisionedThroughputExceededException", ""},
		{"DescribeStreamSummary", "ThrottlingException", ""},
		{"CreateStream", "LimitExceededException", "stream clicks: create: "},
		{"DescribeStreamSummary", "AccessDeniedException", "stream clicks: describe: "},
		{"PutRecord", "AccessDeniedException", "stream clicks: put record 0: "},
	} {
		synctest.Test(t, func(t *testing.T) {
			s, log, times := newService(), new(recorder), 5
			s.answer = func(action string) *http.Response {
				if action != c.action || times == 0 {
					return nil
				}
				times--
				return refusal(c.code)
			}
			err := Create(t.Context(), file, s.clients(), log)
			if got := fmt.Sprint(err); c.want == "" && err != nil || !strings.HasPrefix(got, c.want) && c.want != "" {
				t.Errorf("%s, %s: got %v, want %q", c.action, c.code, err, c.want)
			}
			if got := strings.Contains(log.String(), "trying again"); got != (c.want == "") {
				t.Errorf("%s, %s: logged %s", c.action, c.code, log)
			}
		})
	}
}

// A refusal ends the run at once. A resource that was created and not filled is reported, since the next run takes it for
// full.
func TestRefusalIsAnError(t *testing.T) {
	for _, c := range []struct {
		name  string
		queue configfile.Queue
		want  string
		logs  string
	}{
		{"an attribute", configfile.Queue{Attributes: map[string]string{"VisibilityTimeout": "-1"}}, "create: ", ""},
		{"a message", configfile.Queue{Messages: []configfile.Message{{MessageBody: "a"}, {MessageBody: ""}}}, "put message 1: ",
			"queue q: created with only 1 of its 2 messages: the next run finds it and adds none"},
		{"base64", configfile.Queue{Messages: []configfile.Message{{
			MessageBody: "a", MessageAttributes: map[string]configfile.MessageAttribute{"x": {DataType: "Binary", BinaryValue: "?"}},
		}}}, "put message 0: attribute x: ", "created with only 0 of its 1 messages: "},
	} {
		file := resourcesFile(t, "  Queues: [{QueueName: q}]\n")
		c.queue.QueueName = "q"
		file.Resources.Queues = []configfile.Queue{c.queue}
		synctest.Test(t, func(t *testing.T) {
			began, log := time.Now(), new(recorder)
			err := Create(t.Context(), file, newService().clients(), log)
			if err == nil || !strings.HasPrefix(err.Error(), "queue q: "+c.want) {
				t.Errorf("%s: got %v, want %q", c.name, err, c.want)
			}
			if time.Since(began) > retryAfter || strings.Contains(log.String(), "trying again") {
				t.Errorf("%s: it waited %v and logged %q", c.name, time.Since(began), log)
			}
			if got := log.String(); !strings.Contains(got, c.logs) || c.logs == "" && got != "" {
				t.Errorf("%s: it logged %q, want %q", c.name, got, c.logs)
			}
		})
	}
}

func TestCancelEndsTheWait(t *testing.T) {
	file := resourcesFile(t, kinds[streamKind].yaml)
	for name, c := range map[string]struct {
		fails func(string) fault
		want  string
	}{
		"nothing answers":    {func(string) fault { return undone }, "trying again until it answers"},
		"while it is filled": {calls("PutRecord", 1, 1000, undone), "stream clicks: created with only 1 of its 3 records: the next run finds it and adds none"},
	} {
		synctest.Test(t, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			s, log, began := newService(), new(recorder), time.Now()
			s.fails = c.fails
			if err := Create(ctx, file, s.clients(), log); !errors.Is(err, context.DeadlineExceeded) || time.Since(began) != time.Minute {
				t.Errorf("%s: got %v after %v, want the end of ctx", name, err, time.Since(began))
			}
			if got := log.String(); !strings.Contains(got, c.want) {
				t.Errorf("%s: logged %s, want %s", name, got, c.want)
			}
		})
	}
}

// A service without a memory that is restarted while it is filled is filled from the start.
func TestRestartedServiceIsFilledAgain(t *testing.T) {
	file, s := resourcesFile(t, kinds[streamKind].yaml), newService()
	synctest.Test(t, func(t *testing.T) {
		fails := calls("PutRecord", 2, 5, undone) // as often as the SDK tries
		s.fails = func(action string) fault {
			how := fails(action)
			if how == undone {
				s.standIn = newStandIn()
			}
			return how
		}
		if err := Create(t.Context(), file, s.clients(), new(recorder)); err != nil {
			t.Fatal(err)
		}
		if got, want := s.contents(t, "stream"), kinds[streamKind].contents; !slices.Equal(got, want) {
			t.Errorf("got %q, want %q", got, want)
		}
	})
}

func TestMessagesKeepAttributes(t *testing.T) {
	file := resourcesFile(t, `  Queues: [{QueueName: q.fifo, Messages: [
    {MessageBody: a, MessageGroupId: g, MessageDeduplicationId: d},
    {MessageBody: b, MessageGroupId: g, MessageDeduplicationId: e, MessageAttributes: {n: {DataType: Number.int, StringValue: '1'}, b: {DataType: Binary, BinaryValue: 'AQI='}}}]}]
`)
	var sent []map[string]any
	s := newService()
	s.seen = func(_, body string) {
		var in map[string]any
		if json.Unmarshal([]byte(body), &in) == nil && in["MessageBody"] != nil {
			delete(in, "QueueUrl")
			sent = append(sent, in)
		}
	}
	if err := Create(t.Context(), file, s.clients(), new(recorder)); err != nil {
		t.Fatal(err)
	}
	got, _ := json.Marshal(sent)
	want := `[{"MessageBody":"a","MessageDeduplicationId":"d","MessageGroupId":"g"},` +
		`{"MessageAttributes":{"b":{"BinaryValue":"AQI=","DataType":"Binary"},"n":{"DataType":"Number.int","StringValue":"1"}},` +
		`"MessageBody":"b","MessageDeduplicationId":"e","MessageGroupId":"g"}]`
	if string(got) != want {
		t.Errorf("got %s\nwant %s", got, want)
	}
}
