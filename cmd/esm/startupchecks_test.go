package main

import (
	"fmt"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/esm-run/esm/cmd/esm/awsclient"
	"github.com/esm-run/esm/cmd/esm/wiring"

	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"github.com/esm-run/esm/cmd/esm/configfile"
	"github.com/esm-run/esm/localstack/embedded"
)

// warnings are what is warned of when a file is run, once all is looked at.
func warnings(t *testing.T, file string) (all []string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "mappings.yaml")
	if err := os.WriteFile(path, []byte(file), 0o600); err != nil {
		t.Fatal(err)
	}
	log, said := quiet(t)
	r := &run{stderr: said, log: log}
	if err := r.load(path, configfile.Overrides{}); err != nil {
		t.Fatalf("%v: %s", err, said)
	}
	parts, err := wiring.Build(t.Context(), r.file, &awsclient.Clients{Region: r.file.Aws.Region}, r.trace)
	if err != nil {
		t.Fatal(err)
	}
	defer parts.Close(t.Context())
	around := &lookout{run: r, parts: parts, ctx: t.Context()}
	around.around()
	for _, m := range r.file.Mappings {
		if *m.Enabled {
			around.at(t.Context(), m)
		}
	}
	around.looking.Wait()
	for line := range strings.Lines(said.String()) {
		if _, text, warning := strings.Cut(line, "level=WARN msg="); warning {
			all = append(all, strings.TrimSpace(text))
		}
	}
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

// Queues are looked at as they are, whatever the file's Resources say of those that exist already.
func TestTrapsOfQueuesAsTheyAre(t *testing.T) {
	service := httptest.NewServer(new(embedded.Server))
	defer service.Close()
	file := "Aws: {Endpoint: '" + service.URL + "', Region: us-east-1}\n" +
		"Functions: {f: {Command: [/bin/true], Timeout: 5}}\n" +
		"Resources: {Queues: [{QueueName: other, Attributes: {VisibilityTimeout: '60'}}, {QueueName: told, Attributes: {VisibilityTimeout: '8'}}]}\n" +
		"EventSourceMappings:\n"
	for queue, visibility := range map[string]string{"short": "6", "long": "60", "other": "7", "told": "8", "off": "9"} {
		_, err := sqsClient(service.URL).CreateQueue(t.Context(), &sqs.CreateQueueInput{
			QueueName: &queue, Attributes: map[string]string{"VisibilityTimeout": visibility},
		})
		if err != nil {
			t.Fatal(err)
		}
		file += fmt.Sprintf("  - {FunctionName: f, EventSourceArn: 'arn:aws:sqs:us-east-1:000000000000:%s', Enabled: %v}\n", queue, queue != "off")
	}
	mentions(t, warnings(t, file),
		"the queue's visibility timeout of 8 s is below", // by the file
		"000:other → f: EventSourceArn: the queue's visibility timeout of 7 s is below",
		"000:short → f: EventSourceArn: the queue's visibility timeout of 6 s is below",
	)
}

// interpreters leaves only programs on PATH that say who they are.
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

func TestWarningsOfWhatRunsHandlers(t *testing.T) {
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
