package startup

import (
	"fmt"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"github.com/esm-run/esm/cmd/esm/awsclient"
	"github.com/esm-run/esm/cmd/esm/configfile"
	"github.com/esm-run/esm/cmd/esm/settings"
	"github.com/esm-run/esm/cmd/esm/wiring"
	"github.com/esm-run/esm/config"
	"github.com/esm-run/esm/localstack/embedded"
)

// warnings returns the warnings about a file that is run, when all checks have ended.
func warnings(t *testing.T, text string) (all []string) {
	t.Helper()
	return warningsWith(t, text, nil)
}

// warningsWith is warnings with configurations that HTTP has set, by function.
func warningsWith(t *testing.T, text string, configs map[string]config.EventInvokeConfig) (all []string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "mappings.yaml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	file, report := configfile.Load(path, configfile.Overrides{})
	if report.Err() != nil {
		t.Fatal(report)
	}
	parts, err := wiring.Build(t.Context(), file, &awsclient.Clients{Region: file.Aws.Region}, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer parts.Close(t.Context())
	var mu sync.Mutex
	set, _, err := settings.Open(t.Context(), settings.Config{File: file, Store: parts.Store})
	if err != nil {
		t.Fatal(err)
	}
	for function, overHTTP := range configs {
		change := func(*config.EventInvokeConfig) (*config.EventInvokeConfig, error) { return &overHTTP, nil }
		if _, err := set.EventInvoke.Change(t.Context(), function, change); err != nil {
			t.Fatal(err)
		}
	}
	c := &Checks{File: file, Parts: parts, EventInvoke: set.EventInvokeConfigs, Warn: func(format string, args ...any) {
		mu.Lock()
		defer mu.Unlock()
		all = append(all, fmt.Sprintf(format, args...))
	}}
	c.Start(t.Context())
	for _, m := range file.Mappings {
		if *m.Enabled {
			c.Mapping(t.Context(), m)
		}
	}
	c.Wait()
	slices.Sort(all)
	return all
}

// mentions checks that there are as many warnings as wanted texts, each with one of them.
func mentions(t *testing.T, got []string, want ...string) {
	t.Helper()
	if !slices.EqualFunc(got, want, strings.Contains) {
		t.Errorf("got %q, want %q", got, want)
	}
}

// The warnings are about queues as they are, not as the file's Resources describe queues that exist already. Loading the file
// has warned about a queue that is as described.
func TestQueueWarnings(t *testing.T) {
	service := httptest.NewServer(new(embedded.Server))
	defer service.Close()
	client := sqs.New(sqs.Options{
		Region: "us-east-1", BaseEndpoint: &service.URL, Credentials: credentials.NewStaticCredentialsProvider("test", "test", ""),
	})
	file := "Aws: {Endpoint: '" + service.URL + "', Region: us-east-1}\n" +
		"Functions: {f: {Command: [/bin/true], Timeout: 5}}\n" +
		"Resources: {Queues: [{QueueName: other, Attributes: {VisibilityTimeout: '60'}}, {QueueName: told, Attributes: {VisibilityTimeout: '8'}}]}\n" +
		"EventSourceMappings:\n"
	for queue, visibility := range map[string]string{"short": "6", "long": "60", "other": "7", "told": "8", "off": "9"} {
		_, err := client.CreateQueue(t.Context(), &sqs.CreateQueueInput{
			QueueName: &queue, Attributes: map[string]string{"VisibilityTimeout": visibility},
		})
		if err != nil {
			t.Fatal(err)
		}
		file += fmt.Sprintf("  - {FunctionName: f, EventSourceArn: 'arn:aws:sqs:us-east-1:000000000000:%s', Enabled: %v}\n", queue, queue != "off")
	}
	mentions(t, warnings(t, file),
		"000:other → f: EventSourceArn: the queue's visibility timeout of 7 s is below",
		"000:short → f: EventSourceArn: the queue's visibility timeout of 6 s is below",
	)
}

// interpreters puts only the given programs on PATH. Each prints a text.
func interpreters(t *testing.T, says map[string]string) {
	t.Helper()
	dir := t.TempDir()
	for name, text := range says {
		script := "#!/bin/sh\nprintf '" + text + "'\n"
		if err := os.WriteFile(filepath.Join(dir, name), []byte(script), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("PATH", dir)
}

func TestRuntimeWarnings(t *testing.T) {
	interpreters(t, map[string]string{"python3": "/x/python3\\n3.11\\n"})
	code := t.TempDir()
	for _, file := range []string{"app.py", "app.js", "bootstrap"} {
		if err := os.WriteFile(filepath.Join(code, file), nil, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	file := "Functions:\n"
	for name, runtime := range map[string]string{"a": "python3.12", "b": "python3.12", "c": "python3.11", "d": "nodejs22.x", "e": "provided.al2023"} {
		file += fmt.Sprintf("  %s: {Runtime: %s, Handler: app.h, CodeUri: '%s'}\n", name, runtime, code)
	}
	mentions(t, warnings(t, file),
		"function d: bootstrap: nodejs22.x: install Node.js",
		"python3.12 runs with Python 3.11 (/x/python3)",
	)
}

// Each destination of asynchronous events is asked for once. A function of the file exists.
func TestEventDestinationWarnings(t *testing.T) {
	service := httptest.NewServer(new(embedded.Server))
	defer service.Close()
	client := sqs.New(sqs.Options{
		Region: "us-east-1", BaseEndpoint: &service.URL, Credentials: credentials.NewStaticCredentialsProvider("test", "test", ""),
	})
	if _, err := client.CreateQueue(t.Context(), &sqs.CreateQueueInput{QueueName: aws.String("done")}); err != nil {
		t.Fatal(err)
	}
	file := "Aws: {Endpoint: '" + service.URL + "', Region: us-east-1}\nFunctions:\n" +
		"  a: {Command: [/bin/true], EventInvokeConfig: {DestinationConfig: {OnSuccess: {Destination: 'arn:aws:sqs:us-east-1:000000000000:done'}," +
		" OnFailure: {Destination: 'arn:aws:s3:::failures'}}}, DeadLetterConfig: {TargetArn: 'arn:aws:sqs:us-east-1:000000000000:letters'}}\n" +
		"  b: {Command: [/bin/true], EventInvokeConfig: {DestinationConfig: {OnSuccess: {Destination: 'arn:aws:lambda:us-east-1:000000000000:function:a'}," +
		" OnFailure: {Destination: 'arn:aws:s3:::failures'}}}}\n"
	mentions(t, warnings(t, file),
		"destination arn:aws:s3:::failures cannot be reached: notices for it will be kept as undelivered: destinations: bucket failures: ",
		"destination arn:aws:sqs:us-east-1:000000000000:letters cannot be reached: ",
	)
	var none, alias config.EventInvokeConfig // set over HTTP
	alias.DestinationConfig.OnSuccess.Destination = "arn:aws:sqs:us-east-1:000000000000:alias"
	mentions(t, warningsWith(t, file, map[string]config.EventInvokeConfig{"a": none, "b": none, "a:live": alias}),
		"destination arn:aws:sqs:us-east-1:000000000000:alias cannot be reached: ",
		"destination arn:aws:sqs:us-east-1:000000000000:letters cannot be reached: ",
	)
}
