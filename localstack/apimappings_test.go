package localstack_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
)

const (
	parameterError  = "InvalidParameterValueException"
	modelError      = "ValidationException"
	missingMapping  = "The resource you requested does not exist."
	unsupportedText = "Unsupported %s parameter for given event source mapping type."
)

// clients names AWS's own clients, each of which has a function of its name, so that their stories do not meet.
var clients = []string{"go", "botocore", "cli"}

func clientOf(t *testing.T, name, url string) client {
	t.Helper()
	switch name {
	case "go":
		return newGoClient(url)
	case "botocore":
		return newBotocore(t, url)
	}
	return newAWSCLI(t, url)
}

// overClients runs an engine with a function for each client, and a test for each, side by side.
func overClients(t *testing.T, test func(t *testing.T, c *corner, e *engine, name string)) {
	t.Parallel()
	c := newCorner(t, kinesisServices[0])
	functions := ""
	for _, name := range clients {
		functions += "  " + name + ": " + c.fn.yaml() + "\n"
	}
	e := c.run("Functions:\n" + functions)
	for _, name := range clients {
		t.Run(name, func(t *testing.T) { test(t, c, e, name) })
	}
}

// TestMappingsOverHTTP takes mappings of every kind of source through their lives with AWS's own clients, key by key.
func TestMappingsOverHTTP(t *testing.T) {
	overClients(t, func(t *testing.T, c *corner, e *engine, name string) {
		_, queue := c.queue("api-"+name, map[string]string{})
		_, lost := c.queue("api-lost-"+name, map[string]string{})
		stream := c.stream("api-"+name, 1)
		table := c.table("api-" + name)
		stories := map[string][]apiCall{
			"queue": queueStory(queue, name), "tags": tagStory(queue, name),
			"stream": streamStory(stream.arn, name, lost), "timestamp": timestampStory(stream.arn, name), "table": tableStory(table.stream, name),
		}
		tell := &telling{client: clientOf(t, name, e.lambdaURL()), sdk: e.lambda()}
		for _, story := range []string{"queue", "tags", "stream", "timestamp", "table"} {
			t.Run(story, func(t *testing.T) { tell.story(t, stories[story]) })
		}
	})
}

const (
	createMapping = "CreateEventSourceMapping"
	getMapping    = "GetEventSourceMapping"
	listMappings  = "ListEventSourceMappings"
	updateMapping = "UpdateEventSourceMapping"
	deleteMapping = "DeleteEventSourceMapping"
)

