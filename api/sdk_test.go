package api

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"

	"github.com/esm-run/esm/config"
)

// TestSDK takes a mapping through its life with AWS's own client for Go.
func TestSDK(t *testing.T) {
	f := serve(t)
	c, ctx := f.client(), t.Context()
	made, err := c.CreateEventSourceMapping(ctx, &lambda.CreateEventSourceMappingInput{
		FunctionName: aws.String("f"), EventSourceArn: aws.String(stream), StartingPosition: types.EventSourcePositionAtTimestamp,
		StartingPositionTimestamp: aws.Time(time.Unix(1741010802, 0)), Tags: map[string]string{"a/b": "c"}, MaximumRetryAttempts: aws.Int32(3),
		DestinationConfig: &types.DestinationConfig{OnFailure: &types.OnFailure{Destination: aws.String("arn:aws:s3:::lost")}},
	})
	if err != nil {
		t.Fatal(err)
	}
	if got := made.StartingPositionTimestamp.Unix(); got != 1741010802 || !made.LastModified.Equal(modified) || *made.State != "Creating" {
		t.Errorf("made %+v", made)
	}
	f.register.settle()
	changed, err := c.UpdateEventSourceMapping(ctx, &lambda.UpdateEventSourceMappingInput{UUID: made.UUID, BatchSize: aws.Int32(7)})
	if err != nil || *changed.BatchSize != 7 || *changed.MaximumRetryAttempts != 3 || *changed.DestinationConfig.OnFailure.Destination != "arn:aws:s3:::lost" {
		t.Errorf("changed %+v, %v", changed, err)
	}
	f.register.settle()
	c.TagResource(ctx, &lambda.TagResourceInput{Resource: made.EventSourceMappingArn, Tags: map[string]string{"d": "e", "f": "g"}})
	c.UntagResource(ctx, &lambda.UntagResourceInput{Resource: made.EventSourceMappingArn, TagKeys: []string{"a/b", "f"}})
	tags, err := c.ListTags(ctx, &lambda.ListTagsInput{Resource: made.EventSourceMappingArn})
	if err != nil || fmt.Sprint(tags.Tags) != "map[d:e]" {
		t.Errorf("tags %+v, %v", tags, err)
	}
	if _, err := c.DeleteEventSourceMapping(ctx, &lambda.DeleteEventSourceMappingInput{UUID: made.UUID}); err != nil {
		t.Error(err)
	}
	_, err = c.DeleteEventSourceMapping(ctx, &lambda.DeleteEventSourceMappingInput{UUID: made.UUID})
	if busy, ok := errors.AsType[*types.ResourceInUseException](err); !ok || busy.Message == nil || *busy.Type != "User" {
		t.Errorf("deleting twice: %v", err)
	}
	f.register.settle()
	_, err = c.GetEventSourceMapping(ctx, &lambda.GetEventSourceMappingInput{UUID: made.UUID})
	if gone, ok := errors.AsType[*types.ResourceNotFoundException](err); !ok || *gone.Message != "The resource you requested does not exist." {
		t.Errorf("after its end: %v", err)
	}
}

