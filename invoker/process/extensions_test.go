package process

import (
	"fmt"
	"io"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/esm-run/esm/config"
)

// extensionRoles are what this program does as an external extension of that name.
var extensionRoles = map[string]func(){
	"env": func() {
		for _, variable := range os.Environ() {
			fmt.Println("env " + variable)
		}
		extend()
	},
	"fork": func() { leaveBehind("kept"); leaveBehind("setsid"); extend() },
	"idle": func() { extend() },
}

// isExtension reports whether this process was started from a directory of extensions.
func isExtension() bool { return filepath.Base(filepath.Dir(os.Args[0])) == "extensions" }

// extend registers for no events and waits for one.
func extend() {
	const header = "Lambda-Extension-Identifier"
	base := "http://" + os.Getenv("AWS_LAMBDA_RUNTIME_API") + "/2020-01-01/extension/"
	call := func(method, path, name, value string) http.Header {
		req, err := http.NewRequest(method, base+path, strings.NewReader(`{}`))
		if err != nil {
			os.Exit(1)
		}
		req.Header.Set(name, value)
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			os.Exit(1)
		}
		_, _ = io.Copy(io.Discard, resp.Body)
		return resp.Header
	}
	id := call(http.MethodPost, "register", "Lambda-Extension-Name", filepath.Base(os.Args[0])).Get(header)
	call(http.MethodGet, "event/next", header, id)
}

// withExtensions returns the handler awsHandler with this program as external extensions.
func withExtensions(t *testing.T, names ...string) config.Function {
	fn := handler("aws", nil)
	fn.CodeUri = t.TempDir()
	for _, name := range names {
		extensionFile(t, fn.CodeUri, name)
	}
	return fn
}

func TestFindExtensions(t *testing.T) {
	code, first, second := t.TempDir(), t.TempDir(), t.TempDir()
	write := func(dir, name string, mode os.FileMode) string {
		path := filepath.Join(dir, "extensions", name)
		must(t, os.MkdirAll(filepath.Dir(path), 0o755))
		must(t, os.WriteFile(path, nil, mode))
		return path
	}
	want := map[string]string{"a": write(code, "a", 0o755), "c": write(first, "c", 0o755)}
	write(code, "b", 0o755)
	write(first, "b", 0o755)
	want["b"] = write(second, "b", 0o755)
	write(code, "plain", 0o644)
	write(code, "sub/d", 0o755)
	extensionFile(t, second, "link")
	want["link"] = filepath.Join(second, "extensions", "link")
	file := t.TempDir()
	must(t, os.WriteFile(filepath.Join(file, "extensions"), nil, 0o755))
	got, err := findExtensions(code, []string{first, t.TempDir(), file, second})
	if err != nil || !maps.Equal(got, want) {
		t.Errorf("got %v, %v, want %v", got, err, want)
	}
	s := sandbox{extensions: got}
	if names := s.Extensions(); !slices.Equal(names, []string{"a", "b", "c", "link"}) {
		t.Errorf("got names %v", names)
	}
}

func TestVariablesOfExtensions(t *testing.T) {
	r := newRig(t)
	fn := withExtensions(t, "env")
	fn.Handler = "app.handler"
	fn.Environment.Variables["GREETING"] = "hello"
	e := r.start(fn)
	runtime := r.describe(e, order{}).Env
	e.Close()
	own := map[string]string{}
	for line := range strings.Lines(r.text()) {
		if variable, ok := strings.CutPrefix(line, "env "); ok {
			name, value, _ := strings.Cut(strings.TrimSuffix(variable, "\n"), "=")
			own[name] = value
		}
	}
	for _, name := range []string{"GREETING", "PATH", "HOME", "TMPDIR", "NO_PROXY", "AWS_LAMBDA_RUNTIME_API", "AWS_LAMBDA_FUNCTION_NAME", marker} {
		if own[name] == "" || own[name] != runtime[name] {
			t.Errorf("%s: got %q, the runtime has %q", name, own[name], runtime[name])
		}
	}
	for _, name := range []string{"LAMBDA_TASK_ROOT", "LAMBDA_RUNTIME_DIR", "_HANDLER", "AWS_LAMBDA_LOG_STREAM_NAME"} {
		if value, ok := own[name]; ok || runtime[name] == "" {
			t.Errorf("%s: got %q, the runtime has %q", name, value, runtime[name])
		}
	}
}

func TestExtensionsThatCannotStart(t *testing.T) {
	many := make([]string, 11)
	for i := range many {
		many[i] = fmt.Sprintf("x%02d", i)
	}
	plain := filepath.Join(t.TempDir(), "plain")
	must(t, os.WriteFile(plain, nil, 0o644))
	for _, tt := range []struct {
		name, text   string // of the file "bad"
		names        []string
		want, logged string
	}{
		{"nonsense", "\x7fnonsense", []string{"idle"}, "fork/exec %s: exec format error", "Name: bad\tState: LaunchError\tEvents: []\tError Type: UnknownError"},
		{"interpreter", "#!" + plain + "\n", []string{"idle"}, "fork/exec %s: permission denied", "Name: bad\tState: LaunchError\tEvents: []\tError Type: PermissionDenied"},
		{"too many", "", many[1:], "Extension limit (10) reached", "Name: x10\tState: LaunchError\tEvents: []\tError Type: TooManyExtensions"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := newRig(t)
			fn := withExtensions(t, tt.names...)
			bad := filepath.Join(fn.CodeUri, "extensions", "bad")
			must(t, os.WriteFile(bad, []byte(tt.text), 0o755))
			broken, resp := r.broken(fn)
			if strings.Contains(tt.want, "%s") {
				tt.want = fmt.Sprintf(tt.want, bad)
			}
			want := `{"errorType":"Extension.LaunchError","errorMessage":"RequestId: ` + testID + ` Error: ` + tt.want + `"}`
			if got := string(resp.Payload); got != want {
				t.Errorf("got %s, want %s", got, want)
			}
			if !strings.Contains(r.text(), "EXTENSION\t"+tt.logged) || !strings.Contains(broken.Error(), "extension ") {
				t.Errorf("got error %v and log\n%s", broken, r.text())
			}
		})
	}
}

// A command that does not exist is found out before any extension is started.
func TestExtensionsOfACommandThatCannotRun(t *testing.T) {
	r := newRig(t)
	fn := withExtensions(t, "env")
	fn.Command = []string{"nowhere-x"}
	if _, resp := r.broken(fn); resp.Fault != "Runtime.InvalidEntrypoint" || r.text() != "" {
		t.Errorf("got %s and output\n%s", resp.Payload, r.text())
	}
	fn.Command = []string{"/nowhere/x"} // which only the start shows
	if _, resp := r.broken(fn); resp.Fault != "Runtime.InvalidEntrypoint" {
		t.Errorf("got %s", resp.Payload)
	}
}
