package api

import (
	"context"
	"os/exec"
	"testing"

	"github.com/esm-run/esm"
	"github.com/esm-run/esm/trace"
)

// What botocore makes of the calls about functions: its typed exceptions, the log, and what it finds in headers.
const functionsScript = `
import sys, base64, io, botocore.session
from botocore.config import Config
client = botocore.session.get_session().create_client("lambda", region_name="us-east-1", endpoint_url=sys.argv[1],
    aws_access_key_id="x", aws_secret_access_key="y", config=Config(retries={"total_max_attempts": 1}))
def said(call, kind, **args):
    try:
        call(**args)
    except kind as e:
        print(type(e).__name__, e.response["Error"]["Code"], e.response["ResponseMetadata"]["HTTPStatusCode"],
            e.response["Error"]["Message"][:60], e.response.get("Reason"), e.response.get("Type"))
x = client.exceptions
r = client.invoke(FunctionName="f", Payload=b'{"a": 1}', LogType="Tail")
print(r["StatusCode"], r["ExecutedVersion"], r.get("FunctionError"), r["Payload"].read(), base64.b64decode(r["LogResult"]))
print(len(r["ResponseMetadata"]["RequestId"]))
r = client.invoke(FunctionName="f", Payload=b'"fail"')
print(r["FunctionError"], r["Payload"].read())
print(client.invoke(FunctionName="f:$LATEST", InvocationType="DryRun")["StatusCode"])
said(client.invoke, x.TooManyRequestsException, FunctionName="f", Payload=b'"busy"')
said(client.invoke, x.ServiceException, FunctionName="f", Payload=b'"down"')
said(client.invoke, x.ResourceNotFoundException, FunctionName="nope")
said(client.invoke, x.InvalidRequestContentException, FunctionName="f", Payload=b'x')
said(client.invoke, x.InvalidParameterValueException, FunctionName="f", InvocationType="Event")
said(client.invoke, x.ClientError, FunctionName="f", Payload=b'1' * 6291457)
print([f["FunctionName"] for f in client.list_functions()["Functions"]])
print(client.get_function(FunctionName="f")["Configuration"]["Runtime"], client.get_function_configuration(FunctionName="f")["State"])
client.get_waiter("function_active_v2").wait(FunctionName="f")
client.get_waiter("function_updated_v2").wait(FunctionName="f")
print(client.put_function_concurrency(FunctionName="f", ReservedConcurrentExecutions=5)["ReservedConcurrentExecutions"])
print(client.get_function_concurrency(FunctionName="f")["ReservedConcurrentExecutions"], client.get_function(FunctionName="f")["Concurrency"])
client.delete_function_concurrency(FunctionName="f")
print("ReservedConcurrentExecutions" in client.get_function_concurrency(FunctionName="f"))
print(client.get_account_settings()["AccountLimit"]["UnreservedConcurrentExecutions"])
said(client.delete_function, x.InvalidParameterValueException, FunctionName="f")
`

const functionsPrint = `200 $LATEST None b'{"a": 1}' b'hello\n'
36
Unhandled b'{"errorMessage":"no"}'
204
TooManyRequestsException TooManyRequestsException 429 Rate Exceeded. ReservedFunctionConcurrentInvocationLimitExceeded User
ServiceException ServiceException 500 the function was not run None Service
ResourceNotFoundException ResourceNotFoundException 404 Function not found: arn:aws:lambda:us-east-1:123456789012:fu None User
InvalidRequestContentException InvalidRequestContentException 400 Could not parse request body into json: Could not parse payl None User
InvalidParameterValueException InvalidParameterValueException 400 The invocation type Event is not served. This engine does no None User
ClientError RequestEntityTooLargeException 413 Request must be smaller than 6291456 bytes for the InvokeFun None None
['away', 'f']
python3.12 Active
5
5 {'ReservedConcurrentExecutions': 5}
False
100
InvalidParameterValueException InvalidParameterValueException 400 DeleteFunction is not served. The functions of this engine a None User
`

func TestFunctionsByBotocore(t *testing.T) {
	python := withBotocore(t)
	h := build(t)
	h.handler = func(_ context.Context, c esm.Call) (esm.Response, error) {
		h.Tails.Trace(trace.Output{ID: c.ID, Line: "hello"})
		switch string(c.Payload) {
		case `"fail"`:
			return esm.Response{Payload: []byte(`{"errorMessage":"no"}`), Fault: "Unhandled"}, nil
		case `"busy"`:
			return esm.Response{}, limit{"ReservedFunctionConcurrentInvocationLimitExceeded"}
		case `"down"`:
			return esm.Response{}, esm.ErrNotRun
		}
		return esm.Response{Payload: c.Payload}, nil
	}
	_, server := h.serve()
	out, err := exec.Command(python, "-c", functionsScript, server.URL).CombinedOutput()
	if got := string(out); err != nil || got != functionsPrint {
		t.Errorf("got %v and\n%s\nwant\n%s", err, got, functionsPrint)
	}
}
