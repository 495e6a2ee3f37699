package wiring

import (
	"context"
	"errors"
	"fmt"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"github.com/esm-run/esm/cmd/esm/awsclient"
	"github.com/esm-run/esm/cmd/esm/configfile"
	"github.com/esm-run/esm/config"
	"github.com/esm-run/esm/localstack/embedded"
	"github.com/esm-run/esm/mappings"
)

const (
	someQueue  = "arn:aws:sqs:us-east-1:000000000000:"
	someStream = "arn:aws:kinesis:us-east-1:000000000000:stream/"
	someTable  = "arn:aws:dynamodb:us-east-1:000000000000:table/carts/stream/2026-01-01T00:00:00.000"
	someName   = "arn:aws:lambda:us-east-1:000000000000:function:f"
)

// checking makes a checker of a file with the function f, which may take 20 seconds, and the queues long and short.
func checking(t *testing.T, endpoint string) (c *Checker, said *strings.Builder) {
	t.Helper()
	file := &configfile.File{
		Aws:       configfile.Aws{Endpoint: endpoint, Region: "us-east-1", AccountId: "000000000000"},
		Functions: []config.Function{{Name: "f", Timeout: 20}},
	}
	said = new(strings.Builder)
	warn := func(format string, args ...any) { fmt.Fprintf(said, format+"\n", args...) }
	return &Checker{&Feeds{File: file, Clients: &awsclient.Clients{Region: "us-east-1"}}, warn}, said
}

