package containers_test

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"

	"github.com/esm-run/esm/e2e/rig"
)

const mb = 1 << 20

// longest is the longest streamed response, in bytes (AWS: "Lambda quotas").
const longest = 200 * mb

// open invokes function f, as soon as it may.
func open(t *testing.T, engine *rig.Engine, event string) (stream *lambda.InvokeWithResponseStreamEventStream) {
	t.Helper()
	rig.Eventually(t, "the environment of f is free", func() bool {
		out, err := engine.Lambda().InvokeWithResponseStream(t.Context(), &lambda.InvokeWithResponseStreamInput{FunctionName: aws.String("f"), Payload: []byte(event)})
		if rig.ErrorCode(err) == "TooManyRequestsException" {
			return false
		}
		if err != nil {
			t.Fatal(err)
		}
		stream = out.GetStream()
		return true
	})
	return stream
}

// streamed returns how many bytes of a response arrive, and the error after them. At the first part it calls begun.
func streamed(t *testing.T, engine *rig.Engine, event string, begun func()) (size int, fault string) {
	t.Helper()
	stream := open(t, engine, event)
	defer stream.Close()
	for part := range stream.Events() {
		switch part := part.(type) {
		case *types.InvokeWithResponseStreamResponseEventMemberPayloadChunk:
			if size == 0 {
				begun()
			}
			size += len(part.Value.Payload)
		case *types.InvokeWithResponseStreamResponseEventMemberInvokeComplete:
			fault = strings.TrimSpace(aws.ToString(part.Value.ErrorCode) + " " + aws.ToString(part.Value.ErrorDetails))
		}
	}
	if err := stream.Err(); err != nil {
		t.Error(err)
	}
	return size, fault
}

// resident returns the memory of a process, in bytes.
func resident(t *testing.T, pid int) (size int) {
	t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", pid))
	if err != nil {
		t.Skip(err) // of Linux
	}
	var all, pages int
	if _, err := fmt.Sscan(string(text), &all, &pages); err != nil {
		t.Fatal(err)
	}
	return pages * os.Getpagesize()
}

// A container streams as much as Lambda allows, at the pace of its reader, and the engine does not keep it. An error after the
// beginning reaches the caller, and a caller that is gone leaves the environment in order.
func TestStreamedResponses(t *testing.T) {
	t.Parallel()
	e := rig.New(t)
	image := handler(t)
	f := &rig.Function{Name: "f", Description: fmt.Sprintf("{ImageUri: %q, Timeout: 120, ReservedConcurrentExecutions: 1, "+
		"Environment: {Variables: {STREAM: 'yes'}}}", image)}
	g := &rig.Function{Name: "g", Description: fmt.Sprintf("{ImageUri: %q, Timeout: 60}", image)}
	engine := e.Run(f, g)

	if size, fault := streamed(t, engine, `{"Bytes": 3, "Fault": "halfway"}`, func() {}); size != 3 || !strings.HasPrefix(fault, "Unhandled ") || !strings.Contains(fault, "halfway") {
		t.Errorf("a response of 3 bytes and an error: %d bytes, %q", size, fault)
	}
	var before, after int
	size, fault := streamed(t, engine, fmt.Sprintf(`{"Bytes": %d}`, longest), func() {
		before = resident(t, engine.PID())
		for range 20 { // while nobody reads the rest
			want(engine, "g", `{"Name": "AWS_LAMBDA_FUNCTION_NAME"}`, "g")
		}
		after = resident(t, engine.PID())
	})
	if size != longest || fault != "" {
		t.Errorf("the longest response: %d bytes, %q", size, fault)
	}
	if after-before > 50*mb {
		t.Errorf("the engine takes %d MB more while its caller does not read", (after-before)/mb)
	}
	if size, fault := streamed(t, engine, fmt.Sprintf(`{"Bytes": %d}`, longest+1), func() {}); size != longest || !strings.HasPrefix(fault, "Function.ResponseSizeTooLarge") {
		t.Errorf("a longer response: %d bytes, %q", size, fault)
	}

	left := open(t, engine, fmt.Sprintf(`{"Bytes": %d}`, longest))
	<-left.Events()
	_ = left.Close() // the caller leaves
	rig.Eventually(t, "the rest is discarded", func() bool {
		return strings.Count(engine.Output(), "streamed, 202 ") == 3 // with the two before that were not too long
	})
	if size, fault := streamed(t, engine, `{"Bytes": 5}`, func() {}); size != 5 || fault != "" {
		t.Errorf("after a caller that left: %d bytes, %q", size, fault)
	}
	engine.Stop()
	noLeftovers(t, e)
}