// TestSDKLists pages through 205 mappings while one of each page is deleted behind it.
func TestSDKLists(t *testing.T) {
	f := serve(t)
	c, ctx := f.client(), t.Context()
	for i := range 205 {
		name := fmt.Sprintf("f%d", i%5)
		if _, err := c.CreateEventSourceMapping(ctx, &lambda.CreateEventSourceMappingInput{
			FunctionName: &name, EventSourceArn: aws.String(fmt.Sprintf("%s%d", queue, i)),
		}); err != nil {
			t.Fatal(err)
		}
	}
	f.register.settle()
	tests := []struct {
		in    lambda.ListEventSourceMappingsInput
		pages []int
	}{
		{lambda.ListEventSourceMappingsInput{}, []int{100, 100, 5}},
		{lambda.ListEventSourceMappingsInput{MaxItems: aws.Int32(10000), FunctionName: aws.String("f3")}, []int{41}},
		{lambda.ListEventSourceMappingsInput{MaxItems: aws.Int32(20), FunctionName: aws.String("123456789012:function:f4")}, []int{20, 20, 1}},
		{lambda.ListEventSourceMappingsInput{FunctionName: aws.String("arn:aws:lambda:us-east-1:123456789012:function:f4:live")}, []int{0}},
		{lambda.ListEventSourceMappingsInput{FunctionName: aws.String("arn:aws:lambda:eu-west-1:123456789012:function:f4")}, []int{0}},
		{lambda.ListEventSourceMappingsInput{EventSourceArn: aws.String(queue + "7")}, []int{1}},
		{lambda.ListEventSourceMappingsInput{EventSourceArn: aws.String(queue + "7"), FunctionName: aws.String("f3")}, []int{0}},
	}
	for i, tt := range tests {
		var got []int
		for pages := lambda.NewListEventSourceMappingsPaginator(c, &tt.in); pages.HasMorePages(); {
			page, err := pages.NextPage(ctx)
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, len(page.EventSourceMappings))
		}
		if !slices.Equal(got, tt.pages) {
			t.Errorf("%d: pages of %v, want %v", i, got, tt.pages)
		}
	}
	page, _ := c.ListEventSourceMappings(ctx, &lambda.ListEventSourceMappingsInput{MaxItems: aws.Int32(50)})
	c.DeleteEventSourceMapping(ctx, &lambda.DeleteEventSourceMappingInput{UUID: page.NextMarker})
	f.register.settle()
	rest, err := c.ListEventSourceMappings(ctx, &lambda.ListEventSourceMappingsInput{MaxItems: aws.Int32(1), Marker: page.NextMarker})
	if err != nil || *rest.EventSourceMappings[0].UUID != "00000051-0000-4000-8000-000000000000" {
		t.Errorf("after the marker's mapping was deleted: %+v, %v", rest, err)
	}
}