func queuesOf(t *testing.T, visibility map[string]string) (endpoint string) {
	t.Helper()
	service := httptest.NewServer(new(embedded.Server))
	t.Cleanup(service.Close)
	t.Setenv("AWS_ACCESS_KEY_ID", "test")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "test")
	client, err := new(awsclient.Clients).SQS(t.Context(), service.URL, "us-east-1")
	if err != nil {
		t.Fatal(err)
	}
	for name, seconds := range visibility {
		_, err := client.CreateQueue(t.Context(), &sqs.CreateQueueInput{
			QueueName: &name, Attributes: map[string]string{"VisibilityTimeout": seconds},
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return service.URL
}

func filtered(pattern string) *config.FilterCriteria {
	return &config.FilterCriteria{Filters: []config.Filter{{Pattern: pattern}}}
}

// The texts are Lambda's, and so is what is found first.
func TestCheckOfMappings(t *testing.T) {
	c, _ := checking(t, queuesOf(t, map[string]string{"long": "20", "short": "19"}))
	const (
		noFunction = "Function does not exist"
		noQueue    = "Error occurred while ReceiveMessage. SQS Error Code: AWS.SimpleQueueService.NonExistentQueue. " +
			"SQS Error Message: The specified queue does not exist."
		tooShort = "Queue visibility timeout: 19 seconds is less than Function timeout: 20 seconds"
	)
	for _, x := range []struct {
		name    string
		mapping config.Mapping
		before  *config.Mapping
		want    string
	}{
		{name: "fine", mapping: config.Mapping{FunctionName: "f", EventSourceArn: someQueue + "long"}},
		{name: "fine by ARN", mapping: config.Mapping{FunctionName: someName, EventSourceArn: someQueue + "long"}},
		{name: "of an alias", mapping: config.Mapping{FunctionName: someName + ":live", EventSourceArn: someQueue + "long"}},
		{name: "pattern first", mapping: config.Mapping{FunctionName: "g", EventSourceArn: someQueue + "no", FilterCriteria: filtered("null")}, want: "Invalid filter pattern definition."},
		{name: "function before queue", mapping: config.Mapping{FunctionName: "g", EventSourceArn: someQueue + "no"}, want: noFunction},
		{name: "another region's", mapping: config.Mapping{FunctionName: strings.Replace(someName, "us-east-1", "eu-west-1", 1), EventSourceArn: someQueue + "long"}, want: noFunction},
		{name: "another account's", mapping: config.Mapping{FunctionName: "111111111111:function:f", EventSourceArn: someQueue + "long"}, want: noFunction},
		{name: "no queue", mapping: config.Mapping{FunctionName: "f", EventSourceArn: someQueue + "no"}, want: noQueue},
		{name: "no stream", mapping: config.Mapping{FunctionName: "f", EventSourceArn: someStream + "no", StartingPosition: config.Latest}, want: "Stream not found: " + someStream + "no"},
		{name: "no table", mapping: config.Mapping{FunctionName: "f", EventSourceArn: someTable, StartingPosition: config.Latest}, want: "Stream not found: " + someTable},
		{name: "short", mapping: config.Mapping{FunctionName: "f", EventSourceArn: someQueue + "short"}, want: tooShort},
		{name: "short for a qualified name", mapping: config.Mapping{FunctionName: "f:live", EventSourceArn: someQueue + "short"}, want: tooShort},
		{name: "short for an ARN", mapping: config.Mapping{FunctionName: someName, EventSourceArn: someQueue + "short"}, want: tooShort},

		{name: "changed, of a function that vanished", mapping: config.Mapping{FunctionName: "g", EventSourceArn: someQueue + "long"}, before: &config.Mapping{FunctionName: "g"}},
		{name: "changed, of a function that vanished, by its ARN", mapping: config.Mapping{FunctionName: strings.TrimSuffix(someName, "f") + "g", EventSourceArn: someQueue + "long"}, before: &config.Mapping{FunctionName: "g"}},
		{name: "changed, to another account's", mapping: config.Mapping{FunctionName: "111111111111:function:f", EventSourceArn: someQueue + "long"}, before: &config.Mapping{FunctionName: "f"}, want: noFunction},
		{name: "changed, to no function", mapping: config.Mapping{FunctionName: "g", EventSourceArn: someQueue + "long"}, before: &config.Mapping{FunctionName: "f"}, want: noFunction},
		{name: "changed, of a queue that vanished", mapping: config.Mapping{FunctionName: "f", EventSourceArn: someQueue + "no"}, before: &config.Mapping{FunctionName: "f"}},
		{name: "changed, of a stream that vanished", mapping: config.Mapping{FunctionName: "f", EventSourceArn: someStream + "no"}, before: &config.Mapping{FunctionName: "f"}},
		{name: "changed, of a queue that is too short now", mapping: config.Mapping{FunctionName: "f", EventSourceArn: someQueue + "short"}, before: &config.Mapping{FunctionName: "f"}, want: tooShort},
	} {
		t.Run(x.name, func(t *testing.T) {
			err := c.Check(t.Context(), x.mapping.Defaults(), x.before)
			got, invalid := errors.AsType[*mappings.InvalidError](err)
			switch {
			case x.want == "" && err != nil:
				t.Errorf("got %v, want that it may be", err)
			case x.want != "" && (!invalid || got.Problems[0].Message != x.want):
				t.Errorf("got %v, want %s", err, x.want)
			}
		})
	}
}

// What cannot be looked at may be there.
func TestCheckOfSourcesOutOfReach(t *testing.T) {
	nobody := httptest.NewServer(nil)
	nobody.Close()
	c, said := checking(t, nobody.URL)
	for _, source := range []string{someQueue + "q", someStream + "s"} {
		m := config.Mapping{FunctionName: "f", EventSourceArn: source, StartingPosition: config.Latest}
		if err := c.Check(t.Context(), m.Defaults(), nil); err != nil {
			t.Errorf("%s: got %v", source, err)
		}
		if !strings.Contains(said.String(), "a mapping of "+source+" is accepted although") {
			t.Errorf("%s: it says %s", source, said)
		}
	}
}

// Of a mapping that nobody waits for any more it is not said that it was accepted.
func TestCheckForACallerWhoHasGone(t *testing.T) {
	c, said := checking(t, queuesOf(t, nil))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for _, source := range []string{someQueue + "q", someStream + "s", someTable} {
		m := config.Mapping{FunctionName: "f", EventSourceArn: source, StartingPosition: config.Latest}
		if err := c.Check(ctx, m.Defaults(), nil); !errors.Is(err, context.Canceled) {
			t.Errorf("%s: got %v", source, err)
		}
	}
	if said.Len() > 0 {
		t.Errorf("it says %s", said)
	}
}
