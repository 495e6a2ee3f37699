package httpapi_test

import (
	"encoding/base64"
	"fmt"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"

	"github.com/esm-run/esm/e2e/rig"
)

const (
	python      = "{Runtime: python3.12, Handler: app.handler, CodeUri: src, Timeout: 20}"
	echoHandler = `
def handler(event, context):
    if event == "fail":
        raise ValueError("out of beans")
    print("hello")
    return {"event": event, "arn": context.invoked_function_arn}
`
)

func functionCalls(name string) []call {
	answered := func(event, arn string) members {
		return members{"StatusCode": 200, "Payload": fmt.Sprintf(`{"event": %s, "arn": "%s%s"}`, event, rig.FunctionARN, arn)}
	}
	of := func(more members) members {
		with := members{"FunctionName": name}
		for key, value := range more {
			with[key] = value
		}
		return with
	}
	missing := "Function not found: " + rig.FunctionARN
	return []call{
		{operation: "Invoke", with: of(members{"Payload": `{"a": 1}`}), status: 200, want: answered(`{"a": 1}`, name)},
		{
			operation: "Invoke", with: members{"FunctionName": rig.FunctionARN + name + ":$LATEST", "Payload": "[1,null]"},
			status: 200, want: answered("[1, null]", name+":$LATEST"),
		},
		{operation: "Invoke", with: of(members{"InvocationType": "DryRun"}), status: 204, want: members{"StatusCode": 204, "Payload": ""}},
		{operation: "Invoke", with: members{"FunctionName": "nope"}, status: 404, code: notFound, text: missing + "nope:$LATEST"},
		{operation: "Invoke", with: of(members{"InvocationType": "Event"}), status: 202, want: members{"StatusCode": 202, "Payload": ""}},
		{operation: "PutFunctionConcurrency", with: of(members{"ReservedConcurrentExecutions": 0}), status: 200, want: members{"ReservedConcurrentExecutions": 0}},
		{operation: "Invoke", with: of(nil), status: 429, code: "TooManyRequestsException", text: "Rate Exceeded."},
		{operation: "GetFunctionConcurrency", with: of(nil), status: 200, want: members{"ReservedConcurrentExecutions": 0}},
		{operation: "DeleteFunctionConcurrency", with: of(nil), status: 204},
		{operation: "GetFunctionConcurrency", with: of(nil), status: 200, want: members{"ReservedConcurrentExecutions": nil}},
		{
			operation: "GetFunctionConfiguration", with: of(nil), status: 200,
			want: members{"Runtime": "python3.12", "Timeout": 20, "State": "Active", "LastUpdateStatus": "Successful"},
		},
		{operation: "GetAccountSettings", with: members{}, status: 200, want: members{"AccountUsage": members{"TotalCodeSize": 0, "FunctionCount": 3}}},
		{operation: "DeleteFunction", with: of(nil), status: 400, code: badParameter, text: "DeleteFunction is not served."},
	}
}

// The answer to an invocation has the handler's own error, and the end of its log.
func TestInvokeAnswer(t *testing.T) {
	t.Parallel()
	rig.Need(t, "python3")
	e := rig.New(t)
	e.WriteFile("src/app.py", echoHandler)
	engine := e.Run(&rig.Function{Name: "f", Description: python})
	const id = "0a0a0a0a-1111-4222-8333-444444444444"
	status, body, header := request(t, "POST", engine.URL("/2015-03-31/functions/f/invocations"), `"fail"`, "X-Amzn-RequestId", id, "X-Amz-Log-Type", "Tail")
	failure := parse(t, []byte(body))
	if status != 200 || failure["errorType"] != "ValueError" || failure["errorMessage"] != "out of beans" {
		t.Errorf("a function that fails answers %d %s", status, body)
	}
	for name, want := range map[string]string{
		"X-Amz-Function-Error": "Unhandled", "X-Amz-Executed-Version": "$LATEST", "X-Amzn-Requestid": id, "Content-Type": "application/json",
	} {
		if got := header.Get(name); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
	if trace := header.Get("X-Amzn-Trace-Id"); !strings.HasPrefix(trace, "Root=1-") {
		t.Errorf("the trace is %q", trace)
	}
	log, _ := base64.StdEncoding.DecodeString(header.Get("X-Amz-Log-Result"))
	if !strings.Contains(string(log), "START RequestId: "+id) || !strings.Contains(string(log), "out of beans") {
		t.Errorf("the log is %q", log)
	}
}

// A reservation over HTTP holds at once, outlives a kill, and ends when the file's own changes.
func TestReservedConcurrency(t *testing.T) {
	t.Parallel()
	e := rig.New(t)
	q := e.Queue("reserved", rig.Attributes{"VisibilityTimeout": "60"})
	f := e.Function("f", rig.Succeed)
	command := f.Keys
	mapping := func(reserved int) rig.Entry {
		f.Keys = append(command[:1:1], fmt.Sprint("ReservedConcurrentExecutions: ", reserved))
		return f.On(q.ARN)
	}
	put := func(engine *rig.Engine, n int32) {
		t.Helper()
		_, err := engine.Lambda().PutFunctionConcurrency(t.Context(), &lambda.PutFunctionConcurrencyInput{FunctionName: &f.Name, ReservedConcurrentExecutions: &n})
		e.Must(err)
	}
	want := func(engine *rig.Engine, want string) {
		t.Helper()
		got, err := engine.Lambda().GetFunctionConcurrency(t.Context(), &lambda.GetFunctionConcurrencyInput{FunctionName: &f.Name})
		e.Must(err)
		reserved := "nothing"
		if got.ReservedConcurrentExecutions != nil {
			reserved = fmt.Sprint(*got.ReservedConcurrentExecutions)
		}
		if reserved != want {
			t.Errorf("%s is reserved, want %s", reserved, want)
		}
	}
	engine := e.Run(mapping(5))
	want(engine, "5")
	put(engine, 0)
	q.Send("m")
	rig.Eventually(t, "the message is received", func() bool { return engine.Metric("esm_polled_events_total") > 0 })
	if n := len(f.Calls()); n > 0 {
		t.Errorf("there were %d invocations without any permit", n)
	}
	engine.Kill()
	engine = e.Start(mapping(5)) // it is not ready while there is no permit
	engine.WaitServing()
	want(engine, "0")
	q.Send("n")
	put(engine, 3)
	rig.Within(t, rig.Slack, "a message is handled at once", func() bool { return len(f.Texts()) > 0 })
	engine.Kill()
	engine = e.Run(mapping(6))
	want(engine, "6")
	_, err := engine.Lambda().DeleteFunctionConcurrency(t.Context(), &lambda.DeleteFunctionConcurrencyInput{FunctionName: aws.String("f")})
	e.Must(err)
	engine.Kill()
	want(e.Run(mapping(6)), "nothing")
}
