package bootstrap

import (
	"encoding/json"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/esm-run/esm/config"
)

// lang is a language of handlers; file holds the module app.
type lang struct{ name, runtime, file, echo string }

var (
	python = lang{"Python", "python3.11", "app.py", "def h(event, context): return event"}
	node   = lang{"Node", "nodejs20.x", "app.js", "exports.h = async (event) => event;"}
	node24 = lang{"Node24", "nodejs24.x", "app.js", ""}
	both   = []lang{python, node}
)

// function returns a function app.h of files.
func (l lang) function(t testing.TB, files map[string]string) config.Function {
	t.Helper()
	return config.Function{Name: "fn", Runtime: l.runtime, Handler: "app.h", CodeUri: code(t, files)}
}

// start starts app.h with the source of app.
func (l lang) start(t testing.TB, source string) *process {
	t.Helper()
	return begin(t, newFakeAPI(t), l.function(t, map[string]string{l.file: source}))
}

// inBoth runs test in parallel for each language.
func inBoth(t *testing.T, test func(*testing.T, lang)) {
	for _, lang := range both {
		t.Run(lang.name, func(t *testing.T) {
			t.Parallel()
			test(t, lang)
		})
	}
}

var traced = map[string]string{"Lambda-Runtime-Trace-Id": "Root=1-2-3"}

func TestAnswers(t *testing.T) {
	for _, tt := range []struct {
		lang
		name, source, event, want string
	}{
		{python, "the event itself", "def h(event, context): return event", `{"a":[1,2.5,null,true,"ü€😀"]}`, `{"a": [1, 2.5, null, true, "ü€😀"]}`},
		{python, "nothing", "def h(event, context): pass", `{}`, `null`},
		{python, "text", "def h(event, context): return 'ok'", `{}`, `"ok"`},
		{python, "decimals", "from decimal import Decimal as D\ndef h(event, context): return {'a': D('1.10'), 'b': [D('1E+3')]}", `{}`, `{"a": 1.10, "b": [1E+3]}`},
		{python, "a named tuple", "from collections import namedtuple as n\ndef h(event, context): return [n('T', 'a b')(1, (2,))]", `{}`, `[{"a": 1, "b": [2]}]`},
		{python, "bytes as they are", "def h(event, context): return b'\\x00\\xff'", `{}`, "\x00\xff"},
		{python, "an object that can be called", "class H:\n  def __call__(self, event, context): return 1\nh = H()", `{}`, `1`},
		{python, "the trace header", "import os\ndef h(event, context): return os.environ.get('_X_AMZN_TRACE_ID')", `{}`, `"Root=1-2-3"`},
		{node, "the event itself", `exports.h = async (event) => event;`, `{"a":[1,2.5,null,true,"ü€😀"]}`, `{"a":[1,2.5,null,true,"ü€😀"]}`},
		{node, "nothing", `exports.h = async () => {};`, `{}`, `null`},
		{node, "a promise of a plain function", `exports.h = () => Promise.resolve(1);`, `{}`, `1`},
		{node, "a callback", `exports.h = (event, context, callback) => callback(null, event);`, `[1]`, `[1]`},
		{node, "a callback, later", `exports.h = (event, context, callback) => { setTimeout(() => callback(null, 2), 5); };`, `{}`, `2`},
		{node, "once the event loop is empty", `let n = 0;
			exports.h = (event, context, callback) => { const r = { toJSON: () => n }; setTimeout(() => n++, 20); callback(null, r); };`, `{}`, `1`},
		{node, "at once when not to wait", `let n = 0;
			exports.h = (event, context, callback) => {
				context.callbackWaitsForEmptyEventLoop = false;
				const r = { toJSON: () => n }; setTimeout(() => n++, 20); callback(null, r); };`, `{}`, `0`},
		{node, "the first of several", `exports.h = (event, context, callback) => { callback(null, 1); context.succeed(2); callback(null, 3); };`, `{}`, `1`},
		{node, "by context.done", `exports.h = (event, context) => { setInterval(() => {}, 1e6); context.done(null, 4); };`, `{}`, `4`},
		{node, "by context.succeed", `exports.h = (event, context) => { context.succeed(5); };`, `{}`, `5`},
		{node, "null when nothing is left to do", `exports.h = () => 6;`, `{}`, `null`},
		{node, "the trace header", `exports.h = async () => process.env._X_AMZN_TRACE_ID;`, `{}`, `"Root=1-2-3"`},
		{node24, "no callbacks", `exports.h = (event, context) => [event, context.succeed === undefined];`, "7", `[7,true]`},
	} {
		t.Run(tt.lang.name+"/"+tt.name, func(t *testing.T) {
			t.Parallel()
			got := tt.start(t, tt.source).invoke(event{id: "id-1", payload: tt.event, header: traced})
			if got.path != "invocation/id-1/response" || (got.body != tt.want && escaped(got.body) != escaped(tt.want)) {
				t.Errorf("got %s %s, want %s", got.path, got.body, tt.want)
			}
		})
	}
}

