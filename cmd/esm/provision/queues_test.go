package provision

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"github.com/esm-run/esm/cmd/esm/configfile"
	"github.com/esm-run/esm/localstack/embedded"
)

// standInClient returns a client of a new stand-in, through u.
func standInClient(u *unsteady) *sqs.Client {
	u.RoundTripper = new(embedded.Server).Client().Transport
	return sqs.New(sqs.Options{
		Region: "us-east-1", BaseEndpoint: aws.String("http://sqs"), HTTPClient: &http.Client{Transport: u},
		Credentials: credentials.NewStaticCredentialsProvider("test", "test", ""),
	})
}

// bodies returns the bodies of all messages of a queue, sorted.
func bodies(t *testing.T, client *sqs.Client, queue string) (all []string) {
	t.Helper()
	url, err := client.GetQueueUrl(t.Context(), &sqs.GetQueueUrlInput{QueueName: &queue})
	if err != nil {
		t.Fatal(err)
	}
	for {
		out, err := client.ReceiveMessage(t.Context(), &sqs.ReceiveMessageInput{QueueUrl: url.QueueUrl, MaxNumberOfMessages: 10})
		if err != nil {
			t.Fatal(err)
		}
		if len(out.Messages) == 0 {
			slices.Sort(all)
			return all
		}
		for _, m := range out.Messages {
			all = append(all, *m.Body)
		}
	}
}

var threeMessages = configfile.Queue{QueueName: "q", Messages: []configfile.Message{{MessageBody: "a"}, {MessageBody: "b"}, {MessageBody: "c"}}}

func provisionerOf(client *sqs.Client, q configfile.Queue, log Log) *provisioner {
	return &provisioner{resource: (&queue{Queue: q, client: client}).resource(), log: log}
}

func TestQueuesAreFilledOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client := standInClient(&unsteady{fails: noFaults})
		for _, want := range []string{"queue q: created, with 3 messages", ""} {
			log := new(recorded)
			m := provisionerOf(client, threeMessages, log)
			if err := m.run(t.Context()); err != nil {
				t.Fatal(err)
			}
			if got := log.String(); !strings.Contains(got, want) || want == "" && got != "" {
				t.Errorf("logged %q, want %q", got, want)
			}
		}
		if got, want := bodies(t, client, "q"), []string{"a", "b", "c"}; !slices.Equal(got, want) {
			t.Errorf("got %q, want %q", got, want)
		}
	})
}

// Any call may fail more often than the SDK retries: in the end every message is there.
func TestQueuesAreFilledThroughFaults(t *testing.T) {
	const long = 7 // calls; the SDK makes three
	for _, action := range []string{"GetQueueUrl", "CreateQueue", "SendMessage"} {
		for after := range 3 {
			for name, how := range faults {
				if after > 0 && action != "SendMessage" {
					continue
				}
				t.Run(fmt.Sprintf("%s after %d, %s", action, after, name), func(t *testing.T) {
					synctest.Test(t, func(t *testing.T) { fillThrough(t, action, after, after+long, how) })
				})
			}
		}
	}
}

// fillThrough fills a queue while the calls of an action from one number to another fail.
func fillThrough(t *testing.T, action string, from, to int, how fault) {
	u := &unsteady{fails: failing(action, from, to, how)}
	client := standInClient(u)
	log := new(recorded)
	m := provisionerOf(client, threeMessages, log)
	if err := m.run(t.Context()); err != nil {
		t.Fatal(err)
	}
	u.fails = noFaults
	got := bodies(t, client, "q")
	if unique := slices.Compact(slices.Clone(got)); !slices.Equal(unique, []string{"a", "b", "c"}) {
		t.Errorf("got %q, want every message", got)
	}
	if how != done && len(got) != 3 {
		t.Errorf("got %q, want every message once", got)
	}
	if n := strings.Count(log.String(), "trying again"); n != 1 {
		t.Errorf("that it waits is logged %d times: %s", n, log)
	}
}

