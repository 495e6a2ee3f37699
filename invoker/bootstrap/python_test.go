package bootstrap

import (
	"encoding/json"
	"regexp"
	"strings"
	"testing"

	"github.com/esm-run/esm/config"
)

func startPython(t testing.TB, files map[string]string, handler string, variables map[string]string) *process {
	t.Helper()
	fn := config.Function{Name: "fn", Runtime: "python3.11", Handler: handler, CodeUri: code(t, files)}
	fn.Environment.Variables = variables
	return begin(t, newFakeAPI(t), fn)
}

func TestPythonAnswers(t *testing.T) {
	tests := []struct {
		name, source, event, want string
	}{
		{"the event itself", "def h(event, context): return event", `{"a":[1,2.5,null,true,"ü€😀"]}`, `{"a": [1, 2.5, null, true, "ü€😀"]}`},
		{"nothing", "def h(event, context): pass", `{}`, `null`},
		{"text", "def h(event, context): return 'ok'", `{}`, `"ok"`},
		{"decimals", "from decimal import Decimal as D\ndef h(event, context): return {'a': D('1.10'), 'b': [D('1E+3')]}", `{}`, `{"a": 1.10, "b": [1E+3]}`},
		{"a named tuple", "from collections import namedtuple as n\ndef h(event, context): return [n('T', 'a b')(1, (2,))]", `{}`, `[{"a": 1, "b": [2]}]`},
		{"bytes as they are", "def h(event, context): return b'\\x00\\xff'", `{}`, "\x00\xff"},
		{"an object that can be called", "class H:\n  def __call__(self, event, context): return 1\nh = H()", `{}`, `1`},
		{"the trace header", "import os\ndef h(event, context): return os.environ.get('_X_AMZN_TRACE_ID')", `{}`, `"Root=1-2-3"`},
		{"its own modules first", "import esm_bootstrap_is_hidden as m\ndef h(event, context): return m.x", `{}`, `1`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			p := startPython(t, map[string]string{"app.py": tt.source, "esm_bootstrap_is_hidden.py": "x = 1"}, "app.h", nil)
			got := p.invoke(event{id: "id-1", payload: tt.event, header: map[string]string{"Lambda-Runtime-Trace-Id": "Root=1-2-3"}})
			if got.path != "invocation/id-1/response" || (got.body != tt.want && escaped(got.body) != escaped(tt.want)) {
				t.Errorf("got %s %s, want %s", got.path, got.body, tt.want)
			}
		})
	}
}

// escaped makes JSON that differs only in how characters are written the same.
func escaped(text string) string {
	return regexp.MustCompile(`\\u[0-9a-f]{4}(\\u[0-9a-f]{4})?`).ReplaceAllStringFunc(text, func(s string) string {
		var out string
		if json.Unmarshal([]byte(`"`+s+`"`), &out) != nil {
			return s
		}
		return out
	})
}

func TestPythonFailsInvocations(t *testing.T) {
	tests := []struct {
		name, source, event, wantType, wantMessage string
		wantTrace                                  int
	}{
		{"an exception", "def f(): raise ValueError('bad')\ndef h(event, context): f()", `{}`, "ValueError", "bad", 2},
		{"an exception that cannot be shown", "class E(Exception):\n  def __str__(self): raise self\ndef h(event, context): raise E", `{}`, "E", "<the message of this E cannot be shown>", 1},
		{"a result that is no JSON", "def h(event, context): return object()", `{}`, "Runtime.MarshalError", "Unable to marshal response: Object of type object is not JSON serializable", 0},
		{"a result that contains itself", "def h(event, context):\n  x = []\n  x.append(x)\n  return x", `{}`, "Runtime.MarshalError", "Unable to marshal response: Circular reference detected", 0},
		{"an event that is no JSON", "def h(event, context): pass", `{`, "Runtime.UnmarshalError", "", 0},
		{"a coroutine", "async def h(event, context): pass", `{}`, "Runtime.MarshalError", "Unable to marshal response: Object of type coroutine is not JSON serializable", 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			p := startPython(t, map[string]string{"app.py": tt.source}, "app.h", nil)
			got := p.invoke(event{id: "id-1", payload: tt.event})
			f := got.failure(t)
			if got.path != "invocation/id-1/error" || f.ErrorType != tt.wantType || got.errorType != tt.wantType {
				t.Errorf("got %s of type %q (header %q), want %q", got.path, f.ErrorType, got.errorType, tt.wantType)
			}
			if tt.wantMessage != "" && f.ErrorMessage != tt.wantMessage {
				t.Errorf("got message %q, want %q", f.ErrorMessage, tt.wantMessage)
			}
			if len(f.StackTrace) != tt.wantTrace {
				t.Errorf("got %d frames, want %d: %q", len(f.StackTrace), tt.wantTrace, f.StackTrace)
			}
			if f.RequestID == nil || *f.RequestID != "id-1" {
				t.Errorf("got request id %v, want id-1", f.RequestID)
			}
			if again := p.invoke(event{id: "id-2", payload: tt.event}); again.path != "invocation/id-2/error" {
				t.Errorf("got %s for the next event, want its error: the process lives on", again.path)
			}
		})
	}
}