// escaped replaces the escapes of JSON by their characters.
func escaped(text string) string {
	return regexp.MustCompile(`\\u[0-9a-f]{4}(\\u[0-9a-f]{4})?`).ReplaceAllStringFunc(text, func(s string) string {
		var out string
		if json.Unmarshal([]byte(`"`+s+`"`), &out) != nil {
			return s
		}
		return out
	})
}

func TestModules(t *testing.T) {
	const py = "def h(event, context): return __name__"
	const cjs, esModule = `exports.h = async () => "cjs";`, `await null; export const h = async () => "esm";`
	for _, tt := range []struct {
		lang
		name, handler string
		files         map[string]string
		want          string
	}{
		{python, "a path", "pkg/inner/app.h", map[string]string{"pkg/inner/app.py": py}, "pkg.inner.app"},
		{python, "a package", "pkg.inner.app.h", map[string]string{"pkg/inner/app.py": py}, "pkg.inner.app"},
		{python, "a module of its own", "app.h", map[string]string{"app.py": "from lib import h", "lib.py": py}, "lib"},
		{node, "js", "app.h", map[string]string{"app.js": cjs}, "cjs"},
		{node, "cjs", "app.h", map[string]string{"app.cjs": cjs}, "cjs"},
		{node, "mjs, with await", "app.h", map[string]string{"app.mjs": esModule}, "esm"},
		{node, "js is a module", "app.h", map[string]string{"app.js": esModule, "package.json": `{"type":"module"}`}, "esm"},
		{node, "a package.json above", "src/app.h", map[string]string{"src/app.js": esModule, "package.json": `{"type":"module"}`}, "esm"},
		{node, "the nearest package.json", "src/app.h", map[string]string{"src/app.js": cjs, "src/package.json": `{}`, "package.json": `{"type":"module"}`}, "cjs"},
		{node, "js before mjs", "app.h", map[string]string{"app.js": cjs, "app.mjs": esModule}, "cjs"},
		{node, "a directory", "a/b/app.h", map[string]string{"a/b/app.js": cjs}, "cjs"},
		{node, "inside an object", "app.api.v1.h", map[string]string{"app.js": `exports.api = { v1: { h: async () => "deep" } };`}, "deep"},
		{node, "index of a directory", "lib.h", map[string]string{"lib/index.js": cjs}, "cjs"},
		{node, "a package", "dep.h", map[string]string{"node_modules/dep/index.js": cjs}, "cjs"},
		{node, "a module of its own", "app.h", map[string]string{"app.js": `exports.h = async () => require("./lib").x;`, "lib.js": `exports.x = "lib";`}, "lib"},
	} {
		t.Run(tt.lang.name+"/"+tt.name, func(t *testing.T) {
			t.Parallel()
			fn := tt.function(t, tt.files)
			fn.Handler = tt.handler
			got := begin(t, newFakeAPI(t), fn).invoke(event{id: "1", payload: "{}"})
			if want := `"` + tt.want + `"`; got.body != want {
				t.Errorf("got %s, want %s", got.body, want)
			}
			if err := Check(fn); err != nil {
				t.Errorf("Check: %v", err)
			}
		})
	}
}

