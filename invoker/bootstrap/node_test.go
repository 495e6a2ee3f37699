package bootstrap

import (
	"encoding/json"
	"regexp"
	"strings"
	"testing"

	"github.com/esm-run/esm/config"
)

// startNode starts a handler on whatever Node.js there is, as if it were the runtime (nodejs20.x if empty).
func startNode(t testing.TB, files map[string]string, handler string, fn config.Function) *process {
	t.Helper()
	fn.Name, fn.Handler, fn.CodeUri = "fn", handler, code(t, files)
	if fn.Runtime == "" {
		fn.Runtime = "nodejs20.x"
	}
	return begin(t, newFakeAPI(t), fn)
}

func TestNodeAnswers(t *testing.T) {
	tests := []struct {
		name, source, event, want string
	}{
		{"the event itself", `exports.h = async (event) => event;`, `{"a":[1,2.5,null,true,"ü€😀"]}`, `{"a":[1,2.5,null,true,"ü€😀"]}`},
		{"nothing", `exports.h = async () => {};`, `{}`, `null`},
		{"a promise of a plain function", `exports.h = () => Promise.resolve(1);`, `{}`, `1`},
		{"a callback", `exports.h = (event, context, callback) => callback(null, event);`, `[1]`, `[1]`},
		{"a callback, later", `exports.h = (event, context, callback) => { setTimeout(() => callback(null, 2), 5); };`, `{}`, `2`},
		{"once the event loop is empty", `let n = 0;
			exports.h = (event, context, callback) => { const r = { toJSON: () => n }; setTimeout(() => n++, 20); callback(null, r); };`, `{}`, `1`},
		{"at once when not to wait", `let n = 0;
			exports.h = (event, context, callback) => {
				context.callbackWaitsForEmptyEventLoop = false;
				const r = { toJSON: () => n }; setTimeout(() => n++, 20); callback(null, r); };`, `{}`, `0`},
		{"the first of several", `exports.h = (event, context, callback) => { callback(null, 1); context.succeed(2); callback(null, 3); };`, `{}`, `1`},
		{"by context.done", `exports.h = (event, context) => { setInterval(() => {}, 1e6); context.done(null, 4); };`, `{}`, `4`},
		{"by context.succeed", `exports.h = (event, context) => { context.succeed(5); };`, `{}`, `5`},
		{"null when nothing is left to do", `exports.h = () => 6;`, `{}`, `null`},
		{"the trace header", `exports.h = async () => process.env._X_AMZN_TRACE_ID;`, `{}`, `"Root=1-2-3"`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			p := startNode(t, map[string]string{"app.js": tt.source}, "app.h", config.Function{})
			for _, id := range []string{"id-1", "id-2"}[:1+len(tt.name)%2] {
				got := p.invoke(event{id: id, payload: tt.event, header: map[string]string{"Lambda-Runtime-Trace-Id": "Root=1-2-3"}})
				if id == "id-1" && (got.path != "invocation/id-1/response" || got.body != tt.want) {
					t.Errorf("got %s %s, want %s", got.path, got.body, tt.want)
				}
			}
		})
	}
}

func TestNodeModules(t *testing.T) {
	const cjs, esModule = `exports.h = async () => "cjs";`, `await null; export const h = async () => "esm";`
	tests := []struct {
		name, handler string
		files         map[string]string
		want          string
	}{
		{"js", "app.h", map[string]string{"app.js": cjs}, "cjs"},
		{"cjs", "app.h", map[string]string{"app.cjs": cjs}, "cjs"},
		{"mjs, with await", "app.h", map[string]string{"app.mjs": esModule}, "esm"},
		{"js is a module", "app.h", map[string]string{"app.js": esModule, "package.json": `{"type":"module"}`}, "esm"},
		{"a package.json above", "src/app.h", map[string]string{"src/app.js": esModule, "package.json": `{"type":"module"}`}, "esm"},
		{"the nearest package.json", "src/app.h", map[string]string{"src/app.js": cjs, "src/package.json": `{}`, "package.json": `{"type":"module"}`}, "cjs"},
		{"js before mjs", "app.h", map[string]string{"app.js": cjs, "app.mjs": esModule}, "cjs"},
		{"a directory", "a/b/app.h", map[string]string{"a/b/app.js": cjs}, "cjs"},
		{"inside an object", "app.api.v1.h", map[string]string{"app.js": `exports.api = { v1: { h: async () => "deep" } };`}, "deep"},
		{"index of a directory", "lib.h", map[string]string{"lib/index.js": cjs}, "cjs"},
		{"a package", "dep.h", map[string]string{"node_modules/dep/index.js": cjs}, "cjs"},
		{"a module of its own", "app.h", map[string]string{"app.js": `exports.h = async () => require("./lib").x;`, "lib.js": `exports.x = "lib";`}, "lib"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			p := startNode(t, tt.files, tt.handler, config.Function{})
			got := p.invoke(event{id: "1", payload: "{}"})
			if want := `"` + tt.want + `"`; got.body != want {
				t.Errorf("got %s, want %s", got.body, want)
			}
			if err := Check(config.Function{Runtime: "nodejs20.x", Handler: tt.handler, CodeUri: p.cmd.Dir}); err != nil {
				t.Errorf("Check: %v", err)
			}
		})
	}
}