func TestPythonFailsInit(t *testing.T) {
	tests := []struct {
		name, handler, source, wantType, wantMessage string
	}{
		{"no module", "other.h", "", "Runtime.ImportModuleError", "Unable to import module 'other': No module named 'other'"},
		{"a module that is missing something", "app.h", "import nothing_of_the_sort", "Runtime.ImportModuleError", "Unable to import module 'app': No module named 'nothing_of_the_sort'"},
		{"no function", "app.other", "", "Runtime.HandlerNotFound", "Handler 'other' missing on module 'app'"},
		{"no dot", "app", "", "Runtime.MalformedHandlerName", "Bad handler 'app': not enough values to unpack (expected 2, got 1)"},
		{"a syntax error", "app.h", "def h(:", "Runtime.UserCodeSyntaxError", ""},
		{"a builtin's name", "time.h", "", "Runtime.BuiltInModuleConflict", "Cannot use built-in module time as a handler module"},
		{"an exception", "app.h", "1/0", "ZeroDivisionError", "division by zero"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			p := startPython(t, map[string]string{"app.py": tt.source}, tt.handler, nil)
			got := p.answer()
			f := got.failure(t)
			if got.path != "init/error" || f.ErrorType != tt.wantType || got.errorType != tt.wantType {
				t.Errorf("got %s of type %q (header %q), want init/error of %q", got.path, f.ErrorType, got.errorType, tt.wantType)
			}
			if tt.wantMessage != "" && f.ErrorMessage != tt.wantMessage {
				t.Errorf("got message %q, want %q", f.ErrorMessage, tt.wantMessage)
			}
			if f.RequestID == nil || *f.RequestID != "" {
				t.Errorf("got request id %v, want an empty one", f.RequestID)
			}
			if got := p.exit(); got != 1 {
				t.Errorf("got exit code %d, want 1", got)
			}
		})
	}
}

func TestPythonHandlerNames(t *testing.T) {
	files := map[string]string{"pkg/inner/app.py": "def h(event, context): return __name__"}
	for _, handler := range []string{"pkg/inner/app.h", "pkg.inner.app.h"} {
		p := startPython(t, files, handler, nil)
		if got, want := p.invoke(event{id: "1", payload: "{}"}).body, `"pkg.inner.app"`; got != want {
			t.Errorf("%s: got %s, want %s", handler, got, want)
		}
	}
}