func TestInvocationErrors(t *testing.T) {
	const some = -1
	for _, tt := range []struct {
		lang
		name, source, wantType, wantMessage string
		wantTrace                           int // frames
	}{
		{python, "an exception", "def f(): raise ValueError('bad')\ndef h(event, context): f()", "ValueError", "bad", 2},
		{python, "an exception that cannot be shown", "class E(Exception):\n  def __str__(self): raise self\ndef h(event, context): raise E", "E", "<the message of this E cannot be shown>", 1},
		{python, "a result that is no JSON", "def h(event, context): return object()", "Runtime.MarshalError", "Unable to marshal response: Object of type object is not JSON serializable", 0},
		{python, "a result that contains itself", "def h(event, context):\n  x = []\n  x.append(x)\n  return x", "Runtime.MarshalError", "Unable to marshal response: Circular reference detected", 0},
		{python, "an event that is no JSON", "", "Runtime.UnmarshalError", "Unable to unmarshal input", 0},
		{python, "a coroutine", "async def h(event, context): pass", "Runtime.MarshalError", "Unable to marshal response: Object of type coroutine is not JSON serializable", 0},
		{node, "an exception", `exports.h = async () => { throw new RangeError("bad"); };`, "RangeError", "bad", some},
		{node, "an exception before any promise", `exports.h = () => { throw new TypeError("bad"); };`, "TypeError", "bad", some},
		{node, "text that was thrown", `exports.h = async () => { throw "bad"; };`, "string", "bad", 0},
		{node, "a callback", `exports.h = (event, context, callback) => callback(new Error("bad"));`, "Error", "bad", some},
		{node, "context.fail", `exports.h = (event, context) => context.fail();`, "string", "handled", 0},
		{node, "an error that cannot be read", `exports.h = async () => { throw { toString() { throw 1; } }; };`, "handled", "", 0},
		{node, "a result that contains itself", `exports.h = async () => { const x = []; x.push(x); return x; };`, "Error", "Unable to stringify response body", some},
		{node, "a promise that nobody settles", `exports.h = async () => new Promise(() => {});`, "Runtime.NodeJsExit", "", some},
	} {
		t.Run(tt.lang.name+"/"+tt.name, func(t *testing.T) {
			t.Parallel()
			payload := "{}"
			if tt.source == "" {
				tt.source, payload = tt.echo, "{"
			}
			p := tt.start(t, tt.source)
			got := p.invoke(event{id: "id-1", payload: payload})
			f := got.failed(t)
			if got.path != "invocation/id-1/error" || f.ErrorType != tt.wantType || got.errorType != tt.wantType || !strings.HasPrefix(f.ErrorMessage, tt.wantMessage) {
				t.Errorf("got %s of type %q (header %q): %q; want %q: %q", got.path, f.ErrorType, got.errorType, f.ErrorMessage, tt.wantType, tt.wantMessage)
			}
			if n := len(f.frames()); n != tt.wantTrace && (n == 0 || tt.wantTrace != some) {
				t.Errorf("got %d frames, want %d: %q", n, tt.wantTrace, f.frames())
			}
			if tt.lang == python && (f.RequestID == nil || *f.RequestID != "id-1") {
				t.Errorf("got request id %v, want id-1", f.RequestID)
			}
			if again := p.invoke(event{id: "id-2", payload: payload}); again.path != "invocation/id-2/error" {
				t.Errorf("got %s for the next event, want its error: the process lives on", again.path)
			}
		})
	}
}

