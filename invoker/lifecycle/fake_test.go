package lifecycle

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/esm-run/esm"
	"github.com/esm-run/esm/config"
	"github.com/esm-run/esm/invoker"
	"github.com/esm-run/esm/invoker/runtimeapi"
	"github.com/esm-run/esm/trace"
)

const (
	ms     = time.Millisecond
	second = time.Second
	minute = time.Minute
)

// platform is a Platform and its only sandbox. Its runtimes are functions of the test, started in the order given.
type platform struct {
	runtimes   []func(*fake)
	extensions map[string]func(*fake) // external ones, started each time
	failures   map[int]error          // of the start with this number, counted from 0
	stuck      bool                   // Kill fails
	deaf       bool                   // nobody receives telemetry
	stubborn   bool                   // runtimes ignore SIGTERM

	output       *Output
	env          map[string]string
	extensionEnv map[string]string
	starts       int
	last         *fake // runtime
	closed       bool

	mu    sync.Mutex
	notes []string // what extensions saw
}

func (p *platform) Sandbox(_ context.Context, spec Spec) (Sandbox, error) {
	p.output, p.env, p.extensionEnv = spec.Output, spec.Env, spec.ExtensionEnv
	return p, nil
}

func (p *platform) Extensions() []string { return slices.Sorted(maps.Keys(p.extensions)) }

func (p *platform) Dial(context.Context, int) (net.Conn, error) {
	return p.listen()
}

func (p *platform) Start(_ context.Context, api http.Handler, registered <-chan struct{}) (Runtime, error) {
	number := p.starts
	p.starts++
	if err := p.failures[number]; err != nil {
		return nil, err
	}
	f := p.newFake("", api)
	f.failed, f.beside, f.grace = make(chan *runtimeapi.Failure, 1+len(p.extensions)), map[string]*fake{}, -1
	p.last = f
	for name, run := range p.extensions {
		ext := p.newFake(name, api)
		f.beside[name] = ext
		go func() { // ends with Kill
			defer close(ext.gone)
			defer func() {
				crash := runtimeapi.ExtensionCrashed(ext.reason)
				crash.Extension = name
				f.failed <- crash
			}()
			run(ext)
		}()
	}
	run := p.runtimes[min(number, len(p.runtimes)-1)]
	go func() { // ends with Kill
		defer close(f.gone)
		select {
		case <-registered:
		case <-f.life.Done():
			return
		}
		defer func() { f.failed <- runtimeapi.Exited(f.reason) }()
		run(f)
	}()
	return f, nil
}

func (p *platform) newFake(name string, api http.Handler) *fake {
	f := &fake{platform: p, name: cmp.Or(name, "internal"), api: api, out: p.output.Stream(), gone: make(chan struct{})}
	f.life, f.end = context.WithCancel(context.Background())
	return f
}

func (p *platform) Close() { p.closed = true }

// fake is a runtime or an extension.
type fake struct {
	platform *platform
	name     string // as an extension
	id       string // from its registration
	api      http.Handler
	out      *Stream
	life     context.Context // until it is killed
	end      context.CancelFunc
	gone     chan struct{}
	reason   string // why it ended

	// Of a runtime.
	beside map[string]*fake
	failed chan *runtimeapi.Failure // the first is that of Wait
	grace  time.Duration            // as passed to Kill; negative before
	memory int
	looked int // at its memory
}

func (f *fake) Wait() *runtimeapi.Failure {
	select {
	case failure := <-f.failed:
		return failure
	case <-f.gone:
	}
	select {
	case failure := <-f.failed:
		return failure
	default: // it was killed before it was started
		return runtimeapi.Exited("signal: killed")
	}
}

func (f *fake) Kill(s Shutdown) error {
	deadline := time.After(s.Extensions)
	f.grace = s.Grace
	if f.platform.stubborn && s.Grace > 0 {
		f.within(time.After(s.Grace))
	}
	f.kill()
	if s.Notify != nil {
		s.Notify()
	}
	for _, name := range slices.Sorted(maps.Keys(f.beside)) {
		if slices.Contains(s.Told, name) {
			f.beside[name].within(deadline)
		}
		f.beside[name].kill()
	}
	if f.platform.stuck {
		return errors.New("stuck")
	}
	return nil
}

// within waits until f ends by itself or the time is up.
func (f *fake) within(end <-chan time.Time) {
	select {
	case <-f.gone:
	case <-end:
	}
}

func (f *fake) kill() {
	f.end()
	<-f.gone
}

func (f *fake) Freeze() error { return nil }
func (f *fake) Thaw() error   { return nil }

