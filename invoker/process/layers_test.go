package process

import (
	"archive/zip"
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/esm-run/esm"
	"github.com/esm-run/esm/config"
	"github.com/esm-run/esm/invoker/bootstrap"
	"github.com/esm-run/esm/invoker/code"
)

// zipped writes files to an archive, by their names. Those in a directory bin, and bootstrap, are executable.
func zipped(t *testing.T, files map[string]string) (path string) {
	t.Helper()
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for name, text := range files {
		h := &zip.FileHeader{Name: name}
		h.SetMode(0o644)
		if strings.HasPrefix(name, "bin/") || name == "bootstrap" {
			h.SetMode(0o755)
		}
		to, err := w.CreateHeader(h)
		must(t, err)
		_, err = to.Write([]byte(text))
		must(t, err)
	}
	must(t, w.Close())
	path = filepath.Join(t.TempDir(), "archive.zip")
	must(t, os.WriteFile(path, b.Bytes(), 0o600))
	return path
}

func written(t *testing.T, files map[string]string) (dir string) {
	t.Helper()
	dir = t.TempDir()
	for name, text := range files {
		path := filepath.Join(dir, filepath.FromSlash(name))
		must(t, os.MkdirAll(filepath.Dir(path), 0o755))
		must(t, os.WriteFile(path, []byte(text), 0o644))
	}
	return dir
}

// prepared returns fn with directories in place of its archives.
func prepared(t *testing.T, fn config.Function) config.Function {
	t.Helper()
	store := &code.Store{Dir: filepath.Join(t.TempDir(), "code"), Warn: t.Errorf}
	t.Cleanup(func() {
		must(t, (&code.Store{Dir: store.Dir}).Prune()) // what is read-only too
	})
	fn, err := store.Prepare(t.Context(), fn)
	must(t, err)
	return fn
}

// TestArchivesAndLayers runs handlers that were deployed as a zip archive and two layers, one of them a directory.
func TestArchivesAndLayers(t *testing.T) {
	for _, tt := range []struct {
		name   string
		fn     config.Function
		code   map[string]string
		layers []map[string]string // the first as an archive
		want   string
	}{{
		name: "Python",
		fn:   config.Function{Runtime: "python3.12", Handler: "app.handler"},
		code: map[string]string{"app.py": `
import importlib.metadata, subprocess
import shared, wheel, own, pkg.one, pkg.two
def handler(event, context):
    return [shared.value, wheel.value, importlib.metadata.version("wheel-of-a-layer"), own.value, pkg.one.value, pkg.two.value,
            subprocess.check_output(["tool-of-a-layer"], text=True).strip()]
`, "own.py": `value = "of the code"`},
		layers: []map[string]string{{
			"python/shared.py": `value = "first"`, "python/own.py": `value = "of a layer"`, "python/pkg/one.py": `value = 1`,
			"bin/tool-of-a-layer": "#!/bin/sh\necho tool\n", "python/wheel.py": `value = "not of site-packages"`,
		}, {
			"python/shared.py": `value = "second"`, "python/pkg/two.py": `value = 2`,
			"python/lib/python3.12/site-packages/wheel/__init__.py":                              `from ._part import value`,
			"python/lib/python3.12/site-packages/wheel/_part.py":                                 `value = "wheel"`,
			"python/lib/python3.12/site-packages/wheel_of_a_layer-4.2.0.dist-info/METADATA":      "Metadata-Version: 2.1\nName: wheel-of-a-layer\nVersion: 4.2.0\n",
			"python/lib/python3.12/site-packages/wheel_of_a_layer-4.2.0.dist-info/top_level.txt": "wheel\n",
			"python/lib/python3.9/site-packages/wheel.py":                                        `value = "of another version"`,
		}},
		want: `["second", "wheel", "4.2.0", "of the code", 1, 2, "tool"]`,
	}, {
		name: "Node.js, CommonJS",
		fn:   config.Function{Runtime: "nodejs20.x", Handler: "index.handler"},
		code: map[string]string{"index.js": `
const { execFileSync } = require("node:child_process");
exports.handler = async () => [require("shared"), require("dated"), require("own"), execFileSync("tool-of-a-layer").toString().trim()];
`, "node_modules/own/index.js": `module.exports = "of the code";`},
		layers: []map[string]string{{
			"nodejs/node_modules/shared/index.js": `module.exports = "first";`, "nodejs/node_modules/own/index.js": `module.exports = "of a layer";`,
			"bin/tool-of-a-layer": "#!/bin/sh\necho tool\n", "nodejs/node_modules/dated/index.js": `module.exports = "of all versions";`,
		}, {
			"nodejs/node_modules/shared/index.js": `module.exports = "second";`, "nodejs/node20/node_modules/dated/index.js": `module.exports = "20";`,
		}},
		want: `["second","20","of the code","tool"]`,
	}, {
		name: "Node.js, ES modules",
		fn:   config.Function{Runtime: "nodejs20.x", Handler: "index.handler"},
		code: map[string]string{"index.mjs": `
import shared from "shared";
import { part } from "@scope/esm/part";
import own from "own";
let missing;
try { await import("not-there"); } catch (error) { missing = error.message; }
export const handler = async () => [shared, part, own, missing.replace(/imported from .*/, "imported")];
`, "node_modules/own/index.js": `module.exports = "of the code";`},
		layers: []map[string]string{{
			"nodejs/node_modules/shared/index.js": `module.exports = "first";`, "nodejs/node_modules/own/index.js": `module.exports = "of a layer";`,
			"nodejs/node_modules/@scope/esm/package.json": `{"type":"module","exports":{"./part":"./lib/part.js"}}`,
			"nodejs/node_modules/@scope/esm/lib/part.js":  `import shared from "shared"; export const part = "esm with " + shared;`,
		}, {
			"nodejs/node_modules/shared/index.js": `module.exports = "second";`,
		}},
		want: `["second","esm with second","of the code","Cannot find package 'not-there' imported"]`,
	}} {
		t.Run(tt.name, func(t *testing.T) {
			b := &bootstrap.Bootstraps{Dir: t.TempDir()}
			if _, _, err := b.Command(tt.fn); err != nil {
				if os.Getenv("CI") == "true" {
					t.Fatal(err)
				}
				t.Skip(err)
			}
			fn := tt.fn
			fn.Name, fn.Timeout, fn.CodeUri, fn.Layers = "f", 30, zipped(t, tt.code), []string{zipped(t, tt.layers[0]), written(t, tt.layers[1])}
			r := newRig(t)
			r.platform.Bootstrap = b.Command
			resp, err := r.start(prepared(t, fn)).Invoke(t.Context(), esm.Call{ID: testID, Function: "f", Payload: []byte("{}")})
			if err != nil || string(resp.Payload) != tt.want || resp.Fault != "" {
				t.Errorf("got %s %s (%v), want %s\n%s", resp.Fault, resp.Payload, err, tt.want, r.text())
			}
		})
	}
}

