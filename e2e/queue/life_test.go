package queue_test

import (
	"fmt"
	"os"
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"github.com/esm-run/esm/e2e/rig"
)

func TestStopFinishesBatches(t *testing.T) {
	rig.On(t, rig.Queues, func(t *testing.T, e *rig.Env) {
		q := e.Queue("stop", rig.Attributes{"VisibilityTimeout": "60"})
		f, gate := e.GatedFunction("f", rig.Succeed)
		engine := e.Run(f.On(q.ARN))
		q.Send("a", "b", "c")
		f.WaitFor(t, "a", "b", "c")
		engine.Signal(syscall.SIGTERM)
		engine.WaitLog("finishing running batches")
		gate.Open()
		engine.WantExit(0)
		if handled, left := len(f.Texts()), q.Count(); handled != 3 || left > 0 {
			t.Errorf("%d messages were handled and %d are left, want 3 and none", handled, left)
		}
	})
}

func TestSecondSignalStopsAtOnce(t *testing.T) {
	t.Parallel()
	e := rig.New(t)
	q := e.Queue("stop", rig.Attributes{"VisibilityTimeout": "60"})
	f, gate := e.GatedFunction("f", rig.Succeed)
	f.Timeout = 300
	engine := e.Run(f.On(q.ARN))
	q.Send("m")
	rig.Receive(t, gate.Begun)
	engine.Signal(os.Interrupt)
	engine.WaitLog("finishing running batches")
	echo := time.After(time.Second / 2) // what comes sooner counts as an echo of the first signal
	<-echo
	engine.Signal(os.Interrupt)
	engine.WantExit(1)
	if q.Count() != 1 {
		t.Error("the message is lost")
	}
}

func TestQueueMadeLater(t *testing.T) {
	rig.On(t, rig.Queues, func(t *testing.T, e *rig.Env) {
		f := e.Function("f", rig.Succeed)
		engine := e.Start(f.On("arn:aws:sqs:us-east-1:000000000000:later" + e.Suffix))
		engine.WaitLog("later"+e.Suffix, "does not exist")
		q := e.Queue("later", nil)
		q.Send("m")
		f.Want(t, "m")
		q.WaitCount(0)
		engine.WaitReady()
	})
}

// Like AWS, the stand-in lets a minute pass before the name of a deleted queue may be used again.
func TestQueueDeletedAndMadeAgain(t *testing.T) {
	rig.On(t, []rig.Service{rig.LocalStack, rig.ElasticMQ}, func(t *testing.T, e *rig.Env) {
		q := e.Queue("gone", nil)
		f := e.Function("f", rig.Succeed)
		engine := e.Run(f.On(q.ARN))
		_, err := e.SQS.DeleteQueue(t.Context(), &sqs.DeleteQueueInput{QueueUrl: &q.URL})
		e.Must(err)
		engine.WaitLog("does not exist")
		q = e.Queue("gone", nil)
		q.Send("m")
		f.Want(t, "m")
		q.WaitCount(0)
	})
}

// The messages of this queue return after eight seconds and die at their second receive, and the function takes two
// seconds and has one permit: if more were received than it can handle, good messages would die.
func TestReservedConcurrencyDoesNotOverpull(t *testing.T) {
	rig.On(t, rig.Queues, func(t *testing.T, e *rig.Env) {
		dlq := e.Queue("overpull-dead", nil)
		q := e.Queue("overpull", rig.Attributes{"VisibilityTimeout": "8", "RedrivePolicy": dlq.Redrive(1)})
		f := e.Function("f", func(c rig.Call) (string, error) {
			work := time.After(2 * time.Second)
			<-work
			return rig.Succeed(c)
		})
		f.Timeout = 8
		f.Keys = append(f.Keys, "ReservedConcurrentExecutions: 1")
		q.Send(rig.Numbers(60)...)
		e.Run(f.On(q.ARN))
		q.WaitCount(0)
		if dead := dlq.Count(); dead > 0 {
			t.Errorf("%d messages died without an invocation", dead)
		}
	})
}

// A batch of more than ten messages takes several receives, and is invoked as soon as it is full. What is left waits for
// the window. With one permit there is one poller, which gathers both batches.
func TestBatchingWindow(t *testing.T) {
	rig.On(t, rig.Queues, func(t *testing.T, e *rig.Env) {
		q := e.Queue("window", rig.Attributes{"VisibilityTimeout": "60"})
		q.Send(rig.Numbers(30)...)
		f := e.Function("f", rig.Succeed)
		f.Keys = append(f.Keys, "ReservedConcurrentExecutions: 1")
		e.Run(f.On(q.ARN, rig.BatchSize(20), "MaximumBatchingWindowInSeconds: 8"))
		q.WaitCount(0)
		var sizes []int
		for _, c := range f.Calls() {
			sizes = append(sizes, len(c.Records))
		}
		if want := []int{20, 10}; !slices.Equal(sizes, want) {
			t.Errorf("batches of %v, want %v", sizes, want)
		}
		last := f.Calls()[len(sizes)-1]
		var received int64
		fmt.Sscan(last.Records[0].Attributes["ApproximateFirstReceiveTimestamp"], &received)
		if waited := last.At.Sub(time.UnixMilli(received)); waited < 7*time.Second {
			t.Errorf("the rest was invoked %v after its first receive, want 8 s", waited)
		}
	})
}
