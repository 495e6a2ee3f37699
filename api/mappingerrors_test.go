package api

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/esm-run/esm/mappings"
)

// errorStatus and what follows are answers to bodies of Create, as AWS was recorded to give them.
func TestLiteralErrorsOfCreate(t *testing.T) {
	const validation, parameter = "400 ValidationException", "400 InvalidParameterValueException"
	unsupported := func(member string) string {
		return `{"Type":"User","message":"Unsupported ` + member + ` parameter for given event source mapping type."}`
	}
	of := func(source, more string) string {
		return fmt.Sprintf(`{"FunctionName":"f","EventSourceArn":%q%s}`, source, more)
	}
	streamed := func(more string) string { return of(stream, `,"StartingPosition":"LATEST"`+more) }
	one := func(text string) string { return `{"message":"1 validation error detected: ` + text + `"}` }
	tests := []struct{ name, body, code, want string }{
		{"no source", `{"FunctionName":"f"}`, parameter, `{"Type":"User","message":"Unrecognized event source."}`},
		{"null source", `{"FunctionName":"f","EventSourceArn":null}`, parameter, `{"Type":"User","message":"Unrecognized event source."}`},
		{"nothing at all", ``, validation, one(`Value null at 'functionName' failed to satisfy constraint: Member must not be null`)},
		{"success on queue", of(queue, `,"DestinationConfig":{"OnSuccess":{"Destination":"arn:aws:sqs:us-east-1:123456789012:x"}}`), parameter, unsupported("DestinationConfig")},
		{"success on stream", streamed(`,"DestinationConfig":{"OnSuccess":{"Destination":"arn:aws:sqs:us-east-1:123456789012:x"}}`), parameter,
			`{"Type":"User","message":"OnSuccess configuration is not supported for event source mappings."}`},
		{"no position", of(stream, ""), parameter,
			`{"Type":"User","message":"1 validation error detected: Value null at 'startingPosition' failed to satisfy constraint: Member must not be null."}`},
		{"bad position", of(stream, `,"StartingPosition":"BOGUS"`), validation,
			one(`Value 'BOGUS' at 'startingPosition' failed to satisfy constraint: Member must satisfy enum value set: [LATEST, AT_TIMESTAMP, TRIM_HORIZON]`)},
		{"timestamp on table", of(table, `,"StartingPosition":"AT_TIMESTAMP","StartingPositionTimestamp":1`), parameter,
			`{"Type":"User","message":"Unsupported starting position for arn type: ` + table + `"}`},
		{"timestamp alone", streamed(`,"StartingPositionTimestamp":1`), parameter,
			`{"Type":"User","message":"Timestamp only valid with StartingPosition AT_TIMESTAMP"}`},
		{"batch of 0", of(queue, `,"BatchSize":0`), validation,
			one(`Value '0' at 'batchSize' failed to satisfy constraint: Member must have value greater than or equal to 1`)},
		{"two", streamed(`,"BatchSize":10001,"MaximumBatchingWindowInSeconds":301`), validation,
			`{"message":"2 validation errors detected: Value '10001' at 'batchSize' failed to satisfy constraint: Member must have value less than or equal to 10000; ` +
				`Value '301' at 'maximumBatchingWindowInSeconds' failed to satisfy constraint: Member must have value less than or equal to 300"}`},
		{"bad response type", streamed(`,"FunctionResponseTypes":["Bad"]`), validation,
			one(`Value '[Bad]' at 'functionResponseTypes' failed to satisfy constraint: Member must satisfy constraint: [Member must satisfy enum value set: [ReportBatchItemFailures], Member must not be null]`)},
		{"batch of 11", of(queue, `,"BatchSize":11`), parameter,
			`{"Type":"User","message":"Maximum batch window in seconds must be greater than 0 if maximum batch size is greater than 10"}`},
		{"window of fifo", of(fifo, `,"BatchSize":100,"MaximumBatchingWindowInSeconds":1`), parameter,
			`{"Type":"User","message":"Batching window is not supported for FIFO queues"}`},
		{"age of 59", streamed(`,"MaximumRecordAgeInSeconds":59`), parameter,
			`{"Type":"User","message":"MaximumRecordAgeInSeconds must be either -1 (forever) or between 60 and 604800 (inclusive)"}`},
		{"windows and lanes", streamed(`,"TumblingWindowInSeconds":1,"ParallelizationFactor":2`), parameter,
			`{"Type":"User","message":"Parallelization factor must be equal to 1 when tumbling window period is configured"}`},
		{"scaling of stream", streamed(`,"ScalingConfig":{"MaximumConcurrency":2}`), parameter, unsupported("ScalingConfig")},
		{"lanes of queue", of(queue, `,"ParallelizationFactor":2`), parameter, unsupported("ParallelizationFactor")},
		{"both ways to scale", of(queue, `,"ScalingConfig":{"MaximumConcurrency":2},"ProvisionedPollerConfig":{"MinimumPollers":2}`), parameter,
			`{"Type":"User","message":"Provisioned mode for SQS ESM does not support maximum concurrency feature. Use MaximumPollers as the control mechanism and remove maximum concurrency."}`},
		{"pollers", of(queue, `,"ProvisionedPollerConfig":{"MinimumPollers":1,"MaximumPollers":10001}`), parameter,
			`{"Type":"User","message":"MinimumPollers should be between [2, 200] and MaximumPollers should be between [MinimumPollers, 10000]"}`},
		{"the destination comes before the batch", of(queue, `,"BatchSize":11,"DestinationConfig":{"OnFailure":{"Destination":"arn:aws:s3:::b"}}`), parameter, unsupported("DestinationConfig")},
		{"of streams too", streamed(`,"MaximumRecordAgeInSeconds":59,"DestinationConfig":{"OnSuccess":{"Destination":"arn:aws:s3:::b"}}`), parameter,
			`{"Type":"User","message":"OnSuccess configuration is not supported for event source mappings."}`},
		{"topics", of(queue, `,"Topics":["t"]`), parameter, unsupported("Topics")},
		{"poller group", of(queue, `,"ProvisionedPollerConfig":{"PollerGroupName":"g"}`), parameter, unsupported("PollerGroupName")},
		{"logging", of(queue, `,"LoggingConfig":{"SystemLogLevel":"INFO"}`), parameter, unsupported("LoggingConfig")},
		{"the model comes first", of(queue, `,"LoggingConfig":{"SystemLogLevel":"INFO"},"BatchSize":0`), validation,
			one(`Value '0' at 'batchSize' failed to satisfy constraint: Member must have value greater than or equal to 1`)},
		{"own words", of(queue, `,"MetricsConfig":{"Metrics":["KafkaMetrics"]}`), parameter,
			`{"Type":"User","message":"MetricsConfig.Metrics[0] is not EventCount, the only value with an effect on queues and streams"}`},
		{"a name that no function has", `{"FunctionName":"a.b","EventSourceArn":"` + queue + `","BatchSize":11}`, parameter,
			`{"Type":"User","message":"Maximum batch window in seconds must be greater than 0 if maximum batch size is greater than 10"}`},
		{"and nothing else", `{"FunctionName":"a.b","EventSourceArn":"` + queue + `"}`, parameter, `{"Type":"User","message":"Function does not exist"}`},
		{"a name that is too long", `{"FunctionName":"` + strings.Repeat("a", 257) + `","EventSourceArn":"` + queue + `"}`, validation,
			one(`Value '` + strings.Repeat("a", 257) + `' at 'functionName' failed to satisfy constraint: Member must have length less than or equal to 256`)},
		{"tag of aws", of(queue, `,"Tags":{"aws:x":""}`), parameter, `{"Type":"User","message":"The key of a tag cannot begin with aws:, which is AWS's own."}`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			f := serve(t)
			if got, want := errorOf(f.ask("POST", mappingsPath, tt.body)), tt.code+" "+tt.want; got != want {
				t.Errorf("got  %s\nwant %s", got, want)
			}
			if n := len(f.register.List()); n != 0 {
				t.Errorf("%d mappings were made", n)
			}
		})
	}
}

