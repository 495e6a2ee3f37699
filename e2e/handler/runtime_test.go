// Package handler_test shows what runs a function: the runtimes for handlers on this machine, and functions behind Lambda's
// Invoke API.
package handler_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/esm-run/esm/e2e/rig"
)

const (
	pythonHandler = `
def handler(event, context):
    for r in event["Records"]:
        print("handled", r["body"], "of", context.invoked_function_arn, "in", context.function_name)
    return {"batchItemFailures": []}
`
	nodeHandler = `
exports.handler = (event, context, callback) => {
  for (const r of event.Records) console.log("handled " + r.body + " of " + context.invokedFunctionArn + " in " + context.functionName);
  callback(null, { batchItemFailures: [] });
};
`
	nodeModule = `
export const handler = async (event, context) => {
  for (const r of event.Records) console.log("handled " + r.body + " of " + context.invokedFunctionArn + " in " + context.functionName);
};
`
	shellHandler = `#!/bin/sh
while true; do
  curl -sS -D "$TMPDIR/headers" -o "$TMPDIR/event" "http://$AWS_LAMBDA_RUNTIME_API/2018-06-01/runtime/invocation/next" || exit 1
  id=$(grep -Fi Lambda-Runtime-Aws-Request-Id "$TMPDIR/headers" | tr -d '[:space:]' | cut -d: -f2)
  for body in $(grep -o '"body":"[^"]*"' "$TMPDIR/event" | cut -d'"' -f4); do
    echo "handled $body of arn:aws:lambda:us-east-1:000000000000:function:$AWS_LAMBDA_FUNCTION_NAME in $AWS_LAMBDA_FUNCTION_NAME"
  done
  curl -sS -o /dev/null -X POST "http://$AWS_LAMBDA_RUNTIME_API/2018-06-01/runtime/invocation/$id/response" -d 'null'
done
`
)

// Every runtime runs an unmodified handler.
func TestRuntimes(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, needs, function, file, handler string }{
		{"Python", "python3", "{Runtime: python3.11, Handler: app.handler, CodeUri: src}", "src/app.py", pythonHandler},
		{"Node.js, CommonJS with a callback", "node", "{Runtime: nodejs20.x, Handler: lib/index.handler, CodeUri: src}", "src/lib/index.js", nodeHandler},
		{"Node.js, ES module", "node", "{Runtime: nodejs20.x, Handler: index.handler, CodeUri: src}", "src/index.mjs", nodeModule},
		{"awslambdaric", "ESM_TEST_PYTHON", "{Command: [PYTHON, -m, awslambdaric, app.handler], CodeUri: src}", "src/app.py", pythonHandler},
		{"provided, a shell script", "curl", "{Runtime: provided.al2023, Handler: none.none, CodeUri: src}", "src/bootstrap", shellHandler},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			if test.needs == "ESM_TEST_PYTHON" {
				test.function = strings.Replace(test.function, "PYTHON", rig.NeedVariable(t, test.needs), 1)
			} else {
				rig.Need(t, test.needs)
			}
			e := rig.New(t)
			e.WriteFile(test.file, test.handler)
			q := e.Queue("runtime", nil)
			q.Send("m1", "m2", "m3")
			f := &rig.Function{Name: "f", Description: strings.Replace(test.function, "{", "{Timeout: 30, ", 1)}
			engine := e.Run(f.On(q.ARN, rig.Reporting))
			q.WaitCount(0)
			for _, body := range []string{"m1", "m2", "m3"} {
				engine.WaitOutput(fmt.Sprintf("handled %s of %s in f", body, f.ARN()))
			}
			engine.WaitOutput("START RequestId: ", "END RequestId: ", "REPORT RequestId: ")
			engine.Stop()
		})
	}
}

// Whatever a handler does, its messages are not lost: they are handled, or end in the dead-letter queue.
func TestBadHandlers(t *testing.T) {
	t.Parallel()
	rig.Need(t, "python3")
	const (
		def    = "def handler(event, context): "
		python = "{Runtime: python3.11, Handler: app.handler, CodeUri: src, Timeout: 30}"
		brief  = "{Runtime: python3.11, Handler: app.handler, CodeUri: src, Timeout: 1}"
	)
	tests := []struct {
		name, function, handler, says string // says is on standard error or output
		handled                       bool
	}{
		{name: "a command that is missing", function: "{Command: [/nowhere/to/be/found]}", says: "/nowhere/to/be/found"},
		{name: "a command that ends", function: "{Command: [/bin/sh, -c, 'exit 3']}", says: "exit status 3"},
		{name: "a module that does not load", handler: "import nothing_of_this_name", says: "nothing_of_this_name"},
		{name: "an exception", handler: def + "raise ValueError('out of beans')", says: "out of beans"},
		{name: "an invalid report", handler: def + "return {'batchItemFailures': 'all of them'}", says: "BadReportList"},
		{name: "a handler that hangs", function: brief, handler: "import time\n" + def + "time.sleep(3600)", says: "Task timed out after 1.00 seconds"},
		{name: "a handler that kills itself", handler: "import os, signal\n" + def + "os.kill(os.getpid(), signal.SIGKILL)", says: "signal: killed"},
		{name: "a large answer", handler: def + "return 'x' * 7000000", says: "ResponseTooLarge"},
		{
			name: "a handler that prints 100 MB", handled: true,
			handler: "import sys\ndef handler(event, context):\n    for _ in range(100): sys.stdout.write('x' * 1000000 + '\\n')",
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			e := rig.New(t)
			e.WriteFile("src/app.py", test.handler)
			visibility, want := "2", 2
			if test.handled {
				visibility, want = "60", 0
			}
			dlq := e.Queue("bad-dead", nil)
			q := e.Queue("bad", rig.Attributes{"VisibilityTimeout": visibility, "RedrivePolicy": dlq.Redrive(2)})
			q.Send("m1", "m2")
			f := &rig.Function{Name: "f", Description: python}
			if test.function != "" {
				f.Description = test.function
			}
			engine := e.Start(f.On(q.ARN, rig.Reporting))
			q.WaitCount(0)
			if got := dlq.Count(); got != want {
				t.Errorf("%d of 2 messages are in the dead-letter queue, want %d", got, want)
			}
			rig.Eventually(t, "esm or the handler says "+test.says, func() bool {
				return strings.Contains(engine.Log()+engine.Output(), test.says)
			})
			engine.Stop()
		})
	}
}

// botocore inside a handler reaches the endpoint that the engine polls without any configuration.
func TestHandlerReachesEndpoint(t *testing.T) {
	rig.On(t, rig.Queues, func(t *testing.T, e *rig.Env) {
		python := rig.NeedVariable(t, "ESM_TEST_PYTHON")
		e.WriteFile("src/app.py", `
import botocore.session
def handler(event, context):
    sqs = botocore.session.get_session().create_client("sqs")
    url = sqs.get_queue_url(QueueName=event["Records"][0]["body"])["QueueUrl"]
    sqs.send_message(QueueUrl=url, MessageBody="from within")
`)
		in, out := e.Queue("in", nil), e.Queue("out", nil)
		in.Send(out.Name())
		f := &rig.Function{Name: "f", Description: fmt.Sprintf("{Command: [%q, -m, awslambdaric, app.handler], CodeUri: src, Timeout: 20}", python)}
		e.Run(f.On(in.ARN))
		out.WaitCount(1)
		in.WaitCount(0)
	})
}