func TestNodeFailsInvocations(t *testing.T) {
	tests := []struct {
		name, source, wantType, wantMessage string
		wantTrace                           bool
	}{
		{"an exception", `exports.h = async () => { throw new RangeError("bad"); };`, "RangeError", "bad", true},
		{"an exception before any promise", `exports.h = () => { throw new TypeError("bad"); };`, "TypeError", "bad", true},
		{"text that was thrown", `exports.h = async () => { throw "bad"; };`, "string", "bad", false},
		{"a callback", `exports.h = (event, context, callback) => callback(new Error("bad"));`, "Error", "bad", true},
		{"context.fail", `exports.h = (event, context) => context.fail();`, "string", "handled", false},
		{"an error that cannot be read", `exports.h = async () => { throw { toString() { throw 1; } }; };`, "handled", "", false},
		{"a result that contains itself", `exports.h = async () => { const x = []; x.push(x); return x; };`, "Error", "Unable to stringify response body", true},
		{"a promise that nobody settles", `exports.h = async () => new Promise(() => {});`, "Runtime.NodeJsExit", "", true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			p := startNode(t, map[string]string{"app.js": tt.source}, "app.h", config.Function{})
			got := p.invoke(event{id: "id-1", payload: "{}"})
			f := got.failure(t)
			if got.path != "invocation/id-1/error" || f.ErrorType != tt.wantType || got.errorType != tt.wantType {
				t.Errorf("got %s of type %q (header %q), want %q", got.path, f.ErrorType, got.errorType, tt.wantType)
			}
			if tt.wantMessage != "" && f.ErrorMessage != tt.wantMessage {
				t.Errorf("got message %q, want %q", f.ErrorMessage, tt.wantMessage)
			}
			if f.Trace == nil || (len(f.Trace) > 0) != tt.wantTrace {
				t.Errorf("got trace %q, want one: %v", f.Trace, tt.wantTrace)
			}
			if again := p.invoke(event{id: "id-2", payload: "{}"}); again.path != "invocation/id-2/error" {
				t.Errorf("got %s for the next event, want its error: the process lives on", again.path)
			}
		})
	}
}

func TestNodeFailsInit(t *testing.T) {
	tests := []struct {
		name, handler, source, wantType, wantMessage string
		wantCode                                     int
	}{
		{"no module", "other.h", "", "Runtime.ImportModuleError", "Error: Cannot find module 'other'", 129},
		{"a module that is missing something", "app.h", `require("nothing-of-the-sort");`, "Runtime.ImportModuleError", "Error: Cannot find module 'nothing-of-the-sort'", 129},
		{"no function", "app.other", "", "Runtime.HandlerNotFound", "app.other is undefined or not exported", 129},
		{"not a function", "app.h", "exports.h = 1;", "Runtime.HandlerNotFound", "app.h is not a function", 129},
		{"no dot", "app", "", "Runtime.MalformedHandlerName", "Bad handler 'app'", 129},
		{"dots that lead out", "../app.h", "", "Runtime.MalformedHandlerName", "'../app.h' is not a valid handler name", 129},
		{"a syntax error", "app.h", "exports.h = (;", "Runtime.UserCodeSyntaxError", "SyntaxError: ", 129},
		{"an exception", "app.h", `throw new RangeError("bad");`, "RangeError", "bad", 129},
		{"a rejection that nobody handles", "app.h", `Promise.reject(new Error("bad")); exports.h = async () => {};
			Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1);`, "Runtime.UnhandledPromiseRejection", "Error: bad", 128},
		{"a streaming handler", "app.h", "exports.h = awslambda.streamifyResponse(async () => {});", "Runtime.StreamingNotSupported", "app.h streams its response", 129},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			p := startNode(t, map[string]string{"app.js": tt.source}, tt.handler, config.Function{})
			got := p.answer()
			f := got.failure(t)
			if got.path != "init/error" || f.ErrorType != tt.wantType || got.errorType != tt.wantType {
				t.Errorf("got %s of type %q (header %q), want init/error of %q", got.path, f.ErrorType, got.errorType, tt.wantType)
			}
			if !strings.HasPrefix(f.ErrorMessage, tt.wantMessage) {
				t.Errorf("got message %q, want %q…", f.ErrorMessage, tt.wantMessage)
			}
			if got := p.exit(); got != tt.wantCode {
				t.Errorf("got exit code %d, want %d", got, tt.wantCode)
			}
		})
	}
}