func TestBadFunctionName(t *testing.T) {
	got := errorOf(serve(t).ask("POST", mappingsPath, `{"FunctionName":"a b","EventSourceArn":"`+queue+`"}`))
	want := `400 ValidationException {"message":"1 validation error detected: Value 'a b' at 'functionName' failed to satisfy constraint: ` +
		`Member must satisfy regular expression pattern: (arn:`
	if !strings.HasPrefix(got, want) {
		t.Errorf("got %s", got)
	}
}

// An update to nothing supported changes nothing, and a mapping that is not there is said first.
func TestUpdateIsRefusedWhole(t *testing.T) {
	f := serve(t)
	f.ask("POST", mappingsPath, `{"FunctionName":"f","EventSourceArn":"`+queue+`"}`)
	f.register.settle()
	body := `{"BatchSize":3,"KMSKeyArn":"arn:aws:kms:us-east-1:123456789012:key/k"}`
	want := `400 InvalidParameterValueException {"Type":"User","message":"KMSKeyArn is not supported: this engine encrypts no filter criteria"}`
	if got := errorOf(f.ask("PUT", mappingsPath+"/"+first, body)); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if got := errorOf(f.ask("PUT", mappingsPath+"/"+second, body)); !strings.HasPrefix(got, "404 ResourceNotFoundException ") {
		t.Errorf("got %s", got)
	}
	if r, _ := f.register.Get(first); *r.BatchSize != 10 || r.State != mappings.Enabled {
		t.Errorf("changed to %d, %s", *r.BatchSize, r.State)
	}
}