func queueStory(queue, function string) []apiCall {
	doc := queueDocument(queue, function)
	rich := members{
		"BatchSize": 300, "MaximumBatchingWindowInSeconds": 5, "FunctionResponseTypes": []string{"ReportBatchItemFailures"},
		"FilterCriteria": members{"Filters": []members{{"Pattern": `{ "body": ["<&>é"] }`}}},
		"ScalingConfig":  members{"MaximumConcurrency": 2}, "MetricsConfig": members{"Metrics": []string{"EventCount"}},
	}
	uuid := members{"UUID": "UUID"}
	exists := fmt.Sprintf(`An event source mapping with SQS arn (" %s ") and function (" %s ") already exists. `+
		"Please update or delete the existing mapping with UUID UUID", queue, function)
	return []apiCall{
		{operation: createMapping, with: members{"FunctionName": function, "EventSourceArn": queue}, status: 202, want: doc.in("Creating")},
		{
			after: "Enabled", operation: createMapping, status: 409, code: "ResourceConflictException", text: exists,
			with: members{"FunctionName": "arn:aws:lambda:us-east-1:000000000000:function:" + function, "EventSourceArn": queue},
		},
		{operation: getMapping, with: uuid, status: 200, want: doc.in("Enabled")},
		{
			operation: listMappings, with: members{"FunctionName": function, "EventSourceArn": queue}, status: 200,
			want: members{"EventSourceMappings": []members{doc.in("Enabled")}},
		},
		{operation: listMappings, with: members{"FunctionName": "absent"}, status: 200, want: members{"EventSourceMappings": []members{}}},
		{
			operation: updateMapping, with: members{"UUID": "UUID", "BatchSize": 11}, status: 400, code: parameterError,
			text: "Maximum batch window in seconds must be greater than 0 if maximum batch size is greater than 10",
		},
		{operation: updateMapping, with: document(rich).with(uuid), status: 202, want: doc.with(rich).in("Updating")},
		{
			after: "Enabled", operation: updateMapping, status: 202, want: doc.with(members{"ProvisionedPollerConfig": members{"MinimumPollers": 2, "MaximumPollers": 200}}).in("Updating"),
			with: members{
				"UUID": "UUID", "BatchSize": 10, "MaximumBatchingWindowInSeconds": 0, "FunctionResponseTypes": []string{}, "FilterCriteria": members{},
				"ScalingConfig": members{}, "MetricsConfig": members{"Metrics": []string{}}, "ProvisionedPollerConfig": members{"MinimumPollers": 2},
			},
		},
		{
			after: "Enabled", operation: updateMapping, with: members{"UUID": "UUID", "ProvisionedPollerConfig": members{}, "Enabled": false},
			status: 202, want: doc.in("Disabling"),
		},
		{after: "Disabled", operation: getMapping, with: uuid, status: 200, want: doc.in("Disabled"), onceMore: true},
		{operation: updateMapping, with: members{"UUID": "UUID", "Enabled": true}, status: 202, want: doc.in("Enabling")},
		{after: "Enabled", operation: deleteMapping, with: uuid, status: 202, want: doc.in("Deleting")},
		{after: "gone", operation: getMapping, with: uuid, status: 404, code: "ResourceNotFoundException", text: missingMapping},
		{operation: updateMapping, with: uuid, status: 404, code: "ResourceNotFoundException", text: missingMapping, onceMore: true},
		{operation: deleteMapping, with: uuid, status: 404, code: "ResourceNotFoundException", text: missingMapping, onceMore: true},
		{
			operation: createMapping, with: members{"FunctionName": function + ":$LATEST", "EventSourceArn": queue, "Enabled": false}, status: 202,
			want: queueDocument(queue, function+":$LATEST").in("Disabled"),
		},
		{operation: deleteMapping, with: uuid, status: 202, want: queueDocument(queue, function+":$LATEST").in("Deleting"), onceMore: true},
	}
}

func tagStory(queue, function string) []apiCall {
	const arn = "arn:aws:lambda:us-east-1:000000000000:event-source-mapping:UUID"
	tags := func(tags members) members { return members{"Tags": tags} }
	return []apiCall{
		{
			operation: createMapping, status: 202, want: queueDocument(queue, function).in("Disabled"), // without the tags
			with: members{"FunctionName": function, "EventSourceArn": queue, "Enabled": false, "Tags": members{"team": "a b", "ключ": ""}},
		},
		{operation: "ListTags", with: members{"Resource": arn}, status: 200, want: tags(members{"team": "a b", "ключ": ""})},
		{operation: "TagResource", with: members{"Resource": arn, "Tags": members{"team": "c", "a/b": "1"}}, status: 204},
		{operation: "UntagResource", with: members{"Resource": arn, "TagKeys": []string{"ключ", "a/b", "absent"}}, status: 204},
		{operation: "ListTags", with: members{"Resource": arn}, status: 200, want: tags(members{"team": "c"})},
		{operation: "UntagResource", with: members{"Resource": arn, "TagKeys": []string{"team"}}, status: 204, onceMore: true},
		{operation: "ListTags", with: members{"Resource": arn}, status: 200, want: tags(members{}), onceMore: true},
		{operation: deleteMapping, with: members{"UUID": "UUID"}, status: 202, want: queueDocument(queue, function).in("Deleting")},
		{after: "gone", operation: "ListTags", with: members{"Resource": arn}, status: 404, code: "ResourceNotFoundException", text: missingMapping},
	}
}

