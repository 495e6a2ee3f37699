package main

import (
	"errors"
	"io/fs"
	"net"
	"os"
	"strings"
	"syscall"
	"testing"
)

const oneFunction = "Functions: {f: {Command: [/bin/true], Timeout: 5}}\n"

func TestRunWithoutMappings(t *testing.T) {
	r := startRun(t, oneFunction)
	url := "http://" + r.address()
	if code, _ := get(t, url+"/healthz"); code != 200 {
		t.Errorf("/healthz answers %d", code)
	}
	r.says("no mapping is enabled")
	if code, text := get(t, url+"/readyz"); code != 200 {
		t.Errorf("/readyz answers %d: %s", code, text)
	}
	select {
	case <-r.over:
		t.Errorf("it ends by itself, with %d", r.code)
	default:
	}
	if code := r.stopped(); code != 0 {
		t.Errorf("it ends with %d: %s", code, r.rest())
	}
}

func TestRunIsReadyWhenEverythingPolls(t *testing.T) {
	r := startRun(t, oneFunction+`
Aws: {Endpoint: embedded}
Resources:
  Queues:
    - {QueueName: q, Attributes: {VisibilityTimeout: "30", RedrivePolicy: '{"deadLetterTargetArn":"arn:aws:sqs:us-east-1:000000000000:dead","maxReceiveCount":"5"}'}}
    - {QueueName: dead, Messages: [a, b]}
EventSourceMappings: [{FunctionName: f, EventSourceArn: "arn:aws:sqs:us-east-1:000000000000:q"}]
`)
	r.says("the stand-in for AWS answers on")
	r.says("queue dead: created, with 2 messages")
	r.says("queue q: created")
	url := "http://" + r.address()
	for code := 503; code != 200; {
		code, _ = get(t, url+"/readyz") // a first poll away
	}
	if code := r.stopped(); code != 0 {
		t.Errorf("it ends with %d: %s", code, r.rest())
	}
}

func TestRunIsNotReadyWhileItStarts(t *testing.T) {
	t.Setenv("AWS_MAX_ATTEMPTS", "1") // of the SDK's client, between which it pauses
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := listener.Addr().String()
	listener.Close() // free for the face, as nearly as can be
	r := startRun(t, oneFunction+"Aws: {Endpoint: 'http://127.0.0.1:1'}\nResources: {Queues: [{QueueName: q}]}\n", "--listen", address)
	r.says("trying again until it answers")
	if code, text := get(t, "http://"+address+"/readyz"); code != 503 || !strings.Contains(text, "the engine to start") {
		t.Errorf("/readyz answers %d: %s", code, text)
	}
	if code := r.stopped(); code != 0 {
		t.Errorf("it ends with %d: %s", code, r.rest())
	}
}

func TestRunEndsBySignal(t *testing.T) {
	r := startRun(t, oneFunction)
	r.address()
	send(t, syscall.SIGTERM)
	r.says("terminated: finishing running batches, for at most 30s")
	if code := r.ended(); code != 0 {
		t.Errorf("it ends with %d: %s", code, r.rest())
	}
}

func TestRunWhatIsTaken(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	_, port, _ := net.SplitHostPort(l.Addr().String())
	for _, c := range []struct{ flag, value, says string }{
		{"--listen", l.Addr().String(), "esm: Engine.Listen " + l.Addr().String() + ": the port is in use"},
		{"--endpoint", "embedded:" + port, "esm: Aws.Endpoint embedded:" + port + ": the port is in use"},
	} {
		r := startRun(t, oneFunction, c.flag, c.value)
		r.says(c.says)
		if code := r.ended(); code != exitFailed {
			t.Errorf("%s: it ends with %d, want %d", c.flag, code, exitFailed)
		}
	}
}

func TestRunEndsWithWhatWasRefused(t *testing.T) {
	r := startRun(t, oneFunction+"Aws: {Endpoint: embedded}\nResources: {Queues: [{QueueName: q, Messages: [a, \"\\uFFFF\"]}]}\n")
	r.says("esm: queue q: put message 1: ")
	if code := r.ended(); code != exitFailed {
		t.Errorf("it ends with %d, want %d", code, exitFailed)
	}
}

// absent reports whether path does not exist.
func absent(path string) bool {
	_, err := os.Stat(path)
	return errors.Is(err, fs.ErrNotExist)
}