func TestOwnFailures(t *testing.T) {
	f := serve(t)
	f.register.fail = errors.New("checkpoint: no space left")
	w := f.ask("POST", mappingsPath, `{"FunctionName":"f","EventSourceArn":"`+queue+`"}`)
	if got, want := errorOf(w), `500 ServiceException {"Type":"Service","Message":"checkpoint: no space left"}`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if got := f.warnings(); !strings.Contains(got, "no space left") || !strings.Contains(got, w.Header().Get("x-amzn-RequestId")) {
		t.Errorf("warned %q", got)
	}
}

func TestUnknownMembersAreIgnoredAndSaid(t *testing.T) {
	f := serve(t)
	w := f.ask("POST", mappingsPath, `{"FunctionName":"f","EventSourceArn":"`+queue+`","batchSize":"x","FilterCriteria":{"Filters":[{"Pattern":"{}","No":1}],"Nor":{}}}`)
	if w.Code != 202 {
		t.Fatalf("got %s", errorOf(w))
	}
	f.register.settle()
	if w := f.ask("PUT", mappingsPath+"/"+first, `{"EventSourceArn":"`+stream+`","StartingPosition":"LATEST","Tags":{}}`); w.Code != 202 {
		t.Fatalf("got %s", errorOf(w))
	}
	want := `CreateEventSourceMapping: the member "FilterCriteria.Filters[0].No" is unknown and ignored
CreateEventSourceMapping: the member "FilterCriteria.Nor" is unknown and ignored
CreateEventSourceMapping: the member "batchSize" is unknown and ignored
UpdateEventSourceMapping: the member "EventSourceArn" is unknown and ignored
UpdateEventSourceMapping: the member "StartingPosition" is unknown and ignored
UpdateEventSourceMapping: the member "Tags" is unknown and ignored`
	if got := f.warnings(); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	many := strings.Repeat(`"x\n":1,`, 1) + `"y":1`
	for i := range 100 {
		many += fmt.Sprintf(`,"z%d":1`, i)
	}
	f.warned = nil
	f.ask("PUT", mappingsPath+"/"+first, "{"+many+"}")
	if got := len(f.warned); got != maxUnknown+1 || strings.Contains(f.warned[0], "\n") {
		t.Errorf("%d warnings: %q", got, f.warned)
	}
}
