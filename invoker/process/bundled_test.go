package process

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/esm-run/esm/config"
	"github.com/esm-run/esm/invoker/bootstrap"
)

// TestBundledRuntimes runs plain handlers with the bundled runtime interface clients, if this machine has interpreters.
func TestBundledRuntimes(t *testing.T) {
	for _, tt := range []struct{ runtime, interpreter, file, code, bad string }{
		{"python3.13", "python3", "app.py", "calls = 0\ndef handler(event, context):\n    global calls\n    calls += 1\n" +
			"    print('printed')\n    if event.get('Fail'):\n        raise ValueError(event['Fail'])\n    return {'calls': calls, 'id': context.aws_request_id}\n", "import not_there\n"},
		{"nodejs22.x", "node", "app.mjs", "let calls = 0\nexport const handler = async (event, context) => {\n  calls++\n" +
			"  console.log('printed')\n  if (event.Fail) throw new TypeError(event.Fail)\n  return {calls, id: context.awsRequestId}\n}\n", "import 'not_there'\n"},
	} {
		t.Run(tt.runtime, func(t *testing.T) {
			if _, err := exec.LookPath(tt.interpreter); err != nil {
				t.Skip(err)
			}
			dir := t.TempDir()
			for name, text := range map[string]string{tt.file: tt.code, "bad" + filepath.Ext(tt.file): tt.bad} {
				if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			r := newRig(t)
			r.platform.Bootstrap = (&bootstrap.Bootstraps{Dir: t.TempDir()}).Command
			fn := config.Function{Name: "f", Runtime: tt.runtime, Handler: "app.handler", CodeUri: dir, Timeout: 30}
			e := r.start(fn)
			r.invoke(e, order{})
			if got, want := strings.ReplaceAll(string(r.invoke(e, order{}).Payload), " ", ""), `{"calls":2,"id":"`+testID+`"}`; got != want {
				t.Errorf("got %s, want %s", got, want)
			}
			if resp := r.invoke(e, order{Fail: "oh"}); resp.Fault != "Unhandled" || !strings.Contains(string(resp.Payload), `"oh"`) {
				t.Errorf("got %s, fault %q", resp.Payload, resp.Fault)
			}
			e.Close()
			for _, o := range r.output() {
				if strings.Contains(o.Line, "printed") && o.ID != testID {
					t.Errorf("got %+v", o)
				}
			}
			if got := strings.Count(r.text(), "printed"); got != 3 {
				t.Errorf("printed %d times, want 3:\n%s", got, r.text())
			}
			fn.Handler = "bad.handler"
			if _, resp := r.broken(fn); resp.Fault != "Unhandled" || !strings.Contains(string(resp.Payload), "not_there") {
				t.Errorf("got %+v", resp)
			}
		})
	}
}
