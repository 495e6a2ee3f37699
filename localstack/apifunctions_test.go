package localstack_test

import (
	"encoding/base64"
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
)

const telltale = `
def handler(event, context):
    if event == "fail":
        raise ValueError("out of beans")
    print("hello")
    client = context.client_context
    return {"event": event, "arn": context.invoked_function_arn, "custom": client.custom if client else None}
`

const arnOfFunctions = "arn:aws:lambda:us-east-1:000000000000:function:"

// TestFunctionsOverHTTP invokes functions, looks at them and reserves concurrency for them with AWS's own clients.
func TestFunctionsOverHTTP(t *testing.T) {
	t.Parallel()
	need(t, "python3")
	h := newHouse(t, standIn)
	h.write("src/app.py", telltale)
	file := "Engine: {Concurrency: 50}\nFunctions:\n"
	for _, name := range clients {
		file += "  " + name + ": {Runtime: python3.12, Handler: app.handler, CodeUri: src, Timeout: 20}\n"
	}
	e := h.run(file)
	code := "file://" + h.dir + "/src"
	for _, name := range clients {
		t.Run(name, func(t *testing.T) {
			tell := &telling{client: clientOf(t, name, e.lambdaURL())}
			tell.story(t, invokeStory(name))
			tell.story(t, functionStory(name, code))
		})
	}
}

func invokeStory(name string) []apiCall {
	answered := func(payload any) members {
		return members{"StatusCode": 200, "ExecutedVersion": "$LATEST", "Payload": payload}
	}
	gave := func(event, custom any, arn string) members {
		return members{"event": event, "custom": custom, "arn": arnOfFunctions + arn}
	}
	context := base64.StdEncoding.EncodeToString([]byte(`{"custom":{"who":"me"},"client":{},"env":{}}`))
	missing := "Function not found: " + arnOfFunctions
	return []apiCall{
		{operation: "Invoke", with: members{"FunctionName": name, "Payload": `{"a": "é"}`}, status: 200, want: answered(gave(members{"a": "é"}, nil, name))},
		{operation: "Invoke", with: members{"FunctionName": name}, status: 200, want: answered(gave(members{}, nil, name)), onceMore: true},
		{
			operation: "Invoke", with: members{"FunctionName": arnOfFunctions + name + ":$LATEST", "Payload": "[1,null]"}, status: 200,
			want: answered(gave([]any{1, nil}, nil, name+":$LATEST")),
		},
		{
			operation: "Invoke", with: members{"FunctionName": "000000000000:function:" + name, "Qualifier": "$LATEST", "Payload": "7"}, status: 200,
			want: answered(gave(7, nil, name+":$LATEST")), onceMore: true,
		},
		{
			operation: "Invoke", with: members{"FunctionName": name, "LogType": "Tail", "ClientContext": context, "Payload": `"x"`}, status: 200,
			want: document(answered(gave("x", members{"who": "me"}, name))).with(members{"LogResult": "log"}),
		},
		{operation: "Invoke", with: members{"FunctionName": name, "InvocationType": "DryRun"}, status: 204, want: members{"StatusCode": 204, "Payload": ""}},
		{operation: "Invoke", with: members{"FunctionName": "nope"}, status: 404, code: "ResourceNotFoundException", text: missing + "nope:$LATEST"},
		{
			operation: "Invoke", with: members{"FunctionName": name + ":live", "InvocationType": "DryRun"}, status: 404, onceMore: true,
			code: "ResourceNotFoundException", text: missing + name + ":live",
		},
		{
			operation: "Invoke", with: members{"FunctionName": name + ":a", "Qualifier": "b"}, status: 400, code: parameterError, onceMore: true,
			text: "The derived qualifier from the function name does not match the specified qualifier.",
		},
		{
			operation: "Invoke", with: members{"FunctionName": name, "InvocationType": "Event"}, status: 400, code: parameterError,
			text: "The invocation type Event is not served. This engine does not deliver events asynchronously yet: invoke the function with the invocation type RequestResponse.",
		},
		{operation: "PutFunctionConcurrency", with: members{"FunctionName": name, "ReservedConcurrentExecutions": 0}, status: 200, want: members{"ReservedConcurrentExecutions": 0}},
		{operation: "Invoke", with: members{"FunctionName": name}, status: 429, code: "TooManyRequestsException", text: "Rate Exceeded."},
		{operation: "Invoke", with: members{"FunctionName": name, "InvocationType": "DryRun"}, status: 204, want: members{"StatusCode": 204, "Payload": ""}, onceMore: true},
		{operation: "GetFunctionConcurrency", with: members{"FunctionName": name}, status: 200, want: members{"ReservedConcurrentExecutions": 0}},
		{operation: "DeleteFunctionConcurrency", with: members{"FunctionName": name}, status: 204},
		{operation: "GetFunctionConcurrency", with: members{"FunctionName": arnOfFunctions + name}, status: 200, want: members{}, onceMore: true},
		{
			operation: "PutFunctionConcurrency", with: members{"FunctionName": name + ":$LATEST", "ReservedConcurrentExecutions": 1}, status: 400, code: parameterError,
			text: "This operation is permitted on Lambda functions only. Aliases and versions do not support this operation. " +
				"Please specify either a function name or an unqualified function ARN.", onceMore: true,
		},
		{
			operation: "PutFunctionConcurrency", with: members{"FunctionName": "nope", "ReservedConcurrentExecutions": 1}, status: 404,
			code: "ResourceNotFoundException", text: missing + "nope:$LATEST", onceMore: true,
		},
	}
}

