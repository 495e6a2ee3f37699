package localstack_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
)

// write puts a file into the test's directory.
func (h *house) write(name, text string) {
	h.Helper()
	path := filepath.Join(h.dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		h.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o755); err != nil {
		h.Fatal(err)
	}
}

// need skips a test where a tool is missing, except in CI.
func need(t *testing.T, tool string) {
	t.Helper()
	if _, err := exec.LookPath(tool); err == nil {
		return
	}
	if os.Getenv("CI") == "true" {
		t.Fatalf("%s is missing", tool)
	}
	t.Skipf("%s is missing", tool)
}

// pythonWith is an interpreter that has awslambdaric and botocore.
func pythonWith(t *testing.T) string {
	t.Helper()
	python := os.Getenv("ESM_TEST_PYTHON")
	if python == "" && os.Getenv("CI") == "true" {
		t.Fatal("no Python with awslambdaric and botocore")
	}
	if python == "" {
		t.Skip("no Python with awslambdaric and botocore: ./test makes one")
	}
	return python
}

const pythonHandler = `
import json, os
def handler(event, context):
    for r in event["Records"]:
        print("handled", r["body"], "of", context.invoked_function_arn, "in", context.function_name)
    return {"batchItemFailures": []}
`

const nodeHandler = `
exports.handler = (event, context, callback) => {
  for (const r of event.Records) console.log("handled " + r.body + " of " + context.invokedFunctionArn + " in " + context.functionName);
  callback(null, { batchItemFailures: [] });
};
`

const nodeModule = `
export const handler = async (event, context) => {
  for (const r of event.Records) console.log("handled " + r.body + " of " + context.invokedFunctionArn + " in " + context.functionName);
};
`

const shellHandler = `#!/bin/sh
while true; do
  curl -sS -D "$TMPDIR/headers" -o "$TMPDIR/event" "http://$AWS_LAMBDA_RUNTIME_API/2018-06-01/runtime/invocation/next" || exit 1
  id=$(grep -Fi Lambda-Runtime-Aws-Request-Id "$TMPDIR/headers" | tr -d '[:space:]' | cut -d: -f2)
  for body in $(grep -o '"body":"[^"]*"' "$TMPDIR/event" | cut -d'"' -f4); do
    echo "handled $body of arn:aws:lambda:us-east-1:000000000000:function:$AWS_LAMBDA_FUNCTION_NAME in $AWS_LAMBDA_FUNCTION_NAME"
  done
  curl -sS -o /dev/null -X POST "http://$AWS_LAMBDA_RUNTIME_API/2018-06-01/runtime/invocation/$id/response" -d 'null'
done
`