func TestVariablesOfLayers(t *testing.T) {
	t.Setenv("PATH", "/usr/bin")
	a := written(t, map[string]string{
		"bin/x": "", "lib/x": "", "python/x": "", "nodejs/node_modules/x": "", "nodejs/node20/node_modules/x": "", "nodejs/node18/node_modules/x": "",
		"python/lib/python3.9/site-packages/x": "", "python/lib/python3.11/site-packages/x": "",
	})
	b := written(t, map[string]string{"lib/x": "", "python/x": "", "nodejs/node_modules/x": ""})
	for _, tt := range []struct {
		fn   config.Function
		want map[string]string
	}{
		{config.Function{Runtime: "python3.9"}, map[string]string{
			"PATH": "/usr/bin:A/bin", "LD_LIBRARY_PATH": "/code:/code/lib:B/lib:A/lib", "NODE_PATH": "",
			"PYTHONPATH": "B/python:A/python/lib/python3.9/site-packages:A/python",
		}},
		{config.Function{Runtime: "nodejs20.x"}, map[string]string{
			"NODE_PATH": "B/nodejs/node_modules:A/nodejs/node20/node_modules:A/nodejs/node_modules", "PYTHONPATH": "",
		}},
		{config.Function{Runtime: "provided.al2023"}, map[string]string{"PATH": "/usr/bin:A/bin", "NODE_PATH": "", "PYTHONPATH": ""}},
		{config.Function{Command: []string{"x"}}, map[string]string{
			"PYTHONPATH": "B/python:A/python/lib/python3.11/site-packages:A/python/lib/python3.9/site-packages:A/python",
			"NODE_PATH":  "B/nodejs/node_modules:A/nodejs/node20/node_modules:A/nodejs/node18/node_modules:A/nodejs/node_modules",
		}},
	} {
		tt.fn.Layers = []string{a, b}
		env := map[string]string{"PATH": os.Getenv("PATH"), "LD_LIBRARY_PATH": "/code:/code/lib"}
		addLayers(env, tt.fn)
		for name, want := range tt.want {
			if got := strings.NewReplacer(a, "A", b, "B").Replace(env[name]); got != want {
				t.Errorf("%s%v: %s is %q, want %q", tt.fn.Runtime, tt.fn.Command, name, got, want)
			}
		}
	}
}

// A function's own variables replace those of its layers, as on Lambda.
func TestOwnVariablesWin(t *testing.T) {
	fn := handler("aws", map[string]string{"PYTHONPATH": "/mine"})
	fn.CodeUri, fn.Layers = t.TempDir(), []string{written(t, map[string]string{"python/x": "", "lib/x": ""})}
	r := newRig(t)
	env := r.describe(r.start(fn), order{}).Env
	if env["PYTHONPATH"] != "/mine" || env["LD_LIBRARY_PATH"] != fn.CodeUri+":"+fn.CodeUri+"/lib:"+fn.Layers[0]+"/lib" {
		t.Errorf("got PYTHONPATH %s, LD_LIBRARY_PATH %s", env["PYTHONPATH"], env["LD_LIBRARY_PATH"])
	}
}

func TestProvided(t *testing.T) {
	dir := t.TempDir()
	fn := prepared(t, config.Function{CodeUri: dir, Layers: []string{zipped(t, map[string]string{"bootstrap": "#!/bin/sh\n"})}})
	opt := fn.Layers[0]
	if got, err := provided(dir, fn.Layers); err != nil || got[0] != opt+"/bootstrap" {
		t.Errorf("got %v, %v; want that of the layer", got, err)
	}
	must(t, os.WriteFile(dir+"/bootstrap", nil, 0o755))
	if got, err := provided(dir, fn.Layers); err != nil || got[0] != dir+"/bootstrap" {
		t.Errorf("got %v, %v; want that of the code", got, err)
	}
	none := written(t, map[string]string{"bootstrap": "not executable"})
	if _, err := provided("/nowhere", []string{none}); err == nil || err.Error() != "Couldn't find valid bootstrap(s): [/nowhere/bootstrap "+none+"/bootstrap]" {
		t.Errorf("got %v", err)
	}
}
