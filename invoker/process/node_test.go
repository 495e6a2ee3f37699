package process

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/esm-run/esm"
	"github.com/esm-run/esm/config"
	"github.com/esm-run/esm/invoker/bootstrap"
)

// caller is a caller's ResponseStream.
type caller struct{ got strings.Builder }

func (c *caller) Begin(mediaType string)            { c.got.WriteString("<" + mediaType + ">") }
func (c *caller) Write(p []byte) (n int, err error) { return c.got.Write(p) }

// TestNodeStreams runs a Node.js handler that streams, from its file to the caller.
func TestNodeStreams(t *testing.T) {
	dir := t.TempDir()
	must(t, os.WriteFile(filepath.Join(dir, "app.mjs"), []byte(`
export const handler = awslambda.streamifyResponse(async (event, out, context) => {
  if (event.status) {
    out = awslambda.HttpResponseStream.from(out, { statusCode: event.status });
  }
  for (let i = 0; i < event.parts; i++) {
    if (!out.write("x".repeat(10000))) await new Promise((resolve) => out.once("drain", resolve));
  }
  if (event.fail) throw new RangeError(event.fail);
  out.end();
});
`), 0o644))
	b := &bootstrap.Bootstraps{Dir: t.TempDir()}
	fn := config.Function{Name: "f", Runtime: "nodejs20.x", Handler: "app.handler", CodeUri: dir, Timeout: 30}
	if _, _, err := b.Command(fn); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal(err)
		}
		t.Skip(err)
	}
	r := newRig(t)
	r.platform.Bootstrap = b.Command
	e := r.start(fn)
	for _, tt := range []struct{ event, got, fault string }{
		{`{"parts":1}`, "<application/octet-stream>" + strings.Repeat("x", 10_000), ""},
		{`{"parts":1000}`, "<application/octet-stream>" + strings.Repeat("x", 10_000_000), ""}, // above the limit of other responses
		{`{"parts":1,"status":404}`, "<application/vnd.awslambda.http-integration-response>" + `{"statusCode":404}` + "\x00\x00\x00\x00\x00\x00\x00\x00" + strings.Repeat("x", 10_000), ""},
		{`{"parts":1,"fail":"bad"}`, "<application/octet-stream>" + strings.Repeat("x", 10_000), "RangeError"},
		{`{"parts":0,"fail":"bad"}`, "", "RangeError"},
		{`{"parts":0}`, "<application/octet-stream>", ""},
	} {
		to := &caller{}
		resp, err := e.Invoke(t.Context(), esm.Call{ID: testID, Function: "f", Payload: []byte(tt.event), Stream: to})
		if err != nil || to.got.String() != tt.got || (resp.Fault != "") != (tt.fault != "") || !strings.Contains(string(resp.Payload), tt.fault) {
			t.Errorf("%s: got %s %s, %v, and the caller %.100q of %d bytes", tt.event, resp.Fault, resp.Payload, err, to.got.String(), to.got.Len())
		}
		if resp.Streamed != (tt.got != "") {
			t.Errorf("%s: streamed: %v", tt.event, resp.Streamed)
		}
		if err := e.Drain(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if strings.Count(r.text(), "Init Duration") != 1 {
		t.Errorf("the runtime was started more than once:\n%s", r.text())
	}
}
