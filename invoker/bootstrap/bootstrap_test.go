package bootstrap

import (
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/esm-run/esm/config"
)

func percentile(took []time.Duration, p int) time.Duration {
	slices.Sort(took)
	return took[(len(took)-1)*p/100]
}

// onlyOnPath makes a PATH of executables that print what they are given.
func onlyOnPath(t *testing.T, output map[string]string) {
	t.Helper()
	if runtime.GOOS == "windows" {
		t.Skip("needs a shell")
	}
	dir := t.TempDir()
	for name, text := range output {
		script := "#!/bin/sh\nprintf '" + text + "'\n"
		if text == "" {
			script = "#!/bin/sh\necho command not found >&2\nexit 127\n"
		}
		must(t, os.WriteFile(filepath.Join(dir, name), []byte(script), 0o755))
	}
	t.Setenv("PATH", dir)
}

func TestCommandFindsAnInterpreter(t *testing.T) {
	tests := []struct {
		name, runtime string
		onPath        map[string]string
		want, note    string // want is the interpreter, or empty for an error
	}{
		{"the exact one", "python3.12", map[string]string{"python3.12": "/x/python3.12\\n3.12\\n", "python3": "/x/python3\\n3.11\\n"}, "/x/python3.12", ""},
		{"python3 is the same", "python3.12", map[string]string{"python3": "/x/python3\\n3.12\\n"}, "/x/python3", ""},
		{"python3 is another", "python3.12", map[string]string{"python3": "/x/python3\\n3.11\\n"}, "/x/python3", "python3.12 runs with Python 3.11 (/x/python3)"},
		{"a version manager's shim without it", "python3.12", map[string]string{"python3.12": "", "python3": "/x/python3\\n3.13\\n"}, "/x/python3", "python3.12 runs with Python 3.13 (/x/python3)"},
		{"too old", "python3.12", map[string]string{"python3": "/x/python3\\n3.6\\n"}, "", ""},
		{"something else of that name", "python3.12", map[string]string{"python3": "hello"}, "", ""},
		{"no Python", "python3.12", nil, "", ""},
		{"Node.js", "nodejs22.x", map[string]string{"node": "/x/node\\n22\\n"}, "/x/node", ""},
		{"another Node.js", "nodejs22.x", map[string]string{"node": "/x/node\\n20\\n"}, "/x/node", "nodejs22.x runs with Node.js 20 (/x/node)"},
		{"under its Debian name", "nodejs22.x", map[string]string{"nodejs": "/x/nodejs\\n22\\n"}, "/x/nodejs", ""},
		{"no Node.js", "nodejs22.x", nil, "", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			onlyOnPath(t, tt.onPath)
			b := &Bootstraps{Dir: t.TempDir()}
			argv, _, err := b.Command(config.Function{Runtime: tt.runtime, Handler: "app.h"})
			if tt.want == "" {
				if err == nil || !strings.Contains(err.Error(), "install ") {
					t.Errorf("got %q, %v, want an error that says what to install", argv, err)
				}
				return
			}
			if err != nil || argv[0] != tt.want {
				t.Fatalf("got %q, %v, want %s", argv, err, tt.want)
			}
			if got := b.Note(config.Function{Runtime: tt.runtime}); got != tt.note {
				t.Errorf("got note %q, want %q", got, tt.note)
			}
		})
	}
}

func TestCommandIsRememberedAndComplete(t *testing.T) {
	onlyOnPath(t, map[string]string{"python3": "/x/python3\\n3.12\\n"})
	b := &Bootstraps{Dir: filepath.Join(t.TempDir(), "new", "dir")}
	fn := config.Function{Runtime: "python3.12", Handler: "app.h"}
	var both sync.WaitGroup
	for range 4 {
		both.Go(func() {
			if _, _, err := b.Command(fn); err != nil {
				t.Error(err)
			}
		})
	}
	both.Wait()
	t.Setenv("PATH", "")
	fn.Environment.Variables = map[string]string{"AWS_LAMBDA_EXEC_WRAPPER": "/opt/wrap"}
	argv, env, err := b.Command(fn)
	entry := filepath.Join(b.Dir, "python", "bootstrap.py")
	if want := []string{"/opt/wrap", "/x/python3", "-u", entry}; err != nil || !slices.Equal(argv, want) {
		t.Errorf("got %q, %v, want %q", argv, err, want)
	}
	if _, err := os.Stat(entry); err != nil {
		t.Error(err)
	}
	want := map[string]string{"_HANDLER": "app.h", "AWS_EXECUTION_ENV": "AWS_Lambda_python3.12", "LAMBDA_RUNTIME_DIR": filepath.Dir(entry)}
	for name, value := range want {
		if env[name] != value {
			t.Errorf("got %s=%q, want %q", name, env[name], value)
		}
	}
}

func TestRuntimesWithoutABootstrap(t *testing.T) {
	for runtime, want := range map[string]string{
		"java21":          "give a Command",
		"ruby3.3":         "give a Command",
		"dotnet8":         "give a Command",
		"python2.7":       "give a Command",
		"python3.7":       "Python 3.8 is the oldest",
		"nodejs16.x":      "Node.js 18 is the oldest",
		"nodejs20":        "give a Command",
		"provided.al2023": "the function's own bootstrap file",
	} {
		_, _, err := (&Bootstraps{Dir: t.TempDir()}).Command(config.Function{Runtime: runtime, Handler: "app.h"})
		var invalid *Invalid
		if !errors.As(err, &invalid) || invalid.Field != "Runtime" || !strings.Contains(invalid.Reason, want) {
			t.Errorf("%s: got %v, want an Invalid Runtime that says %q", runtime, err, want)
		}
	}
}

