package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"github.com/google/uuid"

	"github.com/esm-run/esm"
	"github.com/esm-run/esm/awshttp"
	"github.com/esm-run/esm/cmd/esm/awsclient"
	"github.com/esm-run/esm/cmd/esm/configfile"
	"github.com/esm-run/esm/cmd/esm/wiring"
	"github.com/esm-run/esm/engine"
	"github.com/esm-run/esm/localstack/embedded"
	"github.com/esm-run/esm/trace"
)

// This test binary, started again, is also a handler, a server to compare with, the stand-in, and the command itself.
func TestMain(m *testing.M) {
	switch os.Getenv("BENCH_AS") {
	case "handler":
		lambda.Start(func(json.RawMessage) error { return nil })
	case "clock":
		lambda.Start(tellTime)
	case "sleeper":
		lambda.Start(func(json.RawMessage) error { time.Sleep(2 * time.Second); return nil })
	case "group commit":
		serveGroupCommit()
	case "embedded":
		serveEmbedded()
	case "command":
		os.Exit(profiled(func() int { return execute(context.Background(), os.Args[1:], os.Stdout, os.Stderr) }))
	default:
		os.Exit(m.Run())
	}
}

func serveEmbedded() {
	serveRole(func(ctx context.Context, l net.Listener) { _ = new(embedded.Server).Serve(ctx, l) })
}

// serveRole runs a server until the benchmark that has started this process ends.
func serveRole(serve func(ctx context.Context, l net.Listener)) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	fmt.Println("http://" + l.Addr().String())
	ctx, cancel := context.WithCancel(context.Background())
	context.AfterFunc(ctx, func() { l.Close() })
	go func() { // ends with the benchmark, which holds the other end of standard input
		_, _ = io.Copy(io.Discard, os.Stdin)
		cancel()
	}()
	serve(ctx, l)
}

// again starts this binary in another role.
func again(b *testing.B, role string, env ...string) *exec.Cmd {
	b.Helper()
	cmd := exec.Command(executable(b))
	cmd.Env = append(os.Environ(), append(env, "BENCH_AS="+role)...)
	return cmd
}

// ownEmbedded runs the stand-in in a process of its own.
func ownEmbedded(b *testing.B) (endpoint string) {
	b.Helper()
	return ownServer(b, "embedded")
}

// ownServer runs a server in a process of its own, and returns its URL.
func ownServer(b *testing.B, role string, env ...string) (url string) {
	b.Helper()
	cmd := again(b, role, env...)
	stdin, err := cmd.StdinPipe()
	if err != nil {
		b.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		b.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { stdin.Close(); _ = cmd.Wait() })
	line, err := bufio.NewReader(stdout).ReadString('\n')
	if err != nil {
		b.Fatal(err)
	}
	return strings.TrimSpace(line)
}

// services are where it is measured: LocalStack and ElasticMQ too if they run.
func services(b *testing.B, measure func(b *testing.B, endpoint string)) {
	b.Run("embedded", func(b *testing.B) { measure(b, ownEmbedded(b)) })
	for name, variable := range map[string]string{"LocalStack": "ESM_TEST_LOCALSTACK", "ElasticMQ": "ESM_TEST_ELASTICMQ"} {
		b.Run(name, func(b *testing.B) {
			endpoint := os.Getenv(variable)
			if endpoint == "" {
				b.Skipf("%s is not set", variable)
			}
			measure(b, endpoint)
		})
	}
}

func sqsClient(endpoint string) *sqs.Client {
	return sqs.New(sqs.Options{
		Region: "us-east-1", BaseEndpoint: &endpoint, HTTPClient: awshttp.New(awsclient.Connections),
		Credentials: credentials.NewStaticCredentialsProvider("test", "test", ""),
	})
}

// newQueue makes a queue of n messages of about 200 bytes.
func newQueue(b *testing.B, client *sqs.Client, n int) (url, arn string) {
	b.Helper()
	name := "bench-" + uuid.NewString()
	made, err := client.CreateQueue(b.Context(), &sqs.CreateQueueInput{
		QueueName: &name, Attributes: map[string]string{"VisibilityTimeout": "300"},
	})
	if err != nil {
		b.Fatal(err)
	}
	body := strings.Repeat("x", 200)
	for sent := 0; sent < n; sent += 10 {
		entries := make([]types.SendMessageBatchRequestEntry, min(10, n-sent))
		for i := range entries {
			entries[i] = types.SendMessageBatchRequestEntry{Id: aws.String(fmt.Sprint(i)), MessageBody: &body}
		}
		if _, err := client.SendMessageBatch(b.Context(), &sqs.SendMessageBatchInput{QueueUrl: made.QueueUrl, Entries: entries}); err != nil {
			b.Fatal(err)
		}
	}
	return *made.QueueUrl, "arn:aws:sqs:us-east-1:000000000000:" + name
}