// Every way to run a handler, each with an unmodified one.
func TestWaysToRunAHandler(t *testing.T) {
	t.Parallel()
	ways := map[string]struct {
		function func(t *testing.T) string
		files    map[string]string
	}{
		"Python": {
			func(t *testing.T) string {
				need(t, "python3")
				return "{Runtime: python3.11, Handler: app.handler, CodeUri: src}"
			},
			map[string]string{"src/app.py": pythonHandler},
		},
		"Node.js, CommonJS with a callback": {
			func(t *testing.T) string {
				need(t, "node")
				return "{Runtime: nodejs20.x, Handler: lib/index.handler, CodeUri: src}"
			},
			map[string]string{"src/lib/index.js": nodeHandler},
		},
		"Node.js, ES module": {
			func(t *testing.T) string {
				need(t, "node")
				return "{Runtime: nodejs20.x, Handler: index.handler, CodeUri: src}"
			},
			map[string]string{"src/index.mjs": nodeModule},
		},
		"awslambdaric": {
			func(t *testing.T) string {
				return fmt.Sprintf("{Command: [%q, -m, awslambdaric, app.handler], CodeUri: src}", pythonWith(t))
			},
			map[string]string{"src/app.py": pythonHandler},
		},
		"provided, a shell script": {
			func(t *testing.T) string {
				need(t, "curl")
				return "{Runtime: provided.al2023, Handler: none.none, CodeUri: src}"
			},
			map[string]string{"src/bootstrap": shellHandler},
		},
	}
	for name, way := range ways {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			description := way.function(t)
			h := newHouse(t, standIn)
			for file, text := range way.files {
				h.write(file, text)
			}
			url, arn := h.queue("way", map[string]string{})
			h.sendMany(url, 3)
			description = strings.Replace(description, "{", "{Timeout: 30, ", 1)
			e := h.run("Functions:\n  f: " + description + "\nEventSourceMappings:\n" + mapping(arn, reporting))
			eventually(t, "the messages are handled", func() bool { return h.count(url) == 0 })
			for i := range 3 {
				want := fmt.Sprintf("handled m%d of arn:aws:lambda:us-east-1:000000000000:function:f in f", i)
				eventually(t, "the handler's output is there", func() bool { return strings.Contains(e.stdout.String(), want) })
			}
			for _, line := range []string{"START RequestId: ", "END RequestId: ", "REPORT RequestId: "} {
				eventually(t, "there is a line "+line, func() bool { return strings.Contains(e.stdout.String(), line) })
			}
			if code := e.stop(); code != 0 {
				t.Errorf("exit code %d", code)
			}
		})
	}
}

// Whatever a handler does, its messages are not lost: they are handled later, or end in the dead-letter queue.
func TestBadHandlers(t *testing.T) {
	t.Parallel()
	need(t, "python3")
	tests := map[string]struct {
		function string // of the mapping; CodeUri is src
		handler  string
		says     string // on standard error or output
		dead     bool
	}{
		"a command that is not there": {
			function: "{Command: [/nowhere/to/be/found]}", says: "/nowhere/to/be/found", dead: true,
		},
		"a command that ends": {
			function: "{Command: [/bin/sh, -c, 'echo I cannot; exit 3']}", says: "exit status 3", dead: true,
		},
		"a module that does not load": {
			handler: "import nothing_of_this_name", says: "nothing_of_this_name", dead: true,
		},
		"a handler that is not there": {
			handler: "def other(event, context): pass", says: "handler", dead: true,
		},
		"an exception": {
			handler: "def handler(event, context): raise ValueError('out of beans')", says: "out of beans", dead: true,
		},
		"rubbish for a report": {
			handler: "def handler(event, context): return {'batchItemFailures': 'all of them'}", says: "BadReportList", dead: true,
		},
		"a handler that hangs": {
			handler: "import time\ndef handler(event, context): time.sleep(3600)", says: "Task timed out after 1.00 seconds", dead: true,
		},
		"a handler that kills itself": {
			handler: "import os, signal\ndef handler(event, context): os.kill(os.getpid(), signal.SIGKILL)", says: "signal: killed", dead: true,
		},
		"a handler that forks and exits": {
			handler: "import os, time\ndef handler(event, context):\n    if os.fork() == 0:\n        time.sleep(3600)\n    os._exit(0)",
			says:    "Runtime exited without providing a reason", dead: true,
		},
		"a handler that prints 100 MB": {
			handler: "import sys\ndef handler(event, context):\n    for _ in range(100): sys.stdout.write('x' * 1000000 + '\\n')",
		},
		"a handler that prints one line of 20 MB": {
			handler: "import sys\ndef handler(event, context): sys.stdout.write('x' * 20000000)",
		},
		"a large answer": {
			handler: "def handler(event, context): return 'x' * 7000000", says: "ResponseTooLarge", dead: true,
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newHouse(t, standIn)
			h.write("src/app.py", test.handler)
			dlq, dlqARN := h.queue("bad-dead", map[string]string{})
			timeout, visibility := "1", "2" // for handlers that are to fail by them
			if !test.dead {
				timeout, visibility = "60", "60"
			}
			url, arn := h.queue("bad", map[string]string{"VisibilityTimeout": visibility, "RedrivePolicy": redrive(dlqARN, 2)})
			function := test.function
			if function == "" {
				function = "{Runtime: python3.11, Handler: app.handler, CodeUri: src, Timeout: " + timeout + "}"
			}
			h.sendMany(url, 2)
			e := h.start("Functions:\n  f: " + function + "\nEventSourceMappings:\n" + mapping(arn, reporting))
			eventually(t, "the queue is empty", func() bool { return h.count(url) == 0 })
			if got := h.count(dlq); test.dead != (got == 2) {
				t.Errorf("%d of 2 messages in the dead-letter queue, want them there: %v", got, test.dead)
			}
			eventually(t, "something says "+test.says, func() bool {
				return strings.Contains(e.stderr.String()+e.stdout.String(), test.says)
			})
			if code := e.stop(); code != 0 {
				t.Errorf("exit code %d", code)
			}
		})
	}
}

