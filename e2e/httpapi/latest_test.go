package httpapi_test

import (
	"fmt"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"

	"github.com/esm-run/esm/e2e/rig"
)

// A record that is put as soon as a mapping of LATEST says Enabled is never missed.
func TestEnabledMappingMissesNothing(t *testing.T) {
	rig.OnSources(t, func(t *testing.T, e *rig.Env, source func(string) rig.Source) {
		s, f := source("enabled"), e.Function("f", rig.Succeed)
		engine, arn := e.Run(f), s.StreamARN()
		for n := range 10 {
			uuid := engine.Create(lambda.CreateEventSourceMappingInput{EventSourceArn: &arn, StartingPosition: types.EventSourcePositionLatest})
			engine.WaitState(uuid, "Enabled")
			text := fmt.Sprint("round ", n)
			s.Put(text)
			f.WaitFor(t, text)
			engine.Delete(uuid)
		}
	})
}