// engineOn makes the parts of an engine that maps queues to a handler that does nothing.
func engineOn(b *testing.B, endpoint string, trace trace.Func, arns ...string) *wiring.Parts {
	b.Helper()
	mappings := make([]string, len(arns))
	for i, arn := range arns {
		mappings[i] = "{FunctionName: f, EventSourceArn: '" + arn + "'}"
	}
	return engineWith(b, endpoint, trace, mappings...)
}

// engineWith makes the parts of an engine whose function f is a handler that does nothing.
func engineWith(b *testing.B, endpoint string, trace trace.Func, mappings ...string) *wiring.Parts {
	b.Helper()
	self := executable(b)
	file := "Aws: {Endpoint: '" + endpoint + "', Region: us-east-1}\n" +
		"Functions: {f: {Command: ['" + self + "'], Timeout: 60, Environment: {Variables: {BENCH_AS: handler}}}}\n"
	if len(mappings) > 0 {
		file += "EventSourceMappings:\n"
	}
	for _, mapping := range mappings {
		file += "  - " + mapping + "\n"
	}
	path := b.TempDir() + "/mappings.yaml"
	if err := os.WriteFile(path, []byte(file), 0o600); err != nil {
		b.Fatal(err)
	}
	loaded, report := configfile.Load(path, configfile.Overrides{})
	if report.Err() != nil {
		b.Fatal(report.Err())
	}
	p, err := wiring.Build(b.Context(), loaded, &awsclient.Clients{Region: "us-east-1"}, trace)
	if err != nil {
		b.Fatal(err)
	}
	return p
}

// engineOf runs the mappings of the file.
func engineOf(p *wiring.Parts) *engine.Engine {
	var e engine.Engine
	for _, m := range p.Feeds.File.Mappings {
		feed, err := p.Feeds.Feed(context.Background(), m)
		if err != nil {
			panic(err)
		}
		e.Set(m.UUID, feed)
	}
	return &e
}

// startEngine runs an engine until the benchmark says that it is over.
func startEngine(p *wiring.Parts) (end func()) {
	ctx, stop := context.WithCancel(context.Background())
	var ended sync.WaitGroup
	ended.Go(func() { engineOf(p).Run(ctx, context.WithoutCancel(ctx)) })
	return func() {
		stop()
		ended.Wait()
		p.Close(context.WithoutCancel(ctx))
	}
}

const (
	drained   = 20_000
	bareLoops = 5
)

// drainBare drains a queue by bare loops of receive, Runtime API round trip and delete.
func drainBare(b *testing.B, client *sqs.Client) drain {
	b.Helper()
	url, _ := newQueue(b, client, drained)
	var deleted atomic.Int64
	return drainLoops(b, bareLoops, func(_ int, h *bareHandler) error {
		for deleted.Load() < drained {
			deleted.Add(int64(bareTurn(b, client, url, h)))
		}
		return nil
	})
}

func bareTurn(b *testing.B, client *sqs.Client, url string, h *bareHandler) int {
	got, err := client.ReceiveMessage(context.Background(), &sqs.ReceiveMessageInput{
		QueueUrl: &url, MaxNumberOfMessages: 10,
		MessageAttributeNames: []string{"All"}, MessageSystemAttributeNames: []types.MessageSystemAttributeName{"All"},
	})
	if err != nil || len(got.Messages) == 0 {
		return 0
	}
	payload, err := json.Marshal(map[string]any{"Records": got.Messages})
	if err != nil {
		b.Error(err)
	}
	h.invoke(payload)
	entries := make([]types.DeleteMessageBatchRequestEntry, len(got.Messages))
	for i, m := range got.Messages {
		entries[i] = types.DeleteMessageBatchRequestEntry{Id: aws.String(fmt.Sprint(i)), ReceiptHandle: m.ReceiptHandle}
	}
	if _, err := client.DeleteMessageBatch(context.Background(), &sqs.DeleteMessageBatchInput{QueueUrl: &url, Entries: entries}); err != nil {
		b.Error(err)
	}
	return len(entries)
}

// bareHandler is the same handler process behind as little of a Runtime API as works.
type bareHandler struct {
	events, answers chan []byte
	server          *http.Server
	cmd             *exec.Cmd
}

func startBare(b *testing.B) *bareHandler {
	b.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	h := &bareHandler{events: make(chan []byte), answers: make(chan []byte)}
	h.server = &http.Server{Handler: h} //nolint:gosec // bare
	go func() { _ = h.server.Serve(l) }()
	h.cmd = again(b, "handler", "AWS_LAMBDA_RUNTIME_API="+l.Addr().String())
	if err := h.cmd.Start(); err != nil {
		b.Fatal(err)
	}
	return h
}

