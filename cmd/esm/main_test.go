package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// command runs a command to its end.
func command(t *testing.T, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, err strings.Builder
	code = execute(t.Context(), args, &out, &err)
	return code, out.String(), err.String()
}

func TestExitCodes(t *testing.T) {
	dir := t.TempDir()
	good, bad := filepath.Join(dir, "good.yaml"), filepath.Join(dir, "bad.yaml")
	for path, text := range map[string]string{good: "Functions: {f: {Command: [/bin/true]}}\n", bad: "Functions: {f: {Comand: [/bin/true]}}\n"} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		args           string
		code           int
		stdout, stderr string // what each says; empty is nothing at all
	}{
		{"", 0, "esm validate mappings.yaml", ""},
		{"--help", 0, "Usage:", ""},
		{"version", 0, "esm dev, commit ", ""},
		{"version now", exitUsage, "", `esm: unknown command "now" for "esm version" (see esm version --help)`},
		{"walk", exitUsage, "", `esm: unknown command "walk" for "esm" (see esm --help)`},
		{"--loud", exitUsage, "", "esm: unknown flag: --loud (see esm --help)"},
		{"completion zsh", 0, "compdef", ""},
		{"completion zsh x", exitUsage, "", "see esm completion zsh --help"},
		{"validate " + good, 0, good + " is valid\n", ""},
		{"validate " + bad, exitUsage, "Comand", ""},
		{"validate", exitUsage, "", "accepts 1 arg(s), received 0 (see esm validate --help)"},
		{"run " + bad, exitUsage, "", "Comand"},
		{"run " + good + " " + good, exitUsage, "", "received 2"},
		{"run " + good + " --log-level loud", exitUsage, "", `esm: --log-level "loud" is none of`},
		{"run " + good + " --log-format xml", exitUsage, "", `esm: --log-format "xml" is neither`},
		{"run " + good + " --data-dir " + file, exitFailed, "", "esm: data directory " + file},
		{"status --listen nonsense", exitUsage, "", `esm: --listen "nonsense" is not host:port`},
		{"status --listen 127.0.0.1:1", exitFailed, "", "esm: no engine answers on 127.0.0.1:1"},
		{"status --listen 127.0.0.1:1 --json", exitFailed, "", "esm: no engine answers on 127.0.0.1:1"},
	} {
		code, stdout, stderr := command(t, strings.Fields(c.args)...)
		if code != c.code || !says(stdout, c.stdout) || !says(stderr, c.stderr) {
			t.Errorf("esm %s: got %d\n%s%s\nwant %d %q %q", c.args, code, stdout, stderr, c.code, c.stdout, c.stderr)
		}
	}
}

func says(output, want string) bool {
	return strings.Contains(output, want) && (want != "" || output == "")
}

// What shells are told to offer: the words, and at last what else is to be done with them.
func TestCompletion(t *testing.T) {
	const fileExtensions, nothingElse = ":8\n", ":4\n"
	for args, want := range map[string]string{
		"run|":                     "yaml\nyml\njson\n" + fileExtensions,
		"validate|":                "yaml\nyml\njson\n" + fileExtensions,
		"run|a.yaml|":              nothingElse,
		"run|a.yaml|--log-format|": "text\njson\n" + nothingElse,
		"run|a.yaml|--log-level|":  "debug\ninfo\nwarn\nerror\n" + nothingElse,
		"run|a.yaml|--endpoint|":   "embedded\nhttp://localhost:4566\n" + nothingElse,
		"status|":                  nothingElse,
		"status|--listen|":         defaultListen + "\n" + nothingElse,
		"version|":                 nothingElse,
		"run|a.yaml|--data-dir|":   ":16\n",
	} {
		code, stdout, _ := command(t, append([]string{"__complete"}, strings.Split(args, "|")...)...)
		if code != 0 || stdout != want {
			t.Errorf("%s: got %d %q, want %q", args, code, stdout, want)
		}
	}
}