func TestNodeModuleImportFails(t *testing.T) {
	p := startNode(t, map[string]string{"app.mjs": `import "nothing-of-the-sort";`}, "app.h", config.Function{})
	if got, want := p.answer().failure(t).ErrorType, "Runtime.ImportModuleError"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestNodeUnhandledErrors(t *testing.T) {
	tests := []struct {
		name, source, wantType string
		wantCode               int
	}{
		{"an exception", `exports.h = async () => new Promise(() => setTimeout(() => { throw new RangeError("late"); }));`, "RangeError", 129},
		{"a rejection", `exports.h = async () => { Promise.reject(new Error("lost")); await new Promise((r) => setTimeout(r, 1000)); };`, "Runtime.UnhandledPromiseRejection", 128},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			p := startNode(t, map[string]string{"app.js": tt.source}, "app.h", config.Function{})
			got := p.invoke(event{id: "1", payload: "{}"})
			if f := got.failure(t); got.path != "invocation/1/error" || f.ErrorType != tt.wantType {
				t.Errorf("got %s of type %s, want %s", got.path, f.ErrorType, tt.wantType)
			}
			if got := p.exit(); got != tt.wantCode {
				t.Errorf("got exit code %d, want %d", got, tt.wantCode)
			}
		})
	}
}

// What a handler left behind ends the process, but the answer that it gave gets out first.
func TestNodeAnswersBeforeItDies(t *testing.T) {
	const source = `exports.h = async () => { Promise.reject(new Error("forgotten")); return "x".repeat(5e6); };`
	p := startNode(t, map[string]string{"app.js": source}, "app.h", config.Function{})
	got := p.invoke(event{id: "1", payload: "{}"})
	if want := 5_000_002; got.path != "invocation/1/response" || len(got.body) != want {
		t.Errorf("got %s of %d bytes, want the response of %d", got.path, len(got.body), want)
	}
	if got := p.exit(); got != 128 {
		t.Errorf("got exit code %d, want 128", got)
	}
}

func TestNode24HasNoCallbacks(t *testing.T) {
	as24 := config.Function{Runtime: "nodejs24.x"}
	t.Run("a callback handler", func(t *testing.T) {
		p := startNode(t, map[string]string{"app.js": `exports.h = (event, context, callback) => callback(null, 1);`}, "app.h", as24)
		if got, want := p.answer().errorType, "Runtime.CallbackHandlerDeprecated"; got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	})
	t.Run("a plain function", func(t *testing.T) {
		p := startNode(t, map[string]string{"app.js": `exports.h = (event, context) => [event, context.succeed === undefined];`}, "app.h", as24)
		if got, want := p.invoke(event{id: "1", payload: "7"}).body, `[7,true]`; got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	})
}

