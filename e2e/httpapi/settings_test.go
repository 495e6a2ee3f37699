package httpapi_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/esm-run/esm/e2e/rig"
)

// AWS's clients change all that HTTP can change about functions, and send events. The answers have the members that AWS's
// have, and no others.
func TestClientsChangeSettings(t *testing.T) {
	t.Parallel()
	rig.Need(t, "python3")
	e := rig.New(t)
	e.WriteFile("src/app.py", echoHandler)
	var entries []rig.Entry
	for name := range clients {
		entries = append(entries, &rig.Function{Name: name, Description: python})
	}
	engine := e.Run(append(entries, rig.EngineKeys("Concurrency: 50"))...)
	for name, connect := range clients {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c, queue := connect(t, engine), e.Queue("settings-"+name, nil)
			check := func(calls ...call) {
				for i, one := range calls {
					if name == "cli" && strings.Contains(one.operation, "Stream") {
						continue // it knows no streams
					}
					one.check(t, fmt.Sprint(i, " ", one.operation), c, engine, new(string))
				}
			}
			check(slices.Concat(eventCalls(name, queue.ARN), urlCalls(name, engine), policyCalls(name), provisionedCalls(name), recursionCalls(name))...)
			if record := queue.TakeRecord(); !strings.Contains(record, `"condition":"Success"`) || !strings.Contains(record, `"requestPayload":{"sent": 1}`) {
				t.Errorf("the event has ended with %s", record)
			}
			text := "The function " + rig.FunctionARN + name + ":$LATEST doesn't have an EventInvokeConfig"
			remove := call{operation: "DeleteFunctionEventInvokeConfig", with: ofFunction(name, nil), status: 204}
			check(remove, call{operation: remove.operation, with: remove.with, status: 404, code: notFound, text: text})
			check(call{operation: "InvokeAsync", with: ofFunction(name, members{"InvokeArgs": `{"older": 1}`}), status: 202, want: members{"Status": 202}, exactly: true})
		})
	}
}

// ofFunction returns the members of a request for a function.
func ofFunction(name string, more members) members {
	with := members{"FunctionName": name}
	for key, value := range more {
		with[key] = value
	}
	return with
}

