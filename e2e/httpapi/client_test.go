// Package httpapi_test shows Lambda's API as esm serves it: AWS's own clients use it, and what they change takes effect and
// lasts.
package httpapi_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"unicode"

	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"
	"github.com/aws/smithy-go"

	"github.com/esm-run/esm/e2e/rig"
)

// members are those of a request or an answer, by AWS's names.
type members = map[string]any

// A client is one of AWS's own, which knows nothing of esm. Times in its requests are texts.
type client interface {
	call(t *testing.T, operation string, with members) reply
}

// A reply is an answer as a client shows it.
type reply struct {
	Status     int    // 0 where the client does not show it
	Code, Text string // of an exception
	Body       members
}

// clients are AWS's clients by name. Each has a function of its name, so that their calls do not meet.
var clients = map[string]func(*testing.T, *rig.Engine) client{"go": newGoClient, "botocore": newBotocore, "cli": newCLI}

// goClient is the AWS SDK for Go. It shows bodies as they came.
type goClient struct {
	*lambda.Client
	last *http.Response // its body has been read
	body []byte
}

func newGoClient(_ *testing.T, e *rig.Engine) client {
	c := &goClient{}
	c.Client = e.LambdaOver(c)
	return c
}

func (c *goClient) RoundTrip(r *http.Request) (resp *http.Response, err error) {
	if resp, err = http.DefaultTransport.RoundTrip(r); err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	if c.body, err = io.ReadAll(resp.Body); err != nil {
		return nil, err
	}
	resp.Body = io.NopCloser(bytes.NewReader(c.body))
	c.last = resp
	return resp, nil
}

func (c *goClient) call(t *testing.T, operation string, with members) reply {
	t.Helper()
	if payload, is := with["Payload"].(string); is {
		with["Payload"] = []byte(payload)
	}
	method := reflect.ValueOf(c.Client).MethodByName(operation)
	in := reflect.New(method.Type().In(1).Elem())
	payload, older := with["InvokeArgs"].(string)
	if older {
		delete(with, "InvokeArgs")
	}
	text, err := json.Marshal(with)
	if err = errors.Join(err, json.Unmarshal(text, in.Interface())); err != nil {
		t.Fatalf("%s %v: %v", operation, with, err)
	}
	if older {
		in.Interface().(*lambda.InvokeAsyncInput).InvokeArgs = strings.NewReader(payload)
	}
	out := method.Call([]reflect.Value{reflect.ValueOf(t.Context()), in})
	got := reply{Status: c.last.StatusCode}
	err, _ = out[1].Interface().(error)
	if exception, is := errors.AsType[smithy.APIError](err); is {
		got.Code, got.Text = exception.ErrorCode(), exception.ErrorMessage()
	} else if err != nil {
		t.Fatalf("%s: %v", operation, err)
	} else if invoked, is := out[0].Interface().(*lambda.InvokeOutput); is {
		got.Body = members{"StatusCode": float64(invoked.StatusCode), "Payload": string(invoked.Payload)}
	} else if streamed, is := out[0].Interface().(*lambda.InvokeWithResponseStreamOutput); is {
		got.Body = readStream(t, streamed)
	} else if len(c.body) > 0 {
		got.Body = parse(t, c.body)
	}
	return got
}

// readStream reads a streamed response to its end.
func readStream(t *testing.T, out *lambda.InvokeWithResponseStreamOutput) members {
	t.Helper()
	stream := out.GetStream()
	defer stream.Close()
	var payload strings.Builder
	body := members{"ExecutedVersion": *out.ExecutedVersion}
	for event := range stream.Events() {
		switch e := event.(type) {
		case *types.InvokeWithResponseStreamResponseEventMemberPayloadChunk:
			payload.Write(e.Value.Payload)
		case *types.InvokeWithResponseStreamResponseEventMemberInvokeComplete:
			if e.Value.ErrorCode != nil {
				body["ErrorCode"] = *e.Value.ErrorCode
			}
			body["Payload"] = payload.String()
		}
	}
	if err := stream.Err(); err != nil {
		t.Errorf("the stream of a response: %v", err)
	}
	return body
}

func parse(t *testing.T, text []byte) (body members) {
	t.Helper()
	if err := json.Unmarshal(text, &body); err != nil {
		t.Fatalf("answer %s: %v", text, err)
	}
	return body
}

// pythonProcess is a Python that reads requests from its standard input, and writes an answer to each.
type pythonProcess struct {
	in  io.Writer
	out *bufio.Reader
}

func startPython(t *testing.T, program, script, argument string, variables ...string) pythonProcess {
	t.Helper()
	cmd := exec.Command(program, "-c", script, argument)
	cmd.Env = append(os.Environ(), variables...)
	stderr := new(rig.Output)
	cmd.Stderr = stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err = errors.Join(err, cmd.Start()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		in.Close()
		if err := cmd.Wait(); err != nil {
			t.Errorf("%s: %v\n%s", program, err, stderr)
		}
	})
	return pythonProcess{in, bufio.NewReader(out)}
}

func (p pythonProcess) ask(t *testing.T, request, answer any) {
	t.Helper()
	text, _ := json.Marshal(request)
	_, err := p.in.Write(append(text, '\n'))
	line, readErr := p.out.ReadBytes('\n')
	if err = errors.Join(err, readErr, json.Unmarshal(line, answer)); err != nil {
		t.Fatalf("%s: %v", text, err)
	}
}

