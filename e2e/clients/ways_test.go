// Package clients_test runs handlers with Lambda's own runtime interface clients, unmodified: as processes and as images.
package clients_test

import (
	"fmt"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/esm-run/esm/e2e/rig"
)

// A client is one of Lambda's runtime interface clients with a handler, in a directory of e2e/images.
type client struct {
	process func(t *testing.T, source string) string // the keys of a function that runs as a process
	images  []string                                 // those of localstack/images.sh that have the client

	failure string // the form of the response to an error "out of beans"
	init    string // the form of the response after an error "no beans at all" in Init
}

var clients = map[string]client{
	"go": {
		process: goProcess,
		images:  []string{"go", "extension"},
		failure: `^\{"errorMessage":"out of beans","errorType":"errorString"\}$`,
		init:    `^\{"errorType":"Runtime.ExitError","errorMessage":"RequestId: ID Error: Runtime exited with error: exit status 1"\}$`,
	},
	"python": {
		process: pythonProcess,
		images:  []string{"python", "base"},
		failure: `^\{"errorMessage": "out of beans", "errorType": "ValueError", "requestId": "ID", "stackTrace": \["  File \\".*app.py\\", line \d+, in handler\\n.*"\]\}$`,
		init:    `^\{"errorMessage": "no beans at all", "errorType": "LookupError", "requestId": "", "stackTrace": \[.*\]\}$`,
	},
	"node": {
		process: nodeProcess,
		images:  []string{"node"},
		failure: `^\{"errorType":"RangeError","errorMessage":"out of beans","trace":\["RangeError: out of beans",".*"\]\}$`,
		init:    `^\{"errorType":"RangeError","errorMessage":"no beans at all","trace":\["RangeError: no beans at all",".*"\]\}$`,
	},
	"java": {
		process: javaProcess,
		images:  []string{"java"},
		failure: `^\{"errorMessage":"out of beans","errorType":"java.lang.IllegalArgumentException","stackTrace":\["Handler.handleRequest.*"\]\}$`,
		init:    `^\{"errorMessage":"no beans at all","errorType":"java.lang.IllegalStateException"\}$`,
	},
}

// ways returns the keys of functions with the client, by the way in which it runs.
func (c client) ways(name string) map[string]func(t *testing.T) string {
	ways := map[string]func(t *testing.T) string{
		"process": func(t *testing.T) string { return c.process(t, sourceOf(t, name)) },
	}
	for _, image := range c.images {
		image = "esm-test/" + image
		ways[image] = func(t *testing.T) string {
			rig.NeedImage(t, image)
			return "ImageUri: " + image
		}
	}
	if name == "python" {
		ways["base image"] = func(t *testing.T) string {
			rig.NeedImage(t, "esm-test/base")
			return fmt.Sprintf("Run: container, BaseImage: esm-test/base, Runtime: python3.11, Handler: app.handler, CodeUri: %q", sourceOf(t, name))
		}
	}
	return ways
}

// sourceOf returns the directory of a client's handler.
func sourceOf(t *testing.T, name string) string {
	t.Helper()
	root, err := rig.Root()
	if err != nil {
		t.Fatal(err)
	}
	return filepath.Join(root, "e2e", "images", name)
}

func goProcess(t *testing.T, source string) string {
	program := filepath.Join(t.TempDir(), "handler")
	run(t, source, "go", "build", "-o", program, ".")
	return command(program)
}

func pythonProcess(t *testing.T, source string) string {
	python := rig.NeedVariable(t, "ESM_TEST_AWSLAMBDARIC_PYTHON")
	return command(python, "-m", "awslambdaric", "app.handler") + fmt.Sprintf(", CodeUri: %q", source)
}

func nodeProcess(t *testing.T, source string) string {
	installed := rig.NeedVariable(t, "ESM_TEST_NODECLIENT")
	return command("node", filepath.Join(installed, "node_modules/aws-lambda-ric/index.mjs")) + fmt.Sprintf(", Handler: app.handler, CodeUri: %q", source)
}

// javaProcess runs the client with its native library in a directory of the test's own. It unpacks it to a fixed name in /tmp
// otherwise, where processes that start at the same time spoil each other's.
func javaProcess(t *testing.T, source string) string {
	jars, classes := rig.NeedVariable(t, "ESM_TEST_JAVACLIENT"), t.TempDir()
	library := "jni/libaws-lambda-jni.linux-" + map[string]string{"amd64": "x86_64", "arm64": "aarch_64"}[runtime.GOARCH] + ".so"
	found, err := filepath.Glob(filepath.Join(jars, "aws-lambda-java-runtime-interface-client-*.jar"))
	if err != nil || len(found) != 1 {
		t.Fatalf("the client's jar in %s: %q, %v", jars, found, err)
	}
	run(t, classes, "jar", "xf", found[0], library)
	jars = filepath.Join(jars, "*")
	run(t, source, "javac", "-cp", jars, "-d", classes, "Handler.java")
	return command("java", "-Dcom.amazonaws.services.lambda.runtime.api.client.runtimeapi.NativeClient.JNI="+filepath.Join(classes, library),
		"-cp", classes+":"+jars, "com.amazonaws.services.lambda.runtime.api.client.AWSLambda", "Handler::handleRequest")
}

// run runs a command in a directory to its end.
func run(t *testing.T, dir, program string, args ...string) {
	t.Helper()
	cmd := exec.Command(program, args...)
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", cmd, err, out)
	}
}

func command(argv ...string) string {
	for i, arg := range argv {
		argv[i] = fmt.Sprintf("%q", arg)
	}
	return "Command: [" + strings.Join(argv, ", ") + "]"
}