func functionStory(name, code string) []apiCall {
	machine := map[string]string{"amd64": "x86_64"}[runtime.GOARCH]
	if machine == "" {
		machine = runtime.GOARCH
	}
	configuration := func(name string) document {
		return document{
			"FunctionName": name, "FunctionArn": arnOfFunctions + name, "Role": "arn:aws:iam::000000000000:role/" + name,
			"Runtime": "python3.12", "Handler": "app.handler", "CodeSize": 0,
			"Description": "", "Timeout": 20, "MemorySize": 128, "LastModified": "now", "CodeSha256": "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=",
			"Version": "$LATEST", "TracingConfig": members{"Mode": "PassThrough"}, "RevisionId": "revision", "State": "Active",
			"LastUpdateStatus": "Successful", "PackageType": "Zip", "Architectures": []string{machine}, "EphemeralStorage": members{"Size": 512},
			"SnapStart": members{"ApplyOn": "None", "OptimizationStatus": "Off"}, "LoggingConfig": members{"LogFormat": "Text", "LogGroup": "/aws/lambda/" + name},
		}
	}
	var listed []document
	for _, each := range []string{"botocore", "cli", "go"} {
		listed = append(listed, configuration(each).with(members{"State": nil, "LastUpdateStatus": nil}))
	}
	const refused = " is not served. The functions of this engine are those of its mappings file: change them there, and restart the engine."
	return []apiCall{
		{operation: "GetFunctionConfiguration", with: members{"FunctionName": name}, status: 200, want: members(configuration(name))},
		{
			operation: "GetFunctionConfiguration", with: members{"FunctionName": name, "Qualifier": "$LATEST"}, status: 200, onceMore: true,
			want: configuration(name).with(members{"FunctionArn": arnOfFunctions + name + ":$LATEST"}).members(),
		},
		{operation: "PutFunctionConcurrency", with: members{"FunctionName": name, "ReservedConcurrentExecutions": 5}, status: 200, want: members{"ReservedConcurrentExecutions": 5}, onceMore: true},
		{operation: "DeleteFunctionConcurrency", with: members{"FunctionName": name}, status: 204, onceMore: true},
		{
			operation: "GetFunction", with: members{"FunctionName": name}, status: 200,
			want: members{"Configuration": configuration(name), "Code": members{"RepositoryType": "File", "Location": code}},
		},
		{operation: "GetFunction", with: members{"FunctionName": "nope"}, status: 404, code: "ResourceNotFoundException", text: "Function not found: " + arnOfFunctions + "nope"},
		{operation: "ListFunctions", with: members{}, status: 200, want: members{"Functions": listed, "NextMarker": nil}},
		{
			operation: "GetAccountSettings", with: members{}, status: 200,
			want: members{
				"AccountLimit": members{
					"TotalCodeSize": 75 << 30, "CodeSizeUnzipped": 250 << 20, "CodeSizeZipped": 50 << 20,
					"ConcurrentExecutions": 50, "UnreservedConcurrentExecutions": 50,
				},
				"AccountUsage": members{"TotalCodeSize": 0, "FunctionCount": 3},
			},
		},
		{operation: "DeleteFunction", with: members{"FunctionName": name}, status: 400, code: parameterError, text: "DeleteFunction" + refused, onceMore: true},
	}
}

func (m document) members() members { return members(m) }

