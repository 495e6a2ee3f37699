package rig

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/smithy-go"
)

// Lambda returns the AWS SDK for Go for this engine. It does not retry.
func (e *Engine) Lambda() *lambda.Client { return e.LambdaOver(http.DefaultTransport) }

// LambdaOver returns the same over a transport.
func (e *Engine) LambdaOver(transport http.RoundTripper) *lambda.Client {
	return lambda.New(lambda.Options{
		Region: "us-east-1", BaseEndpoint: aws.String(e.URL("")), RetryMaxAttempts: 1, HTTPClient: &http.Client{Transport: transport},
		Credentials: credentials.NewStaticCredentialsProvider("test", "test", ""),
	})
}

// ErrorCode returns the code of an exception, or the text of another error; "" without an error.
func ErrorCode(err error) string {
	if exception, ok := errors.AsType[smithy.APIError](err); ok {
		return exception.ErrorCode()
	}
	if err != nil {
		return err.Error()
	}
	return ""
}

// WaitServing waits until Lambda's API is served, which it is also while mappings do not poll.
func (e *Engine) WaitServing() {
	e.Helper()
	Eventually(e.TB, "Lambda's API is served", func() bool {
		_, err := e.Lambda().ListFunctions(e.Context(), &lambda.ListFunctionsInput{})
		return err == nil
	})
}

// Create makes a mapping over HTTP, of the function f if in names none.
func (e *Engine) Create(in lambda.CreateEventSourceMappingInput) (uuid string) {
	e.Helper()
	if in.FunctionName == nil {
		in.FunctionName = aws.String("f")
	}
	made, err := e.Lambda().CreateEventSourceMapping(e.Context(), &in)
	if err != nil {
		e.Fatal(err)
	}
	return *made.UUID
}

// BeginUpdate changes a mapping as soon as it is not in use.
func (e *Engine) BeginUpdate(in lambda.UpdateEventSourceMappingInput) {
	e.Helper()
	Eventually(e.TB, "the mapping can be changed", func() bool {
		_, err := e.Lambda().UpdateEventSourceMapping(e.Context(), &in)
		if code := ErrorCode(err); code != "" && code != "ResourceInUseException" {
			e.Fatal(err)
		}
		return err == nil
	})
}

// Update changes a mapping, and waits until it is in a state.
func (e *Engine) Update(in lambda.UpdateEventSourceMappingInput, state string) {
	e.Helper()
	e.BeginUpdate(in)
	e.WaitState(*in.UUID, state)
}

// Delete deletes a mapping as soon as it is not in use, and waits until it is gone.
func (e *Engine) Delete(uuid string) {
	e.Helper()
	Eventually(e.TB, "the mapping can be deleted", func() bool {
		_, err := e.Lambda().DeleteEventSourceMapping(e.Context(), &lambda.DeleteEventSourceMappingInput{UUID: &uuid})
		if code := ErrorCode(err); code != "" && code != "ResourceInUseException" {
			e.Fatal(err)
		}
		return err == nil
	})
	e.WaitState(uuid, "")
}

// State returns the state of a mapping, "" when there is none.
func (e *Engine) State(uuid string) string {
	e.Helper()
	got, err := e.Lambda().GetEventSourceMapping(e.Context(), &lambda.GetEventSourceMappingInput{UUID: &uuid})
	switch ErrorCode(err) {
	case "":
		return aws.ToString(got.State)
	case "ResourceNotFoundException":
		return ""
	}
	e.Fatal(err)
	return ""
}

// WaitState waits until a mapping is in a state; "" is deleted.
func (e *Engine) WaitState(uuid, state string) {
	e.Helper()
	Eventually(e.TB, "the mapping is "+state, func() bool { return e.State(uuid) == state })
}

// Mappings returns, for each function, its mapping's batch size, origin, and whether HTTP has changed it.
func (e *Engine) Mappings() map[string]string {
	e.Helper()
	var all struct {
		EventSourceMappings []struct {
			FunctionName, Origin string
			BatchSize            int
			Changed              bool
		}
	}
	text := e.Get("/esm/v1/mappings")
	if err := json.Unmarshal([]byte(text), &all); err != nil {
		e.Fatalf("%s: %v", text, err)
	}
	mappings := map[string]string{}
	for _, m := range all.EventSourceMappings {
		mappings[m.FunctionName] = fmt.Sprintf("%d %s %v", m.BatchSize, m.Origin, m.Changed)
	}
	return mappings
}

// WantMappings checks what [Engine.Mappings] returns.
func (e *Engine) WantMappings(want map[string]string) {
	e.Helper()
	if got := e.Mappings(); fmt.Sprint(got) != fmt.Sprint(want) {
		e.Errorf("the mappings are %v, want %v", got, want)
	}
}