func TestLayOutRepairsFiles(t *testing.T) {
	dir := t.TempDir()
	must(t, writeAll(files, dir))
	same, changed, gone := filepath.Join(dir, "node", "api.mjs"), filepath.Join(dir, "node", "logs.mjs"), filepath.Join(dir, "python", "esm_bootstrap", "__init__.py")
	long := time.Unix(1, 0)
	must(t, errors.Join(os.Chtimes(same, long, long), os.WriteFile(changed, []byte("cut sh"), 0o644), os.Remove(gone)))
	must(t, writeAll(files, dir))
	if info, err := os.Stat(same); err != nil || !info.ModTime().Equal(long) {
		t.Errorf("got %v, %v, want the file that was right to be left alone", info.ModTime(), err)
	}
	want, _ := files.ReadFile("node/logs.mjs")
	if got, err := os.ReadFile(changed); err != nil || string(got) != string(want) {
		t.Errorf("got %q, %v, want the embedded file", got, err)
	}
	if _, err := os.Stat(gone); err != nil {
		t.Error(err)
	}
	if left, _ := filepath.Glob(filepath.Join(dir, "*", ".new-*")); len(left) > 0 {
		t.Errorf("temporary files are left: %q", left)
	}
}

func TestCheck(t *testing.T) {
	dir := code(t, map[string]string{
		"app.py": "", "pkg/__init__.py": "", "pkg/sub/mod.py": "", "native.cpython-312-x86_64-linux-gnu.so": "",
		"index.mjs": "", "src/app.ts": "", "lib/index.js": "", "node_modules/dep/index.js": "", "[odd]/a*.py": "",
	})
	tests := []struct {
		runtime, handler, dir string
		want                  []string // what the error says, of each finding
	}{
		{"python3.12", "app.handler", dir, nil},
		{"python3.12", "pkg.handler", dir, nil},
		{"python3.12", "pkg/sub/mod.handler", dir, nil},
		{"python3.12", "pkg.sub.mod.handler", dir, nil},
		{"python3.12", "native.handler", dir, nil},
		{"python3.12", "[odd]/a*.handler", dir, nil},
		{"python3.12", "other.handler", dir, []string{"Handler: other.handler: " + "there is no file " + filepath.Join(dir, "other.py")}},
		{"python3.12", "ap?.handler", dir, []string{"Handler: "}},
		{"python3.12", "app", dir, []string{`Handler: "app" is not of the form module.function`}},
		{"python3.12", "", dir, []string{"Handler: is missing"}},
		{"python3.12", "app.", dir, []string{"Handler: "}},
		{"python3.12", ".handler", dir, []string{"Handler: "}},
		{"python3.12", "./app.handler", dir, []string{"Handler: "}},
		{"python3.12", "pkg..mod.handler", dir, []string{"Handler: "}},
		{"python3.12", "app.pkg/handler", dir, []string{"Handler: "}},
		{"nodejs20.x", "index.handler", dir, nil},
		{"nodejs20.x", "src/app.api.handler", dir, nil},
		{"nodejs20.x", "./src/app.handler", dir, nil},
		{"nodejs20.x", "lib.handler", dir, nil},
		{"nodejs20.x", "dep.handler", dir, nil},
		{"nodejs20.x", "app.handler", dir, []string{"Handler: app.handler: " + "there is no file " + filepath.Join(dir, "app.js")}},
		{"nodejs20.x", "../app.handler", dir, []string{"Handler: "}},
		{"nodejs20.x", "app", dir, []string{"Handler: "}},
		{"java21", "com.example.App::handle", dir, []string{"Runtime: "}},
		{"provided.al2023", "", "", nil},
		{"python3.12", "app.handler", filepath.Join(dir, "no"), []string{"CodeUri: "}},
		{"python3.12", "app.handler", filepath.Join(dir, "app.py"), []string{"CodeUri: "}},
		{"python3.7", "app", "", []string{"Runtime: ", "CodeUri: is missing"}},
	}
	for _, tt := range tests {
		err := Check(config.Function{Runtime: tt.runtime, Handler: tt.handler, CodeUri: tt.dir})
		var got []string
		if joined, ok := err.(interface{ Unwrap() []error }); ok {
			for _, e := range joined.Unwrap() {
				got = append(got, e.Error())
			}
		}
		if !slices.EqualFunc(got, tt.want, strings.HasPrefix) {
			t.Errorf("%s %s in %s: got %q, want %q", tt.runtime, tt.handler, tt.dir, got, tt.want)
		}
	}
	elsewhere := config.Function{Runtime: "python3.12", Handler: "other.handler", CodeUri: dir}
	elsewhere.Environment.Variables = map[string]string{"PYTHONPATH": "/opt/python"}
	if err := Check(elsewhere); err != nil {
		t.Errorf("got %v, want nil: the module may be on PYTHONPATH", err)
	}
}

func FuzzCheck(f *testing.F) {
	f.Add("python3.12", "pkg/app.handler")
	f.Add("nodejs20.x", "dir/app.api.handler")
	f.Fuzz(func(t *testing.T, runtime, handler string) {
		err := Check(config.Function{Runtime: runtime, Handler: handler, CodeUri: t.TempDir()})
		if err == nil && !isProvided(runtime) {
			t.Errorf("%q %q: got nil, want an error: the directory is empty", runtime, handler)
		}
	})
}
