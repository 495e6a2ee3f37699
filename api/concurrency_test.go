package api

import (
	"errors"
	"testing"
)

func TestConcurrency(t *testing.T) {
	const (
		path2017  = "/2017-10-31/functions/f/concurrency"
		path2019  = "/2019-09-30/functions/f/concurrency"
		qualified = `400 InvalidParameterValueException {"Type":"User","message":"This operation is permitted on Lambda functions only. ` +
			`Aliases and versions do not support this operation. Please specify either a function name or an unqualified function ARN."}`
		missing = `404 ResourceNotFoundException {"Type":"User","Message":"Function not found: ` + functionARN + `nope:$LATEST"}`
		invalid = `400 ValidationException {"message":"1 validation error detected: Value `
	)
	r := newRig(t)
	for _, tt := range []struct{ method, path, body, want string }{
		{"GET", path2019, "", `200  {}`},
		{"PUT", path2017, `{"ReservedConcurrentExecutions":3,"X":1}`, `200  {"ReservedConcurrentExecutions":3}`},
		{"GET", path2019, "", `200  {"ReservedConcurrentExecutions":3}`},
		{"PUT", "/2017-10-31/functions/" + functionARN + "f/concurrency", `{"ReservedConcurrentExecutions":0}`, `200  {"ReservedConcurrentExecutions":0}`},
		{"DELETE", path2017, "", `204  `},
		{"DELETE", path2017, "", `204  `},
		{"GET", path2019, "", `200  {}`},
		{"PUT", "/2017-10-31/functions/f:$LATEST/concurrency", `{"ReservedConcurrentExecutions":3}`, qualified},
		{"DELETE", "/2017-10-31/functions/f:1/concurrency", "", qualified},
		{"GET", "/2019-09-30/functions/nope:1/concurrency", "", qualified},
		{"PUT", "/2017-10-31/functions/nope/concurrency", `{"ReservedConcurrentExecutions":-3}`, missing},
		{"GET", "/2019-09-30/functions/nope/concurrency", "", missing},
		{"DELETE", "/2017-10-31/functions/nope/concurrency", "", missing},
		{"PUT", path2017, `{}`, invalid + `null at 'reservedConcurrentExecutions' failed to satisfy constraint: Member must not be null"}`},
		{"PUT", path2017, `{"ReservedConcurrentExecutions":-1}`, invalid + `'-1' at 'reservedConcurrentExecutions' failed to satisfy constraint: Member must have value greater than or equal to 0"}`},
		{"PUT", path2017, `{"ReservedConcurrentExecutions":1000001}`, `400 InvalidParameterValueException {"Type":"User","message":"ReservedConcurrentExecutions 1000001 is above 1000000."}`},
		{"PUT", path2017, `{"ReservedConcurrentExecutions":"1"}`, `400 SerializationException {"Message":"STRING_VALUE can not be converted to an Integer (ReservedConcurrentExecutions)"}`},
	} {
		if got := errorOf(r.ask(tt.method, tt.path, tt.body)); got != tt.want {
			t.Errorf("%s %s %s:\ngot  %s\nwant %s", tt.method, tt.path, tt.body, got, tt.want)
		}
	}
	r.reserveErr = errors.New("the disk is full")
	got, want := errorOf(r.ask("PUT", path2017, `{"ReservedConcurrentExecutions":1}`)), `500 ServiceException {"Type":"Service","Message":"the disk is full"}`
	if got != want || len(r.reserved) != 0 {
		t.Errorf("got %s, want %s", got, want)
	}
}