// TestWhatInvokeAnswers is what shows on the wire alone.
func TestWhatInvokeAnswers(t *testing.T) {
	t.Parallel()
	need(t, "python3")
	h := newHouse(t, standIn)
	h.write("src/app.py", telltale)
	e := h.run("Functions:\n  f: {Runtime: python3.12, Handler: app.handler, CodeUri: src, Timeout: 20}\n")
	url := e.lambdaURL() + "/2015-03-31/functions/f/invocations"
	const id = "0a0a0a0a-1111-4222-8333-444444444444"
	status, body, header := raw(t, "POST", url, `"fail"`, "X-Amzn-RequestId", id, "X-Amz-Log-Type", "Tail")
	failure := parsed(body).(members)
	if status != 200 || failure["errorType"] != "ValueError" || failure["errorMessage"] != "out of beans" {
		t.Errorf("a function that fails answers %d %s", status, body)
	}
	for name, want := range map[string]string{
		"X-Amz-Function-Error": "Unhandled", "X-Amz-Executed-Version": "$LATEST", "X-Amzn-Requestid": id, "Content-Type": "application/json",
		"X-Amzn-Remapped-Content-Length": "0",
	} {
		if got := header.Get(name); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
	if trace := header.Get("X-Amzn-Trace-Id"); !strings.HasPrefix(trace, "Root=1-") || !strings.Contains(trace, ";Sampled=0") {
		t.Errorf("the trace is %q", trace)
	}
	log, _ := base64.StdEncoding.DecodeString(header.Get("X-Amz-Log-Result"))
	if !strings.Contains(string(log), "START RequestId: "+id) || !strings.Contains(string(log), "out of beans") {
		t.Errorf("the log is %q", log)
	}
	const parser = `400 {"Type":"User","message":"Could not parse request body into json: Could not parse payload into json: `
	tests := []struct {
		name, body string
		header     []string
		want       string // a beginning
	}{
		{"bad UTF-8", "\"\x87\"", nil, parser + `invalid UTF-8"}`},
		{"another type", "{}", []string{"Content-Type", "image/png"}, `415 {"Type":"User","message":`},
		{"a request id that is none", "{}", []string{"X-Amzn-RequestId", "mine"}, `400 {"Type":"User","message":`},
		{"a client context that is none", "{}", []string{"X-Amz-Client-Context", "!"}, `400 {"Type":"User","message":`},
		{"an invocation type that is none", "{}", []string{"X-Amz-Invocation-Type", "Later"}, `400 {"message":"1 validation error detected: Value 'Later' at 'invocationType' failed to satisfy constraint: Member must satisfy enum value set: [Event, RequestResponse, DryRun]"}`},
		{"too much", `"` + strings.Repeat("x", 6291455) + `"`, nil, `413 {"Message":"Request must be smaller than 6291456 bytes for the InvokeFunction operation"}`},
	}
	for _, test := range tests {
		status, body, _ := raw(t, "POST", url, test.body, test.header...)
		if got := fmt.Sprint(status, " ", body); !strings.HasPrefix(got, test.want) {
			t.Errorf("%s:\ngot  %s\nwant %s", test.name, clip(got), test.want)
		}
	}
	for path, want := range map[string]int{"arn:aws:lambda:us-east-1:000000000000:function:f": 204, "a%20b": 400, "f:$LATEST": 204, "arn:aws:lambda:eu-west-1:000000000000:function:f": 404} {
		status, body, _ := raw(t, "POST", e.lambdaURL()+"/2015-03-31/functions/"+path+"/invocations", "", "X-Amz-Invocation-Type", "DryRun")
		if status != want {
			t.Errorf("%s: %d %s, want %d", path, status, body, want)
		}
	}
}

// TestWaiters has AWS's own waiters find the functions of the engine ready.
func TestWaiters(t *testing.T) {
	t.Parallel()
	h := newHouse(t, standIn)
	e := h.run(h.scaled())
	in := &lambda.GetFunctionInput{FunctionName: aws.String("f")}
	if err := lambda.NewFunctionActiveV2Waiter(e.lambda()).Wait(t.Context(), in, time.Minute); err != nil {
		t.Error(err)
	}
	if err := lambda.NewFunctionUpdatedV2Waiter(e.lambda()).Wait(t.Context(), in, time.Minute); err != nil {
		t.Error(err)
	}
	if out, stderr := newAWSCLI(t, e.lambdaURL()).run(t, "wait", "function-exists", "--function-name", "f"); out+stderr != "" {
		t.Errorf("the CLI says %s%s", out, stderr)
	}
}
