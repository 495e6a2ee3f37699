package httpapi_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"reflect"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"

	"github.com/esm-run/esm/e2e/rig"
)

// recordedURLEvent is the event of a request to a function URL, as AWS recorded it.
const recordedURLEvent = `{"version":"2.0","routeKey":"$default","rawPath":"/items/a%2Fb","rawQueryString":"q=1&q=2&full","cookies":["a=1","b=2"],
"headers":{"x-several":"one,two","content-type":"application/json","host":"HOST","user-agent":"test","accept-encoding":"gzip","content-length":"7","x-forwarded-for":"127.0.0.1","x-forwarded-port":"PORT","x-forwarded-proto":"http","x-amzn-trace-id":"TRACE"},
"queryStringParameters":{"q":"1,2","full":""},
"requestContext":{"accountId":"anonymous","apiId":"f","authentication":null,"domainName":"HOST","domainPrefix":"f","http":{"method":"POST","path":"/items/a%2Fb","protocol":"HTTP/1.1","sourceIp":"127.0.0.1","userAgent":"test"},"requestId":"ID","routeKey":"$default","stage":"$default","time":"TIME","timeEpoch":0},
"body":"{\"a\":1}","pathParameters":null,"isBase64Encoded":false,"stageVariables":null}`

const urlHandler = `
import base64, json
def handler(event, context):
    want = event.get("headers", {}).get("x-want")
    if want == "mapped":
        return {"statusCode": 201, "headers": {"X-A": "b"}, "cookies": ["a=1; Path=/", "b=2"], "body": base64.b64encode(b"\x00\xff").decode(), "isBase64Encoded": True}
    if want == "text":
        return "hello"
    if want == "object":
        return {"hello": "world"}
    if want == "error":
        raise Exception("oh")
    return {"statusCode": 200, "body": json.dumps(event)}
`

// A function URL turns requests into events, and the handler's values into responses.
func TestFunctionURL(t *testing.T) {
	t.Parallel()
	rig.Need(t, "python3")
	e := rig.New(t)
	e.WriteFile("src/app.py", urlHandler)
	description := strings.TrimSuffix(python, "}") + ", FunctionUrlConfig: {Cors: {AllowOrigins: [\"https://shop.example\"], AllowMethods: [POST]}}"
	engine := e.Run(&rig.Function{Name: "f", Description: description + "}"}, &rig.Function{Name: "off", Description: description + ", ReservedConcurrentExecutions: 0}"},
		&rig.Function{Name: "none", Description: python})

	t.Run("event", func(t *testing.T) {
		status, body, header := request(t, "POST", engine.URL("/url/f/items/a%2Fb?q=1&q=2&full"), `{"a":1}`, "X-Several", "one,two", "Cookie", "a=1; b=2", "Content-Type", "application/json", "User-Agent", "test")
		if status != 200 || header.Get("Content-Type") != "application/json" {
			t.Fatalf("the function URL answers %d %s", status, body)
		}
		got, want := parse(t, []byte(body)), parse(t, []byte(recordedURLEvent))
		about, headers := got["requestContext"].(members), got["headers"].(members)
		if about["requestId"] != header.Get("X-Amzn-Requestid") || !rig.UUID.MatchString(fmt.Sprint(about["requestId"])) {
			t.Errorf("the event of the request %s has the ID %s", header.Get("X-Amzn-Requestid"), about["requestId"])
		}
		for key, value := range want["requestContext"].(members) { // these cannot be known
			if key == "requestId" || key == "time" || key == "timeEpoch" || key == "domainName" {
				if reflect.TypeOf(about[key]) != reflect.TypeOf(value) {
					t.Errorf("%s is %v", key, about[key])
				}
				about[key] = value
			}
		}
		for _, key := range []string{"host", "x-forwarded-port", "x-amzn-trace-id"} {
			if headers[key] == nil {
				t.Errorf("the event has no header %s: %v", key, headers)
			}
			headers[key] = want["headers"].(members)[key]
		}
		if !reflect.DeepEqual(got, want) {
			text, _ := json.Marshal(want)
			t.Errorf("event\n%s, want\n%s", body, text)
		}
	})
	t.Run("responses", func(t *testing.T) {
		for _, test := range []struct {
			path, want  string
			status      int
			body, typed string
		}{
			{"/url/f/", "mapped", 201, "\x00\xff", "application/json"},
			{"/url/f", "text", 200, "hello", "application/json"},
			{"/url/f/", "object", 200, `{"hello":"world"}`, "application/json"},
			{"/url/f/", "error", 502, "Internal Server Error", ""},
			{"/url/off/", "text", 429, "", ""},
			{"/url/none/", "text", 403, "", ""},
		} {
			status, body, header := request(t, "GET", engine.URL(test.path), "", "X-Want", test.want)
			if status != test.status || test.body != "" && body != test.body || test.typed != "" && header.Get("Content-Type") != test.typed {
				t.Errorf("%s, %s: %d %s %q, want %+v", test.path, test.want, status, header.Get("Content-Type"), body, test)
			}
			if test.want == "mapped" && (header.Get("X-A") != "b" || len(header["Set-Cookie"]) != 2) {
				t.Errorf("headers %v", header)
			}
		}
	})
	t.Run("pages", func(t *testing.T) {
		for _, test := range []struct {
			method, origin string
			status         int
			allow          string
		}{
			{"POST", "https://shop.example", 200, "https://shop.example"},
			{"POST", "https://evil.example", 403, ""},
		} {
			status, _, header := request(t, test.method, engine.URL("/url/f/"), "{}", "Origin", test.origin, "X-Want", "text")
			if status != test.status || header.Get("Access-Control-Allow-Origin") != test.allow {
				t.Errorf("%+v: %d, for %q", test, status, header.Get("Access-Control-Allow-Origin"))
			}
		}
		status, _, header := request(t, "OPTIONS", engine.URL("/"), "", "Host", "f.lambda-url.localhost", "Origin", "https://shop.example", "Access-Control-Request-Method", "POST")
		if status != 200 || header.Get("Access-Control-Allow-Methods") != "POST" {
			t.Errorf("a preflight is answered with %d %v", status, header)
		}
	})
}