func TestPythonContext(t *testing.T) {
	const source = `
def h(event, context):
    left = context.get_remaining_time_in_millis()
    return [context.function_name, context.function_version, context.invoked_function_arn, context.memory_limit_in_mb,
            context.aws_request_id, context.log_group_name, context.log_stream_name, context.tenant_id,
            context.identity.cognito_identity_id, context.identity.cognito_identity_pool_id,
            context.client_context and [context.client_context.custom, context.client_context.env,
                                        context.client_context.client.app_title],
            isinstance(left, int) and 50000 < left <= 60000]`
	p := startPython(t, map[string]string{"app.py": source}, "app.h", nil)
	plain := p.invoke(event{id: "id-1", payload: "{}"})
	equalJSON(t, plain.body, `["fn", "$LATEST", "arn:aws:lambda:us-east-1:000000000000:function:fn", "128", "id-1",
		"/aws/lambda/fn", "2026/01/01/[$LATEST]0123456789abcdef0123456789abcdef", null, null, null, null, true]`)
	full := p.invoke(event{id: "id-2", payload: "{}", header: map[string]string{
		"Lambda-Runtime-Client-Context":   `{"custom":{"k":"ü"},"env":{"e":1},"client":{"app_title":"t"}}`,
		"Lambda-Runtime-Cognito-Identity": `{"cognitoIdentityId":"i","cognitoIdentityPoolId":"p"}`,
		"Lambda-Runtime-Aws-Tenant-Id":    "tenant",
	}})
	equalJSON(t, full.body, `["fn", "$LATEST", "arn:aws:lambda:us-east-1:000000000000:function:fn", "128", "id-2",
		"/aws/lambda/fn", "2026/01/01/[$LATEST]0123456789abcdef0123456789abcdef", "tenant", "i", "p",
		[{"k":"ü"}, {"e":1}, "t"], true]`)
	bad := p.invoke(event{id: "id-3", payload: "{}", header: map[string]string{"Lambda-Runtime-Client-Context": "["}})
	if got, want := bad.failure(t).ErrorType, "Runtime.LambdaContextUnmarshalError"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

const pythonLogging = `
import logging, sys
log = logging.getLogger("shop")
log.setLevel(logging.INFO)
logging.info("not shown: the root logger begins at WARNING")
def h(event, context):
    print("printed", end="")
    print(" in parts")
    log.info("two\nlines %d", 7, extra={"order": 9})
    log.debug("not shown")
    context.log("by context")
    try:
        1/0
    except ZeroDivisionError:
        log.exception("oops")
    raise KeyError("k")
`

func TestPythonTextLogs(t *testing.T) {
	p := startPython(t, map[string]string{"app.py": pythonLogging}, "app.h", nil)
	p.invoke(event{id: "id-1", payload: "{}"})
	lines := p.lines()
	const stamp = `\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z`
	wants := []string{
		`^printed in parts$`,
		`^\[INFO\]\t` + stamp + `\tid-1\ttwo\rlines 7$`,
		`^by context$`,
		`^\[ERROR\]\t` + stamp + `\tid-1\toops\rTraceback \(most recent call last\):\r  File ".*app.py", line 13, in h\r.*ZeroDivisionError: division by zero$`,
		`^\[ERROR\] KeyError: 'k'\rTraceback \(most recent call last\):\r\x{a0}\x{a0}File ".*app.py", line 16, in h\r\x{a0}\x{a0}\x{a0}\x{a0}raise KeyError\("k"\)$`,
	}
	for i, want := range wants {
		if i >= len(lines) || !regexp.MustCompile(want).MatchString(lines[i]) {
			t.Fatalf("line %d of %q does not match %s", i, lines, want)
		}
	}
}

func TestPythonJSONLogs(t *testing.T) {
	p := startPython(t, map[string]string{"app.py": pythonLogging}, "app.h", map[string]string{
		"AWS_LAMBDA_LOG_FORMAT": "JSON", "AWS_LAMBDA_LOG_LEVEL": "INFO",
	})
	p.invoke(event{id: "id-1", payload: "{}"})
	lines := p.lines()
	if len(lines) < 6 {
		t.Fatalf("got %q, want six lines", lines)
	}
	var records []map[string]any
	for _, i := range []int{0, 2, 4, 5} {
		var record map[string]any
		if err := json.Unmarshal([]byte(lines[i]), &record); err != nil {
			t.Fatalf("line %d: %q: %v", i, lines[i], err)
		}
		records = append(records, record)
	}
	want := []map[string]any{
		{"level": "INFO", "logger": "root", "requestId": ""},
		{"level": "INFO", "logger": "shop", "requestId": "id-1", "message": "two\nlines 7", "order": 9.0},
		{"level": "ERROR", "message": "oops", "errorType": "ZeroDivisionError", "errorMessage": "division by zero"},
		{"level": "ERROR", "errorType": "KeyError", "errorMessage": "'k'", "requestId": "id-1"},
	}
	for i, fields := range want {
		for name, value := range fields {
			if records[i][name] != value {
				t.Errorf("record %d: got %s %v, want %v: %v", i, name, records[i][name], value, records[i])
			}
		}
	}
}

func TestPythonExits(t *testing.T) {
	t.Run("when the handler says so", func(t *testing.T) {
		p := startPython(t, map[string]string{"app.py": "import sys\ndef h(event, context): sys.exit(3)"}, "app.h", nil)
		p.send(event{id: "1", payload: "{}"})
		if got := p.exit(); got != 3 {
			t.Errorf("got exit code %d, want 3", got)
		}
	})
	t.Run("when the Runtime API is gone, whatever threads run", func(t *testing.T) {
		const source = "import threading\nthreading.Thread(target=threading.Event().wait).start()\ndef h(event, context): pass"
		p := startPython(t, map[string]string{"app.py": source}, "app.h", nil)
		p.invoke(event{id: "1", payload: "{}"})
		if lines := p.lines(); len(lines) != 1 || !strings.HasPrefix(lines[0], "Runtime API: ") {
			t.Errorf("got %q, want one line about the Runtime API", lines)
		}
		if got := p.exit(); got != 1 {
			t.Errorf("got exit code %d, want 1", got)
		}
	})
	t.Run("not when the response is too large", func(t *testing.T) {
		p := startPython(t, map[string]string{"app.py": "def h(event, context): return 'x' * event"}, "app.h", nil)
		p.api.tooLarge = 1000
		p.invoke(event{id: "1", payload: "2000"})
		if got := p.invoke(event{id: "2", payload: "1"}).body; got != `"x"` {
			t.Errorf("got %s, want an answer to the next event", got)
		}
	})
}
