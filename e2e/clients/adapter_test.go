package clients_test

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"

	"github.com/esm-run/esm/e2e/rig"
)

// An ordinary web server answers requests to its function's URL, and other events, through an extension that is the client of
// the Runtime API: the way of Lambda Web Adapter.
func TestWebAdapter(t *testing.T) {
	t.Parallel()
	rig.NeedImage(t, "esm-test/adapter")
	e := rig.New(t)
	const image = "ImageUri: esm-test/adapter, Timeout: 60, FunctionUrlConfig: {}"
	engine := e.Run(&rig.Function{Name: "f", Description: "{" + image + "}"},
		&rig.Function{Name: "late", Description: "{" + image + ", Environment: {Variables: {START_DELAY: 2s}}}"})
	t.Cleanup(engine.Stop)
	for _, name := range []string{"f", "late"} {
		t.Run(name, func(t *testing.T) {
			resp, err := http.Post(engine.URL("/url/"+name+"/items/1?q=2"), "text/plain", strings.NewReader("hello"))
			if err != nil {
				t.Fatal(err)
			}
			defer resp.Body.Close()
			wantEcho(t, resp.Body, map[string]string{"method": "POST", "path": "/items/1", "query": "q=2", "body": "hello"})
			out, err := engine.Lambda().Invoke(t.Context(), &lambda.InvokeInput{FunctionName: aws.String(name), Payload: []byte(`{"a":1}`)})
			if err != nil {
				t.Fatal(err)
			}
			wantEcho(t, strings.NewReader(string(out.Payload)), map[string]string{"method": "POST", "path": "/events", "query": "", "body": `{"a":1}`})
			if resp, err := http.Get(engine.URL("/url/" + name + "/missing")); err != nil || resp.StatusCode != http.StatusNotFound {
				t.Errorf("a path that the server does not know: %v, %v", resp, err)
			}
		})
	}
	engine.WaitOutput("[f ", "[late ", "web listens")
}

func wantEcho(t *testing.T, body io.Reader, want map[string]string) {
	t.Helper()
	var got map[string]string
	text, _ := io.ReadAll(body)
	if err := json.Unmarshal(text, &got); err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	for key, value := range want {
		if got[key] != value {
			t.Errorf("the server answers %s, want %q for %s", text, value, key)
		}
	}
}
