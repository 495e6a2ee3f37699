package lifecycle

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/esm-run/esm"
)

// receiver is a caller's ResponseStream. It can be looked at while the runtime writes.
type receiver struct {
	pause time.Duration // of each Write

	mu  sync.Mutex
	all strings.Builder
}

func (r *receiver) Begin(contentType string) { r.add("<" + contentType + ">") }

func (r *receiver) Write(p []byte) (int, error) {
	time.Sleep(r.pause)
	r.add(string(p))
	return len(p), nil
}

func (r *receiver) add(text string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.all.WriteString(text)
}

func (r *receiver) got() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.all.String()
}

// stream sends parts as the response to the event id, one a second, and ends as the reader last does.
func (f *fake) stream(id string, last io.Reader, parts ...string) {
	read, write := io.Pipe()
	go func() { // ends with the last part, or with the runtime
		for _, part := range parts {
			select {
			case <-time.After(second):
			case <-f.life.Done():
				write.CloseWithError(io.ErrUnexpectedEOF)
				return
			}
			io.WriteString(write, part)
		}
		_, err := io.Copy(write, last)
		write.CloseWithError(err)
	}()
	q := httptest.NewRequest(http.MethodPost, invocations+id+"/response", read).WithContext(f.life)
	q.Header.Set("Lambda-Runtime-Function-Response-Mode", "streaming")
	q.Header.Set("Content-Type", "text/plain")
	f.api.ServeHTTP(httptest.NewRecorder(), q)
}

// never is a body without an end.
type never struct{ *fake }

func (n never) Read([]byte) (int, error) {
	<-n.life.Done()
	return 0, io.ErrUnexpectedEOF
}

// A response is passed on while it is written. The function's timeout bounds it, and a receiver that is slow.
func TestStreamedResponses(t *testing.T) {
	for _, tt := range []struct {
		name    string
		runtime func(*fake)
		pause   time.Duration
		answer  string // when, fault, payload
		got     string
		log     string
	}{
		{"success", func(f *fake) { f.stream(f.next(), strings.NewReader("."), "a", "b"); f.serve() }, 0, "2s  ", "<text/plain>ab.",
			"REPORT RequestId: a|Duration: 2000.00 ms|Billed Duration: 2000 ms|Memory Size: 128 MB|Max Memory Used: 0 MB|"},
		{"timeout in the middle", func(f *fake) { f.stream(f.next(), never{f}, "a", "b") }, 0,
			`3s Sandbox.Timedout {"errorType":"Sandbox.Timedout","errorMessage":"RequestId: a Error: Task timed out after 3.00 seconds"}`, "<text/plain>ab",
			"REPORT RequestId: a|Duration: 3000.00 ms|Billed Duration: 3000 ms|Memory Size: 128 MB|Max Memory Used: 0 MB|Status: timeout"},
		{"slow receiver", func(f *fake) { f.stream(f.next(), strings.NewReader("."), "a", "b"); f.serve() }, 5 * second,
			`3s Sandbox.Timedout {"errorType":"Sandbox.Timedout","errorMessage":"RequestId: a Error: Task timed out after 3.00 seconds"}`, "<text/plain>",
			"REPORT RequestId: a|Duration: 3000.00 ms|Billed Duration: 3000 ms|Memory Size: 128 MB|Max Memory Used: 0 MB|Status: timeout"},
		{"exit in the middle", func(f *fake) {
			go f.stream(f.next(), never{f}, "a")
			f.sleep(1500 * ms)
			f.end() // which closes its connections
			f.exit("signal: killed")
		}, 0, `1.5s Runtime.ExitError {"errorType":"Runtime.ExitError","errorMessage":"RequestId: a Error: Runtime exited with error: signal: killed"}`, "<text/plain>a",
			"REPORT RequestId: a|Duration: 1500.00 ms|Billed Duration: 1500 ms|Memory Size: 128 MB|Max Memory Used: 0 MB|Status: error|Error Type: Runtime.ExitError"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			bubble(t, func(r *rig) {
				e := r.start()
				to := &receiver{pause: tt.pause}
				resp, err := e.Invoke(r.Context(), esm.Call{ID: "a", Function: "f", Stream: to})
				if got := r.at(resp.Fault + " " + string(resp.Payload)); err != nil || got != tt.answer || to.got() != tt.got {
					r.Errorf("got %s, %v, and the caller %q", got, err, to.got())
				}
				if err := e.Drain(r.Context()); err != nil {
					r.Error(err)
				}
				if got, err := r.invoke(r.Context(), e, "b"); err != nil || !strings.HasSuffix(got, "  null") {
					r.Errorf("the next call: got %s, %v", got, err)
				}
				time.Sleep(minute) // until the receiver has what it was being given
				if log := strings.Join(r.log, "\n"); !strings.Contains(log, "[a] "+tt.log+"\n") {
					r.Errorf("got log\n%s\nwant\n%s", log, tt.log)
				}
			}, tt.runtime, (*fake).serve)
		})
	}
}
