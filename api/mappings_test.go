package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/esm-run/esm/checkpoint/checkpointtest"
	"github.com/esm-run/esm/config"
)

// TestCreateExceptions tests the words and the precedence of exceptions; package config tests each rule.
func TestCreateExceptions(t *testing.T) {
	const validation, parameter = "400 ValidationException", "400 InvalidParameterValueException"
	unsupported := func(member string) string {
		return `{"Type":"User","message":"Unsupported ` + member + ` parameter for given event source mapping type."}`
	}
	of := func(source, more string) string {
		return fmt.Sprintf(`{"FunctionName":"f","EventSourceArn":%q%s}`, source, more)
	}
	streamed := func(more string) string { return of(stream, `,"StartingPosition":"LATEST"`+more) }
	one := func(text string) string { return `{"message":"1 validation error detected: ` + text + `"}` }
	for _, tt := range []struct{ name, body, code, want string }{
		{"no source", `{"FunctionName":"f"}`, parameter, `{"Type":"User","message":"Unrecognized event source."}`},
		{"null source", `{"FunctionName":"f","EventSourceArn":null}`, parameter, `{"Type":"User","message":"Unrecognized event source."}`},
		{"no body", ``, validation, one(`Value null at 'functionName' failed to satisfy constraint: Member must not be null`)},
		{"no position", of(stream, ""), parameter,
			`{"Type":"User","message":"1 validation error detected: Value null at 'startingPosition' failed to satisfy constraint: Member must not be null."}`},
		{"a timestamp for a table", of(table, `,"StartingPosition":"AT_TIMESTAMP","StartingPositionTimestamp":1`), parameter,
			`{"Type":"User","message":"Unsupported starting position for arn type: ` + table + `"}`},
		{"two violations", streamed(`,"BatchSize":10001,"MaximumBatchingWindowInSeconds":301`), validation,
			`{"message":"2 validation errors detected: Value '10001' at 'batchSize' failed to satisfy constraint: Member must have value less than or equal to 10000; ` +
				`Value '301' at 'maximumBatchingWindowInSeconds' failed to satisfy constraint: Member must have value less than or equal to 300"}`},
		{"a window of a FIFO queue", of(fifo, `,"BatchSize":100,"MaximumBatchingWindowInSeconds":1`), parameter,
			`{"Type":"User","message":"Batching window is not supported for FIFO queues"}`},
		{"destination before batch", of(queue, `,"BatchSize":11,"DestinationConfig":{"OnFailure":{"Destination":"arn:aws:s3:::b"}}`), parameter, unsupported("DestinationConfig")},
		{"destination before age", streamed(`,"MaximumRecordAgeInSeconds":59,"DestinationConfig":{"OnSuccess":{"Destination":"arn:aws:s3:::b"}}`), parameter,
			`{"Type":"User","message":"OnSuccess configuration is not supported for event source mappings."}`},
		{"two ways to scale", of(queue, `,"ScalingConfig":{"MaximumConcurrency":2},"ProvisionedPollerConfig":{"MinimumPollers":2}`), parameter,
			`{"Type":"User","message":"Provisioned mode for SQS ESM does not support maximum concurrency feature. Use MaximumPollers as the control mechanism and remove maximum concurrency."}`},
		{"pollers", of(queue, `,"ProvisionedPollerConfig":{"MinimumPollers":1,"MaximumPollers":10001}`), parameter,
			`{"Type":"User","message":"MinimumPollers should be between [2, 200] and MaximumPollers should be between [MinimumPollers, 10000]"}`},
		{"topics", of(queue, `,"Topics":["t"]`), parameter, unsupported("Topics")},
		{"a poller group", of(queue, `,"ProvisionedPollerConfig":{"PollerGroupName":"g"}`), parameter, unsupported("PollerGroupName")},
		{"violation before unsupported member", of(queue, `,"LoggingConfig":{"SystemLogLevel":"INFO"},"BatchSize":0`), validation,
			one(`Value '0' at 'batchSize' failed to satisfy constraint: Member must have value greater than or equal to 1`)},
		{"a message with its path", of(queue, `,"MetricsConfig":{"Metrics":["KafkaMetrics"]}`), parameter,
			`{"Type":"User","message":"MetricsConfig.Metrics[0] is not EventCount, the only value with an effect on queues and streams"}`},
		{"batch before a name that no function has", `{"FunctionName":"a.b","EventSourceArn":"` + queue + `","BatchSize":11}`, parameter,
			`{"Type":"User","message":"Maximum batch window in seconds must be greater than 0 if maximum batch size is greater than 10"}`},
		{"a name that no function has", `{"FunctionName":"a.b","EventSourceArn":"` + queue + `"}`, parameter, `{"Type":"User","message":"Function does not exist"}`},
		{"a long name", `{"FunctionName":"` + strings.Repeat("a", 257) + `","EventSourceArn":"` + queue + `"}`, validation,
			one(`Value '` + strings.Repeat("a", 257) + `' at 'functionName' failed to satisfy constraint: Member must have length less than or equal to 256`)},
		{"a name with a blank", `{"FunctionName":"a b","EventSourceArn":"` + queue + `"}`, validation,
			one(`Value 'a b' at 'functionName' failed to satisfy constraint: Member must satisfy regular expression pattern: ` + strings.ReplaceAll(functionNamePattern, `\`, `\\`))},
		{"a tag of AWS", of(queue, `,"Tags":{"aws:x":""}`), parameter, `{"Type":"User","message":"The key of a tag cannot begin with aws:, which is reserved for AWS."}`},
	} {
		r := newRig(t)
		if got, want := errorOf(r.ask("POST", mappingsPath, tt.body)), tt.code+" "+tt.want; got != want {
			t.Errorf("%s:\ngot  %s\nwant %s", tt.name, got, want)
		}
		if n := len(r.Mappings.List()); n != 0 {
			t.Errorf("%s: %d mappings were made", tt.name, n)
		}
	}
}

// TestRefusedUpdate tests that an update with an unsupported member changes nothing, and that a missing mapping comes first.
func TestRefusedUpdate(t *testing.T) {
	r := newRig(t)
	uuid := r.create(t, queue)
	body := `{"BatchSize":3,"KMSKeyArn":"arn:aws:kms:us-east-1:123456789012:key/k"}`
	want := `400 InvalidParameterValueException {"Type":"User","message":"KMSKeyArn is not supported: this engine does not encrypt filter criteria"}`
	if got := errorOf(r.ask("PUT", mappingsPath+"/"+uuid, body)); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if got := errorOf(r.ask("PUT", mappingsPath+"/none", body)); !strings.HasPrefix(got, "404 ResourceNotFoundException ") {
		t.Errorf("got %s", got)
	}
	if m, _ := r.Mappings.Get(uuid); *m.BatchSize != 10 {
		t.Errorf("changed to %d", *m.BatchSize)
	}
}

func TestMappingInUse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		path := mappingsPath + "/" + r.create(t, queue)
		proceed := make(chan struct{})
		r.check = func(context.Context) error { <-proceed; return nil }
		var update sync.WaitGroup
		update.Go(func() {
			if w := r.ask("PUT", path, `{"BatchSize":3}`); w.Code != 202 {
				t.Errorf("got %s", errorOf(w))
			}
		})
		synctest.Wait()
		for method, verb := range map[string]string{"PUT": "update", "DELETE": "delete"} {
			want := `400 ResourceInUseException {"Type":"User","Message":"Cannot ` + verb + ` the event source mapping because it is in use."}`
			if got := errorOf(r.ask(method, path, "{}")); got != want {
				t.Errorf("got %s, want %s", got, want)
			}
		}
		close(proceed)
		update.Wait()
	})
}

func TestEngineFailure(t *testing.T) {
	r := newRig(t)
	r.store.WriteFaults = checkpointtest.Always(checkpointtest.Undone(errors.New("no space left")))
	w := r.ask("POST", mappingsPath, `{"FunctionName":"f","EventSourceArn":"`+queue+`"}`)
	if got := errorOf(w); !strings.HasPrefix(got, `500 ServiceException {"Type":"Service","Message":"`) || !strings.HasSuffix(got, `: no space left"}`) {
		t.Errorf("got %s", got)
	}
	if got := r.warnings(); !strings.Contains(got, "no space left") || !strings.Contains(got, w.Header().Get("x-amzn-RequestId")) {
		t.Errorf("warned %q", got)
	}
}

func TestUnknownMembers(t *testing.T) {
	r := newRig(t)
	w := r.ask("POST", mappingsPath, `{"FunctionName":"f","EventSourceArn":"`+queue+`","batchSize":"x","FilterCriteria":{"Filters":[{"Pattern":"{}","No":1}],"Nor":{}}}`)
	if w.Code != 202 {
		t.Fatalf("got %s", errorOf(w))
	}
	path := mappingsPath + "/" + r.Mappings.List()[0].UUID
	if w := r.ask("PUT", path, `{"EventSourceArn":"`+stream+`","StartingPosition":"LATEST","Tags":{}}`); w.Code != 202 {
		t.Fatalf("got %s", errorOf(w))
	}
	want := `CreateEventSourceMapping: the member "FilterCriteria.Filters[0].No" is unknown and ignored
CreateEventSourceMapping: the member "FilterCriteria.Nor" is unknown and ignored
CreateEventSourceMapping: the member "batchSize" is unknown and ignored
UpdateEventSourceMapping: the member "EventSourceArn" is unknown and ignored
UpdateEventSourceMapping: the member "StartingPosition" is unknown and ignored
UpdateEventSourceMapping: the member "Tags" is unknown and ignored`
	if got := r.warnings(); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	many := `"x\n":1`
	for i := range 100 {
		many += fmt.Sprintf(`,"z%d":1`, i)
	}
	r.warned = nil
	r.ask("PUT", path, "{"+many+"}")
	if got := len(r.warned); got != maxUnknown+1 || strings.Contains(r.warned[0], "\n") || r.warned[maxUnknown] != "UpdateEventSourceMapping: 91 further members are unknown and ignored" {
		t.Errorf("%d warnings: %q", got, r.warned)
	}
}

// TestListMappings pages through mappings, also after the mapping of a marker is deleted.
func TestListMappings(t *testing.T) {
	r := newRig(t)
	for i := range 205 {
		_, err := r.Mappings.Create(t.Context(), config.Mapping{FunctionName: fmt.Sprint("f", i%5), EventSourceArn: fmt.Sprint(queue, i)})
		if err != nil {
			t.Fatal(err)
		}
	}
	type page struct {
		EventSourceMappings []struct{ UUID string }
		NextMarker          string
	}
	list := func(query string) (p page) {
		w := r.ask("GET", mappingsPath+"/?"+query, "")
		if err := json.Unmarshal(w.Body.Bytes(), &p); err != nil || w.Code != 200 {
			t.Errorf("%s: %v: %s", query, err, w.Body)
		}
		return p
	}
	for _, tt := range []struct {
		query string
		pages []int
	}{
		{"", []int{100, 100, 5}},
		{"MaxItems=10000&FunctionName=f3", []int{41}},
		{"MaxItems=20&FunctionName=123456789012:function:f4", []int{20, 20, 1}},
		{"FunctionName=arn:aws:lambda:us-east-1:123456789012:function:f4:live", []int{0}},
		{"FunctionName=arn:aws:lambda:eu-west-1:123456789012:function:f4", []int{0}},
		{"EventSourceArn=" + queue + "7", []int{1}},
		{"FunctionName=f3&EventSourceArn=" + queue + "7", []int{0}},
	} {
		p := list(tt.query)
		got := []int{len(p.EventSourceMappings)}
		for p.NextMarker != "" {
			p = list(tt.query + "&Marker=" + p.NextMarker)
			got = append(got, len(p.EventSourceMappings))
		}
		if !slices.Equal(got, tt.pages) {
			t.Errorf("%s: pages of %v, want %v", tt.query, got, tt.pages)
		}
	}
	marker, next := list("MaxItems=50").NextMarker, r.Mappings.List()[50].UUID
	if _, err := r.Mappings.Delete(t.Context(), marker); err != nil {
		t.Fatal(err)
	}
	if got := list("MaxItems=1&Marker=" + marker).EventSourceMappings[0].UUID; got != next {
		t.Errorf("after the marker's mapping was deleted: got %s, want %s", got, next)
	}
}

func TestListQueries(t *testing.T) {
	r := newRig(t)
	const invalid = `400 ValidationException {"message":"1 validation error detected: Value `
	for query, want := range map[string]string{
		"MaxItems=0":          invalid + `'0' at 'maxItems' failed to satisfy constraint: Member must have value greater than or equal to 1"}`,
		"MaxItems=10001":      invalid + `'10001' at 'maxItems' failed to satisfy constraint: Member must have value less than or equal to 10000"}`,
		"MaxItems=x":          `400 SerializationException {"Message":"STRING_VALUE can not be converted to an Integer (MaxItems)"}`,
		"Marker=x":            `400 InvalidParameterValueException {"Type":"User","message":"Invalid Marker: give the NextMarker of an answer as it is."}`,
		"EventSourceArn=x":    invalid + `'x' at 'eventSourceArn' failed to satisfy constraint: Member must satisfy regular expression pattern: ` + strings.ReplaceAll(arnPattern, `\`, `\\`) + `"}`,
		"FunctionName=absent": `200  {"EventSourceMappings":[]}`,
		"FunctionName=a.b":    `200  {"EventSourceMappings":[]}`,
		"FunctionName=" + strings.Repeat("a", 65): `200  {"EventSourceMappings":[]}`,
		"FunctionName=&MaxItems=0": `400 ValidationException {"message":"3 validation errors detected: ` +
			`Value '' at 'functionName' failed to satisfy constraint: Member must have length greater than or equal to 1; ` +
			`Value '' at 'functionName' failed to satisfy constraint: Member must satisfy regular expression pattern: ` + strings.ReplaceAll(functionNamePattern, `\`, `\\`) + `; ` +
			`Value '0' at 'maxItems' failed to satisfy constraint: Member must have value greater than or equal to 1"}`,
	} {
		if got := errorOf(r.ask("GET", mappingsPath+"?"+query, "")); got != want {
			t.Errorf("%s:\ngot  %s\nwant %s", query, got, want)
		}
	}
}
