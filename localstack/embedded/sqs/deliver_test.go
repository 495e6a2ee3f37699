package sqs

import (
	"testing"
	"testing/synctest"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"github.com/esm-run/esm/localstack/embedded/inprocess"
	"github.com/esm-run/esm/localstack/embedded/relay"
)

// TestTraceHeader sends messages in requests that have a trace header, which those with an AWSTraceHeader of their own ignore.
func TestTraceHeader(t *testing.T) {
	bubble(t, func(c *client) {
		const request, own = "Root=1-6789abcd-0123456789abcdef01234567;Sampled=1", "Root=2"
		q := c.create("q")
		system := map[string]types.MessageSystemAttributeValue{"AWSTraceHeader": {DataType: aws.String("String"), StringValue: aws.String(own)}}
		traced := func(o *sdk.Options) {
			o.APIOptions = append(o.APIOptions, smithyhttp.AddHeaderValue("X-Amzn-Trace-Id", request))
		}
		for _, in := range []sdk.SendMessageInput{{MessageBody: aws.String("request")}, {MessageBody: aws.String("own"), MessageSystemAttributes: system}} {
			in.QueueUrl = &q
			out, err := c.SendMessage(c.t.Context(), &in, traced)
			if err != nil {
				c.t.Fatal(err)
			}
			if (out.MD5OfMessageSystemAttributes != nil) != (in.MessageSystemAttributes != nil) {
				c.t.Errorf("%s: got the digest %v", *in.MessageBody, out.MD5OfMessageSystemAttributes)
			}
		}
		if _, err := c.SendMessageBatch(c.t.Context(), &sdk.SendMessageBatchInput{QueueUrl: &q, Entries: []types.SendMessageBatchRequestEntry{
			{Id: aws.String("a"), MessageBody: aws.String("request")}, {Id: aws.String("b"), MessageBody: aws.String("own"), MessageSystemAttributes: system},
		}}, traced); err != nil {
			c.t.Fatal(err)
		}
		c.send(q, "none")
		want := map[string]string{"request": request, "own": own, "none": ""}
		got := c.receive(q, 10, 0)
		for _, m := range got {
			if header := m.Attributes["AWSTraceHeader"]; header != want[*m.Body] {
				c.t.Errorf("%s: got %q, want %q", *m.Body, header, want[*m.Body])
			}
		}
		if len(got) != 5 {
			c.t.Errorf("got %d messages", len(got))
		}
	})
}

func TestDeliver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := new(Server)
		c := &client{Client: sdk.NewFromConfig(inprocess.Config(s)), t: t}
		standard, fifo := c.create("q"), c.createFIFO("q", "ContentBasedDeduplication", "true")
		m := relay.Message{Body: "body", Subject: "ignored", Trace: "Root=1", Attributes: map[string]relay.Attribute{
			"n": {Type: "Number", Value: "1"}, "b": {Type: "Binary.png", Value: "AP8="}, "l": {Type: "String.Array", Value: "[1]"},
		}}
		grouped := m
		grouped.Group = "g"
		for url, m := range map[string]relay.Message{standard: m, fifo: grouped} {
			if err := s.Deliver(t.Context(), c.attributes(url)["QueueArn"], m); err != nil {
				t.Errorf("%s: %v", url, err)
			}
			got := c.receive(url, 10, 0)
			c.wantBodies(url, got, "body")
			of := got[0].MessageAttributes
			if got[0].Attributes["AWSTraceHeader"] != "Root=1" || got[0].Attributes["MessageGroupId"] != m.Group || *of["n"].StringValue != "1" ||
				string(of["b"].BinaryValue) != "\x00\xff" || *of["b"].DataType != "Binary.png" || *of["l"].DataType != "String.Array" {
				t.Errorf("got %+v", got[0])
			}
		}
		const arn = "arn:aws:sqs:us-east-1:000000000000:"
		bad := m
		bad.Attributes = map[string]relay.Attribute{"b": {Type: "Binary", Value: "!"}}
		for _, test := range []struct {
			arn string
			m   relay.Message
		}{{arn + "q.fifo", m}, {arn + "none", m}, {"arn:aws:sqs:eu-west-1:000000000000:q", m}, {arn + "q", relay.Message{}}, {arn + "q", bad}} {
			if err := s.Deliver(t.Context(), test.arn, test.m); !relay.Refused(err) {
				t.Errorf("%s %v: got %v, want a refusal", test.arn, test.m, err)
			}
		}
		if !s.Has(arn+"q") || s.Has(arn+"none") || s.Has("arn:aws:sqs:eu-west-1:000000000000:q") {
			t.Error("it does not know its queues")
		}
	})
}