// streamHandler sends one part of its response, asks the test, and then sends the other.
const streamHandler = `
exports.handler = awslambda.streamifyResponse(async (event, stream) => {
  if (event.rawPath) stream = awslambda.HttpResponseStream.from(stream, {statusCode: 203, headers: {"X-A": "b"}});
  else stream.setContentType("text/plain");
  stream.write("one,");
  await fetch(process.env.E2E_URL, {method: "POST", body: "{}"});
  if (event.fail) throw new Error("in the middle");
  stream.end("two");
});
`

// A response arrives while the handler writes it: by InvokeWithResponseStream and at a function URL.
func TestStreamedResponse(t *testing.T) {
	t.Parallel()
	rig.Need(t, "node")
	e := rig.New(t)
	e.WriteFile("src/index.js", streamHandler)
	asked, gate := e.GatedFunction("asked", rig.Succeed)
	f := &rig.Function{Name: "f", Description: fmt.Sprintf("{Runtime: nodejs22.x, Handler: index.handler, CodeUri: src, Timeout: 60, "+
		"FunctionUrlConfig: {InvokeMode: RESPONSE_STREAM}, Environment: {Variables: {E2E_URL: %q}}}", asked.URL)}
	engine := e.Run(f)
	invoke := func(event string) <-chan types.InvokeWithResponseStreamResponseEvent {
		t.Helper()
		out, err := engine.Lambda().InvokeWithResponseStream(t.Context(), &lambda.InvokeWithResponseStreamInput{FunctionName: aws.String("f"), Payload: []byte(event)})
		e.Must(err)
		t.Cleanup(func() { out.GetStream().Close() })
		return out.GetStream().Events()
	}
	wantChunk := func(events <-chan types.InvokeWithResponseStreamResponseEvent, want string) {
		t.Helper()
		got, is := rig.Receive(t, events).(*types.InvokeWithResponseStreamResponseEventMemberPayloadChunk)
		if !is || string(got.Value.Payload) != want {
			t.Fatalf("got %+v, want the chunk %s", got, want)
		}
	}
	wantEnd := func(events <-chan types.InvokeWithResponseStreamResponseEvent, code string) {
		t.Helper()
		got, is := rig.Receive(t, events).(*types.InvokeWithResponseStreamResponseEventMemberInvokeComplete)
		if !is || aws.ToString(got.Value.ErrorCode) != code || code != "" && !strings.Contains(aws.ToString(got.Value.ErrorDetails), "in the middle") {
			t.Errorf("got %+v, want the end with %q", got, code)
		}
	}
	events := invoke("{}")
	wantChunk(events, "one,")
	gate.Pass(t)
	wantChunk(events, "two")
	wantEnd(events, "")

	events = invoke(`{"fail": true}`)
	wantChunk(events, "one,")
	gate.Pass(t)
	wantEnd(events, "Unhandled")

	resp, err := http.Get(engine.URL("/url/f/path"))
	e.Must(err)
	defer resp.Body.Close()
	body := bufio.NewReader(resp.Body)
	first, err := body.ReadString(',')
	if err != nil || resp.StatusCode != 203 || resp.Header.Get("X-A") != "b" || first != "one," {
		t.Fatalf("the URL answers %s %v with %q (%v)", resp.Status, resp.Header, first, err)
	}
	gate.Pass(t)
	if rest, err := io.ReadAll(body); err != nil || string(rest) != "two" {
		t.Errorf("the rest is %q (%v)", rest, err)
	}
}
