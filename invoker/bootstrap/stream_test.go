package bootstrap

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

const octets = "application/octet-stream"

func TestStreams(t *testing.T) {
	const prelude = `{"statusCode":201,"headers":{"X-A":"b"},"cookies":["c=d"]}` + "\x00\x00\x00\x00\x00\x00\x00\x00"
	for _, tt := range []struct {
		name, source    string // of the handler: event, out (its response stream), context
		body, mediaType string
		failure         string // errorType errorMessage
	}{
		{"text", `out.write("one "); out.write("two"); out.end();`, "one two", octets, ""},
		{"with the last part in end", `out.setContentType("text/plain"); out.write("a"); out.end("b");`, "ab", "text/plain", ""},
		{"bytes", `out.write(Buffer.from([0, 255])); out.end(new Uint8Array([1]));`, "\x00\xff\x01", octets, ""},
		{"other values, as JSON", `out.write({ a: 1 }); out.end([2]);`, `{"a":1}[2]`, octets, ""},
		{"nothing", `out.end();`, "", octets, ""},
		{"ended later", `setTimeout(() => out.end("late"), 20);`, "late", octets, ""},
		{"a pipeline", `await require("node:stream/promises").pipeline(require("node:stream").Readable.from(["a", "b"]), out);`, "ab", octets, ""},
		{"much", `for (let i = 0; i < 100; i++) { if (!out.write("x".repeat(50000))) await require("node:events").once(out, "drain"); } out.end();`,
			strings.Repeat("x", 5_000_000), octets, ""},
		{"an HTTP response", `out = awslambda.HttpResponseStream.from(out, { statusCode: 201, headers: { "X-A": "b" }, cookies: ["c=d"] }); out.write("hi"); out.end();`,
			prelude + "hi", "application/vnd.awslambda.http-integration-response", ""},
		{"an HTTP response without a body", `awslambda.HttpResponseStream.from(out, { statusCode: 201, headers: { "X-A": "b" }, cookies: ["c=d"] }).end();`,
			prelude, "application/vnd.awslambda.http-integration-response", ""},
		{"the context", `out.end(context.awsRequestId + " " + event.n + " " + process.env._X_AMZN_TRACE_ID);`, "id-1 7 Root=1-2-3", octets, ""},
		{"a failure in the middle", `out.write("half"); out.write(" a"); throw new RangeError("bad");`, "half a", octets, "RangeError bad"},
		{"a failure of a source", `const { Readable } = require("node:stream");
			await require("node:stream/promises").pipeline(Readable.from((async function* () { yield "half"; await 1; throw new RangeError("bad"); })()), out);`,
			"half", octets, "RangeError bad"},
		{"a failure after the end", `out.end("all"); throw new RangeError("bad");`, "all", octets, "RangeError bad"},
		{"a type that comes too late", `out.write("a"); out.setContentType("text/plain");`, "a", octets,
			"InvalidStreamingOperation The content type cannot be set: the response has begun"},
		{"no end", `out.write("a");`, "a", octets,
			"Runtime.NodeJsExit The handler is done and left nothing to wait for, but did not end its response stream"},
		{"no end of the handler", `out.write("a"); await new Promise(() => {});`, "a", octets,
			"Runtime.NodeJsExit The handler left nothing to wait for, but its promise was never settled"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			p := node.start(t, "exports.h = awslambda.streamifyResponse(async (event, out, context) => {"+tt.source+"});")
			got := p.invoke(event{id: "id-1", payload: `{"n":7}`, header: traced})
			failure := ""
			if got.failure != "" {
				f := answer{path: got.path, body: got.failure}.failed(t)
				failure = f.ErrorType + " " + f.ErrorMessage
				if f.ErrorType != got.errorType || len(f.Trace) == 0 {
					t.Errorf("got %+v of type %s", f, got.errorType)
				}
			}
			if got.path != "invocation/id-1/response" || !got.streamed || got.body != tt.body || got.mediaType != tt.mediaType {
				t.Errorf("got %+v, want %q of type %s", got, tt.body, tt.mediaType)
			}
			if failure != tt.failure && tt.name != "a failure after the end" { // which may be in time
				t.Errorf("got failure %q, want %q", failure, tt.failure)
			}
			if again := p.invoke(event{id: "id-2", payload: `{}`}); again.path != "invocation/id-2/response" {
				t.Errorf("got %s for the next event: the process lives on", again.path)
			}
		})
	}
}