// eventCalls configure how the events of a function end, and send one.
func eventCalls(name, queue string) []call {
	const get, put, update = "GetFunctionEventInvokeConfig", "PutFunctionEventInvokeConfig", "UpdateFunctionEventInvokeConfig"
	arn := rig.FunctionARN + name + ":$LATEST"
	to := func(success, failure any) members {
		all := members{"OnSuccess": members{}, "OnFailure": members{}}
		if success != nil {
			all["OnSuccess"] = members{"Destination": success}
		}
		if failure != nil {
			all["OnFailure"] = members{"Destination": failure}
		}
		return all
	}
	is := func(destinations members, more members) members {
		all := members{"LastModified": anything, "FunctionArn": arn, "DestinationConfig": destinations}
		for key, value := range more {
			all[key] = value
		}
		return all
	}
	refused := func(code, text string, with members) call {
		return call{operation: put, with: ofFunction(name, with), status: 400, code: code, text: text}
	}
	both := members{"MaximumRetryAttempts": 0, "MaximumEventAgeInSeconds": 3600}
	table := "arn:aws:dynamodb:us-east-1:000000000000:table/t"
	missing := rig.FunctionARN + "missing"
	return []call{
		{operation: get, with: ofFunction(name, nil), status: 404, code: notFound, text: "The function " + arn + " doesn't have an EventInvokeConfig"},
		{
			operation: put, with: ofFunction(name, members{"MaximumRetryAttempts": 1, "DestinationConfig": members{"OnFailure": members{"Destination": queue}}}),
			status: 200, want: is(to(nil, queue), members{"MaximumRetryAttempts": 1}), exactly: true,
		},
		{operation: update, with: ofFunction(name, both), status: 200, want: is(to(nil, queue), both), exactly: true},
		{operation: get, with: ofFunction(name, members{"Qualifier": "$LATEST"}), status: 200, want: is(to(nil, queue), both), exactly: true},
		{
			operation: update, with: ofFunction(name, members{"DestinationConfig": members{"OnSuccess": members{"Destination": queue}, "OnFailure": members{"Destination": ""}}}),
			status: 200, want: is(to(queue, nil), both), exactly: true,
		},
		refused(badParameter, "You must specify at least one of error handling or destination setting.", nil),
		refused(badModel, "1 validation error detected: Value '3' at 'maximumRetryAttempts' failed to satisfy constraint: Member must have value less than or equal to 2", members{"MaximumRetryAttempts": 3}),
		refused(badParameter, "You can't specify the function as a destination for itself.", members{"DestinationConfig": members{"OnSuccess": members{"Destination": rig.FunctionARN + name}}}),
		refused(badParameter, "The destination ARN "+missing+" is invalid.", members{"DestinationConfig": members{"OnSuccess": members{"Destination": missing}}}),
		refused(badParameter, "The provided destination config DestinationConfig(onSuccess=null, onFailure=OnFailure(destination="+table+")) is invalid.",
			members{"DestinationConfig": members{"OnFailure": members{"Destination": table}}}),
		{operation: put, with: members{"FunctionName": "missing", "MaximumRetryAttempts": 1}, status: 404, code: notFound, text: "The function doesn't exist."},
		{
			operation: "ListFunctionEventInvokeConfigs", with: ofFunction(name, nil), status: 200, exactly: true,
			want: members{"FunctionEventInvokeConfigs": anything},
		},
		{
			operation: "Invoke", with: ofFunction(name, members{"InvocationType": "Event", "Payload": `{"sent": 1}`}),
			status: 202, want: members{"StatusCode": 202, "Payload": ""},
		},
		{operation: "Invoke", with: ofFunction(name, members{"InvocationType": "Event", "Payload": `{"sent"`}), status: 400, code: "InvalidRequestContentException", text: "Could not parse request body into json: Could not parse payload into json: "},
		{operation: "Invoke", with: members{"FunctionName": "missing", "InvocationType": "Event"}, status: 404, code: notFound, text: "Function not found: " + missing + ":$LATEST"},
		{
			operation: "InvokeWithResponseStream", with: ofFunction(name, members{"Payload": `{"streamed": 1}`}), status: 200,
			want: members{"ExecutedVersion": "$LATEST", "Payload": `{"event": {"streamed": 1}, "arn": "` + rig.FunctionARN + name + `"}`},
		},
		{
			operation: "InvokeWithResponseStream", with: ofFunction(name, members{"Payload": `"fail"`}), status: 200,
			want: members{"ExecutedVersion": "$LATEST", "Payload": "", "ErrorCode": "Unhandled"},
		},
	}
}

func urlCalls(name string, engine *rig.Engine) []call {
	cors := members{"AllowOrigins": []string{"https://example.com"}, "MaxAge": 60}
	is := members{"FunctionUrl": engine.URL("/url/" + name + "/"), "FunctionArn": rig.FunctionARN + name, "AuthType": "NONE", "CreationTime": anything}
	with := func(more members) members {
		all := members{"LastModifiedTime": anything}
		for _, some := range []members{is, more} {
			for key, value := range some {
				all[key] = value
			}
		}
		return all
	}
	none := "The resource you requested does not exist."
	return []call{
		{operation: "GetFunctionUrlConfig", with: ofFunction(name, nil), status: 404, code: notFound, text: none},
		{operation: "CreateFunctionUrlConfig", with: ofFunction(name, members{"AuthType": "NONE"}), status: 201, want: is, exactly: true},
		{operation: "CreateFunctionUrlConfig", with: ofFunction(name, members{"AuthType": "NONE"}), status: 409, code: "ResourceConflictException", text: "Failed to create function url config for [functionArn = " + rig.FunctionARN + name + "]"},
		{
			operation: "UpdateFunctionUrlConfig", with: ofFunction(name, members{"Cors": cors, "InvokeMode": "RESPONSE_STREAM"}), status: 200,
			want: with(members{"Cors": cors, "InvokeMode": "RESPONSE_STREAM"}), exactly: true,
		},
		{operation: "GetFunctionUrlConfig", with: ofFunction(name, nil), status: 200, want: with(members{"Cors": cors, "InvokeMode": "RESPONSE_STREAM"}), exactly: true},
		{operation: "ListFunctionUrlConfigs", with: ofFunction(name, nil), status: 200, want: members{"FunctionUrlConfigs": anything}, exactly: true},
		{operation: "DeleteFunctionUrlConfig", with: ofFunction(name, nil), status: 204},
		{operation: "GetFunctionUrlConfig", with: ofFunction(name, nil), status: 404, code: notFound, text: none},
	}
}

