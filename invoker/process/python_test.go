package process

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/esm-run/esm"
	"github.com/esm-run/esm/config"
	"github.com/esm-run/esm/invoker"
)

// TestAWSLambdaRIC runs AWS's own runtime interface client for Python, as Lambda's images do.
func TestAWSLambdaRIC(t *testing.T) {
	python := os.Getenv("ESM_TEST_AWSLAMBDARIC_PYTHON")
	if python == "" && os.Getenv("CI") == "true" {
		t.Fatal("no Python with awslambdaric")
	}
	if python == "" {
		t.Skip("ESM_TEST_AWSLAMBDARIC_PYTHON does not name an interpreter that has awslambdaric")
	}
	dir := t.TempDir()
	const code = `import json, logging, os, sys, time
logging.getLogger().setLevel(logging.INFO)
calls = 0
def handler(event, context):
    global calls
    calls += 1
    print("printed")
    logging.info("logged")
    if event.get("fail"):
        raise ValueError(event["fail"])
    if event.get("exit") is not None:
        os._exit(event["exit"])
    if event.get("size"):
        return "x" * event["size"]
    return {"calls": calls, "id": context.aws_request_id, "arn": context.invoked_function_arn,
            "left": context.get_remaining_time_in_millis(), "memory": context.memory_limit_in_mb, "echo": event}
`
	for name, text := range map[string]string{"app.py": code, "bad.py": "import not_there\n"} {
		must(t, os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644))
	}
	r := newRig(t)
	function := func(handler string) config.Function {
		return config.Function{Name: "f", CodeUri: dir, Handler: handler, Timeout: 30, Command: []string{python, "-m", "awslambdaric", handler}}
	}
	e := r.start(function("app.handler"))
	for _, tt := range []struct{ event, payload, fault string }{
		{`{"a":"x"}`, `{"calls": 1, `, ""},
		{`{"fail":"oh"}`, `{"errorMessage": "oh", "errorType": "ValueError", "requestId": "` + testID + `", "stackTrace": ["  File \"` + dir + `/app.py\"`, "Unhandled"},
		{`{"exit":3}`, exitError("exit status 3"), "Runtime.ExitError"},
		{`{"size":7000000}`, `{"errorMessage":"Response payload size exceeded maximum allowed payload size (6291556 bytes).","errorType":"Function.ResponseSizeTooLarge"}`, "Function.ResponseSizeTooLarge"},
		{`{}`, `{"calls": 1, "id": "` + testID + `", "arn": "arn:aws:lambda:us-east-1:000000000000:function:f"`, ""},
	} {
		resp, err := e.Invoke(t.Context(), esm.Call{ID: testID, Payload: []byte(tt.event)})
		if err != nil {
			t.Fatal(err)
		}
		if !strings.HasPrefix(string(resp.Payload), tt.payload) || resp.Fault != tt.fault {
			t.Errorf("%s: got %.1000s, fault %q; want %s", tt.event, resp.Payload, resp.Fault, tt.payload)
		}
	}
	e.Close()
	for _, want := range []string{"printed\n", "[INFO]\t", "\tlogged\n", "[ERROR] ValueError: oh\rTraceback"} {
		if !strings.Contains(r.text(), want) {
			t.Errorf("the log lacks %q:\n%s", want, r.text())
		}
	}
	_, err := r.Start(t.Context(), function("bad.handler"), invoker.OnDemand)
	if err == nil || !strings.Contains(err.Error(), `"errorType": "Runtime.ImportModuleError", "requestId": "", "stackTrace": []`) {
		t.Errorf("got %v", err)
	}
}
