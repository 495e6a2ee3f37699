package invokertest_test

import (
	"os"
	"testing"

	"github.com/esm-run/esm/config"
	"github.com/esm-run/esm/invoker"
	"github.com/esm-run/esm/invoker/invokertest"
	"github.com/esm-run/esm/invoker/process"
)

func TestMain(m *testing.M) {
	invokertest.ServeIfAsked()
	os.Exit(m.Run())
}

// The suite asks no more than the simplest technology can give.
func TestProcess(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	start := func(t *testing.T) invoker.Starter { return &process.Starter{Dir: t.TempDir()} }
	invokertest.Run(t, start, config.Function{Name: "f", Command: []string{self}, CodeUri: t.TempDir()})
}