func TestRefusalIsAnError(t *testing.T) {
	for _, c := range []struct {
		name  string
		queue configfile.Queue
		want  string
		says  string
	}{
		{"an attribute", configfile.Queue{QueueName: "q", Attributes: map[string]string{"VisibilityTimeout": "-1"}}, "create: ", ""},
		{"a message", configfile.Queue{QueueName: "q", Messages: []configfile.Message{{MessageBody: "a"}, {MessageBody: ""}}}, "put message 1: ",
			"queue q: created with only 1 of its 2 messages: the next run finds it and adds none"},
		{"base64", configfile.Queue{QueueName: "q", Messages: []configfile.Message{{
			MessageBody: "a", MessageAttributes: map[string]configfile.MessageAttribute{"x": {DataType: "Binary", BinaryValue: "?"}},
		}}}, "put message 0: attribute x: ", "created with only 0 of its 1 messages: "},
	} {
		synctest.Test(t, func(t *testing.T) {
			began := time.Now()
			log := new(recorded)
			m := provisionerOf(standInClient(&unsteady{fails: noFaults}), c.queue, log)
			err := m.run(t.Context())
			if err == nil || !strings.HasPrefix(err.Error(), c.want) {
				t.Errorf("%s: got %v, want %q", c.name, err, c.want)
			}
			if time.Since(began) > retryAfter || strings.Contains(log.String(), "trying again") {
				t.Errorf("%s: it waited %v and logged %q", c.name, time.Since(began), log)
			}
			if got := log.String(); !strings.Contains(got, c.says) || c.says == "" && got != "" {
				t.Errorf("%s: it logged %q, want %q", c.name, got, c.says)
			}
		})
	}
}

func TestCancelEndsTheWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		log := new(recorded)
		m := provisionerOf(standInClient(&unsteady{fails: func(string) fault { return undone }}), threeMessages, log)
		began := time.Now()
		if err := m.run(ctx); !errors.Is(err, context.DeadlineExceeded) || time.Since(began) != time.Minute {
			t.Errorf("got %v after %v, want the end of ctx", err, time.Since(began))
		}
	})
}

func TestMessagesKeepAttributes(t *testing.T) {
	var sent []map[string]any
	u := &unsteady{fails: noFaults}
	client := standInClient(u)
	u.RoundTripper = spy{u.RoundTripper, func(body []byte) {
		var in map[string]any
		if json.Unmarshal(body, &in) == nil && in["MessageBody"] != nil {
			delete(in, "QueueUrl")
			sent = append(sent, in)
		}
	}}
	queue := configfile.Queue{QueueName: "q.fifo", Attributes: map[string]string{"FifoQueue": "true"}, Messages: []configfile.Message{
		{MessageBody: "a", MessageGroupId: "g", MessageDeduplicationId: "d"},
		{MessageBody: "b", MessageGroupId: "g", MessageDeduplicationId: "e", MessageAttributes: map[string]configfile.MessageAttribute{
			"n": {DataType: "Number.int", StringValue: "1"}, "b": {DataType: "Binary", BinaryValue: "AQI="},
		}},
	}}
	log := new(recorded)
	if err := provisionerOf(client, queue, log).run(t.Context()); err != nil {
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

// spy passes the bodies of requests to see.
type spy struct {
	http.RoundTripper
	see func(body []byte)
}

func (s spy) RoundTrip(r *http.Request) (*http.Response, error) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	s.see(body)
	r = r.Clone(r.Context())
	r.Body = io.NopCloser(strings.NewReader(string(body)))
	return s.RoundTripper.RoundTrip(r)
}

func TestQueueDifferencesAreReported(t *testing.T) {
	const policy = `{"deadLetterTargetArn":"arn:aws:sqs:us-east-1:000000000000:dead","maxReceiveCount":%s}`
	first := map[string]string{"VisibilityTimeout": "30", "RedrivePolicy": fmt.Sprintf(policy, `"5"`)}
	for _, c := range []struct {
		name   string
		second map[string]string
		want   string
	}{
		{"the same", map[string]string{"VisibilityTimeout": "30", "RedrivePolicy": fmt.Sprintf(policy, " 5")}, ""},
		{"less", nil, ""},
		{"another", map[string]string{"VisibilityTimeout": "60"},
			`queue q: exists and is left as it is: its VisibilityTimeout is "30", in the file "60"`},
		{"more", map[string]string{"RedriveAllowPolicy": "{}", "RedrivePolicy": fmt.Sprintf(policy, "6")},
			`left as it is: its RedriveAllowPolicy is "", in the file "{}"; its RedrivePolicy is `},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				client := standInClient(&unsteady{fails: noFaults})
				log := new(recorded)
				for _, q := range []configfile.Queue{{QueueName: "dead"}, {QueueName: "q", Attributes: first}, {QueueName: "q", Attributes: c.second}} {
					if err := provisionerOf(client, q, log).run(t.Context()); err != nil {
						t.Fatal(err)
					}
				}
				if got := log.String(); !strings.Contains(got, c.want) || strings.Contains(got, "warning:") != (c.want != "") {
					t.Errorf("logged %s, want %s", got, c.want)
				}
			})
		})
	}
}