func TestInitErrors(t *testing.T) {
	for _, tt := range []struct {
		lang
		name, handler, source, wantType, wantMessage string
		wantCode                                     int
	}{
		{python, "no module", "other.h", "", "Runtime.ImportModuleError", "Unable to import module 'other': No module named 'other'", 1},
		{python, "a module that is missing something", "app.h", "import nothing_of_the_sort", "Runtime.ImportModuleError", "Unable to import module 'app': No module named 'nothing_of_the_sort'", 1},
		{python, "no function", "app.other", "", "Runtime.HandlerNotFound", "Handler 'other' missing on module 'app'", 1},
		{python, "no dot", "app", "", "Runtime.MalformedHandlerName", "Bad handler 'app': not enough values to unpack (expected 2, got 1)", 1},
		{python, "a syntax error", "app.h", "def h(:", "Runtime.UserCodeSyntaxError", "", 1},
		{python, "a builtin's name", "time.h", "", "Runtime.BuiltInModuleConflict", "Cannot use built-in module time as a handler module", 1},
		{python, "an exception", "app.h", "1/0", "ZeroDivisionError", "division by zero", 1},
		{node, "no module", "other.h", "", "Runtime.ImportModuleError", "Error: Cannot find module 'other'", 129},
		{node, "a module that is missing something", "app.h", `require("nothing-of-the-sort");`, "Runtime.ImportModuleError", "Error: Cannot find module 'nothing-of-the-sort'", 129},
		{lang{"Node", "nodejs20.x", "app.mjs", ""}, "an import of something missing", "app.h", `import "nothing-of-the-sort";`, "Runtime.ImportModuleError", "", 129},
		{node, "no function", "app.other", "", "Runtime.HandlerNotFound", "app.other is undefined or not exported", 129},
		{node, "not a function", "app.h", "exports.h = 1;", "Runtime.HandlerNotFound", "app.h is not a function", 129},
		{node, "no dot", "app", "", "Runtime.MalformedHandlerName", "Bad handler 'app'", 129},
		{node, "dots that lead out", "../app.h", "", "Runtime.MalformedHandlerName", "'../app.h' is not a valid handler name", 129},
		{node, "a syntax error", "app.h", "exports.h = (;", "Runtime.UserCodeSyntaxError", "SyntaxError: ", 129},
		{node, "an exception", "app.h", `throw new RangeError("bad");`, "RangeError", "bad", 129},
		{node, "a rejection that nobody handles", "app.h", `Promise.reject(new Error("bad")); exports.h = async () => {};
			Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1);`, "Runtime.UnhandledPromiseRejection", "Error: bad", 128},
		{node24, "a callback handler", "app.h", `exports.h = (event, context, callback) => callback(null, 1);`, "Runtime.CallbackHandlerDeprecated", "", 129},
	} {
		t.Run(tt.lang.name+"/"+tt.name, func(t *testing.T) {
			t.Parallel()
			fn := tt.function(t, map[string]string{tt.file: tt.source})
			fn.Handler = tt.handler
			p := begin(t, newFakeAPI(t), fn)
			got := p.answer()
			f := got.failed(t)
			if got.path != "init/error" || f.ErrorType != tt.wantType || got.errorType != tt.wantType || !strings.HasPrefix(f.ErrorMessage, tt.wantMessage) {
				t.Errorf("got %s of type %q (header %q): %q; want init/error of %q: %q", got.path, f.ErrorType, got.errorType, f.ErrorMessage, tt.wantType, tt.wantMessage)
			}
			if tt.lang == python && (f.RequestID == nil || *f.RequestID != "") {
				t.Errorf("got request id %v, want an empty one", f.RequestID)
			}
			if got := p.exit(); got != tt.wantCode {
				t.Errorf("got exit code %d, want %d", got, tt.wantCode)
			}
		})
	}
}

// What a handler leaves unhandled ends the process. An answer that it has given is sent first.
func TestNodeUnhandledErrors(t *testing.T) {
	for _, tt := range []struct {
		name, source, wantPath, wantType string
		wantCode                         int
	}{
		{"an exception", `exports.h = async () => new Promise(() => setTimeout(() => { throw new RangeError("late"); }));`, "error", "RangeError", 129},
		{"a rejection", `exports.h = async () => { Promise.reject(new Error("lost")); await new Promise((r) => setTimeout(r, 1000)); };`,
			"error", "Runtime.UnhandledPromiseRejection", 128},
		{"a rejection, after the answer", `exports.h = async () => {
			Promise.reject(new Error("forgotten")); return { errorType: "none", text: "x".repeat(5e6) }; };`, "response", "none", 128},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			p := node.start(t, tt.source)
			got := p.invoke(event{id: "1", payload: "{}"})
			if f := got.failed(t); got.path != "invocation/1/"+tt.wantPath || f.ErrorType != tt.wantType {
				t.Errorf("got %s of type %s, want %s of %s", got.path, f.ErrorType, tt.wantPath, tt.wantType)
			}
			if got := p.exit(); got != tt.wantCode {
				t.Errorf("got exit code %d, want %d", got, tt.wantCode)
			}
		})
	}
}

