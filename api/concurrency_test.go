package api

import (
	"errors"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
)

const (
	concurrency2017 = "/2017-10-31/functions/f/concurrency"
	concurrency2019 = "/2019-09-30/functions/f/concurrency"
)

func TestConcurrencyBySDK(t *testing.T) {
	h := build(t)
	client, _ := h.serve()
	name := aws.String("arn:aws:lambda:us-east-1:123456789012:function:f")
	put, err := client.PutFunctionConcurrency(t.Context(), &lambda.PutFunctionConcurrencyInput{FunctionName: name, ReservedConcurrentExecutions: aws.Int32(0)})
	if err != nil || *put.ReservedConcurrentExecutions != 0 || h.reserved["f"] != 0 || len(h.reserved) != 1 {
		t.Fatalf("got %+v, %v, reserved %v", put, err, h.reserved)
	}
	got, err := client.GetFunctionConcurrency(t.Context(), &lambda.GetFunctionConcurrencyInput{FunctionName: name})
	if err != nil || *got.ReservedConcurrentExecutions != 0 {
		t.Fatalf("got %+v, %v", got, err)
	}
	if _, err := client.DeleteFunctionConcurrency(t.Context(), &lambda.DeleteFunctionConcurrencyInput{FunctionName: name}); err != nil || len(h.reserved) != 0 {
		t.Fatalf("got %v, reserved %v", err, h.reserved)
	}
	got, err = client.GetFunctionConcurrency(t.Context(), &lambda.GetFunctionConcurrencyInput{FunctionName: name})
	if err != nil || got.ReservedConcurrentExecutions != nil {
		t.Fatalf("got %+v, %v", got, err)
	}
}

func TestConcurrencyOnTheWire(t *testing.T) {
	const qualified = `400 InvalidParameterValueException {"Type":"User","message":"This operation is permitted on Lambda functions only. ` +
		`Aliases and versions do not support this operation. Please specify either a function name or an unqualified function ARN."}`
	const missing = `404 ResourceNotFoundException {"Type":"User","Message":"Function not found: ` + houseArn + `nope:$LATEST"}`
	tests := []struct{ method, path, body, want string }{
		{"GET", concurrency2019, "", `200 {}`},
		{"PUT", concurrency2017, `{"ReservedConcurrentExecutions":3,"X":1}`, `200 {"ReservedConcurrentExecutions":3}`},
		{"GET", concurrency2019, "", `200 {"ReservedConcurrentExecutions":3}`},
		{"DELETE", concurrency2017, "", `204 `},
		{"DELETE", concurrency2017, "", `204 `},
		{"GET", concurrency2019, "", `200 {}`},
		{"PUT", "/2017-10-31/functions/f:$LATEST/concurrency", `{"ReservedConcurrentExecutions":3}`, qualified},
		{"DELETE", "/2017-10-31/functions/f:1/concurrency", "", qualified},
		{"GET", "/2019-09-30/functions/nope:1/concurrency", "", qualified},
		{"PUT", "/2017-10-31/functions/nope/concurrency", `{"ReservedConcurrentExecutions":-3}`, missing},
		{"GET", "/2019-09-30/functions/nope/concurrency", "", missing},
		{"DELETE", "/2017-10-31/functions/nope/concurrency", "", missing},
		{"PUT", concurrency2017, `{}`, `400 ValidationException {"message":"1 validation error detected: Value null at 'reservedConcurrentExecutions' failed to satisfy constraint: Member must not be null"}`},
		{"PUT", concurrency2017, `{"ReservedConcurrentExecutions":-1}`, `400 ValidationException {"message":"1 validation error detected: Value '-1' at 'reservedConcurrentExecutions' failed to satisfy constraint: Member must have value greater than or equal to 0"}`},
		{"PUT", concurrency2017, `{"ReservedConcurrentExecutions":1000001}`, `400 InvalidParameterValueException {"Type":"User","message":"ReservedConcurrentExecutions 1000001 is above 1000000."}`},
		{"PUT", concurrency2017, `{"ReservedConcurrentExecutions":"1"}`, `400 SerializationException {"Message":"STRING_VALUE can not be converted to an Integer (ReservedConcurrentExecutions)"}`},
	}
	h := build(t)
	for _, tt := range tests {
		w := h.ask(tt.method, tt.path, tt.body)
		got := errorOf(w)
		if w.Code < 300 {
			got = map[int]string{200: "200 ", 204: "204 "}[w.Code] + w.Body.String()
		}
		if got != tt.want {
			t.Errorf("%s %s %s:\ngot  %s\nwant %s", tt.method, tt.path, tt.body, got, tt.want)
		}
	}
	h.broken = errors.New("the disk is full")
	if got, want := errorOf(h.ask("PUT", concurrency2017, `{"ReservedConcurrentExecutions":1}`)), `500 ServiceException {"Type":"Service","Message":"the disk is full"}`; got != want || len(h.reserved) != 0 {
		t.Errorf("got %s, want %s", got, want)
	}
}
