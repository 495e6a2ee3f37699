package localstack_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
)

// sendMany sends messages with the texts m0, m1 and so on.
func (h *house) sendMany(url string, n int) {
	h.Helper()
	for i := range n {
		h.send(sqs.SendMessageInput{QueueUrl: &url, MessageBody: aws.String(fmt.Sprint("m", i))})
	}
}

// handled is which bodies the function has seen.
func (f *function) handled() (bodies []string) {
	for _, c := range f.seen() {
		for _, r := range c.Records {
			bodies = append(bodies, r.Body)
		}
	}
	slices.Sort(bodies)
	return slices.Compact(bodies)
}

func TestStoppingInMidBatchFinishesIt(t *testing.T) {
	overServices(t, func(t *testing.T, h *house) {
		url, arn := h.queue("stop", map[string]string{"VisibilityTimeout": "60"})
		begun, goOn := make(chan bool, 100), make(chan bool)
		h.fn.answer = func(event) (string, error) {
			begun <- true
			<-goOn
			return "null", nil
		}
		e := h.run(h.file(mapping(arn)))
		h.sendMany(url, 3)
		<-begun
		ended := make(chan int)
		go func() { ended <- e.stop() }()
		eventually(t, "the signal is noticed", func() bool { return strings.Contains(e.stderr.String(), "finishing what is in hand") })
		close(goOn)
		if code := <-ended; code != 0 {
			t.Errorf("exit code %d, want 0", code)
		}
		if got, want := h.fn.records(), 3-h.count(url); got != want {
			t.Errorf("%d records were handled and %d deleted", got, want)
		}
		got, err := h.sqs.GetQueueAttributes(t.Context(), &sqs.GetQueueAttributesInput{QueueUrl: &url, AttributeNames: countAttributes})
		if err != nil {
			t.Fatal(err)
		}
		if n := got.Attributes["ApproximateNumberOfMessagesNotVisible"]; n != "0" {
			t.Errorf("%s messages are in nobody's hand and out of sight", n)
		}
	})
}

func TestASecondSignalStopsAtOnce(t *testing.T) {
	h := newHouse(t, standIn)
	url, arn := h.queue("stop", map[string]string{"VisibilityTimeout": "60"})
	begun, never := make(chan bool, 1), make(chan bool)
	defer close(never)
	h.fn.answer = func(event) (string, error) {
		begun <- true
		<-never
		return "null", nil
	}
	e := h.run(strings.Replace(h.file(mapping(arn)), "Timeout: 30", "Timeout: 300", 1))
	h.sendMany(url, 1)
	<-begun
	_ = e.cmd.Process.Signal(os.Interrupt)
	eventually(t, "the signal is noticed", func() bool { return strings.Contains(e.stderr.String(), "finishing what is in hand") })
	noticed := time.Now()
	eventually(t, "another signal is no echo", func() bool { return time.Since(noticed) > time.Second/2 })
	_ = e.cmd.Process.Signal(os.Interrupt)
	if code := e.wait(slack); code != 1 {
		t.Errorf("exit code %d, want 1", code)
	}
	if h.count(url) != 1 {
		t.Error("the message is lost")
	}
}

// marked lists the processes that have this text in their environment: a handler and all it started.
func marked(t *testing.T, text string) (pids []string) {
	t.Helper()
	files, _ := filepath.Glob("/proc/[0-9]*/environ")
	for _, file := range files {
		if content, err := os.ReadFile(file); err == nil && strings.Contains(string(content), text) {
			pids = append(pids, filepath.Base(filepath.Dir(file)))
		}
	}
	return pids
}

func TestKilledInMidBatch(t *testing.T) {
	if _, err := os.Stat("/proc/self/environ"); err != nil {
		t.Skip("only where there is /proc can leftover processes be counted")
	}
	overServices(t, func(t *testing.T, h *house) {
		url, arn := h.queue("kill", map[string]string{"VisibilityTimeout": "4"})
		begun := make(chan bool, 100)
		never := make(chan bool)
		defer close(never)
		h.fn.answer = func(event) (string, error) {
			begun <- true
			<-never
			return "null", nil
		}
		e := h.run(h.file(mapping(arn)))
		h.sendMany(url, 5)
		<-begun
		_ = e.cmd.Process.Kill()
		<-e.ended
		h.fn.mu.Lock()
		h.fn.answer = succeed
		h.fn.calls = nil
		h.fn.mu.Unlock()

		h.run(h.file(mapping(arn)))
		if runtime := len(marked(t, h.fn.url)); runtime > 5 {
			t.Errorf("%d handler processes", runtime)
		}
		eventually(t, "every message is handled", func() bool { return len(h.fn.handled()) == 5 && h.count(url) == 0 })
		for _, pid := range marked(t, h.fn.url) {
			status, _ := os.ReadFile("/proc/" + pid + "/status")
			if strings.Contains(string(status), "PPid:\t1\n") {
				t.Errorf("process %s of the killed engine is left", pid)
			}
		}
	})
}