// botocore is AWS's client for Python.
type botocore struct{ pythonProcess }

const botocoreCalls = `
import json, sys
import botocore.session
from botocore import xform_name
from botocore.config import Config
from botocore.exceptions import ClientError
client = botocore.session.get_session().create_client("lambda", region_name="us-east-1", endpoint_url=sys.argv[1],
    aws_access_key_id="test", aws_secret_access_key="test", config=Config(retries={"total_max_attempts": 1}))
for line in sys.stdin:
    call = json.loads(line)
    said = {}
    try:
        answer = getattr(client, xform_name(call["Operation"]))(**call["With"])
        if "Payload" in answer:
            answer["Payload"] = answer["Payload"].read().decode()
        if "EventStream" in answer:
            events = list(answer.pop("EventStream"))
            answer["Payload"] = b"".join(e["PayloadChunk"]["Payload"] for e in events[:-1]).decode()
            if "ErrorCode" in events[-1]["InvokeComplete"]:
                answer["ErrorCode"] = events[-1]["InvokeComplete"]["ErrorCode"]
        said["Body"] = answer
    except ClientError as e:
        kind = getattr(client.exceptions, e.response["Error"]["Code"], ClientError)
        assert isinstance(e, kind), e
        answer = e.response
        said["Code"], said["Text"] = answer["Error"]["Code"], answer["Error"]["Message"]
    said["Status"] = answer.pop("ResponseMetadata")["HTTPStatusCode"]
    print(json.dumps(said, default=lambda moment: moment.timestamp()), flush=True)
`

func newBotocore(t *testing.T, e *rig.Engine) client {
	t.Helper()
	return &botocore{startPython(t, rig.NeedVariable(t, "ESM_TEST_PYTHON"), botocoreCalls, e.URL(""))}
}

func (b *botocore) call(t *testing.T, operation string, with members) (got reply) {
	t.Helper()
	b.ask(t, members{"Operation": operation, "With": with}, &got)
	return got
}

// cli is the AWS CLI. It shows no status. One process runs all commands, since it takes seconds to start.
type cli struct{ pythonProcess }

const cliCommands = `
import io, json, os, sys
from contextlib import redirect_stderr, redirect_stdout
from awscli.clidriver import create_clidriver
out = os.fdopen(os.dup(1), "w")
for line in sys.stdin:
    said, wrong = io.TextIOWrapper(io.BytesIO(), write_through=True), io.StringIO()
    with redirect_stdout(said), redirect_stderr(wrong):
        create_clidriver().main(["lambda", "--endpoint-url", sys.argv[1], "--output", "json"] + json.loads(line))
    print(json.dumps({"Stdout": said.buffer.getvalue().decode(), "Stderr": wrong.getvalue()}), file=out, flush=True)
`

func newCLI(t *testing.T, e *rig.Engine) client {
	t.Helper()
	program := filepath.Join(filepath.Dir(rig.NeedVariable(t, "ESM_TEST_AWSCLI")), "python")
	return &cli{startPython(t, program, cliCommands, e.URL(""), "AWS_ACCESS_KEY_ID=test", "AWS_SECRET_ACCESS_KEY=test", "AWS_DEFAULT_REGION=us-east-1",
		"AWS_MAX_ATTEMPTS=1", "AWS_PAGER=", "AWS_CONFIG_FILE=/dev/null", "AWS_SHARED_CREDENTIALS_FILE=/dev/null")}
}

// exceptionOfCLI is how the CLI shows an exception.
var exceptionOfCLI = regexp.MustCompile(`(?s)An error occurred \((\w+)\) when calling the \w+ operation[^:]*(?:: 0\))?: (.*)\n`)

func (c *cli) call(t *testing.T, operation string, with members) (got reply) {
	t.Helper()
	var args []string
	file := ""
	if payload, older := with["InvokeArgs"].(string); older {
		in := filepath.Join(t.TempDir(), "in.json")
		if err := os.WriteFile(in, []byte(payload), 0o600); err != nil {
			t.Fatal(err)
		}
		args = []string{dashed(operation), "--function-name", with["FunctionName"].(string), "--invoke-args", in}
	} else if operation == "Invoke" {
		file = filepath.Join(t.TempDir(), "out.json")
		args = []string{"invoke", file}
		for member, value := range with {
			args = append(args, "--"+dashed(member), value.(string))
		}
	} else {
		input, _ := json.Marshal(with)
		args = []string{dashed(operation), "--cli-input-json", string(input)}
	}
	var wrote struct{ Stdout, Stderr string }
	c.ask(t, args, &wrote)
	if e := exceptionOfCLI.FindStringSubmatch(wrote.Stderr); e != nil {
		return reply{Code: e[1], Text: e[2]}
	}
	if wrote.Stderr != "" {
		t.Fatalf("%s %q: the CLI wrote %s", operation, args, wrote.Stderr)
	}
	if wrote.Stdout != "" {
		got.Body = parse(t, []byte(wrote.Stdout))
	}
	if file != "" {
		payload, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		got.Body["Payload"] = string(payload)
	}
	return got
}

// dashed returns a name such as ListTags as list-tags.
func dashed(name string) string {
	var b strings.Builder
	for i, letter := range name {
		if unicode.IsUpper(letter) && i > 0 {
			b.WriteByte('-')
		}
		b.WriteRune(unicode.ToLower(letter))
	}
	return b.String()
}