func policyCalls(name string) []call {
	statement := `{"Sid":"bucket","Effect":"Allow","Principal":{"Service":"s3.amazonaws.com"},"Action":"lambda:InvokeFunction","Resource":"` + rig.FunctionARN + name + `",` +
		`"Condition":{"StringEquals":{"AWS:SourceAccount":"000000000000"},"ArnLike":{"AWS:SourceArn":"arn:aws:s3:::photos"}}}`
	add := ofFunction(name, members{
		"StatementId": "bucket", "Action": "lambda:InvokeFunction", "Principal": "s3.amazonaws.com", "SourceArn": "arn:aws:s3:::photos", "SourceAccount": "000000000000",
	})
	return []call{
		{operation: "GetPolicy", with: ofFunction(name, nil), status: 404, code: notFound, text: "The resource you requested does not exist."},
		{operation: "AddPermission", with: add, status: 201, want: members{"Statement": statement}, exactly: true},
		{operation: "AddPermission", with: add, status: 409, code: "ResourceConflictException", text: "The statement id (bucket) provided already exists."},
		{
			operation: "GetPolicy", with: ofFunction(name, nil), status: 200, exactly: true,
			want: members{"Policy": `{"Version":"2012-10-17","Id":"default","Statement":[` + statement + `]}`, "RevisionId": anything},
		},
		{operation: "RemovePermission", with: ofFunction(name, members{"StatementId": "bucket"}), status: 204},
		{operation: "GetPolicy", with: ofFunction(name, nil), status: 404, code: notFound, text: "The resource you requested does not exist."},
	}
}

func provisionedCalls(name string) []call {
	const get = "GetProvisionedConcurrencyConfig"
	latest := members{"Qualifier": "$LATEST"}
	is := members{"RequestedProvisionedConcurrentExecutions": 1, "LastModified": anything, "Status": anything, "AvailableProvisionedConcurrentExecutions": anything, "AllocatedProvisionedConcurrentExecutions": anything}
	none := call{
		operation: get, with: ofFunction(name, latest), status: 404, code: "ProvisionedConcurrencyConfigNotFoundException",
		text: "No Provisioned Concurrency Config found for this function",
	}
	return []call{
		none,
		{operation: "PutProvisionedConcurrencyConfig", with: ofFunction(name, members{"Qualifier": "$LATEST", "ProvisionedConcurrentExecutions": 1}), status: 202, want: is, exactly: true},
		{operation: get, with: ofFunction(name, latest), status: 200, want: is, exactly: true, until: members{"Status": "READY", "AvailableProvisionedConcurrentExecutions": 1.0}},
		{operation: "ListProvisionedConcurrencyConfigs", with: ofFunction(name, nil), status: 200, want: members{"ProvisionedConcurrencyConfigs": anything}, exactly: true},
		{operation: "DeleteProvisionedConcurrencyConfig", with: ofFunction(name, latest), status: 204},
		none,
	}
}

func recursionCalls(name string) []call {
	const get, put = "GetFunctionRecursionConfig", "PutFunctionRecursionConfig"
	allow, terminate := members{"RecursiveLoop": "Allow"}, members{"RecursiveLoop": "Terminate"}
	return []call{
		{operation: get, with: ofFunction(name, nil), status: 200, want: terminate, exactly: true},
		{operation: put, with: ofFunction(name, allow), status: 200, want: allow, exactly: true},
		{operation: get, with: ofFunction(name, nil), status: 200, want: allow, exactly: true},
		{operation: put, with: ofFunction(name, members{"RecursiveLoop": "Forbid"}), status: 400, code: badModel, text: "1 validation error detected: Value 'Forbid' at 'recursiveLoop'"},
	}
}