func streamStory(stream, function, lost string) []apiCall {
	doc := streamDocument(stream, function)
	uuid := members{"UUID": "UUID"}
	rich := members{
		"BatchSize": 5000, "MaximumRetryAttempts": 0, "MaximumRecordAgeInSeconds": 60, "BisectBatchOnFunctionError": true,
		"ParallelizationFactor": 10, "MaximumBatchingWindowInSeconds": 300, "DestinationConfig": members{"OnFailure": members{"Destination": lost}},
		"FilterCriteria": members{"Filters": []members{{"Pattern": `{"data":{"x":["y"]}}`}}}, "FunctionResponseTypes": []string{"ReportBatchItemFailures"},
	}
	exists := fmt.Sprintf(`The event source arn (" %s ") and function (" %s ") provided mapping already exists. `+
		"Please update or delete the existing mapping with UUID UUID", stream, function)
	return []apiCall{
		{
			operation: createMapping, with: members{"FunctionName": function, "EventSourceArn": stream, "StartingPosition": "TRIM_HORIZON"},
			status: 202, want: doc.in("Creating"),
		},
		{
			operation: createMapping, with: members{"FunctionName": function, "EventSourceArn": stream, "StartingPosition": "LATEST"},
			status: 409, code: "ResourceConflictException", text: exists,
		},
		{after: "Enabled", operation: updateMapping, with: document(rich).with(uuid), status: 202, want: doc.with(rich).in("Updating")},
		{
			after: "Enabled", operation: updateMapping, status: 400, code: parameterError,
			with: members{"UUID": "UUID", "FilterCriteria": members{}, "TumblingWindowInSeconds": 30},
			text: "Parallelization factor must be equal to 1 when tumbling window period is configured",
		},
		{operation: getMapping, with: uuid, status: 200, want: doc.with(rich).in("Enabled")}, // as it was
		{
			operation: updateMapping, status: 202,
			want: doc.with(rich).with(members{
				"FilterCriteria": nil, "ParallelizationFactor": 1, "TumblingWindowInSeconds": 30, "DestinationConfig": members{"OnFailure": members{}},
			}).in("Disabling"),
			with: members{
				"UUID": "UUID", "FilterCriteria": members{}, "ParallelizationFactor": 1, "TumblingWindowInSeconds": 30, "Enabled": false,
				"DestinationConfig": members{"OnFailure": members{"Destination": ""}},
			},
		},
		{
			after: "Disabled", operation: deleteMapping, with: uuid, status: 202,
			want: doc.with(rich).with(members{
				"FilterCriteria": nil, "ParallelizationFactor": 1, "TumblingWindowInSeconds": 30, "DestinationConfig": members{"OnFailure": members{}},
			}).in("Deleting"),
		},
		{after: "gone", operation: listMappings, with: members{"EventSourceArn": stream}, status: 200, want: members{"EventSourceMappings": []members{}}},
	}
}

// A stream's mapping that is made disabled is Creating first, unlike a queue's.
func timestampStory(stream, function string) []apiCall {
	doc := streamDocument(stream, function).with(members{"StartingPosition": "AT_TIMESTAMP", "StartingPositionTimestamp": 1741010802})
	return []apiCall{
		{
			operation: createMapping, status: 202, want: doc.in("Creating"),
			with: members{
				"FunctionName": function, "EventSourceArn": stream, "StartingPosition": "AT_TIMESTAMP", "Enabled": false,
				"StartingPositionTimestamp": "2025-03-03T14:06:42Z",
			},
		},
		{after: "Disabled", operation: deleteMapping, with: members{"UUID": "UUID"}, status: 202, want: doc.in("Deleting"), onceMore: true},
	}
}

func tableStory(stream, function string) []apiCall {
	doc := streamDocument(stream, function).with(members{"StartingPosition": "LATEST"})
	return []apiCall{
		{
			operation: createMapping, status: 400, code: parameterError, text: "Unsupported starting position for arn type: " + stream,
			with: members{
				"FunctionName": function, "EventSourceArn": stream, "StartingPosition": "AT_TIMESTAMP", "StartingPositionTimestamp": "2025-03-03T14:06:42Z",
			},
		},
		{
			operation: createMapping, with: members{"FunctionName": function, "EventSourceArn": stream, "StartingPosition": "LATEST"},
			status: 202, want: doc.in("Creating"),
		},
		{after: "Enabled", operation: updateMapping, with: members{"UUID": "UUID", "BatchSize": 7}, status: 202, want: doc.with(members{"BatchSize": 7}).in("Updating")},
		{after: "Enabled", operation: deleteMapping, with: members{"UUID": "UUID"}, status: 202, want: doc.with(members{"BatchSize": 7}).in("Deleting")},
	}
}

