package localstack_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"unicode"
)

// botocore is AWS's client for Python, which reads calls from its standard input.
type botocore struct {
	mu  sync.Mutex
	in  io.WriteCloser
	out *bufio.Reader
}

const botocoreCalls = `
import base64, json, sys
import botocore.session
from botocore import xform_name
from botocore.config import Config
from botocore.exceptions import ClientError
client = botocore.session.get_session().create_client("lambda", region_name="us-east-1", endpoint_url=sys.argv[1],
    aws_access_key_id="test", aws_secret_access_key="test", config=Config(retries={"total_max_attempts": 1}))
for line in sys.stdin:
    call = json.loads(line)
    said = {"Code": "", "Text": ""}
    try:
        answer = getattr(client, xform_name(call["Operation"]))(**call["With"])
        if "Payload" in answer:
            answer["Payload"] = answer["Payload"].read().decode()
    except ClientError as e:
        kind = getattr(client.exceptions, e.response["Error"]["Code"], ClientError)
        assert isinstance(e, kind), e
        answer = e.response
        said["Code"], said["Text"] = answer["Error"]["Code"], answer["Error"]["Message"]
    said["Status"] = answer.pop("ResponseMetadata")["HTTPStatusCode"]
    if not said["Code"]:
        said["Body"] = answer
    print(json.dumps(said, default=lambda moment: moment.timestamp()), flush=True)
`

func newBotocore(t *testing.T, url string) *botocore {
	t.Helper()
	cmd := exec.Command(pythonWith(t), "-c", botocoreCalls, url)
	stderr := new(output)
	cmd.Stderr = stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		in.Close()
		if err := cmd.Wait(); err != nil {
			t.Errorf("botocore: %v\n%s", err, stderr)
		}
	})
	return &botocore{in: in, out: bufio.NewReader(out)}
}

func (b *botocore) ask(t *testing.T, operation string, with members) said {
	t.Helper()
	text, err := json.Marshal(members{"Operation": operation, "With": with})
	if err != nil {
		t.Fatal(err)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	var line []byte
	if _, err = b.in.Write(append(text, '\n')); err == nil {
		line, err = b.out.ReadBytes('\n')
	}
	var got struct {
		Status     int
		Code, Text string
		Body       members
	}
	if err == nil {
		err = json.Unmarshal(line, &got)
	}
	if err != nil {
		t.Fatalf("%s %v: %v", operation, with, err)
	}
	return said{got.Status, got.Code, got.Text, got.Body}
}

// awsCLI is the AWS CLI. It shows no status.
type awsCLI struct{ program, url string }

func newAWSCLI(t *testing.T, url string) *awsCLI {
	t.Helper()
	program := os.Getenv("ESM_TEST_AWSCLI")
	if program == "" && os.Getenv("CI") == "true" {
		t.Fatal("no AWS CLI")
	}
	if program == "" {
		t.Skip("no AWS CLI: ./test installs one")
	}
	return &awsCLI{program, url}
}

// run runs the CLI to its end.
func (a *awsCLI) run(t *testing.T, args ...string) (stdout, stderr string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), a.program, append([]string{"lambda", "--endpoint-url", a.url, "--output", "json"}, args...)...)
	cmd.Env = append(os.Environ(), "AWS_ACCESS_KEY_ID=test", "AWS_SECRET_ACCESS_KEY=test", "AWS_DEFAULT_REGION=us-east-1",
		"AWS_MAX_ATTEMPTS=1", "AWS_PAGER=", "AWS_CONFIG_FILE=/dev/null", "AWS_SHARED_CREDENTIALS_FILE=/dev/null")
	var out, err bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &err
	_ = cmd.Run()
	return out.String(), err.String()
}

// exceptionOfCLI is how the CLI tells of an exception.
var exceptionOfCLI = regexp.MustCompile(`(?s)An error occurred \((\w+)\) when calling the \w+ operation[^:]*(?:: 0\))?: (.*)\n`)

func (a *awsCLI) ask(t *testing.T, operation string, with members) said {
	t.Helper()
	if operation == "Invoke" {
		return a.invoke(t, with)
	}
	var command strings.Builder
	for i, letter := range operation {
		if unicode.IsUpper(letter) && i > 0 {
			command.WriteByte('-')
		}
		command.WriteRune(unicode.ToLower(letter))
	}
	input, err := json.Marshal(with)
	if err != nil {
		t.Fatal(err)
	}
	stdout, stderr := a.run(t, command.String(), "--cli-input-json", string(input))
	if e := exceptionOfCLI.FindStringSubmatch(stderr); e != nil {
		return said{code: e[1], text: e[2]}
	}
	got := said{}
	if stdout != "" {
		err = json.Unmarshal([]byte(stdout), &got.body)
	}
	if err != nil || stderr != "" {
		t.Fatalf("%s %s: the CLI wrote %s%s (%v)", operation, input, stdout, stderr, err)
	}
	return got
}

// invoke invokes a function; the answer's payload is among what the CLI prints of it.
func (a *awsCLI) invoke(t *testing.T, with members) said {
	t.Helper()
	file := filepath.Join(t.TempDir(), "out.json")
	args := []string{"invoke", file}
	for flag, member := range map[string]string{
		"--function-name": "FunctionName", "--payload": "Payload", "--invocation-type": "InvocationType", "--log-type": "LogType",
		"--client-context": "ClientContext", "--qualifier": "Qualifier",
	} {
		if value, is := with[member].(string); is {
			args = append(args, flag, value)
		}
	}
	stdout, stderr := a.run(t, args...)
	if e := exceptionOfCLI.FindStringSubmatch(stderr); e != nil {
		return said{code: e[1], text: e[2]}
	}
	got := said{}
	if err := json.Unmarshal([]byte(stdout), &got.body); err != nil {
		t.Fatalf("invoke %q: the CLI wrote %s%s (%v)", args, stdout, stderr, err)
	}
	payload, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	got.body["Payload"] = string(payload)
	return got
}
