package clients_test

import (
	"testing"

	"github.com/esm-run/esm/e2e/rig"
)

// An extension of an image receives the events of its environment, the last one with time to end.
func TestImageWithExtension(t *testing.T) {
	t.Parallel()
	rig.NeedImage(t, "esm-test/extension")
	e := rig.New(t)
	engine := e.Run(&rig.Function{Name: "f", Description: "{ImageUri: esm-test/extension, Timeout: 60, Environment: {Variables: {SLOW: 300ms}}}"})
	f := function{T: t, engine: engine, name: "f"}
	for range 2 {
		got := f.invoke(`{"do":"echo","value":1}`)
		if got.payload != "1" {
			t.Errorf("the response is %s", got.payload)
		}
		engine.WaitOutput("extension: registered observer", "extension: INVOKE "+got.id)
	}
	engine.Stop()
	engine.WaitOutput("extension: SHUTDOWN spindown", "extension: ended")
}
