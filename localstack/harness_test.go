// Package localstack_test runs the esm command from outside, as people do, against everything that speaks the protocols
// of SQS, Kinesis and DynamoDB: the embedded stand-in always, and LocalStack, ElasticMQ, kinesis-mock and DynamoDB Local
// where ESM_TEST_LOCALSTACK, ESM_TEST_ELASTICMQ, ESM_TEST_KINESISMOCK and ESM_TEST_DYNAMODBLOCAL say where they answer
// (./test starts them and says so).
package localstack_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-lambda-go/lambdacontext"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"github.com/esm-run/esm/awshttp"
	"github.com/esm-run/esm/localstack/embedded"
)

// binary is the esm command, built once.
var binary string

func TestMain(m *testing.M) {
	if url := os.Getenv("E2E_HANDLER"); url != "" {
		serveHandler(url) // this test binary, started by esm as a Lambda handler
		return
	}
	os.Exit(build(m))
}

func build(m *testing.M) int {
	dir, err := os.MkdirTemp("", "esm-e2e-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	binary = filepath.Join(dir, "esm")
	if out, err := exec.Command("go", "build", "-o", binary, "../cmd/esm").CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "go build: %v\n%s", err, out)
		return 1
	}
	return m.Run()
}

// serveHandler is an aws-lambda-go handler that asks the test what to answer.
func serveHandler(url string) { lambda.Start(asking(url)) }

// asking is the URL of a test. What it answers is the handler's answer to the byte, JSON or not.
type asking string

func (url asking) Invoke(ctx context.Context, event []byte) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, string(url), bytes.NewReader(event))
	if err != nil {
		return nil, err
	}
	if about, ok := lambdacontext.FromContext(ctx); ok {
		req.Header.Set(requestID, about.AwsRequestID)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode != http.StatusOK {
		err = errors.New(string(answer))
	}
	return answer, err
}

// requestID is the header that tells a test which invocation it answers.
const requestID = "Lambda-Runtime-Aws-Request-Id"

// service is something that speaks SQS's protocol.
type service struct{ name, endpoint string }

var (
	standIn = service{"embedded", "embedded"}
	real    = []service{
		{"LocalStack", os.Getenv("ESM_TEST_LOCALSTACK")},
		{"ElasticMQ", os.Getenv("ESM_TEST_ELASTICMQ")},
	}
)

// overServices runs a test against each of them, side by side.
func overServices(t *testing.T, test func(*testing.T, *house)) {
	over(t, append([]service{standIn}, real...), test)
}

func over(t *testing.T, services []service, test func(*testing.T, *house)) {
	t.Parallel()
	for _, s := range services {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			if s.endpoint == "" && os.Getenv("CI") == "true" {
				t.Fatalf("%s does not run here", s.name)
			}
			if s.endpoint == "" {
				t.Skipf("%s does not run here: ./test starts it", s.name)
			}
			test(t, newHouse(t, s))
		})
	}
}

// house is one test's own corner of a service: queues with names that no other test has, and a function whose answers
// the test makes.
type house struct {
	*testing.T
	service service
	sqs     *sqs.Client
	dir     string
	suffix  string
	fn      *function

	elsewhere string           // further keys of Aws, where some of its services answer elsewhere
	inside    *embedded.Server // the stand-in itself; nil where the service is another one
}

func newHouse(t *testing.T, s service) *house {
	t.Helper()
	var inside *embedded.Server
	if s.endpoint == "embedded" {
		inside = new(embedded.Server)
		s.endpoint = serve(t, inside)
	}
	h := &house{inside: inside, T: t, service: s, dir: t.TempDir(), suffix: fmt.Sprint(time.Now().UnixNano() % 1e9), fn: newFunction(t)}
	h.sqs = sqs.New(sqs.Options{
		Region: "us-east-1", BaseEndpoint: aws.String(s.endpoint),
		Credentials: credentials.NewStaticCredentialsProvider("test", "test", ""),
		HTTPClient:  awshttp.New(16),
	})
	return h
}

