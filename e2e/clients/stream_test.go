package clients_test

import (
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"

	"github.com/esm-run/esm/e2e/rig"
)

// The client for Node.js streams its responses.
func TestStreaming(t *testing.T) {
	t.Parallel()
	for way, keys := range map[string]func(t *testing.T) string{
		"process": func(t *testing.T) string {
			return strings.Replace(nodeProcess(t, sourceOf(t, "node")), "app.handler", "app.stream", 1)
		},
		"image": func(t *testing.T) string {
			rig.NeedImage(t, "esm-test/node")
			return "ImageUri: esm-test/node, ImageConfig: {Command: [app.stream]}"
		},
	} {
		t.Run(way, func(t *testing.T) {
			t.Parallel()
			e := rig.New(t)
			engine := e.Run(&rig.Function{Name: "f", Description: "{MemorySize: 512, Timeout: 60, " + keys(t) + "}"})
			t.Cleanup(engine.Stop)
			for _, test := range []struct{ event, text, fault string }{
				{`{"text":"one two three"}`, "one two three", ""},
				{`{"do":"error","text":"out of beans"}`, "", "RangeError"},
				{`{"text":"` + strings.Repeat("word ", 100_000) + `"}`, strings.Repeat("word ", 100_000), ""},
			} {
				text, fault := streamed(t, engine, test.event)
				if text != test.text || !strings.Contains(fault, test.fault) || (fault == "") != (test.fault == "") {
					t.Errorf("%.100s: got %.100q of %d bytes with %q, want %.100q with %q", test.event, text, len(text), fault, test.text, test.fault)
				}
			}
		})
	}
}

// streamed returns the response to an event, and its error.
func streamed(t *testing.T, engine *rig.Engine, event string) (text, fault string) {
	t.Helper()
	out, err := engine.Lambda().InvokeWithResponseStream(t.Context(), &lambda.InvokeWithResponseStreamInput{FunctionName: aws.String("f"), Payload: []byte(event)})
	if err != nil {
		t.Fatal(err)
	}
	stream := out.GetStream()
	defer stream.Close()
	for part := range stream.Events() {
		switch part := part.(type) {
		case *types.InvokeWithResponseStreamResponseEventMemberPayloadChunk:
			text += string(part.Value.Payload)
		case *types.InvokeWithResponseStreamResponseEventMemberInvokeComplete:
			fault = aws.ToString(part.Value.ErrorCode) + aws.ToString(part.Value.ErrorDetails)
		}
	}
	if err := stream.Err(); err != nil {
		t.Error(err)
	}
	return text, fault
}
