package clients_test

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsmiddleware "github.com/aws/aws-sdk-go-v2/aws/middleware"
	"github.com/aws/aws-sdk-go-v2/service/lambda"

	"github.com/esm-run/esm/e2e/rig"
)

// largest is the largest response, in bytes (AWS: "Lambda quotas").
const largest = 6_291_556

const tooLarge = `{"errorMessage":"Response payload size exceeded maximum allowed payload size (6291556 bytes).","errorType":"Function.ResponseSizeTooLarge"}`

// A function is one of the test's functions on an engine.
type function struct {
	*testing.T
	engine *rig.Engine
	name   string
}

// An answer is what Invoke returns.
type answer struct{ id, payload, fault string }

// invoke invokes the function with an event, as soon as its only environment is free.
func (f function) invoke(event string) answer {
	f.Helper()
	var out *lambda.InvokeOutput
	rig.Eventually(f.T, "the environment of "+f.name+" is free", func() bool {
		var err error
		out, err = f.engine.Lambda().Invoke(f.Context(), &lambda.InvokeInput{FunctionName: &f.name, Payload: []byte(event)})
		if code := rig.ErrorCode(err); code != "" && code != "TooManyRequestsException" {
			f.Fatalf("%s: %v", event, err)
		}
		return err == nil
	})
	id, _ := awsmiddleware.GetRequestIDMetadata(out.ResultMetadata)
	return answer{id: id, payload: string(out.Payload), fault: aws.ToString(out.FunctionError)}
}

// want invokes the function, and compares the payload with a regular expression in which ID is the request's. An answer
// with a fault begins with "!".
func (f function) want(event, form string) {
	f.Helper()
	got := f.invoke(event)
	text := got.payload
	if got.fault != "" {
		text = "!" + text
	}
	if !matches(text, form, got.id) {
		f.Errorf("%s, %s: got %.1000s, want %s", f.name, event, text, form)
	}
}

// wantFault is want for an answer with a fault.
func (f function) wantFault(event, form string) {
	f.Helper()
	f.want(event, "^!"+strings.TrimPrefix(form, "^"))
}

func matches(text, form, id string) bool {
	return regexp.MustCompile(strings.ReplaceAll(form, "ID", regexp.QuoteMeta(id))).MatchString(text)
}

// Lambda's clients run handlers with what Lambda promises to them, whatever the handlers do.
func TestClients(t *testing.T) {
	t.Parallel()
	for name, c := range clients {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for way, keys := range c.ways(name) { // one after the other: networks for containers are limited
				t.Run(way, func(t *testing.T) { c.check(t, keys(t)) })
			}
		})
	}
}

// check runs functions with these keys.
func (c client) check(t *testing.T, keys string) {
	e := rig.New(t)
	var entries []rig.Entry
	for name, more := range map[string]string{
		"f":      "Timeout: 60",
		"brief":  "Timeout: 4",
		"proxy":  "Timeout: 60, Environment: {Variables: {HTTP_PROXY: 'http://127.0.0.1:1', http_proxy: 'http://127.0.0.1:1', GREETING: hello}}",
		"broken": "Timeout: 60, Environment: {Variables: {INIT: error}}",
		"ends":   "Timeout: 60, Environment: {Variables: {INIT: exit}}",
	} {
		entries = append(entries, &rig.Function{Name: name, Description: "{ReservedConcurrentExecutions: 1, MemorySize: 512, " + more + ", " + keys + "}"})
	}
	engine := e.Run(entries...)
	t.Cleanup(engine.Stop) // so that no container is left
	for name, check := range map[string]func(client, function){
		"f": client.responses, "brief": client.timeout, "proxy": client.proxy, "broken": client.initError, "ends": client.initExit,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			check(c, function{T: t, engine: engine, name: name})
		})
	}
}

func (c client) responses(f function) {
	f.want(`{"do":"echo","value":{"greeting":"hello","n":[1,null,"ü"]}}`, `^\{"greeting": ?"hello", ?"n": ?\[1, ?null, ?("ü"|"\\u00fc")\]\}$`)
	f.context()
	f.want(`{"do":"count"}`, `^3$`)
	f.wantFault(`{"do":"error","text":"out of beans"}`, c.failure)
	f.want(`{"do":"count"}`, `^5$`) // the same runtime
	f.wantFault(`{"do":"exit","code":3}`, `^\{"errorType":"Runtime.ExitError","errorMessage":"RequestId: ID Error: Runtime exited with error: exit status 3"\}$`)
	f.want(`{"do":"count"}`, `^1$`) // another one
	for _, size := range []int{largest, largest + 1, 7_000_000} {
		got := f.invoke(fmt.Sprintf(`{"do":"size","bytes":%d}`, size))
		if passes := size <= largest; passes && (got.fault != "" || len(got.payload) != size) || !passes && (got.fault == "" || got.payload != tooLarge) {
			f.Errorf("a response of %d bytes: fault %q, %d bytes, %.500s", size, got.fault, len(got.payload), got.payload)
		}
		f.want(`{"do":"echo","value":"and on"}`, `^"and on"$`)
	}
	f.want(`{"do":"environment","name":"AWS_LAMBDA_FUNCTION_NAME"}`, `^"f"$`)
	f.want(`{"do":"environment","name":"NOT_SET"}`, `^null$`)
}

// context checks what the handler's context says.
func (f function) context() {
	f.Helper()
	got := f.invoke(`{"do":"context"}`)
	var about struct {
		ID, ARN, Name, Version, Group, Stream, Trace string
		Memory, Remaining                            int
	}
	if err := json.Unmarshal([]byte(got.payload), &about); err != nil {
		f.Fatalf("%s: %v", got.payload, err)
	}
	forms := map[string]string{about.Stream: `^\d{4}/\d\d/\d\d/\[\$LATEST\][0-9a-f]{32}$`, about.Trace: `^Root=1-[0-9a-f]{8}-[0-9a-f]{24}(;|$)`}
	for text, form := range forms {
		if !matches(text, form, "") {
			f.Errorf("the context has %q, want %s", text, form)
		}
	}
	if about.ID != got.id || about.ARN != rig.FunctionARN+f.name || about.Name != f.name || about.Version != "$LATEST" ||
		about.Group != "/aws/lambda/"+f.name || about.Memory != 512 || about.Remaining <= 0 || about.Remaining > 60_000 {
		f.Errorf("the context of request %s is %s", got.id, got.payload)
	}
}

func (c client) timeout(f function) {
	f.wantFault(`{"do":"sleep","seconds":3600}`, `^\{"errorType":"Sandbox.Timedout","errorMessage":"RequestId: ID Error: Task timed out after 4.00 seconds"\}$`)
	rig.Eventually(f.T, "the function runs again", func() bool { // Init is within the timeout then, and takes long on a busy machine
		return f.invoke(`{"do":"count"}`).payload == "1"
	})
}

// Clients reach the Runtime API past a proxy that the function has for itself.
func (c client) proxy(f function) {
	f.want(`{"do":"environment","name":"HTTP_PROXY"}`, `^"http://127.0.0.1:1"$`)
	f.want(`{"do":"environment","name":"GREETING"}`, `^"hello"$`)
	f.wantFault(`{"do":"error","text":"out of beans"}`, c.failure)
}

func (c client) initError(f function) {
	for range 2 {
		f.wantFault(`{"do":"echo"}`, c.init)
	}
}

func (c client) initExit(f function) {
	for range 2 {
		f.wantFault(`{"do":"echo"}`, `^\{"errorType":"Runtime.ExitError","errorMessage":"RequestId: ID Error: Runtime exited with error: exit status 7"\}$`)
	}
}
