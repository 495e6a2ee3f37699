package localstack_test

import (
	"os"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
)

// TestTheDiskIsFullWhileMappingsChange has every change refused with an error, and nothing changed by it.
func TestTheDiskIsFullWhileMappingsChange(t *testing.T) {
	t.Parallel()
	c := newCorner(t, kinesisServices[0])
	dir := c.smallDisk()
	_, arn := c.queue("full", map[string]string{})
	_, other := c.queue("other", map[string]string{})
	e := c.run(c.scaled())
	sdk := e.lambda()
	uuid := create(t, sdk, lambda.CreateEventSourceMappingInput{EventSourceArn: &arn, Tags: map[string]string{"a": "b"}})
	settles(t, sdk, uuid, "Enabled")
	ballast := c.fill(dir)
	resource := aws.String("arn:aws:lambda:us-east-1:000000000000:event-source-mapping:" + uuid)
	large := map[string]string{}
	for _, key := range numbers(40) {
		large[key] = strings.Repeat("x", 200)
	}
	changes := map[string]func() error{
		"create": func() error {
			_, err := sdk.CreateEventSourceMapping(t.Context(), &lambda.CreateEventSourceMappingInput{FunctionName: aws.String("f"), EventSourceArn: &other, Tags: large})
			return err
		},
		"tag": func() error {
			_, err := sdk.TagResource(t.Context(), &lambda.TagResourceInput{Resource: resource, Tags: large})
			return err
		},
		"update": func() error {
			_, err := sdk.UpdateEventSourceMapping(t.Context(), &lambda.UpdateEventSourceMappingInput{UUID: &uuid, BatchSize: aws.Int32(3)})
			return err
		},
		"reserve": func() error {
			_, err := sdk.PutFunctionConcurrency(t.Context(), &lambda.PutFunctionConcurrencyInput{FunctionName: aws.String("f"), ReservedConcurrentExecutions: aws.Int32(7)})
			return err
		},
		"delete": func() error {
			_, err := sdk.DeleteEventSourceMapping(t.Context(), &lambda.DeleteEventSourceMappingInput{UUID: &uuid})
			return err
		},
	}
	before := e.originsOf()
	for name, change := range changes {
		err := change()
		t.Logf("%s: %v", name, err)
		if nameOf(err) != "ServiceException" {
			t.Errorf("%s on a full disk says %v", name, err)
		}
	}
	e.wantOrigins(before)
	e.wantSays("no space left on device")
	if state := stateOf(t, sdk, uuid); state != "Enabled" {
		t.Errorf("the mapping is %s", state)
	}
	if err := os.Remove(ballast); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"tag", "update", "reserve"} {
		if err := changes[name](); err != nil {
			t.Errorf("%s with room again: %v", name, err)
		}
	}
	e.kill()
	e = c.run(c.scaled())
	e.wantOrigins(map[string]string{"f": "3 HTTP false"})
	got, err := e.lambda().GetFunctionConcurrency(t.Context(), &lambda.GetFunctionConcurrencyInput{FunctionName: aws.String("f")})
	if err != nil || got.ReservedConcurrentExecutions == nil || *got.ReservedConcurrentExecutions != 7 {
		t.Errorf("%+v is reserved (%v)", got, err)
	}
}