func TestTheQueueComesLater(t *testing.T) {
	overServices(t, func(t *testing.T, h *house) {
		arn := "arn:aws:sqs:us-east-1:000000000000:later" + h.suffix
		e := h.start(h.file(mapping(arn)))
		eventually(t, "it says what it waits for", func() bool {
			return strings.Contains(e.stderr.String(), "later"+h.suffix) && strings.Contains(e.stderr.String(), "does not exist")
		})
		url, _ := h.queue("later", map[string]string{})
		h.sendMany(url, 1)
		eventually(t, "the message is handled", func() bool { return h.fn.records() == 1 && h.count(url) == 0 })
		e.ready()
	})
}

// Like AWS, the stand-in lets a minute pass before the name of a deleted queue may be used again.
func TestTheQueueGoesAndComesBack(t *testing.T) {
	over(t, real, func(t *testing.T, h *house) {
		url, arn := h.queue("gone", map[string]string{})
		e := h.run(h.file(mapping(arn)))
		if _, err := h.sqs.DeleteQueue(t.Context(), &sqs.DeleteQueueInput{QueueUrl: &url}); err != nil {
			t.Fatal(err)
		}
		eventually(t, "it notices", func() bool { return strings.Contains(e.stderr.String(), "does not exist") })
		url, _ = h.queue("gone", map[string]string{})
		h.sendMany(url, 1)
		eventually(t, "the message is handled", func() bool { return h.fn.records() == 1 && h.count(url) == 0 })
	})
}

func TestOneEngineADataDir(t *testing.T) {
	h := newHouse(t, standIn)
	_, arn := h.queue("one", map[string]string{})
	first := h.run(h.file(mapping(arn)))
	second := h.start(h.file(mapping(arn)))
	if code := second.wait(time.Minute); code != 1 {
		t.Errorf("exit code %d, want 1", code)
	}
	if want := fmt.Sprint("in use by process ", first.cmd.Process.Pid); !strings.Contains(second.stderr.String(), want) {
		t.Errorf("the second engine says %q, want %q in it", second.stderr, want)
	}
}

// A queue whose messages return after eight seconds and die at the second receive, a function that takes two seconds and
// has one permit: what is received must be run, or good messages die.
func TestReservedConcurrencyDoesNotOverpull(t *testing.T) {
	overServices(t, func(t *testing.T, h *house) {
		dlq, dlqARN := h.queue("overpull-dead", map[string]string{})
		url, arn := h.queue("overpull", map[string]string{"VisibilityTimeout": "8", "RedrivePolicy": redrive(dlqARN, 1)})
		h.fn.answer = func(event) (string, error) {
			time.Sleep(2 * time.Second)
			return "null", nil
		}
		h.sendMany(url, 60)
		h.run(strings.Replace(h.file(mapping(arn)), "{Timeout: 30", "{ReservedConcurrentExecutions: 1, Timeout: 8", 1))
		eventually(t, "the queue is empty", func() bool { return h.count(url) == 0 })
		if dead := h.count(dlq); dead > 0 {
			t.Errorf("%d messages died unrun", dead)
		}
	})
}

func TestLargeBatchesAndWindows(t *testing.T) {
	overServices(t, func(t *testing.T, h *house) {
		url, arn := h.queue("window", map[string]string{"VisibilityTimeout": "60"})
		h.sendMany(url, 30)
		h.run(h.file(mapping(arn, "BatchSize: 20", "MaximumBatchingWindowInSeconds: 2", "ScalingConfig: {MaximumConcurrency: 2}")))
		eventually(t, "all are handled", func() bool { return h.fn.records() == 30 && h.count(url) == 0 })
		var sizes []int
		for _, c := range h.fn.seen() {
			sizes = append(sizes, len(c.Records))
		}
		slices.Sort(sizes)
		if want := []int{10, 20}; !slices.Equal(sizes, want) {
			t.Errorf("batches of %v, want %v", sizes, want)
		}
	})
}