func (f *fake) Flush()      { f.out.Flush() }
func (f *fake) Memory() int { f.looked++; return f.memory }

func (f *fake) request(method, path, body string, length int64) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	r := httptest.NewRequest(method, path, strings.NewReader(body)).WithContext(f.life)
	r.Header.Set("Lambda-Extension-Name", f.name)
	r.Header.Set("Lambda-Extension-Function-Error-Type", "Extension.Broken")
	r.Header.Set("Lambda-Extension-Identifier", f.id)
	r.ContentLength = length
	f.api.ServeHTTP(w, r)
	if f.life.Err() != nil {
		runtime.Goexit()
	}
	return w
}

func (f *fake) post(path, body string) http.Header {
	return f.request("POST", path, body, int64(len(body))).Header()
}

func (f *fake) next() string {
	return f.request("GET", invocations+"next", "", 0).Header().Get("Lambda-Runtime-Aws-Request-Id")
}

func (f *fake) answer(id, body string) { f.post(invocations+id+"/response", body) }
func (f *fake) print(text string)      { _, _ = f.out.Write([]byte(text)) }
func (f *fake) hang()                  { f.sleep(1000 * time.Hour) }

const invocations = "/2018-06-01/runtime/invocation/"

func (f *fake) sleep(d time.Duration) {
	select {
	case <-time.After(d):
	case <-f.life.Done():
		runtime.Goexit()
	}
}

func (f *fake) exit(reason string) {
	f.reason = reason
	runtime.Goexit()
}

// serve answers every event at once.
func (f *fake) serve() {
	for {
		f.answer(f.next(), "null")
	}
}

func (f *fake) initError() {
	f.post("/2018-06-01/runtime/init/error", `{"errorType":"ImportError"}`)
	f.hang()
}

// rig is a Starter on a fake platform, in a bubble.
type rig struct {
	*testing.T
	Starter
	platform *platform
	fn       config.Function
	as       invoker.Initialization
	began    time.Time
	envs     []invoker.Environment

	mu  sync.Mutex
	log []string
}

func bubble(t *testing.T, test func(*rig), runtimes ...func(*fake)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		r := &rig{T: t, platform: &platform{runtimes: runtimes}, as: invoker.OnDemand, began: time.Now()}
		r.fn = config.Function{Name: "f", Handler: "app.h", Runtime: "python3.13"}
		r.Starter = Starter{Platform: r.platform, Trace: r.trace}
		test(r)
		for _, e := range r.envs {
			e.Close()
		}
	})
}

func (r *rig) trace(e trace.Event) {
	if o, ok := e.(trace.Output); ok {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.log = append(r.log, fmt.Sprintf("[%s] %s", o.ID, strings.ReplaceAll(o.Line, "\t", "|")))
	}
}

func (r *rig) start() invoker.Environment {
	r.Helper()
	e, err := r.Start(r.Context(), r.fn, r.as)
	if err != nil {
		r.Fatal(err)
	}
	r.envs = append(r.envs, e)
	return e
}

// invoke returns when the answer came, its fault and its payload, or the error.
func (r *rig) invoke(ctx context.Context, e invoker.Environment, id string) (string, error) {
	resp, err := e.Invoke(ctx, esm.Call{ID: id, Function: "f"})
	synctest.Wait()
	return r.at(fmt.Sprint(resp.Fault, " ", string(resp.Payload))), err
}

func (r *rig) at(text string) string { return fmt.Sprint(time.Since(r.began), " ", text) }

func (r *rig) wantErr(got, want error, at time.Duration) {
	r.Helper()
	if now := time.Since(r.began); !errors.Is(got, want) || now != at {
		r.Errorf("got %v at %v, want %v at %v", got, now, want, at)
	}
}

// framed returns the lines of a log, to which it adds the START and the END of each invocation that logs text.
func framed(text string) string {
	var lines []string
	current := "[]"
	for line := range strings.SplitSeq(strings.ReplaceAll(strings.TrimSpace(text), "\n\t\t\t", "\n"), "\n") {
		mark, rest, _ := strings.Cut(line, " ")
		id := strings.Trim(mark, "[]")
		if mark != current && id != "" && !strings.HasPrefix(rest, "{") {
			lines = append(lines, mark+" START RequestId: "+id+" Version: $LATEST")
		}
		if strings.HasPrefix(rest, "REPORT ") {
			lines = append(lines, mark+" END RequestId: "+id)
		}
		current, lines = mark, append(lines, line)
	}
	return strings.Join(lines, "\n")
}