// serve runs a stand-in of the test's own, which outlives the engines that the test starts and kills.
func serve(t *testing.T, server *embedded.Server) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	var serving sync.WaitGroup
	serving.Go(func() { _ = server.Serve(ctx, l) })
	t.Cleanup(func() { cancel(); serving.Wait() })
	return "http://" + l.Addr().String()
}

// queue makes a queue and returns its URL and ARN.
func (h *house) queue(name string, attributes map[string]string) (url, arn string) {
	h.Helper()
	name, fifo := strings.CutSuffix(name, ".fifo")
	name += h.suffix
	if fifo {
		name += ".fifo"
		attributes["FifoQueue"] = "true"
	}
	made, err := h.sqs.CreateQueue(h.Context(), &sqs.CreateQueueInput{QueueName: &name, Attributes: attributes})
	if err != nil {
		h.Fatal(err)
	}
	return h.service.reach(*made.QueueUrl), "arn:aws:sqs:us-east-1:000000000000:" + name
}

// reach sends a queue's URL to the service's own address, whatever host it gave itself.
func (s service) reach(url string) string {
	_, path, _ := strings.Cut(strings.TrimPrefix(url, "http://"), "/")
	return s.endpoint + "/" + path
}

func redrive(arn string, receives int) string {
	return fmt.Sprintf(`{"deadLetterTargetArn":%q,"maxReceiveCount":"%d"}`, arn, receives)
}

func (h *house) send(input sqs.SendMessageInput) (id string) {
	h.Helper()
	sent, err := h.sqs.SendMessage(h.Context(), &input)
	if err != nil {
		h.Fatal(err)
	}
	return *sent.MessageId
}

// count is how many messages a queue holds, visible or not. None is believed when it is said twice: LocalStack may count one
// that comes back at this moment neither as hidden still nor as visible already.
func (h *house) count(url string) int {
	h.Helper()
	if n := h.counted(url); n > 0 {
		return n
	}
	return h.counted(url)
}

func (h *house) counted(url string) int {
	h.Helper()
	got, err := h.sqs.GetQueueAttributes(h.Context(), &sqs.GetQueueAttributesInput{QueueUrl: &url, AttributeNames: countAttributes})
	if err != nil {
		h.Fatal(err)
	}
	total := 0
	for _, n := range got.Attributes {
		var one int
		fmt.Sscan(n, &one)
		total += one
	}
	return total
}

// function is a Lambda function whose answers are made by the test. Its handler is an aws-lambda-go program: this one.
type function struct {
	url string

	mu     sync.Mutex
	answer func(event) (string, error)
	calls  []event
}

type event struct {
	At      time.Time `json:"-"`
	ID      string    `json:"-"` // of the request
	Raw     []byte    `json:"-"`
	Records []struct {
		MessageID  string `json:"messageId"`
		Body       string `json:"body"`
		Attributes map[string]string
	}
}

func newFunction(t *testing.T) *function {
	f := &function{answer: func(event) (string, error) { return "null", nil }}
	server := httptest.NewServer(f)
	t.Cleanup(server.Close)
	f.url = server.URL
	return f
}

func (f *function) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	raw, _ := io.ReadAll(r.Body)
	e := event{At: time.Now(), ID: r.Header.Get(requestID), Raw: raw}
	_ = json.Unmarshal(raw, &e)
	f.mu.Lock()
	f.calls = append(f.calls, e)
	answer := f.answer
	f.mu.Unlock()
	text, err := answer(e)
	if err != nil {
		w.WriteHeader(http.StatusInternalServerError)
		text = err.Error()
	}
	fmt.Fprint(w, text)
}

func (f *function) seen() []event {
	f.mu.Lock()
	defer f.mu.Unlock()
	return append([]event(nil), f.calls...)
}

func (f *function) records() (n int) {
	for _, c := range f.seen() {
		n += len(c.Records)
	}
	return n
}

