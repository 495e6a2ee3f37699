package bootstrap

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/esm-run/esm/config"
)

// both are handlers that answer with the event, in each language.
var both = []struct {
	name, file, source string
	fn                 config.Function
}{
	{"Python", "app.py", "def h(event, context): return event", config.Function{Runtime: "python3.12", Handler: "app.h"}},
	{"Node", "app.js", "exports.h = async (event) => event;", config.Function{Runtime: "nodejs20.x", Handler: "app.h"}},
}

func TestTransport(t *testing.T) {
	large := strconv.Quote(strings.Repeat("0123456789abcdef", 1<<18)) // 4 MiB
	for _, lang := range both {
		for _, tt := range []struct {
			name string
			set  func(*fakeAPI)
		}{
			{"plain", func(*fakeAPI) {}},
			{"events in chunks", func(f *fakeAPI) { f.chunked = true }},
			{"connections that are closed each time", func(f *fakeAPI) { f.hangUp = true }},
		} {
			t.Run(lang.name+"/"+tt.name, func(t *testing.T) {
				t.Parallel()
				api := newFakeAPI(t)
				tt.set(api)
				fn := lang.fn
				fn.CodeUri = code(t, map[string]string{lang.file: lang.source})
				p := begin(t, api, fn)
				for i, payload := range []string{"1", large, `"ü"`, "{}"} {
					got := p.invoke(event{id: fmt.Sprint("id-", i), payload: payload})
					if escaped(got.body) != payload {
						t.Errorf("event %d of %d bytes: got %d bytes, want it back", i, len(payload), len(got.body))
					}
				}
			})
		}
	}
}

// A server that drops a parked connection, as it may when it restarts its listener, is asked again.
func TestParkedConnectionIsDropped(t *testing.T) {
	for _, lang := range both {
		t.Run(lang.name, func(t *testing.T) {
			t.Parallel()
			api := newFakeAPI(t)
			fn := lang.fn
			fn.CodeUri = code(t, map[string]string{lang.file: lang.source})
			p := begin(t, api, fn)
			p.invoke(event{id: "1", payload: "1"})
			p.invoke(event{id: "2", payload: "2"})
			for range 3 {
				<-api.asked
			}
			api.CloseClientConnections()
			<-api.dropped
			if got := p.invoke(event{id: "3", payload: "3"}); got.body != "3" {
				t.Errorf("got %s, want 3", got.body)
			}
		})
	}
}

// A Runtime API that answers next with an error ends the runtime instead of being asked again for ever.
func TestNextIsRefused(t *testing.T) {
	for _, lang := range both {
		t.Run(lang.name, func(t *testing.T) {
			t.Parallel()
			api := newFakeAPI(t)
			asked := 0
			api.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				asked++
				http.Error(w, `{"errorMessage":"no","errorType":"InvalidStateTransition"}`, http.StatusForbidden)
			})
			fn := lang.fn
			fn.CodeUri = code(t, map[string]string{lang.file: lang.source})
			p := begin(t, api, fn)
			if got := p.exit(); got != 1 || asked != 1 {
				t.Errorf("got exit code %d after %d requests, want 1 after 1", got, asked)
			}
			if got, want := p.out.String(), "invocation/next answered 403"; !strings.Contains(got, want) {
				t.Errorf("got %q, want it to say %q", got, want)
			}
		})
	}
}

// BenchmarkWarm measures one warm invocation: from an event that is ready to be taken to the next one that can be.
func BenchmarkWarm(b *testing.B) {
	for _, lang := range both {
		b.Run(lang.name, func(b *testing.B) {
			fn := lang.fn
			fn.CodeUri = code(b, map[string]string{lang.file: lang.source})
			p := begin(b, newFakeAPI(b), fn)
			p.invoke(event{id: "first", payload: "{}"})
			var took []time.Duration
			for b.Loop() {
				start := time.Now()
				p.api.events <- event{id: "id", payload: `{"Records":[{"messageId":"1","body":"hello"}]}`}
				<-p.api.answers
				took = append(took, time.Since(start))
			}
			b.ReportMetric(float64(percentile(took, 50).Microseconds()), "p50-µs")
			b.ReportMetric(float64(percentile(took, 99).Microseconds()), "p99-µs")
		})
	}
}
