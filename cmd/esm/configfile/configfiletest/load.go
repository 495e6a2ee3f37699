// Package configfiletest loads mappings files for tests.
package configfiletest

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/esm-run/esm/cmd/esm/configfile"
)

// Load returns the mappings file that text describes, which must be valid.
func Load(t testing.TB, text string) *configfile.File {
	t.Helper()
	path := filepath.Join(t.TempDir(), "mappings.yaml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	file, report := configfile.Load(path, configfile.Overrides{})
	if report.Err() != nil {
		t.Fatal(report)
	}
	return file
}