func (h *bareHandler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method == http.MethodPost {
		answer, _ := io.ReadAll(r.Body)
		w.WriteHeader(http.StatusAccepted)
		_, _ = w.Write([]byte("{}"))
		h.answers <- answer
		return
	}
	select {
	case event := <-h.events:
		w.Header().Set("Lambda-Runtime-Aws-Request-Id", uuid.NewString())
		w.Header().Set("Lambda-Runtime-Deadline-Ms", fmt.Sprint(time.Now().Add(time.Minute).UnixMilli()))
		_, _ = w.Write(event)
	case <-r.Context().Done():
	}
}

func (h *bareHandler) invoke(event []byte) {
	h.events <- event
	<-h.answers
}

func (h *bareHandler) close() {
	_ = h.cmd.Process.Kill()
	_ = h.cmd.Wait()
	_ = h.server.Close()
}

// BenchmarkWarmInvoke compares the median of an invocation through permits, pool, Runtime API and a real process with
// that of a bare Runtime API loop around the same process. The two take turns.
func BenchmarkWarmInvoke(b *testing.B) {
	bare := startBare(b)
	defer bare.close()
	p := engineOn(b, "http://127.0.0.1:1", nil)
	defer p.Close(context.WithoutCancel(b.Context()))
	event := bytes.Repeat([]byte(`{"body":"xxxxxxxxxx"},`), 100)
	event = fmt.Appendf(nil, `{"Records":[%s{}]}`, event)
	call := func() {
		slot, err := p.Functions.Reserve(b.Context(), "f")
		if err != nil {
			b.Fatal(err)
		}
		defer slot.Release()
		if _, err := slot.Invoke(b.Context(), esm.Call{ID: uuid.NewString(), Function: "f", Payload: event}); err != nil {
			b.Fatal(err)
		}
	}
	call()
	bare.invoke(event)
	const rounds = 3000
	var ours, theirs []time.Duration
	for b.Loop() {
		for range rounds {
			ours = append(ours, timed(call))
			theirs = append(theirs, timed(func() { bare.invoke(event) }))
		}
	}
	report(b, "esm", ours)
	report(b, "bare", theirs)
	b.ReportMetric(float64(quantile(ours, .5))/float64(quantile(theirs, .5)), "ratio-p50")
}

func timed(f func()) time.Duration {
	began := time.Now()
	f()
	return time.Since(began)
}

func report(b *testing.B, name string, times []time.Duration) {
	b.ReportMetric(float64(quantile(times, .5).Microseconds()), name+"-p50-µs")
	b.ReportMetric(float64(quantile(times, .99).Microseconds()), name+"-p99-µs")
}

func quantile(times []time.Duration, q float64) time.Duration {
	slices.Sort(times)
	return times[int(q*float64(len(times)-1))]
}

// BenchmarkIdle measures what 50 idle mappings cost: "core-%" of one core in this process, over half a minute, and the
// permits that they hold.
func BenchmarkIdle(b *testing.B) {
	endpoint := ownEmbedded(b)
	client := sqsClient(endpoint)
	var arns []string
	for range 50 {
		_, arn := newQueue(b, client, 0)
		arns = append(arns, arn)
	}
	p := engineOn(b, endpoint, nil, arns...)
	defer startEngine(p)()
	time.Sleep(2 * time.Second) // until all poll
	for b.Loop() {
		before := cpu(b)
		time.Sleep(30 * time.Second)
		b.ReportMetric(100*(cpu(b)-before).Seconds()/30, "core-%")
		b.ReportMetric(float64(p.Functions.Limits.InUse("f")), "permits")
	}
}

func cpu(b *testing.B) time.Duration {
	b.Helper()
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		b.Fatal(err)
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

// BenchmarkSendToHandler measures the time from sending one message to an idle queue until its invocation begins.
func BenchmarkSendToHandler(b *testing.B) {
	services(b, func(b *testing.B, endpoint string) {
		client := sqsClient(endpoint)
		url, arn := newQueue(b, client, 0)
		begun, ended := make(chan time.Time, 1), make(chan bool, 1)
		p := engineOn(b, endpoint, func(e trace.Event) {
			switch e.(type) {
			case trace.Invoking:
				begun <- time.Now()
			case trace.Deleted:
				ended <- true
			}
		}, arn)
		defer startEngine(p)()
		var times []time.Duration
		for b.Loop() {
			for range 300 {
				sent := time.Now()
				if _, err := client.SendMessage(b.Context(), &sqs.SendMessageInput{QueueUrl: &url, MessageBody: aws.String("x")}); err != nil {
					b.Fatal(err)
				}
				times = append(times, (<-begun).Sub(sent))
				<-ended
				time.Sleep(20 * time.Millisecond) // idle again
			}
		}
		report(b, "send-to-handler", times[1:]) // the first waits for the environment
	})
}