// boto3, or botocore alone, inside a handler reaches the endpoint that the engine polls, without a word of configuration.
func TestHandlersReachTheEndpoint(t *testing.T) {
	python := pythonWith(t)
	overServices(t, func(t *testing.T, h *house) {
		h.write("src/app.py", `
import botocore.session
def handler(event, context):
    sqs = botocore.session.get_session().create_client("sqs")
    url = sqs.get_queue_url(QueueName=event["Records"][0]["body"])["QueueUrl"]
    sqs.send_message(QueueUrl=url, MessageBody="from within")
`)
		inURL, inARN := h.queue("in", map[string]string{"VisibilityTimeout": "30"})
		outURL, outARN := h.queue("out", map[string]string{})
		h.send(sqs.SendMessageInput{QueueUrl: &inURL, MessageBody: aws.String(outARN[strings.LastIndex(outARN, ":")+1:])})
		h.run(fmt.Sprintf("Functions:\n  f: {Command: [%q, -m, awslambdaric, app.handler], CodeUri: src, Timeout: 20}\n", python) +
			"EventSourceMappings:\n" + mapping(inARN))
		eventually(t, "the handler's message is there", func() bool { return h.count(outURL) == 1 && h.count(inURL) == 0 })
	})
}

// A function behind Lambda's Invoke API is throttled for a while, then answers: no message is received twice meanwhile.
func TestRemoteFunction(t *testing.T) {
	h := newHouse(t, standIn)
	dlq, dlqARN := h.queue("remote-dead", map[string]string{})
	url, arn := h.queue("remote", map[string]string{"VisibilityTimeout": "30", "RedrivePolicy": redrive(dlqARN, 1)})
	began, paths := time.Now(), make(chan string, 1000)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		paths <- r.URL.Path + "?" + r.URL.RawQuery
		w.Header().Set("Content-Type", "application/json")
		if time.Since(began) < 2*time.Second {
			w.Header().Set("X-Amzn-ErrorType", "TooManyRequestsException")
			w.WriteHeader(http.StatusTooManyRequests)
			fmt.Fprint(w, `{"Reason":"ReservedFunctionConcurrentInvocationLimitExceeded","Type":"User","message":"Rate Exceeded."}`)
			return
		}
		w.Header().Set("X-Amz-Executed-Version", "7")
		fmt.Fprint(w, "null")
	}))
	defer server.Close()
	h.sendMany(url, 5)
	h.run(fmt.Sprintf("Functions:\n  f: {InvokeEndpoint: %q}\nEventSourceMappings:\n", server.URL) +
		strings.Replace(mapping(arn), "FunctionName: f", "FunctionName: f:prod", 1))
	eventually(t, "the messages are handled", func() bool { return h.count(url) == 0 })
	if dead := h.count(dlq); dead > 0 {
		t.Errorf("%d messages died of throttling", dead)
	}
	if got := <-paths; got != "/2015-03-31/functions/f/invocations?Qualifier=prod" {
		t.Errorf("invoked %s", got)
	}
}
