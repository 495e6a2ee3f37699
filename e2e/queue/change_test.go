package queue_test

import (
	"fmt"
	"syscall"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"

	"github.com/esm-run/esm/e2e/rig"
)

// soon is far below the visibility timeout of these tests, after which a message that a poll lost would return.
const soon = 30 * time.Second

// A message that arrives while a mapping changes is not handed to a poll that nobody waits for.
func TestChangeLosesNoPoll(t *testing.T) {
	rig.On(t, rig.Queues, func(t *testing.T, e *rig.Env) {
		q := e.Queue("change", rig.Attributes{"VisibilityTimeout": "300"})
		f, g := e.Function("f", rig.Succeed), e.Function("g", rig.Succeed)
		engine := e.Run(f, g)
		uuid := engine.Create(lambda.CreateEventSourceMappingInput{EventSourceArn: &q.ARN})
		engine.WaitState(uuid, "Enabled")
		for n := range 4 {
			to := []*rig.Function{g, f}[n%2]
			engine.BeginUpdate(lambda.UpdateEventSourceMappingInput{UUID: &uuid, FunctionName: aws.String(to.Name)})
			text := fmt.Sprint("updated ", n)
			q.Send(text)
			rig.Within(t, soon, text+" is handled", func() bool { return f.Has(text) || g.Has(text) })
		}
		for n := range 2 {
			engine.BeginUpdate(lambda.UpdateEventSourceMappingInput{UUID: &uuid, Enabled: aws.Bool(false)})
			text := fmt.Sprint("disabled ", n)
			q.Send(text)
			engine.WaitState(uuid, "Disabled")
			engine.Update(lambda.UpdateEventSourceMappingInput{UUID: &uuid, Enabled: aws.Bool(true)}, "Enabled")
			rig.Within(t, soon, text+" is handled", func() bool { return f.Has(text) || g.Has(text) })
		}
	})
}

// Neither is one that arrives while esm stops.
func TestStopLosesNoPoll(t *testing.T) {
	rig.On(t, rig.Queues, func(t *testing.T, e *rig.Env) {
		q := e.Queue("stop", rig.Attributes{"VisibilityTimeout": "300"})
		f := e.Function("f", rig.Succeed)
		for n := range 3 {
			engine := e.Run(f.On(q.ARN))
			engine.WaitReady()
			engine.Signal(syscall.SIGTERM)
			text := fmt.Sprint("stopping ", n)
			q.Send(text)
			<-engine.Ended
			engine = e.Run(f.On(q.ARN))
			rig.Within(t, soon, text+" is handled", func() bool { return f.Has(text) })
			engine.Stop()
		}
	})
}