func TestListErrors(t *testing.T) {
	f := serve(t)
	for query, want := range map[string]string{
		"MaxItems=0":          `400 ValidationException {"message":"1 validation error detected: Value '0' at 'maxItems' failed to satisfy constraint: Member must have value greater than or equal to 1"}`,
		"MaxItems=10001":      `400 ValidationException {"message":"1 validation error detected: Value '10001' at 'maxItems' failed to satisfy constraint: Member must have value less than or equal to 10000"}`,
		"MaxItems=x":          `400 SerializationException {"Message":"STRING_VALUE can not be converted to an Integer (MaxItems)"}`,
		"Marker=x":            `400 InvalidParameterValueException {"Type":"User","message":"Invalid Marker: give the NextMarker of an answer as it is."}`,
		"EventSourceArn=x":    `400 ValidationException {"message":"1 validation error detected: Value 'x' at 'eventSourceArn' failed to satisfy constraint: Member must satisfy regular expression pattern: arn:(aws[a-zA-Z0-9-]*):([a-zA-Z0-9\\-])+:([a-z]{2}(-gov)?-[a-z]+-\\d{1})?:(\\d{12})?:(.*)"}`,
		"FunctionName=absent": `200  {"EventSourceMappings":[]}`,
		"FunctionName=a.b":    `200  {"EventSourceMappings":[]}`,
		"FunctionName=" + strings.Repeat("a", 65): `200  {"EventSourceMappings":[]}`,
		"FunctionName=&MaxItems=0": `400 ValidationException {"message":"3 validation errors detected: ` +
			`Value '' at 'functionName' failed to satisfy constraint: Member must have length greater than or equal to 1; ` +
			`Value '' at 'functionName' failed to satisfy constraint: Member must satisfy regular expression pattern: ` + strings.ReplaceAll(config.FunctionNamePattern, `\`, `\\`) + `; ` +
			`Value '0' at 'maxItems' failed to satisfy constraint: Member must have value greater than or equal to 1"}`,
	} {
		if got := errorOf(f.ask("GET", mappingsPath+"?"+query, "")); got != want {
			t.Errorf("%s:\ngot  %s\nwant %s", query, got, want)
		}
	}
}

// Of many creates of one mapping at once one wins, and the others are told so.
func TestManyAtOnce(t *testing.T) {
	f := serve(t)
	c := f.client()
	var mu sync.Mutex
	made, conflicts := 0, 0
	var wg sync.WaitGroup
	for range 3 * maxReading {
		wg.Go(func() {
			_, err := c.CreateEventSourceMapping(context.Background(), &lambda.CreateEventSourceMappingInput{
				FunctionName: aws.String("f"), EventSourceArn: aws.String(queue),
			})
			_, conflict := errors.AsType[*types.ResourceConflictException](err)
			mu.Lock()
			defer mu.Unlock()
			switch {
			case err == nil:
				made++
			case conflict:
				conflicts++
			default:
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if made != 1 || conflicts != 3*maxReading-1 {
		t.Errorf("%d were made and %d conflicted", made, conflicts)
	}
}

// What botocore makes of every call, beside the client for Go: its exceptions and types.
const script = `
import sys, botocore.session
c = botocore.session.get_session().create_client("lambda", region_name="us-east-1", endpoint_url=sys.argv[1],
    aws_access_key_id="x", aws_secret_access_key="y")
def code(call, kind):
    try:
        call()
    except kind as e:
        print(e.response["Error"]["Code"], e.response["ResponseMetadata"]["HTTPStatusCode"], e.response["Error"]["Message"] or "no text")
q = "arn:aws:sqs:us-east-1:123456789012:q"
m = c.create_event_source_mapping(FunctionName="f", EventSourceArn=q, Tags={"a b": "\u00fc"}, FilterCriteria={"Filters": [{"Pattern": "{}"}]})
print(m["State"], m["LastModified"].isoformat()[:4], m["ResponseMetadata"]["HTTPStatusCode"])
u, arn = m["UUID"], m["EventSourceMappingArn"]
code(lambda: c.create_event_source_mapping(FunctionName="f", EventSourceArn=q), c.exceptions.ResourceConflictException)
code(lambda: c.update_event_source_mapping(UUID=u, BatchSize=11), c.exceptions.ResourceInUseException)
print(c.get_event_source_mapping(UUID=u)["FilterCriteria"], len(c.list_event_source_mappings(FunctionName="f", EventSourceArn=q)["EventSourceMappings"]))
c.tag_resource(Resource=arn, Tags={"c": "d"})
print(ascii(c.list_tags(Resource=arn)["Tags"]))
c.untag_resource(Resource=arn, TagKeys=["c", "a b"])
print(c.list_tags(Resource=arn)["Tags"])
code(lambda: c.delete_event_source_mapping(UUID=u), c.exceptions.ResourceInUseException)
code(lambda: c.get_event_source_mapping(UUID="0000ffff-0000-4000-8000-000000000000"), c.exceptions.ResourceNotFoundException)
code(lambda: c.create_event_source_mapping(FunctionName="f"), c.exceptions.InvalidParameterValueException)
code(lambda: c.create_event_source_mapping(FunctionName="f", EventSourceArn=q, BatchSize=10001), c.exceptions.ClientError)
code(lambda: c.list_layers(), c.exceptions.ClientError)
print([m["UUID"] == u for p in c.get_paginator("list_event_source_mappings").paginate() for m in p["EventSourceMappings"]])
`

const scriptPrints = `Creating 2025 202
ResourceConflictException 409 An event source mapping with SQS arn (" arn:aws:sqs:us-east-1:123456789012:q ") and function (" f ") already exists. Please update or delete the existing mapping with UUID 00000001-0000-4000-8000-000000000000
ResourceInUseException 400 Cannot update the event source mapping because it is in use.
{'Filters': [{'Pattern': '{}'}]} 1
{'a b': '\xfc', 'c': 'd'}
{}
ResourceInUseException 400 Cannot delete the event source mapping because it is in use.
ResourceNotFoundException 404 The resource you requested does not exist.
InvalidParameterValueException 400 Unrecognized event source.
ValidationException 400 1 validation error detected: Value '10001' at 'batchSize' failed to satisfy constraint: Member must have value less than or equal to 10000
UnknownOperationException 404 This engine has no operation of Lambda's API at this path: docs/api.md lists what it has.
[True]
`

// withBotocore is a Python that has botocore: ESM_TEST_PYTHON, or else python3. In CI there is one.
func withBotocore(t *testing.T) string {
	t.Helper()
	python := cmp.Or(os.Getenv("ESM_TEST_PYTHON"), "python3")
	err := exec.Command(python, "-c", "import botocore").Run()
	if err != nil && os.Getenv("CI") == "true" {
		t.Fatalf("%s has no botocore: %v", python, err)
	}
	if err != nil {
		t.Skipf("%s has no botocore: not compared with it (%v)", python, err)
	}
	return python
}

func TestBotocore(t *testing.T) {
	python := withBotocore(t)
	f := serve(t)
	out, err := exec.Command(python, "-c", script, f.url).CombinedOutput()
	if got := string(out); err != nil || got != scriptPrints {
		t.Errorf("got %v and\n%s\nwant\n%s", err, got, scriptPrints)
	}
}