// TestErrorsOfMappingsOverHTTP checks every refusal to the letter.
func TestErrorsOfMappingsOverHTTP(t *testing.T) {
	overClients(t, func(t *testing.T, c *corner, e *engine, name string) {
		_, queue := c.queue("wrong-"+name, map[string]string{})
		_, short := c.queue("short-"+name, map[string]string{"VisibilityTimeout": "2"})
		_, fifo := c.queue("wrong-"+name+".fifo", map[string]string{})
		stream := c.stream("wrong-"+name, 1).arn
		of := func(source string, more members) members {
			return document{"FunctionName": name, "EventSourceArn": source}.with(more)
		}
		streamed := func(more members) members {
			return document(of(stream, more)).with(members{"StartingPosition": "LATEST"})
		}
		broken := "1 validation error detected: Value '%s' at '%s' failed to satisfy constraint: Member must "
		var calls []apiCall
		wrong := func(with members, code, text string) *apiCall {
			calls = append(calls, apiCall{operation: createMapping, with: with, status: 400, code: code, text: text, onceMore: true})
			return &calls[len(calls)-1]
		}
		wrong(members{"FunctionName": name}, parameterError, "Unrecognized event source.").onceMore = false
		wrong(of(queue, members{"FunctionName": "absent"}), parameterError, "Function does not exist").onceMore = false
		wrong(of(queue+"-absent", nil), parameterError, "Error occurred while ReceiveMessage. SQS Error Code: "+
			"AWS.SimpleQueueService.NonExistentQueue. SQS Error Message: The specified queue does not exist.")
		wrong(of(stream+"-absent", members{"StartingPosition": "LATEST"}), parameterError, "Stream not found: "+stream+"-absent")
		wrong(of(short, nil), parameterError, "Queue visibility timeout: 2 seconds is less than Function timeout: 30 seconds")
		wrong(of(stream, nil), parameterError, "1 validation error detected: Value null at 'startingPosition' failed to satisfy constraint: Member must not be null.")
		wrong(of(stream, members{"StartingPosition": "BOGUS"}), modelError,
			fmt.Sprintf(broken, "BOGUS", "startingPosition")+"satisfy enum value set: [LATEST, AT_TIMESTAMP, TRIM_HORIZON]").onceMore = false
		wrong(streamed(members{"StartingPositionTimestamp": "2025-03-03T14:06:42Z"}), parameterError, "Timestamp only valid with StartingPosition AT_TIMESTAMP")
		wrong(streamed(members{"BatchSize": 10001}), modelError, fmt.Sprintf(broken, "10001", "batchSize")+"have value less than or equal to 10000")
		wrong(streamed(members{"BatchSize": 0}), modelError, fmt.Sprintf(broken, "0", "batchSize")+"have value greater than or equal to 1").alone = true
		wrong(streamed(members{"MaximumBatchingWindowInSeconds": 301}), modelError,
			fmt.Sprintf(broken, "301", "maximumBatchingWindowInSeconds")+"have value less than or equal to 300")
		wrong(streamed(members{"ParallelizationFactor": 11}), modelError, fmt.Sprintf(broken, "11", "parallelizationFactor")+"have value less than or equal to 10")
		wrong(streamed(members{"TumblingWindowInSeconds": 901}), modelError, fmt.Sprintf(broken, "901", "tumblingWindowInSeconds")+"have value less than or equal to 900")
		wrong(streamed(members{"MaximumRetryAttempts": 10001}), modelError, fmt.Sprintf(broken, "10001", "maximumRetryAttempts")+"have value less than or equal to 10000")
		wrong(streamed(members{"MaximumRecordAgeInSeconds": 59}), parameterError, "MaximumRecordAgeInSeconds must be either -1 (forever) or between 60 and 604800 (inclusive)")
		wrong(streamed(members{"FunctionResponseTypes": []string{"Bad"}}), modelError, fmt.Sprintf(broken, "[Bad]", "functionResponseTypes")+
			"satisfy constraint: [Member must satisfy enum value set: [ReportBatchItemFailures], Member must not be null]")
		wrong(streamed(members{"ParallelizationFactor": 2, "TumblingWindowInSeconds": 1}), parameterError,
			"Parallelization factor must be equal to 1 when tumbling window period is configured")
		wrong(streamed(members{"DestinationConfig": members{"OnSuccess": members{"Destination": queue}}}), parameterError,
			"OnSuccess configuration is not supported for event source mappings.")
		wrong(streamed(members{"ScalingConfig": members{"MaximumConcurrency": 2}}), parameterError, fmt.Sprintf(unsupportedText, "ScalingConfig"))
		wrong(of(queue, members{"DestinationConfig": members{"OnSuccess": members{"Destination": queue}}}), parameterError, fmt.Sprintf(unsupportedText, "DestinationConfig"))
		wrong(of(queue, members{"Topics": []string{"t"}}), parameterError, fmt.Sprintf(unsupportedText, "Topics"))
		wrong(of(fifo, members{"BatchSize": 100, "MaximumBatchingWindowInSeconds": 1}), parameterError, "Batching window is not supported for FIFO queues")
		wrong(of(queue, members{"ScalingConfig": members{"MaximumConcurrency": 2}, "ProvisionedPollerConfig": members{"MinimumPollers": 2}}), parameterError,
			"Provisioned mode for SQS ESM does not support maximum concurrency feature. Use MaximumPollers as the control mechanism and remove maximum concurrency.")
		for _, pattern := range []string{"null", "plain text", `{"body":"x"}`, `{"body":[]}`} {
			wrong(of(queue, members{"FilterCriteria": members{"Filters": []members{{"Pattern": pattern}}}}), parameterError, "Invalid filter pattern definition.")
		}
		tell := &telling{client: clientOf(t, name, e.lambdaURL()), sdk: e.lambda()}
		tell.story(t, calls)
		listed, err := e.lambda().ListEventSourceMappings(t.Context(), &lambda.ListEventSourceMappingsInput{FunctionName: &name})
		if err != nil || len(listed.EventSourceMappings) > 0 {
			t.Errorf("%d mappings were made (%v)", len(listed.EventSourceMappings), err)
		}
	})
}