func TestNodeContext(t *testing.T) {
	const source = `exports.h = async (event, c) => {
		const left = c.getRemainingTimeInMillis();
		return [c.functionName, c.functionVersion, c.invokedFunctionArn, c.memoryLimitInMB, c.awsRequestId,
			c.logGroupName, c.logStreamName, c.tenantId, c.identity, c.clientContext,
			c.callbackWaitsForEmptyEventLoop, 50000 < left && left <= 60000];
	};`
	p := startNode(t, map[string]string{"app.js": source}, "app.h", config.Function{})
	plain := p.invoke(event{id: "id-1", payload: "{}"})
	equalJSON(t, plain.body, `["fn", "$LATEST", "arn:aws:lambda:us-east-1:000000000000:function:fn", "128", "id-1",
		"/aws/lambda/fn", "2026/01/01/[$LATEST]0123456789abcdef0123456789abcdef", null, null, null, true, true]`)
	full := p.invoke(event{id: "id-2", payload: "{}", header: map[string]string{
		"Lambda-Runtime-Client-Context":   `{"custom":{"k":"ü"}}`,
		"Lambda-Runtime-Cognito-Identity": `{"cognitoIdentityId":"i"}`,
		"Lambda-Runtime-Aws-Tenant-Id":    "tenant",
	}})
	equalJSON(t, full.body, `["fn", "$LATEST", "arn:aws:lambda:us-east-1:000000000000:function:fn", "128", "id-2",
		"/aws/lambda/fn", "2026/01/01/[$LATEST]0123456789abcdef0123456789abcdef", "tenant", {"cognitoIdentityId":"i"},
		{"custom":{"k":"ü"}}, true, true]`)
	bad := p.invoke(event{id: "id-3", payload: "{}", header: map[string]string{"Lambda-Runtime-Client-Context": "["}})
	if got, want := bad.path, "invocation/id-3/error"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

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

func TestNodeTextLogs(t *testing.T) {
	p := startNode(t, map[string]string{"app.js": nodeLogging}, "app.h", config.Function{})
	p.invoke(event{id: "id-1", payload: "{}"})
	lines := p.lines()
	const stamp = `^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z\t`
	wants := []string{
		`undefined\tINFO\tat start$`,
		`id-1\tINFO\ttwo\rlines 7$`,
		`id-1\tDEBUG\t\{ a: 1 \}$`,
		`id-1\tWARN\tcareful Error: w\r    at .*$`,
		`id-1\tERROR\tRangeError: e\r    at .*$`,
		`id-1\tTRACE\tdeep$`,
		`id-1\tERROR\tInvoke Error \t\{"errorType":"Error","errorMessage":"thrown","extra":1,"stack":\["Error: thrown",.*\]\}$`,
	}
	for i, want := range wants {
		if i >= len(lines) || !regexp.MustCompile(stamp+want).MatchString(lines[i]) {
			t.Fatalf("line %d of %q does not match %s", i, lines, want)
		}
	}
}

func TestNodeJSONLogs(t *testing.T) {
	fn := config.Function{}
	fn.Environment.Variables = map[string]string{"AWS_LAMBDA_LOG_FORMAT": "JSON", "AWS_LAMBDA_LOG_LEVEL": "INFO"}
	p := startNode(t, map[string]string{"app.js": nodeLogging}, "app.h", fn)
	p.invoke(event{id: "id-1", payload: "{}"})
	want := []map[string]any{
		{"level": "INFO", "message": "at start"},
		{"level": "INFO", "message": "two\nlines 7", "requestId": "id-1"},
		{"level": "WARN", "errorType": "Error", "errorMessage": "w", "requestId": "id-1"},
		{"level": "ERROR", "requestId": "id-1"},
		{"level": "ERROR", "requestId": "id-1"},
	}
	for i, line := range p.lines()[:len(want)] {
		var got map[string]any
		if err := json.Unmarshal([]byte(line), &got); err != nil {
			t.Fatalf("line %d: %q: %v", i, line, err)
		}
		for name, value := range want[i] {
			if got[name] != value {
				t.Errorf("line %d: got %s %v, want %v: %s", i, name, got[name], value, line)
			}
		}
		message, _ := got["message"].(map[string]any)
		if i == 4 && (message["errorType"] != "Error" || message["errorMessage"] != "thrown" || message["extra"] != 1.0) {
			t.Errorf("line %d: got message %v, want the error's description", i, message)
		}
	}
}

func TestNodeExits(t *testing.T) {
	t.Run("when the handler says so", func(t *testing.T) {
		p := startNode(t, map[string]string{"app.js": "exports.h = async () => process.exit(3);"}, "app.h", config.Function{})
		p.send(event{id: "1", payload: "{}"})
		if got := p.exit(); got != 3 {
			t.Errorf("got exit code %d, want 3", got)
		}
	})
	for _, first := range []bool{true, false} {
		name := map[bool]string{true: "when the Runtime API goes before the first event", false: "when it goes later"}[first]
		t.Run(name, func(t *testing.T) {
			p := startNode(t, map[string]string{"app.js": "setInterval(() => {}, 1000); exports.h = async () => {};"}, "app.h", config.Function{})
			if !first {
				p.invoke(event{id: "1", payload: "{}"})
			}
			if lines := p.lines(); len(lines) != 1 || !strings.HasPrefix(lines[0], "Runtime API: ") {
				t.Errorf("got %q, want one line about the Runtime API", lines)
			}
			if got := p.exit(); got != 1 {
				t.Errorf("got exit code %d, want 1", got)
			}
		})
	}
	t.Run("not when the response is too large", func(t *testing.T) {
		p := startNode(t, map[string]string{"app.js": `exports.h = async (n) => "x".repeat(n);`}, "app.h", config.Function{})
		p.api.tooLarge = 1000
		p.invoke(event{id: "1", payload: "2000"})
		if got := p.invoke(event{id: "2", payload: "1"}).body; got != `"x"` {
			t.Errorf("got %s, want an answer to the next event", got)
		}
	})
}