func TestContext(t *testing.T) {
	const (
		head = `["fn", "$LATEST", "arn:aws:lambda:us-east-1:000000000000:function:fn", "128", "id",
			"/aws/lambda/fn", "2026/01/01/[$LATEST]0123456789abcdef0123456789abcdef", `
		pythonSource = `
def h(event, context):
    left = context.get_remaining_time_in_millis()
    return [context.function_name, context.function_version, context.invoked_function_arn, context.memory_limit_in_mb,
            context.aws_request_id, context.log_group_name, context.log_stream_name, context.tenant_id,
            context.identity.cognito_identity_id, context.identity.cognito_identity_pool_id,
            context.client_context and [context.client_context.custom, context.client_context.env,
                                        context.client_context.client.app_title],
            isinstance(left, int) and 50000 < left <= 60000]`
		nodeSource = `exports.h = async (event, c) => {
			const left = c.getRemainingTimeInMillis();
			return [c.functionName, c.functionVersion, c.invokedFunctionArn, c.memoryLimitInMB, c.awsRequestId,
				c.logGroupName, c.logStreamName, c.tenantId, c.identity, c.clientContext,
				c.callbackWaitsForEmptyEventLoop, 50000 < left && left <= 60000];
		};`
	)
	full := map[string]string{
		"Lambda-Runtime-Client-Context":   `{"custom":{"k":"ü"},"env":{"e":1},"client":{"app_title":"t"}}`,
		"Lambda-Runtime-Cognito-Identity": `{"cognitoIdentityId":"i","cognitoIdentityPoolId":"p"}`,
		"Lambda-Runtime-Aws-Tenant-Id":    "tenant",
	}
	for _, tt := range []struct {
		lang
		source, plain, full, errorType string
	}{
		{python, pythonSource, `null, null, null, null, true]`, `"tenant", "i", "p", [{"k":"ü"}, {"e":1}, "t"], true]`, "Runtime.LambdaContextUnmarshalError"},
		{node, nodeSource, `null, null, null, true, true]`, `"tenant", {"cognitoIdentityId":"i","cognitoIdentityPoolId":"p"},
			{"custom":{"k":"ü"},"env":{"e":1},"client":{"app_title":"t"}}, true, true]`, "Error"},
	} {
		p := tt.start(t, tt.source)
		equalJSON(t, p.invoke(event{id: "id", payload: "{}"}).body, head+tt.plain)
		equalJSON(t, p.invoke(event{id: "id", payload: "{}", header: full}).body, head+tt.full)
		bad := p.invoke(event{id: "id", payload: "{}", header: map[string]string{"Lambda-Runtime-Client-Context": "["}})
		if got := bad.failed(t).ErrorType; got != tt.errorType || bad.path != "invocation/id/error" {
			t.Errorf("got %s at %s, want %s", got, bad.path, tt.errorType)
		}
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

const nodeLogging = `
console.log("at start");
exports.h = async () => {
	console.info("two\nlines %d", 7);
	console.debug({ a: 1 });
	console.warn("careful", new Error("w"));
	console.error(new RangeError("e"));
	console.trace("deep");
	throw Object.assign(new Error("thrown"), { extra: 1 });
};`

func TestTextLogs(t *testing.T) {
	const stamp = `\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z`
	for _, tt := range []struct {
		lang
		source string
		want   []string
	}{
		{python, pythonLogging, []string{
			`printed in parts`,
			`\[INFO\]\tSTAMP\tid-1\ttwo\rlines 7`,
			`by context`,
			`\[ERROR\]\tSTAMP\tid-1\toops\rTraceback \(most recent call last\):\r  File ".*app.py", line 13, in h\r.*ZeroDivisionError: division by zero`,
			`\[ERROR\] KeyError: 'k'\rTraceback \(most recent call last\):\r\x{a0}\x{a0}File ".*app.py", line 16, in h\r\x{a0}\x{a0}\x{a0}\x{a0}raise KeyError\("k"\)`,
		}},
		{node, nodeLogging, []string{
			`STAMP\tundefined\tINFO\tat start`,
			`STAMP\tid-1\tINFO\ttwo\rlines 7`,
			`STAMP\tid-1\tDEBUG\t\{ a: 1 \}`,
			`STAMP\tid-1\tWARN\tcareful Error: w\r    at .*`,
			`STAMP\tid-1\tERROR\tRangeError: e\r    at .*`,
			`STAMP\tid-1\tTRACE\tdeep`,
			`STAMP\tid-1\tERROR\tInvoke Error \t\{"errorType":"Error","errorMessage":"thrown","extra":1,"stack":\["Error: thrown",.*\]\}`,
		}},
	} {
		p := tt.start(t, tt.source)
		p.invoke(event{id: "id-1", payload: "{}"})
		lines := p.lines()
		for i, want := range tt.want {
			want = "^" + strings.ReplaceAll(want, "STAMP", stamp) + "$"
			if i >= len(lines) || !regexp.MustCompile(want).MatchString(lines[i]) {
				t.Fatalf("line %d of %q does not match %s", i, lines, want)
			}
		}
	}
}

func TestJSONLogs(t *testing.T) {
	for _, tt := range []struct {
		lang
		source string
		want   map[int]map[string]any // by line
	}{
		{python, pythonLogging, map[int]map[string]any{
			0: {"level": "INFO", "logger": "root", "requestId": ""},
			2: {"level": "INFO", "logger": "shop", "requestId": "id-1", "message": "two\nlines 7", "order": 9.0},
			4: {"level": "ERROR", "message": "oops", "errorType": "ZeroDivisionError", "errorMessage": "division by zero"},
			5: {"level": "ERROR", "errorType": "KeyError", "errorMessage": "'k'", "requestId": "id-1"},
		}},
		{node, nodeLogging, map[int]map[string]any{
			0: {"level": "INFO", "message": "at start"},
			1: {"level": "INFO", "message": "two\nlines 7", "requestId": "id-1"},
			2: {"level": "WARN", "errorType": "Error", "errorMessage": "w", "requestId": "id-1"},
			3: {"level": "ERROR", "requestId": "id-1"},
			4: {"level": "ERROR", "requestId": "id-1", "message.errorType": "Error", "message.errorMessage": "thrown", "message.extra": 1.0},
		}},
	} {
		fn := tt.function(t, map[string]string{tt.file: tt.source})
		fn.Environment.Variables = map[string]string{"AWS_LAMBDA_LOG_FORMAT": "JSON", "AWS_LAMBDA_LOG_LEVEL": "INFO"}
		p := begin(t, newFakeAPI(t), fn)
		p.invoke(event{id: "id-1", payload: "{}"})
		lines := p.lines()
		for _, i := range slices.Sorted(maps.Keys(tt.want)) {
			var got map[string]any
			if i >= len(lines) || json.Unmarshal([]byte(lines[i]), &got) != nil {
				t.Fatalf("line %d of %q is not JSON", i, lines)
			}
			nested, _ := got["message"].(map[string]any)
			for name, value := range nested {
				got["message."+name] = value
			}
			for name, value := range tt.want[i] {
				if got[name] != value {
					t.Errorf("line %d: got %s %v, want %v: %s", i, name, got[name], value, lines[i])
				}
			}
		}
	}
}

func TestExits(t *testing.T) {
	for _, tt := range []struct {
		lang
		name, source string
		invocations  int // before the Runtime API goes
		wantCode     int
	}{
		{python, "when the handler says so", "import sys\ndef h(event, context): sys.exit(3)", 0, 3},
		{node, "when the handler says so", "exports.h = async () => process.exit(3);", 0, 3},
		{python, "without the Runtime API, whatever threads run", "import threading\nthreading.Thread(target=threading.Event().wait).start()\ndef h(event, context): pass", 1, 1},
		{node, "without the Runtime API before the first event", "setInterval(() => {}, 1000); exports.h = async () => {};", 0, 1},
		{node, "without the Runtime API later", "setInterval(() => {}, 1000); exports.h = async () => {};", 1, 1},
	} {
		t.Run(tt.lang.name+"/"+tt.name, func(t *testing.T) {
			t.Parallel()
			p := tt.start(t, tt.source)
			for range tt.invocations {
				p.invoke(event{id: "1", payload: "{}"})
			}
			if tt.wantCode == 1 {
				if lines := p.lines(); len(lines) != 1 || !strings.HasPrefix(lines[0], "Runtime API: ") {
					t.Errorf("got %q, want one line about the Runtime API", lines)
				}
			} else {
				p.send(event{id: "1", payload: "{}"})
			}
			if got := p.exit(); got != tt.wantCode {
				t.Errorf("got exit code %d, want %d", got, tt.wantCode)
			}
		})
	}
}