// TestListsOverHTTP pages through more mappings than there are on a page, with AWS's own paginators.
func TestListsOverHTTP(t *testing.T) {
	t.Parallel()
	h := newHouse(t, standIn)
	_, arn := h.queue("paged", map[string]string{})
	functions := ""
	const count = 130
	for i := range count {
		functions += fmt.Sprintf("  f%d: %s\n", i, h.fn.yaml())
	}
	e := h.run("Functions:\n" + functions)
	c := e.lambda()
	var want []string
	for i := range count {
		made, err := c.CreateEventSourceMapping(t.Context(), &lambda.CreateEventSourceMappingInput{
			FunctionName: aws.String(fmt.Sprint("f", i)), EventSourceArn: &arn, Enabled: aws.Bool(false),
		})
		if err != nil {
			t.Fatal(err)
		}
		want = append(want, *made.UUID)
	}
	found, pages := map[string]bool{}, 0
	for all := lambda.NewListEventSourceMappingsPaginator(c, &lambda.ListEventSourceMappingsInput{MaxItems: aws.Int32(10000)}); all.HasMorePages(); pages++ {
		page, err := all.NextPage(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range page.EventSourceMappings {
			found[*m.UUID] = true
		}
	}
	for _, uuid := range want {
		if !found[uuid] {
			t.Errorf("%s is on no page", uuid)
		}
	}
	if len(found) != count || pages != 2 {
		t.Errorf("%d mappings on %d pages, want %d on 2", len(found), pages, count)
	}
	names := 0
	for all := lambda.NewListFunctionsPaginator(c, &lambda.ListFunctionsInput{}); all.HasMorePages(); {
		page, err := all.NextPage(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		names += len(page.Functions)
	}
	if names != count {
		t.Errorf("%d functions, want %d", names, count)
	}
	cli := newAWSCLI(t, e.lambdaURL())
	out, stderr := cli.run(t, "list-event-source-mappings", "--page-size", "40", "--query", "length(EventSourceMappings)")
	if strings.TrimSpace(out) != fmt.Sprint(count) {
		t.Errorf("the CLI counts %s%s", out, stderr)
	}
}
