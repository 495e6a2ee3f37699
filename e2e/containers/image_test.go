// Package containers_test shows the program with handlers in containers: images, archives and layers, and what happens when
// a daemon, an image or a container is missing.
package containers_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"

	"github.com/esm-run/esm/e2e/rig"
	"github.com/esm-run/esm/invoker/docker/dockertest"
)

// forwarder returns an image whose handler passes each event on to the test.
func forwarder(t testing.TB, e *rig.Env) (image string) {
	t.Helper()
	dockertest.Host(t)
	return imageOf(t, dockertest.Build(t, e.HandlerSource()))
}

// handler returns an image with the program of testdata/handler.
func handler(t testing.TB, instructions ...string) (image string) {
	t.Helper()
	dockertest.Host(t)
	return imageOf(t, dockertest.Build(t, "testdata/handler"), instructions...)
}

func imageOf(t testing.TB, program []byte, instructions ...string) string {
	t.Helper()
	instructions = append([]string{`ENTRYPOINT ["/handler"]`}, instructions...)
	return dockertest.Import(t, []dockertest.File{{Path: "handler", Mode: 0o755, Content: program}}, instructions...)
}

// ask invokes a function with an event, as soon as it may, and returns its response, a text.
func ask(engine *rig.Engine, function, event string) string {
	engine.Helper()
	var got *lambda.InvokeOutput
	rig.Eventually(engine.TB, "an environment of "+function+" is free", func() (free bool) {
		var err error
		got, err = engine.Lambda().Invoke(engine.Context(), &lambda.InvokeInput{FunctionName: &function, Payload: []byte(event)})
		free = rig.ErrorCode(err) != "TooManyRequestsException"
		if free && err != nil {
			engine.Fatal(err)
		}
		return free
	})
	if got.FunctionError != nil {
		return fmt.Sprintf("%s: %s", *got.FunctionError, got.Payload)
	}
	return strings.Trim(string(got.Payload), `"`)
}

// want invokes a function with an event and checks its response.
func want(engine *rig.Engine, function, event, response string) {
	engine.Helper()
	if got := ask(engine, function, event); got != response {
		engine.Errorf("%s: got %q, want %q", event, got, response)
	}
}

// Messages of a queue are handled in containers. One that fails comes back, and nothing is left at the daemon at the end.
func TestQueue(t *testing.T) {
	t.Parallel()
	e := rig.New(t)
	f := e.ContainerFunction("f", forwarder(t, e), rig.Script(rig.Fail, rig.Succeed))
	f.Timeout = 10
	q := e.Queue("containers", rig.Attributes{"VisibilityTimeout": "15"})
	texts := rig.Numbers(20)
	q.Send(texts...)
	engine := e.Run(f.On(q.ARN, rig.BatchSize(5)))
	q.WaitCount(0)
	if !f.Has(texts...) {
		t.Errorf("handled %q", f.Texts())
	}
	engine.WaitOutput("START RequestId: ", "END RequestId: ", "REPORT RequestId: ")
	engine.Stop()
	noLeftovers(t, e)
}

// Records of a stream are handled in containers, in order.
func TestStream(t *testing.T) {
	t.Parallel()
	e := rig.New(t)
	f := e.ContainerFunction("f", forwarder(t, e), rig.Script(rig.Fail, rig.Succeed))
	s := e.Stream("containers", 1)
	texts := rig.Numbers(20)
	s.Put(texts...)
	engine := e.Run(f.On(s.ARN, rig.BatchSize(20)))
	f.Want(t, append(rig.Numbers(20), texts...)...)
	engine.Stop()
	noLeftovers(t, e)
}

// A container is what a handler on Lambda finds: its variables, a read-only file system but for /tmp, another user.
func TestInvoke(t *testing.T) {
	t.Parallel()
	e := rig.New(t)
	image := handler(t, `CMD ["one", "two"]`, "ENV FROM_IMAGE=here", "WORKDIR /tmp")
	f := &rig.Function{Name: "f", Description: fmt.Sprintf("{ImageUri: %q, Timeout: 30, MemorySize: 256, Environment: {Variables: {OWN: mine}}}", image)}
	g := &rig.Function{Name: "g", Description: fmt.Sprintf("{ImageUri: %q, Timeout: 30, ImageConfig: {Command: [three]}}", image)}
	engine := e.Run(f, g)
	want(engine, "f", `{"Args": true}`, "/handler one two")
	want(engine, "g", `{"Args": true}`, "/handler three")
	want(engine, "f", `{"Name": "FROM_IMAGE"}`, "here")
	want(engine, "f", `{"Name": "OWN"}`, "mine")
	want(engine, "f", `{"Name": "AWS_LAMBDA_FUNCTION_MEMORY_SIZE"}`, "256")
	want(engine, "f", `{"Write": "/tmp/a"}`, "written")
	want(engine, "f", `{"Read": "/tmp/a"}`, "x")
	if got := ask(engine, "f", `{"Write": "/a"}`); !strings.Contains(got, "read-only file system") && !strings.Contains(got, "permission denied") {
		t.Errorf("writing outside of /tmp: %s", got)
	}
	got, err := engine.Lambda().GetFunction(t.Context(), &lambda.GetFunctionInput{FunctionName: aws.String("g")})
	if err != nil {
		t.Fatal(err)
	}
	if got.Configuration.PackageType != "Image" || aws.ToString(got.Code.ImageUri) != image ||
		fmt.Sprint(got.Configuration.ImageConfigResponse.ImageConfig.Command) != "[three]" {
		t.Errorf("GetFunction: %+v, %+v", *got.Configuration, *got.Code)
	}
	stdout, stderr, code := rig.Run(t, "invoke", "f", "--listen", engine.Listen, "--payload", `{"Name": "OWN"}`, "--tail")
	if code != 0 || strings.TrimSpace(stdout) != `"mine"` || !strings.Contains(stderr, "REPORT RequestId: ") {
		t.Errorf("esm invoke: exit code %d\n%s%s", code, stdout, stderr)
	}
	engine.Stop()
	noLeftovers(t, e)
}