// yaml describes the function. It may take long: on a machine that has much else to do, an answer that is made at once may
// be there after seconds.
func (f *function) yaml() string {
	self, _ := os.Executable()
	return fmt.Sprintf("{Timeout: 30, Command: [%q], Environment: {Variables: {E2E_HANDLER: %q}}}", self, f.url)
}

// engine is a running esm.
type engine struct {
	*testing.T
	cmd            *exec.Cmd
	listen         string
	stdout, stderr *output
	ended          chan struct{}
}

// output keeps what a process writes; it may be read meanwhile.
type output struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}

// run starts esm on a file of which the parts that all tests share are filled in, and waits until it is ready.
func (h *house) run(file string, flags ...string) *engine {
	h.Helper()
	e := h.start(file, flags...)
	e.ready()
	return e
}

func (h *house) start(file string, flags ...string) *engine {
	h.Helper()
	path := filepath.Join(h.dir, "mappings.yaml")
	text := "Aws: {Endpoint: '" + h.service.endpoint + "', Region: us-east-1" + h.elsewhere + "}\n" + file
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		h.Fatal(err)
	}
	return start(h.T, append([]string{path, "--data-dir", filepath.Join(h.dir, "data")}, flags...)...)
}

func start(t *testing.T, args ...string) *engine {
	t.Helper()
	e := &engine{T: t, listen: freeAddress(t), stdout: new(output), stderr: new(output), ended: make(chan struct{})}
	e.cmd = exec.Command(binary, append([]string{"run", "--listen", e.listen}, args...)...)
	e.cmd.Stdout, e.cmd.Stderr = e.stdout, e.stderr
	if err := e.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		_ = e.cmd.Wait()
		close(e.ended)
	}()
	t.Cleanup(func() {
		_ = e.cmd.Process.Kill()
		<-e.ended
		if t.Failed() {
			t.Logf("esm wrote:\n%s\nits handlers:\n%s", clip(e.stderr.String()), clip(e.stdout.String()))
		}
	})
	return e
}

func clip(s string) string {
	if len(s) > 8000 {
		return s[:4000] + "\n…\n" + s[len(s)-4000:]
	}
	return s
}

// freeAddress finds a port for an engine that is yet to start. It is below those that systems give to whoever asks for any,
// so that nobody is given it meanwhile.
func freeAddress(t *testing.T) string {
	t.Helper()
	for range 1000 {
		address := fmt.Sprint("127.0.0.1:", 10_000+(firstPort+portsTaken.Add(1))%20_000)
		if l, err := net.Listen("tcp", address); err == nil {
			l.Close()
			return address
		}
	}
	t.Fatal("no port is free")
	return ""
}

var (
	firstPort  = rand.Uint32N(20_000) // is another one in each process, as several may run tests
	portsTaken atomic.Uint32
)

func (e *engine) ready() {
	e.Helper()
	eventually(e.T, "esm is ready", func() bool {
		select {
		case <-e.ended:
			e.Fatal("esm ended before it was ready")
		default:
		}
		resp, err := http.Get("http://" + e.listen + "/readyz")
		if err != nil {
			return false
		}
		resp.Body.Close()
		return resp.StatusCode == http.StatusOK
	})
}

// stop asks for a clean end and returns the exit code.
func (e *engine) stop() int {
	e.Helper()
	_ = e.cmd.Process.Signal(syscall.SIGTERM)
	return e.wait(90 * time.Second)
}

func (e *engine) wait(d time.Duration) int {
	e.Helper()
	select {
	case <-e.ended:
		return e.cmd.ProcessState.ExitCode()
	case <-time.After(d):
		e.Fatalf("esm still runs after %v", d)
		return -1
	}
}

// slack is what a second may become on a machine that has much else to do.
const slack = 30 * time.Second

// eventually waits for something to come true, for three minutes at most: on a machine that has much else to do, services
// may need one.
func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	within(t, 3*time.Minute, what, holds)
}

func within(t *testing.T, limit time.Duration, what string, holds func() bool) {
	t.Helper()
	deadline := time.After(limit)
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for !holds() {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("after %v it is still not so that %s", limit, what)
		}
	}
}