// A failure before the first byte is an error like any other.
func TestStreamsThatDoNotBegin(t *testing.T) {
	for _, tt := range []struct{ name, source, wantType, wantMessage string }{
		{"an exception", `async (event, out) => { out.setContentType("text/plain"); throw new RangeError("bad"); }`, "RangeError", "bad"},
		{"no promise", `(event, out) => { }`, "InvalidStreamingOperation", "A handler that streams its response must be async"},
		{"nothing", `async (event, out) => { }`, "Runtime.NodeJsExit", "The handler is done and left nothing to wait for, but did not end its response stream"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got := node.start(t, "exports.h = awslambda.streamifyResponse("+tt.source+");").invoke(event{id: "id-1", payload: "{}"})
			if f := got.failed(t); got.path != "invocation/id-1/error" || got.streamed || f.ErrorType != tt.wantType || f.ErrorMessage != tt.wantMessage {
				t.Errorf("got %+v", got)
			}
		})
	}
}

// Each part is sent when it is written.
func TestStreamSendsPartsAtOnce(t *testing.T) {
	api := newFakeAPI(t)
	api.parts = make(chan string)
	fn := node.function(t, map[string]string{"app.js": `
		const fs = require("node:fs");
		exports.h = awslambda.streamifyResponse(async (event, out) => {
			out.write("one");
			while (!fs.existsSync("go")) { await new Promise((resolve) => setTimeout(resolve, 5)); }
			out.end("two");
		});`})
	p := begin(t, api, fn)
	p.send(event{id: "id-1", payload: "{}"})
	for _, want := range []string{"one", "two"} {
		select {
		case got := <-api.parts:
			if got != want {
				t.Errorf("got %q, want %q", got, want)
			}
		case <-time.After(patience):
			t.Fatalf("the process does not send %q", want)
		}
		must(t, os.WriteFile(filepath.Join(fn.CodeUri, "go"), nil, 0o600))
	}
	if got := p.answer(); got.body != "onetwo" {
		t.Errorf("got %q", got.body)
	}
}

// An error outside of the handler's call ends the response, and the process.
func TestStreamEndsWithItsProcess(t *testing.T) {
	p := node.start(t, `exports.h = awslambda.streamifyResponse(async (event, out) => {
		out.write("half");
		setTimeout(() => { throw new RangeError("bad"); }, 20);
		await new Promise((resolve) => setTimeout(resolve, 60000));
	});`)
	got := p.invoke(event{id: "id-1", payload: "{}"})
	if got.body != "half" || got.errorType != "RangeError" || !strings.Contains(got.failure, `"errorMessage":"bad"`) {
		t.Errorf("got %+v", got)
	}
	if code := p.exit(); code != 129 {
		t.Errorf("got exit code %d, want 129", code)
	}
}

// A response that is refused for its size does not end the runtime.
func TestStreamIsTooLarge(t *testing.T) {
	p := node.start(t, `exports.h = awslambda.streamifyResponse(async (event, out) => {
		for (let i = 0; i < event; i++) { if (!out.write("x".repeat(50000))) await require("node:events").once(out, "drain"); }
		out.end();
	});`)
	p.api.tooLarge = 200_000
	p.invoke(event{id: "1", payload: "1000"})
	if got := p.invoke(event{id: "2", payload: "2"}).body; len(got) != 100_000 {
		t.Errorf("got %d bytes, want the answer to the next event", len(got))
	}
}
